#include "c/description.h"

#include <limits>

#include "engine/kernels/instruction_sets.h"

namespace ecg2lab::c {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::vector<const char*> pointers(const std::vector<std::string>& texts) {
  std::vector<const char*> all;
  for (const std::string& text : texts) all.push_back(text.c_str());
  return all;
}

ecg2lab_number to_c(const ContinuousFeature& feature) {
  return {.name = feature.name.c_str(),
          .unit = feature.unit.c_str(),
          .minimum = feature.minimum,
          .maximum = feature.maximum,
          .median = feature.median.value_or(kNone)};
}

ecg2lab_category to_c(const CategoricalFeature& feature, const std::vector<const char*>& words) {
  return {.name = feature.name.c_str(),
          .words = words.data(),
          .word_count = words.size(),
          .missing_code = static_cast<int32_t>(feature.missing_code.value_or(-1))};
}

// That of a recording with all facts, which has the most windows.
std::optional<double> threshold_of(const Target& target) {
  if (!target.decision) return target.decision_threshold;
  const OperatingPoint* whole = nullptr;
  for (const OperatingPoint& point : target.decision->points) {
    if (point.facts == KnownFacts::all && (whole == nullptr || point.windows > whole->windows)) whole = &point;
  }
  return whole == nullptr ? std::nullopt : whole->threshold;
}

ecg2lab_measured to_c(const std::optional<Measured>& share) {
  return share ? ecg2lab_measured{share->value, share->low, share->high} : ecg2lab_measured{kNone, kNone, kNone};
}

ecg2lab_operating_point to_c(const OperatingPoint& point) {
  const std::optional<ConformalSet>& conformal = point.conformal;
  return {.windows = point.windows,
          .facts = static_cast<int32_t>(point.facts),
          .threshold = point.threshold.value_or(kNone),
          .patients = point.patients,
          .positives = point.positives,
          .negatives = point.negatives,
          .prevalence = point.prevalence.value_or(kNone),
          .sensitivity = to_c(point.sensitivity),
          .specificity = to_c(point.specificity),
          .ppv = to_c(point.ppv),
          .npv = to_c(point.npv),
          .conformal_error = conformal ? conformal->error : kNone,
          .coverage_positive = to_c(conformal ? conformal->coverage_positive : std::nullopt),
          .coverage_negative = to_c(conformal ? conformal->coverage_negative : std::nullopt),
          .unsure = to_c(conformal ? conformal->unsure : std::nullopt)};
}

ecg2lab_target to_c(const Target& target) {
  ecg2lab_target out{};
  out.name = target.name.c_str();
  out.limit = kNone;
  out.decision_threshold = threshold_of(target).value_or(kNone);
  if (!target.criterion) return out;
  const Criterion& criterion = *target.criterion;
  out.lab = criterion.lab.c_str();
  out.loinc = criterion.loinc ? criterion.loinc->c_str() : nullptr;
  out.unit = criterion.unit.c_str();
  out.comparison = criterion.comparison.c_str();
  out.limit = criterion.threshold;
  out.setting = static_cast<int32_t>(criterion.setting);
  out.horizon_min = static_cast<int32_t>(criterion.horizon_min);
  out.category = criterion.category.c_str();
  return out;
}

}  // namespace

Description::Description(const Model& model)
    : provenance_(model.provenance()), instruction_set_(model.engine() ? model.engine()->instruction_set() : "") {
  const Contract& contract = provenance_->contract();
  const Manifest& manifest = provenance_->manifest();
  const EngineNote& note = provenance_->engine();
  leads_ = pointers(contract.signal.leads);
  for (const ContinuousFeature& feature : contract.continuous) numbers_.add(to_c(feature));
  for (const CategoricalFeature& feature : contract.categorical) {
    categories_.add(to_c(feature, words_.add(pointers(feature.categories))));
  }
  for (const Target& target : contract.targets) {
    targets_.add(to_c(target));
    auto& points = points_.emplace_back();
    if (!target.decision) continue;
    for (const OperatingPoint& point : target.decision->points) points.push_back(to_c(point));
  }
  shown_ = {.struct_size = sizeof shown_,
            .name = contract.name.c_str(),
            .notice = note.notice.c_str(),
            .bundle_digest = note.bundle_digest.c_str(),
            .precision = note.precision.c_str(),
            .instruction_set = instruction_set_.c_str(),
            .threads = note.threads,
            .synthetic_weights = manifest.synthetic_weights ? int32_t{*manifest.synthetic_weights} : -1,
            .causal = manifest.network.causal,
            .leads = leads_.data(),
            .lead_count = leads_.size(),
            .sampling_rate_hz = contract.signal.sampling_rate_hz,
            .window_samples = contract.signal.window_samples,
            .clip_mv = contract.preprocessing.clip_mv,
            .minimum_age = contract.population.minimum_age,
            .numbers = numbers_.data(),
            .number_count = numbers_.size(),
            .categories = categories_.data(),
            .category_count = categories_.size(),
            .targets = targets_.data(),
            .target_count = targets_.size()};
}

}  // namespace ecg2lab::c
