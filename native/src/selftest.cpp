#include "selftest.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/number_text.h"
#include "bundle/fit.h"
#include "bundle/safetensors.h"
#include "bundle/tolerances.h"
#include "engine/kernels/instruction_sets.h"

namespace ecg2lab {
namespace {

struct Golden {
  Safetensors file;
  std::size_t windows;
  NetworkInput inputs;
  MatrixView<double> logits;
  MatrixView<double> features;  // no rows: the bundle gives none
};

class GoldenReader {
 public:
  GoldenReader(const Bundle& bundle)
      : name_(bundle.source() + ": golden.safetensors"),
        file_(read_safetensors(bundle.member("golden.safetensors"), name_)) {}

  Golden read(const Model& model) {
    const Contract& contract = model.contract();
    const std::size_t windows = file_.tensors.contains(kSignal) ? file_.tensors.at(kSignal).shape.front() : 0;
    const Signal& signal = contract.signal;
    Golden golden{
        .file = {},
        .windows = windows,
        .inputs = {.signal = tensor<float>(kSignal, {windows, signal.leads.size(), signal.window_samples}),
                   .continuous = tensor<float>(kContinuous, {windows, contract.continuous_columns()}),
                   .categorical = tensor<std::int64_t>(kCategorical, {windows, contract.codes_per_column().size()}),
                   .batch = windows},
        .logits = matrix(kLogits, windows, contract.targets.size()),
        .features = {}};
    if (model.manifest().network.features) golden.features = matrix(kFeatures, windows, model.engine()->features());
    golden.file = std::move(file_);
    return golden;
  }

 private:
  template <typename T>
  const T* tensor(const char* name, const std::vector<std::size_t>& shape) const {
    constexpr auto kType = std::is_same_v<T, double>  ? Tensor::Type::f64
                           : std::is_same_v<T, float> ? Tensor::Type::f32
                                                      : Tensor::Type::i64;
    const auto found = file_.tensors.find(name);
    if (shape.front() == 0 || found == file_.tensors.end() || found->second.type != kType ||
        found->second.shape != shape) {
      throw Error(ErrorKind::bundle, name_ + ": " + name + " does not fit the contract; export the bundle again");
    }
    return reinterpret_cast<const T*>(found->second.data);
  }
  MatrixView<double> matrix(const char* name, std::size_t rows, std::size_t columns) const {
    return {tensor<double>(name, {rows, columns}), rows, columns};
  }

  std::string name_;
  Safetensors file_;
};

double largest(std::span<const double> numbers) {
  double most = 0;
  for (const double number : numbers) most = std::max(most, std::abs(number));
  return most;
}

// The largest distance from the truth, each row measured by a scale of its own; NaN if any number is none.
template <typename Scale>
double error_of(MatrixView<float> found, MatrixView<double> truth, const Scale& scale_of) {
  double worst = 0;
  for (std::size_t row = 0; row < truth.rows; ++row) {
    const double scale = scale_of(largest(truth.row(row)));
    for (std::size_t column = 0; column < truth.columns; ++column) {
      const double error = std::abs(found.row(row)[column] - truth.row(row)[column]) / scale;
      if (std::isnan(error)) return error;
      worst = std::max(worst, error);
    }
  }
  return worst;
}

struct Tolerances {
  double logits, features;
};

Tolerances tolerances_of(const Model& model) {
  const Manifest& manifest = model.manifest();
  const std::string precision = name_of(model.engine()->precision());
  if (precision != manifest.precision) {
    if (precision == "fp32") return {kUnprovedInFull, kUnprovedInFull};
    return {kUnprovedInFull + kOverGate * manifest.gates.at(precision), kFeaturesReduced};
  }
  if (precision == "fp32") return {kLogitsInFull, kFeaturesInFull};
  const auto& limits = model.bundle().proof().limits;
  const auto limit = [&](const char* quantity, double widest) {
    const auto found = limits.find(quantity);
    return found == limits.end() ? widest : std::min(found->second, widest);
  };
  return {limit(kLogits, kLogitsReduced), limit(kFeatures, kFeaturesReduced)};
}

}  // namespace

bool Selftest::passed() const {
  return std::all_of(checks.begin(), checks.end(), [](const Check& check) { return check.passed(); });
}

std::optional<Message> Selftest::message() const {
  for (const Check& check : checks) {
    if (check.passed()) continue;
    return say<MessageCode::selftest_failed>(check.quantity, number_text(check.error, 2),
                                             number_text(check.tolerance, 2));
  }
  return std::nullopt;
}

Selftest selftest(const Model& model) {
  model.require_engine();
  const Engine& engine = *model.engine();
  const Golden golden = GoldenReader(model.bundle()).read(model);
  const auto [logits_tolerance, features_tolerance] = tolerances_of(model);
  const std::size_t windows = golden.windows, targets = engine.sizes().targets, width = engine.features();
  Selftest test{.windows = windows, .checks = {}};
  std::vector<float> logits(windows * targets), features(windows * width);
  for (const std::size_t batch : {std::size_t{1}, windows}) {
    const NetworkSizes& sizes = engine.sizes();
    for (std::size_t first = 0; first < windows; first += batch) {
      engine.run({.signal = golden.inputs.signal + first * sizes.leads * sizes.window,
                  .continuous = golden.inputs.continuous + first * sizes.continuous,
                  .categorical = golden.inputs.categorical + first * sizes.categorical.size(),
                  .batch = batch},
                 &logits[first * targets], &features[first * width]);
    }
    const auto of_logits = [](double most) { return std::max(1.0, most / kAbsoluteUpTo); };
    test.checks.push_back({.quantity = kLogits,
                           .batch = batch,
                           .error = error_of({logits.data(), windows, targets}, golden.logits, of_logits),
                           .tolerance = logits_tolerance});
    if (golden.features.rows == 0) continue;
    const auto of_features = [](double most) { return most > 0 ? most : 1.0; };
    test.checks.push_back({.quantity = kFeatures,
                           .batch = batch,
                           .error = error_of({features.data(), windows, width}, golden.features, of_features),
                           .tolerance = features_tolerance});
  }
  return test;
}

}  // namespace ecg2lab
