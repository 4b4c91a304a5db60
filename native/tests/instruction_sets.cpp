// Holds every instruction set of this machine to the portable one, through the whole network with random weights,
// through preprocessing and through SHA-256. It needs no Python, so that it also runs where only a cross compiler
// reaches: under an emulator, or on another system.
//
// Glossary: H channels, R states, S sections, D directions, L samples, n targets.
#include "engine/kernels/instruction_sets.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iterator>
#include <random>
#include <span>
#include <string>
#include <vector>

#if defined(__unix__)
#include <termios.h>
#include <unistd.h>
#endif

#include "bundle/sha256.h"
#include "distance.h"
#include "engine/engine.h"
#include "signal_kernels.h"

namespace {

using ecg2lab::Precision;

struct Sizes {
  std::size_t channels, layers, states, sections, window, directions;  // no sections: chunks of a state space
};

// Around the widths of vectors, tiles and chunks.
constexpr Sizes kSizes[] = {
    {1, 1, 2, 0, 50, 2},  {7, 2, 4, 3, 51, 1},    {33, 2, 8, 8, 97, 2}, {64, 3, 8, 0, 133, 2},
    {24, 1, 32, 5, 2, 2}, {130, 1, 6, 4, 250, 2}, {20, 1, 5, 0, 61, 1},
};
constexpr std::size_t kLeads = 12, kNumbers = 3, kTargets = 5, kBatch = 2;

// Owns what a TensorMap points to.
class Weights {
 public:
  explicit Weights(const Sizes& sizes) {
    const std::size_t h = sizes.channels;
    add<float>("encoder.weight", {h, kLeads}, 0.3);
    add<float>("encoder.bias", {h}, 0.1);
    for (std::size_t layer = 0; layer < sizes.layers; ++layer) {
      add_layer("layers." + std::to_string(layer) + ".", sizes);
    }
    add<float>("static.0.weight", {4, kNumbers}, 0.3);
    add<float>("static.0.bias", {4}, 0.1);
    add<float>("static.0.mean", {kNumbers}, 1);
    add<float>("head.weight", {kTargets, h + 4}, 0.5 / std::sqrt(static_cast<double>(h)));
    add<float>("head.bias", {kTargets}, 0.1);
  }

  const ecg2lab::TensorMap& tensors() const { return tensors_; }

 private:
  void add_layer(const std::string& own, const Sizes& sizes) {
    const std::size_t h = sizes.channels, r = sizes.states, d = sizes.directions, s = sizes.sections;
    const double share = 1 / std::sqrt(static_cast<double>(h));
    add_decay(own + "a", d * h, {d, h, r, r});
    add<double>(own + "b", {d, h, r}, 0.3);
    add<double>(own + "c", {d, h, r}, 0.3);
    add<double>(own + "d", {h}, 0.5);
    if (s > 0) {
      add<float>(own + "cascade.h", {h, s}, 0.05, 0.25);
      add<float>(own + "cascade.r", {h, s}, 0.03, 0.15);
      add<float>(own + "cascade.taps", {d, h, 2 * s}, 0.1);
    }
    add<float>(own + "output.weight", {2 * h, h}, share);
    add<float>(own + "output.bias", {2 * h}, 0.1);
    add<float>(own + "norm.weight", {h}, 0.1, 1);
    add<float>(own + "norm.bias", {h}, 0.1);
  }

  // Uniform within `spread` of `centre`.
  template <class T>
  void add(const std::string& name, std::vector<std::size_t> shape, double spread, double centre = 0) {
    std::vector<T> values(count(shape));
    std::uniform_real_distribution<double> draw(centre - spread, centre + spread);
    for (T& value : values) value = static_cast<T>(draw(random_));
    keep(name, std::move(shape), values);
  }

  // Stable: the absolute values of a row add up to less than 1.
  void add_decay(const std::string& name, std::size_t matrices, std::vector<std::size_t> shape) {
    const std::size_t r = shape.back();
    std::vector<double> values(count(shape));
    std::uniform_real_distribution<double> pole(0.3, 0.9), coupling(-0.09, 0.09);
    for (std::size_t i = 0; i < matrices * r * r; ++i) {
      const bool diagonal = i / r % r == i % r;
      values[i] = diagonal ? pole(random_) : coupling(random_) / static_cast<double>(r);
    }
    keep(name, std::move(shape), values);
  }

  template <class T>
  void keep(const std::string& name, std::vector<std::size_t> shape, const std::vector<T>& values) {
    // Of doubles, so that the address fits either type.
    storage_.emplace_back((values.size() * sizeof(T) + sizeof(double) - 1) / sizeof(double));
    std::memcpy(storage_.back().data(), values.data(), values.size() * sizeof(T));
    const auto type = sizeof(T) == sizeof(double) ? ecg2lab::Tensor::Type::f64 : ecg2lab::Tensor::Type::f32;
    tensors_[name] = {type, std::move(shape), reinterpret_cast<const std::byte*>(storage_.back().data())};
  }

  static std::size_t count(const std::vector<std::size_t>& shape) {
    std::size_t product = 1;
    for (const std::size_t size : shape) product *= size;
    return product;
  }

  std::mt19937 random_{1};
  std::vector<std::vector<double>> storage_;
  ecg2lab::TensorMap tensors_;
};

std::vector<float> logits_of(const Weights& weights, const Sizes& sizes, const ecg2lab::EngineOptions& options) {
  const ecg2lab::NetworkSizes network{
      .leads = kLeads, .window = sizes.window, .continuous = kNumbers, .categorical = {}, .targets = kTargets};
  std::mt19937 random(2);
  std::normal_distribution<float> draw(0, 0.5f);
  std::vector<float> signal(kBatch * kLeads * sizes.window), numbers(kBatch * kNumbers), logits(kBatch * kTargets);
  for (float& value : signal) value = draw(random);
  for (float& value : numbers) value = draw(random);
  const ecg2lab::Engine engine(weights.tensors(), network, options);
  engine.run({signal.data(), numbers.data(), nullptr, kBatch}, logits.data());
  return logits;
}

// In fp32 instruction sets differ in the order of sums. In a reduced precision an activation that differs in its last
// bit may be rounded to the next level, which moves a logit by a level's share of one product.
double tolerance(Precision precision) { return precision == Precision::fp32 ? 1e-5 : 1e-4; }

using Logits = std::vector<float>;

// The portable logits of every size.
std::vector<Logits> references(Precision precision) {
  std::vector<Logits> logits;
  for (const Sizes& sizes : kSizes) {
    const Weights weights(sizes);
    logits.push_back(logits_of(weights, sizes, {.threads = 1, .precision = precision, .instruction_set = "portable"}));
  }
  return logits;
}

// Returns how many properties do not hold.
int check(const std::string& name, Precision precision, const std::vector<Logits>& portable) {
  int failures = 0;
  double worst = 0;
  for (std::size_t i = 0; i < std::size(kSizes); ++i) {
    const Sizes& sizes = kSizes[i];
    const Weights weights(sizes);
    const auto single = logits_of(weights, sizes, {.threads = 1, .precision = precision, .instruction_set = name});
    worst = std::fmax(worst, distance(single, portable[i]));
    for (const std::size_t threads : {2, 3}) {
      const auto shared =
          logits_of(weights, sizes, {.threads = threads, .precision = precision, .instruction_set = name});
      if (std::memcmp(shared.data(), single.data(), single.size() * sizeof(float)) == 0) continue;
      std::printf("%s %s: %zu threads change the logits\n", name.c_str(), name_of(precision), threads);
      ++failures;
    }
  }
  const bool close = worst <= tolerance(precision);
  std::printf("%s %s: %.2g from portable%s\n", name.c_str(), name_of(precision), worst, close ? "" : ", too far");
  return failures + (close ? 0 : 1);
}

// Around the lengths of one block and of two.
int check_digest() {
  std::vector<std::byte> content(1000);
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<std::byte>(i * i % 251);
  bool same = true;
  for (std::size_t length = 0; length <= content.size(); length += length < 130 ? 1 : 29) {
    const std::span<const std::byte> part = std::span(content).first(length);
    same = same && ecg2lab::sha256(part) == ecg2lab::sha256_portable(part);
  }
  std::printf("digest %s: %s\n", ecg2lab::sha256_by_instructions() ? "by instructions" : "portable",
              same ? "the portable one" : "another one");
  return same ? 0 : 1;
}

}  // namespace

int main() {
  int failures = 0;
  try {
    failures += check_digest();
    failures += ecg2lab::check_signal_kernels();
    for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8}) {
      const auto portable = references(precision);
      for (const std::string& name : ecg2lab::available_instruction_sets(precision)) {
        failures += check(name, precision, portable);
      }
    }
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
    ++failures;
  }
  std::printf("%d failed\n", failures);
#if defined(__unix__)
  // An emulated machine may have no other program, and end with this one: its console must have the last line by then.
  std::fflush(stdout);
  tcdrain(STDOUT_FILENO);
#endif
  return failures == 0 ? 0 : 1;
}
