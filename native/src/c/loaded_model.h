// A model as a C program has it.
#pragma once

#include <memory>
#include <string>

#include "c/description.h"
#include "ecg2lab.h"
#include "model.h"

namespace ecg2lab::c {

class LoadedModel {
 public:
  // Throws as Model does.
  LoadedModel(Bundle bundle, const ModelOptions& options, ecg2lab_log log, void* log_user);
  LoadedModel(const LoadedModel&) = delete;  // the graph points into this one
  LoadedModel& operator=(const LoadedModel&) = delete;

  const Model& model() const { return model_; }
  const std::shared_ptr<const Description>& description() const { return description_; }
  const ecg2lab_graph& window_graph() const { return graph_; }
  void log(ecg2lab_log_level level, const std::string& message) const;

 private:
  void describe_graph();

  Model model_;
  ecg2lab_log log_;
  void* log_user_;
  std::shared_ptr<const Description> description_;
  ecg2lab_graph graph_{};
};

}  // namespace ecg2lab::c

// Shared with its streams.
struct ecg2lab_model {
  std::shared_ptr<const ecg2lab::c::LoadedModel> loaded;
};
