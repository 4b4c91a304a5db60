#include "c/loaded_model.h"

#include "base/utf8.h"
#include "bundle/fit.h"
#include "c/status.h"

namespace ecg2lab::c {

LoadedModel::LoadedModel(Bundle bundle, const ModelOptions& options, ecg2lab_log log, void* log_user)
    : model_(std::move(bundle), options),
      log_(log),
      log_user_(log_user),
      description_(std::make_shared<const Description>(model_)) {
  describe_graph();
  const ecg2lab_description& shown = description_->shown();
  this->log(
      ECG2LAB_LOG_INFO,
      "loaded " + model_.contract().name + ", bundle " + model_.digest() + ", " + shown.precision +
          (model_.engine() ? std::string(" on ") + shown.instruction_set + ", threads " + std::to_string(shown.threads)
                           : ", without an engine"));
}

void LoadedModel::log(ecg2lab_log_level level, const std::string& message) const {
  if (log_ == nullptr) return;
  const std::string line = printable(message);
  const Outside outside;
  log_(log_user_, level, line.c_str());
}

void LoadedModel::describe_graph() {
  const std::span<const std::byte> content = model_.bundle().member(kWindowGraph);
  const Contract& contract = model_.contract();
  const std::optional<std::int64_t>& features = model_.manifest().network.features;
  graph_ = {.struct_size = sizeof graph_,
            .content = content.data(),
            .content_size = content.size(),
            .precision = model_.manifest().precision.c_str(),
            .signal = kSignal,
            .continuous = kContinuous,
            .categorical = kCategorical,
            .logits = kLogits,
            .features = features ? kFeatures : nullptr,
            .lead_count = contract.signal.leads.size(),
            .window_samples = contract.signal.window_samples,
            .continuous_count = contract.continuous_columns(),
            .categorical_count = contract.codes_per_column().size(),
            .logit_count = contract.targets.size(),
            .feature_count = static_cast<std::size_t>(features.value_or(0))};
}

}  // namespace ecg2lab::c
