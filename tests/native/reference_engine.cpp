// The network written plainly, in float64, one number after another: the engine of the C interface's tests.
//
// Glossary: H channels, R states kept, D directions, L samples of a window; docs/bundle.md lists the tensors.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "engine.h"

namespace ecg2lab {
namespace {

using Numbers = std::vector<double>;

struct Array {
  std::vector<std::size_t> shape;
  Numbers values;
};

Array get(const TensorMap& tensors, const std::string& name) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw std::invalid_argument("there is no " + name);
  const Tensor& tensor = found->second;
  Array array{tensor.shape, {}};
  std::size_t count = 1;
  for (const std::size_t dimension : tensor.shape) count *= dimension;
  for (std::size_t i = 0; i < count; ++i) {
    if (tensor.type == Tensor::Type::f64) {
      double value;
      std::memcpy(&value, tensor.data + i * sizeof value, sizeof value);
      array.values.push_back(value);
    } else {
      float value;
      std::memcpy(&value, tensor.data + i * sizeof value, sizeof value);
      array.values.push_back(static_cast<double>(value));
    }
  }
  return array;
}

// weight · x + bias
Numbers linear(const Array& weight, const Array& bias, const double* x) {
  const std::size_t rows = weight.shape[0], columns = weight.shape[1];
  Numbers y(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    y[row] = bias.values[row];
    for (std::size_t column = 0; column < columns; ++column)
      y[row] += weight.values[row * columns + column] * x[column];
  }
  return y;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double gelu(double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }

struct Layer {
  Array a, b, c, d, output_weight, output_bias, norm_weight, norm_bias;
};

// One channel, one direction: y[t] += c x, with the state x before (backward) or after (forward) u[t] entered.
void scan(const Layer& layer, std::size_t direction, std::size_t channel, const Numbers& u, Numbers& y) {
  const std::size_t channels = layer.b.shape[1], states = layer.b.shape[2], length = u.size();
  const std::size_t at = direction * channels + channel;
  const double *a = &layer.a.values[at * states * states], *b = &layer.b.values[at * states];
  const double* c = &layer.c.values[at * states];
  Numbers x(states), next(states);
  for (std::size_t step = 0; step < length; ++step) {
    const std::size_t t = direction == 0 ? step : length - 1 - step;
    for (std::size_t i = 0; i < states; ++i) {
      next[i] = b[i] * u[t];
      for (std::size_t j = 0; j < states; ++j) next[i] += a[i * states + j] * x[j];
    }
    if (direction == 0) x = next;
    for (std::size_t i = 0; i < states; ++i) y[t] += c[i] * x[i];
    if (direction == 1) x = next;
  }
}

// x is (L H); returns the layer's output in its place.
void run_layer(const Layer& layer, Numbers& x, std::size_t length) {
  const std::size_t channels = layer.d.shape[0];
  Numbers convolved(x.size());
  for (std::size_t h = 0; h < channels; ++h) {
    Numbers u(length), y(length);
    for (std::size_t t = 0; t < length; ++t) u[t] = x[t * channels + h], y[t] = layer.d.values[h] * u[t];
    for (std::size_t direction = 0; direction < layer.b.shape[0]; ++direction) scan(layer, direction, h, u, y);
    for (std::size_t t = 0; t < length; ++t) convolved[t * channels + h] = gelu(y[t]);
  }
  for (std::size_t t = 0; t < length; ++t) {
    double* row = &x[t * channels];
    const Numbers mixed = linear(layer.output_weight, layer.output_bias, &convolved[t * channels]);
    double mean = 0, variance = 0;
    for (std::size_t h = 0; h < channels; ++h) {
      row[h] += mixed[h] * sigmoid(mixed[channels + h]);
      mean += row[h] / static_cast<double>(channels);
    }
    for (std::size_t h = 0; h < channels; ++h) variance += std::pow(row[h] - mean, 2) / static_cast<double>(channels);
    for (std::size_t h = 0; h < channels; ++h) {
      const double normal = (row[h] - mean) / std::sqrt(variance + 1e-5);
      row[h] = normal * layer.norm_weight.values[h] + layer.norm_bias.values[h];
    }
  }
}

}  // namespace

struct Engine::State {
  NetworkSizes sizes;
  Array encoder_weight, encoder_bias, head_weight, head_bias;
  std::vector<Layer> layers;
  std::vector<Array> embeddings, means, weights, biases;

  Numbers run_static(const float* continuous, const std::int64_t* codes) const {
    Numbers x;
    for (std::size_t i = 0; i < embeddings.size(); ++i) {
      const std::size_t width = embeddings[i].shape[1];
      const double* row = &embeddings[i].values[static_cast<std::size_t>(codes[i]) * width];
      x.insert(x.end(), row, row + width);
    }
    x.insert(x.end(), continuous, continuous + sizes.continuous);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      for (std::size_t j = 0; j < x.size(); ++j) x[j] -= means[i].values[j];
      x = linear(weights[i], biases[i], x.data());
      if (i + 1 == weights.size()) break;
      for (double& value : x) value = std::max(value, 0.0);
    }
    return x;
  }

  // signal is (leads L).
  Numbers run(const float* signal, const float* continuous, const std::int64_t* codes) const {
    const std::size_t length = sizes.window, channels = encoder_bias.values.size();
    Numbers x;
    for (std::size_t t = 0; t < length; ++t) {
      Numbers sample(sizes.leads);
      for (std::size_t lead = 0; lead < sizes.leads; ++lead)
        sample[lead] = static_cast<double>(signal[lead * length + t]);
      const Numbers encoded = linear(encoder_weight, encoder_bias, sample.data());
      x.insert(x.end(), encoded.begin(), encoded.end());
    }
    for (const Layer& layer : layers) run_layer(layer, x, length);
    Numbers joined(channels);
    for (std::size_t i = 0; i < x.size(); ++i) joined[i % channels] += x[i] / static_cast<double>(length);
    const Numbers facts = run_static(continuous, codes);
    joined.insert(joined.end(), facts.begin(), facts.end());
    return linear(head_weight, head_bias, joined.data());
  }
};

Engine::Engine(const TensorMap& tensors, const NetworkSizes& sizes, const EngineOptions&)
    : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.sizes = sizes;
  s.encoder_weight = get(tensors, "encoder.weight"), s.encoder_bias = get(tensors, "encoder.bias");
  s.head_weight = get(tensors, "head.weight"), s.head_bias = get(tensors, "head.bias");
  for (std::size_t i = 0; tensors.contains("layers." + std::to_string(i) + ".a"); ++i) {
    const std::string at = "layers." + std::to_string(i) + ".";
    s.layers.push_back({get(tensors, at + "a"), get(tensors, at + "b"), get(tensors, at + "c"), get(tensors, at + "d"),
                        get(tensors, at + "output.weight"), get(tensors, at + "output.bias"),
                        get(tensors, at + "norm.weight"), get(tensors, at + "norm.bias")});
  }
  for (std::size_t i = 0; i < sizes.categorical.size(); ++i) {
    s.embeddings.push_back(get(tensors, "embeddings." + std::to_string(i)));
  }
  for (std::size_t i = 0; tensors.contains("static." + std::to_string(i) + ".weight"); ++i) {
    const std::string at = "static." + std::to_string(i) + ".";
    s.means.push_back(get(tensors, at + "mean"));
    s.weights.push_back(get(tensors, at + "weight"));
    s.biases.push_back(get(tensors, at + "bias"));
  }
  if (s.head_bias.values.size() != sizes.targets) throw std::invalid_argument("head.bias has another size");
}

Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

void Engine::run(const NetworkInput& in, float* logits) const {
  const NetworkSizes& sizes = state_->sizes;
  for (std::size_t window = 0; window < in.batch; ++window) {
    const Numbers answer =
        state_->run(in.signal + window * sizes.leads * sizes.window, in.continuous + window * sizes.continuous,
                    in.categorical + window * sizes.categorical.size());
    for (const double logit : answer) *logits++ = static_cast<float>(logit);
  }
}

}  // namespace ecg2lab
