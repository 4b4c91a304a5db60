// A loaded bundle, from recording and patient to an answer: what `Engine.predict` is in Python.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "answer/decide.h"
#include "answer/explain.h"
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

// Whose the engine is that runs the network.
enum class Runner { native, host };

struct ModelOptions {
  std::string precision;  // empty: the bundle's own
  std::size_t threads = 1;
  OutOfRange out_of_range = OutOfRange::refuse;
  Runner runner = Runner::native;
  ThreadHooks hooks = {};
};

// What a program around this library says of the engine that it ran.
struct HostEngine {
  std::string provider = "not stated";
  std::string device = "not stated";
  std::size_t threads = 0;  // 0: not stated
};

// Why an answer was refused, with the kind of error that says so.
struct Refused {
  ErrorKind kind;
  std::optional<Fault> fault = {};  // where the quality gate refused
  std::vector<Message> messages;    // one for each thing that is wrong
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
  std::int64_t begin = 0;                 // of the first window, in samples at the contract's rate since the beginning
  std::optional<Position> position;       // of a window of a stream
  std::optional<HostEngine> host;         // that ran the network; none: the model's own engine did, or none had to
  std::vector<Explanation> explanations;  // of `explain`; else none
};

// A recording and a patient as the network takes them. Glossary: W windows, L samples of one.
struct Question {
  Answer so_far;                          // all but findings and experience
  std::size_t windows = 0;                // W; none: refused
  std::vector<float> signal;              // (W, leads, L) mV
  std::vector<float> continuous;          // (W, numbers), each row the same
  std::vector<std::int64_t> categorical;  // (W, codes), likewise
};

// What an answer says of the model that gave it. It may outlive the model: it holds neither weights nor threads.
class Provenance {
 public:
  Provenance(const Bundle& bundle, const Engine* engine);

  const Manifest& manifest() const { return *manifest_; }
  const Contract& contract() const { return manifest_->contract; }
  const EngineNote& engine() const { return engine_; }
  // What JSON says of an answer.
  PredictionNote describe(const Answer& answer) const;

 private:
  std::shared_ptr<const Manifest> manifest_;
  EngineNote engine_;  // as loaded; a host's until it says which
};

// The second half of `Model::predict`. `output` has a row for each window, and is not looked at where the recording was
// refused; `trained` is wanted where the contract has experience.
Answer decide_answer(Answer so_far, const NetworkOutput& output, const Contract& contract,
                     const TrainedFeatures* trained);

class Model {
 public:
  // Throws Error of kind `backend` if precision or threads cannot be had, or the export left this engine out; `bundle`
  // if its proof is none, or the weights do not fit. Of none of these a model whose network the host runs, but for a
  // precision that is not the bundle's.
  Model(Bundle bundle, const ModelOptions& options);

  const Bundle& bundle() const { return bundle_; }
  const Manifest& manifest() const { return bundle_.manifest(); }
  const Contract& contract() const { return bundle_.contract(); }
  const std::string& digest() const { return bundle_.digest(); }
  const Engine* engine() const { return engine_ ? &*engine_ : nullptr; }  // null: the host runs the network
  // Throws Error of kind `backend` if there is no engine.
  void require_engine() const;
  // Throws as ecg2lab::encode_features does.
  Features encode_features(const Patient& patient) const;

  // `prepare`, the engine, `decide_answer`. Many threads may ask at the same time. A refusal is an answer; throws Error
  // of kind `backend` if there is no engine, or the network's output cannot be used.
  Answer predict(const RawRecording& recording, const Patient& patient) const;
  Question prepare(const RawRecording& recording, const Patient& patient) const;
  // The quality of a recording and its refusal, and no findings; no engine is needed.
  Answer judge(const RawRecording& recording) const;
  // As `predict`, with an explanation for each of these targets. Throws std::invalid_argument, too, as Occlusion does.
  Answer explain(const RawRecording& recording, const Patient& patient, const std::vector<std::size_t>& targets,
                 double segment_s) const;
  // For a window of a signal that is still coming in; see stream.h.
  // `answer` says of the patient what is known, and where the window lies.
  Answer answer_window(const StreamWindow& window, const std::vector<std::string>& leads, double longest_gap_s,
                       Answer answer) const;

  // For what outlives the model.
  const std::shared_ptr<const Provenance>& provenance() const { return provenance_; }
  const std::shared_ptr<const TrainedFeatures>& trained() const { return trained_; }  // null: no experience

 private:
  Prepared prepare_signal(const Recording& recording, Answer& answer) const;
  void judge(const Prepared& prepared, const std::vector<std::string>& leads, std::optional<double> longest_gap_s,
             Answer& answer) const;
  void cut(const Prepared& prepared, Question& question) const;
  Answer run(Question question) const;

  Bundle bundle_;
  std::optional<Engine> engine_;
  std::shared_ptr<const Provenance> provenance_;
  std::shared_ptr<const TrainedFeatures> trained_;
  OutOfRange out_of_range_;
};

}  // namespace ecg2lab
