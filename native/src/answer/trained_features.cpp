#include "answer/trained_features.h"

#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

#include "base/errors.h"
#include "bundle/safetensors.h"

namespace ecg2lab {
namespace {

std::vector<float> read(const Safetensors& file, const std::string& name, const std::vector<std::size_t>& shape,
                        const std::string& called) {
  const auto tensor = file.tensors.find(name);
  if (tensor == file.tensors.end() || tensor->second.type != Tensor::Type::f32 || tensor->second.shape != shape) {
    throw Error(ErrorKind::bundle, called + ": " + name + " does not fit its contract; export it again");
  }
  std::size_t count = 1;
  for (const std::size_t size : shape) count *= size;
  std::vector<float> values(count);
  std::memcpy(values.data(), tensor->second.data, count * sizeof(float));
  return values;
}

}  // namespace

std::optional<TrainedFeatures> TrainedFeatures::of(const Bundle& bundle) {
  const auto& experience = bundle.contract().experience;
  if (!experience) return std::nullopt;
  const std::string name = "experience.safetensors", called = bundle.source() + ": " + name;
  const Safetensors file = read_safetensors(bundle.member(name), called);
  const std::size_t size = experience->features;
  return TrainedFeatures(read(file, "mean", {size}, called), read(file, "whitening", {size, size}, called));
}

TrainedFeatures::TrainedFeatures(std::vector<float> mean, std::vector<float> whitening)
    : mean_(std::move(mean)), whitening_(std::move(whitening)) {
  if (mean_.empty() || whitening_.size() != mean_.size() * mean_.size()) {
    throw std::invalid_argument("mean and whitening do not belong together");
  }
}

double TrainedFeatures::distance(MatrixView<float> features) const {
  const std::size_t size = mean_.size();
  if (features.rows == 0 || features.columns != size) throw std::invalid_argument("other features than were trained");
  std::vector<double> white(size);
  for (std::size_t i = 0; i < size; ++i) {
    double sum = 0;
    for (std::size_t window = 0; window < features.rows; ++window) sum += features.row(window)[i];
    const double apart = sum / static_cast<double>(features.rows) - mean_[i];
    for (std::size_t j = 0; j < size; ++j) white[j] += apart * whitening_[i * size + j];
  }
  double squared = 0;
  for (const double x : white) squared += x * x;
  return std::sqrt(squared);
}

}  // namespace ecg2lab
