// A loaded bundle, from recording and patient to an answer: what `Engine.predict` is in Python.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "answer/decide.h"
#include "answer/notes.h"
#include "base/errors.h"
#include "bundle/bundle.h"
#include "engine/engine.h"
#include "judge/quality.h"
#include "patient/patient_features.h"
#include "prepare/prepare.h"
#include "prepare/recording.h"
#include "prepare/window_stream.h"

namespace ecg2lab {

struct ModelOptions {
  std::string precision;  // empty: the bundle's own
  std::size_t threads = 1;
  OutOfRange out_of_range = OutOfRange::refuse;
};

// Why an answer was refused, with the kind of error that says so.
struct Refused {
  ErrorKind kind;
  std::optional<Fault> fault = {};  // where the quality gate refused
  std::string message;
};

// One lead of the model; `report` and `figures` are there once the recording was prepared.
struct LeadAnswer {
  bool missing = false;  // neither recorded nor derivable
  LeadReport report{};
  Figures figures = no_figures();
};

struct Answer {
  std::optional<Refused> refused;
  std::vector<LeadAnswer> leads;           // in the contract's order
  std::optional<Quality> quality;          // none: the recording was refused before
  std::vector<Verdict> findings;           // one for each target; none if refused
  std::optional<Familiarity> familiarity;  // none: refused, or the model does not say how far experience reaches
  Patient patient;
  Features features;
  RecordingNote recording;
  std::int64_t begin = 0;            // of the first window, in samples at the contract's rate since the beginning
  std::optional<Position> position;  // of a window of a stream
};

class Model {
 public:
  // Throws Error of kind `backend` if precision or threads cannot be had, or the export left this engine out; `bundle`
  // if its proof is none, or the weights do not fit.
  Model(Bundle bundle, const ModelOptions& options);

  const Manifest& manifest() const { return bundle_.manifest(); }
  const Contract& contract() const { return bundle_.contract(); }
  const std::string& digest() const { return bundle_.digest(); }
  const Engine& engine() const { return engine_; }
  // Throws as ecg2lab::encode_features does.
  Features encode_features(const Patient& patient) const;

  // Many threads may ask at the same time. A refusal is an answer; throws Error of kind `backend` if the network's
  // output cannot be used.
  Answer predict(const RawRecording& recording, const Patient& patient) const;

  // For a window of a signal that is still coming in; see stream.h.
  // `answer` says of the patient what is known, and where the window lies.
  Answer answer_window(const StreamWindow& window, const std::vector<std::string>& leads, double longest_gap_s,
                       Answer answer) const;
  // What JSON says of it.
  PredictionNote describe(const Answer& answer) const;

 private:
  void answer(const RawRecording& raw, Answer& answer) const;
  void judge_and_run(const Prepared& prepared, const std::vector<std::string>& leads,
                     std::optional<double> longest_gap_s, Answer& answer) const;
  EngineNote describe_engine() const;
  Decided run(const Prepared& prepared, const Features& features, std::size_t windows) const;

  Bundle bundle_;
  Engine engine_;
  std::optional<TrainedFeatures> trained_;
  OutOfRange out_of_range_;
};

}  // namespace ecg2lab
