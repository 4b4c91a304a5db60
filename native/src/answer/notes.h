// An answer as it is said: what JSON has of it, and the Python package's types, field by field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "answer/decide.h"
#include "base/errors.h"
#include "contract/contract.h"
#include "judge/quality.h"
#include "prepare/prepare.h"
#include "prepare/window_stream.h"

namespace ecg2lab {

// What only the caller can read, written as JSON by it.
struct EncodedJson {
  std::string text;
};

// In the order in which they are said.
template <typename T>
using Named = std::vector<std::pair<std::string, T>>;
using FactValue = std::variant<double, std::string, EncodedJson>;

struct FaultNote {
  std::string fault;
  std::string severity;  // "warning" or "refusal"
  std::optional<std::string> lead;
  std::optional<std::string> other_lead;  // that a duplicate repeats
  double measured;
  double limit;
  std::string message;
};

struct QualityNote {
  std::string verdict;  // "accepted", "warnings" or "refused"
  std::vector<FaultNote> faults;
  Named<Named<double>> leads;  // what was measured of each, by the name of the fault that it would be
  Named<double> recording;
};

struct FindingNote {
  std::string target;
  std::string code;  // where identifiers are short
  std::optional<Criterion> criterion;
  double probability;
  double lowest;
  double highest;
  std::string verdict;
  std::optional<std::string> reason;  // why it is neither flagged nor not flagged
  std::optional<double> base_rate;
  std::optional<double> ratio;  // of the probability to the base rate
  std::optional<std::string> rule;
  std::optional<OperatingPoint> operating_point;
  std::optional<double> decision_threshold;  // that of the operating point, or of none that is stated
  std::optional<bool> detected;              // flagged, where there is a decision
};

// How far the recording lies from what the model was trained on.
struct ExperienceNote {
  double distance;
  std::optional<double> limit;
  double quantile;
  bool outside;
  std::vector<std::string> reasons;
};

struct RecordingNote {
  double duration_s = 0;
  double sampling_rate_hz = 0;  // as recorded
  std::size_t windows = 0;      // that the network saw
  double unused_s = 0;          // at the end, shorter than a window
  std::vector<std::string> derived_leads = {};
  std::vector<std::string> ignored_channels = {};
  Named<std::size_t> missing_samples = {};  // by lead, where there are any
  Named<std::size_t> clipped_samples = {};
  std::vector<std::string> file_notes = {};  // what the reader of its file left out or moved
  std::optional<QualityNote> quality = {};   // none: not judged
};

struct PatientNote {
  Named<FactValue> given;
  std::vector<std::string> from_recording;  // that the recording's own file supplied
  Named<FactValue> imputed;
  std::vector<std::string> unused;
  std::vector<std::string> out_of_range;
  Named<std::string> origins = {};      // where a fact comes from, as far as the program says
  std::vector<std::string> notes = {};  // what that program says of facts that it did not use
};

// What really runs.
struct EngineNote {
  std::string model;
  std::string bundle;  // name of its file
  std::string bundle_digest;
  std::optional<bool> synthetic_weights;
  std::string notice;
  std::string backend;
  std::string provider;
  std::string device;
  std::string precision;
  std::string form;
  std::size_t threads;  // of one call; 0: a host did not state it
  Named<std::string> versions;
};

struct ErrorNote {
  std::string type;  // as `ecg2lab.errors` names it
  std::string message;
};

struct PredictionNote {
  std::string notice;
  std::vector<FindingNote> findings;
  RecordingNote recording;
  PatientNote patient;
  EngineNote engine;
  EncodedJson source{"null"};
  EncodedJson explanations{"[]"};
  std::optional<std::string> record;
  std::optional<ExperienceNote> experience;  // none: refused, or the model does not say
  std::optional<Position> position;          // of a window of a stream
  std::optional<ErrorNote> refusal;          // of such a window
};

// A recording that got no answer, or was not asked for one.
struct RefusalNote {
  std::string record;
  std::optional<ErrorNote> error;  // none: it was only judged, and is good enough
  std::optional<QualityNote> quality;
};

// Of a recording that was prepared for this contract.
QualityNote describe_quality(const Quality& quality, const Prepared& prepared, const Contract& contract);

// `recorded` and `ignored` are the names of its leads and of its other channels.
RecordingNote describe_recording(const Prepared& prepared, const std::vector<std::string>& recorded,
                                 const std::vector<std::string>& ignored, std::size_t windows,
                                 const Contract& contract);

FindingNote describe_finding(const Verdict& verdict, const Target& target);

ExperienceNote describe_experience(const Familiarity& familiarity);

}  // namespace ecg2lab
