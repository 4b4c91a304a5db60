// A prepared recording in the structs of the C interface.
#pragma once

#include <memory>

#include "c/inputs.h"
#include "c/loaded_model.h"
#include "c/result.h"
#include "ecg2lab.h"

namespace ecg2lab::c {

// What a caller frees: the struct that it sees, and everything that this points to.
class PreparedRecording : public ecg2lab_prepared {
 public:
  PreparedRecording(const LoadedModel& model, Question question, SourceFields source);
  PreparedRecording(const PreparedRecording&) = delete;  // the struct points into this one
  PreparedRecording& operator=(const PreparedRecording&) = delete;

  // Throws ArgumentError on numbers that are missing or too few, Error of kind `backend` on one that is not finite.
  std::unique_ptr<Result> decide(const ecg2lab_output* output) const;
  std::span<const ecg2lab_message* const> parts() const { return judged_.parts(); }

 private:
  NetworkOutput check(const ecg2lab_output& output) const;
  void fill();

  std::shared_ptr<const Description> model_;
  std::shared_ptr<const TrainedFeatures> trained_;
  Question question_;
  SourceFields source_;
  Result judged_;  // before the network ran
};

}  // namespace ecg2lab::c
