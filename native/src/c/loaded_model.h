// A model with its description in the structs of the C interface.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "c/list.h"
#include "ecg2lab.h"
#include "model.h"

namespace ecg2lab::c {

class LoadedModel {
 public:
  // Throws as Bundle::open and Model do.
  LoadedModel(const std::string& path, const ModelOptions& options, ecg2lab_log log, void* log_user);
  LoadedModel(const LoadedModel&) = delete;  // the description points into this one
  LoadedModel& operator=(const LoadedModel&) = delete;

  const Model& model() const { return model_; }
  const ecg2lab_description& description() const { return description_; }
  const ecg2lab_graph& window_graph() const { return graph_; }
  const ecg2lab_operating_point* operating_point(std::size_t target, std::size_t point) const {
    return &points_[target][point];
  }
  void log(ecg2lab_log_level level, const std::string& message) const;

 private:
  void describe();
  void describe_graph();

  Model model_;
  ecg2lab_log log_;
  void* log_user_;
  std::string notice_;
  std::string instruction_set_;
  std::vector<const char*> leads_;
  List<std::vector<const char*>> words_;
  List<ecg2lab_number> numbers_;
  List<ecg2lab_category> categories_;
  List<ecg2lab_target> targets_;
  std::vector<std::vector<ecg2lab_operating_point>> points_;  // of each target
  ecg2lab_description description_{};
  ecg2lab_graph graph_{};
};

}  // namespace ecg2lab::c

// Shared with the results, which name its targets.
struct ecg2lab_model {
  std::shared_ptr<const ecg2lab::c::LoadedModel> loaded;
};
