#include "engine/engine.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <stdexcept>

#include "base/errors.h"
#include "base/float_environment.h"
#include "base/interruption.h"
#include "engine/kernels/instruction_sets.h"
#include "engine/packed_network.h"
#include "engine/team.h"
#include "engine/workspace.h"

namespace ecg2lab {
namespace {

constexpr float kNormEpsilon = 1e-5f;  // PyTorch's default, which the authors keep
constexpr std::size_t kRowsOfTask = 32;

// Rows of a product, whole tiles if possible, whose activations stay near while one panel of weights after another
// passes over them.
std::size_t rows_at_once(const PackedNetwork& network) {
  constexpr std::size_t kCache = 512 * 1024;
  const std::size_t row = network.blocks * network.kernels->width * sizeof(float), tile = network.product->tile_rows;
  const std::size_t most = std::max(kCache / row / tile * tile, tile);
  const std::size_t parts = (network.sizes.window + most - 1) / most;
  return ((network.sizes.window + parts - 1) / parts + tile - 1) / tile * tile;
}

// One window on its way through the network.
class Pass {
 public:
  Pass(const PackedNetwork& network, Workspace& work, Team::Session& session)
      : net_(network), work_(work), session_(session), samples_(network.sizes.window), rows_(rows_at_once(network)) {}

  void run(const float* signal, const float* continuous, const std::int64_t* categorical, float* logits,
           float* features) {
    for (std::size_t index = 0; index < net_.layers.size(); ++index) {
      check_interruption();
      const float* const first = index == 0 ? signal : nullptr;
      convolve(net_.layers[index], first, index == 0 ? nullptr : &net_.layers[index - 1]);
      if (net_.product->precision == Precision::int8) quantise();
      mix(net_.layers[index]);
      take_statistics();
    }
    pool(net_.layers.back());
    run_static(continuous, categorical);
    dense(net_.head, work_.joined.data(), logits);
    if (features) std::copy_n(work_.joined.data(), net_.head.inputs, features);
  }

 private:
  float* residual(std::size_t block) { return &work_.residual[block * work_.block_stride]; }
  float* activations(std::size_t block) { return &work_.activations[block * work_.block_stride]; }
  template <class Number>
  Number* reduced(std::size_t block) {
    return reinterpret_cast<Number*>(work_.reduced.data()) + block * work_.block_stride;
  }

  // Encoder or the LayerNorm of the layer before, then the scan and GELU.
  void convolve(const PackedLayer& layer, const float* signal, const PackedLayer* before) {
    session_.run(net_.blocks, [&](std::size_t block, std::size_t thread) {
      float* const u = residual(block);
      if (signal) {
        encode(block, signal, u);
      } else {
        net_.kernels->normalise(norm(*before, block, u));
      }
      const bool narrow = net_.product->precision == Precision::bf16;
      float* const y = activations(narrow ? thread : block);
      layer.scan.run_block(block, u, y, samples_, true, &work_.scratch[thread * work_.scratch_size]);
      if (narrow) net_.kernels->round({y, reduced<std::uint16_t>(block), samples_ * net_.kernels->width});
    });
  }

  void quantise() {
    for_rows([&](std::size_t row, std::size_t rows) {
      const std::size_t first = row * net_.kernels->width;
      net_.kernels->quantise({.from = activations(0) + first,
                              .to = reduced<std::uint8_t>(0) + first,
                              .block_stride = work_.block_stride,
                              .blocks = net_.blocks,
                              .rows = rows,
                              .mask = net_.mask.data(),
                              .row_scale = &work_.row_scale[row]});
    });
  }

  // Calls task(first row, rows) for parts of the window.
  template <class Task>
  void for_rows(const Task& task) {
    session_.run((samples_ + kRowsOfTask - 1) / kRowsOfTask, [&](std::size_t index, std::size_t) {
      const std::size_t row = index * kRowsOfTask;
      task(row, std::min(kRowsOfTask, samples_ - row));
    });
  }

  void encode(std::size_t block, const float* signal, float* u) const {
    const std::size_t width = net_.kernels->width;
    net_.kernels->encode({.signal = signal,
                          .weights = &net_.encoder_weight[block * net_.sizes.leads * width],
                          .bias = &net_.encoder_bias[block * width],
                          .leads = net_.sizes.leads,
                          .samples = samples_,
                          .x = u});
  }

  NormaliseArguments norm(const PackedLayer& layer, std::size_t block, float* x) const {
    return {.mean = work_.mean.data(),
            .scale = work_.scale.data(),
            .weight = &layer.norm_weight[block * net_.kernels->width],
            .bias = &layer.norm_bias[block * net_.kernels->width],
            .samples = samples_,
            .x = x};
  }

  void mix(const PackedLayer& layer) {
    const std::size_t parts = (samples_ + rows_ - 1) / rows_;
    session_.run(parts * net_.blocks, [&](std::size_t task, std::size_t) {
      const std::size_t panel = task % net_.blocks, row = task / net_.blocks * rows_;
      const std::size_t first = row * net_.kernels->width;
      MixArguments arguments = layer.output.panel(panel);
      arguments.activations = multiplied(first);
      arguments.block_stride = work_.block_stride;
      if (!work_.row_scale.empty()) arguments.row_scale = &work_.row_scale[row];
      arguments.residual = residual(panel) + first;
      arguments.rows = std::min(rows_, samples_ - row);
      net_.product->mix(arguments);
    });
  }

  // What the dense product multiplies, from a number of the first block on.
  const void* multiplied(std::size_t first) {
    switch (net_.product->precision) {
      case Precision::bf16:
        return reduced<std::uint16_t>(0) + first;
      case Precision::int8:
        return reduced<std::uint8_t>(0) + first;
      default:
        return activations(0) + first;
    }
  }

  void take_statistics() {
    for_rows([&](std::size_t row, std::size_t rows) {
      net_.kernels->statistics({.x = residual(0) + row * net_.kernels->width,
                                .block_stride = work_.block_stride,
                                .blocks = net_.blocks,
                                .channels = net_.channels,
                                .rows = rows,
                                .mask = net_.mask.data(),
                                .epsilon = kNormEpsilon,
                                .mean = &work_.mean[row],
                                .scale = &work_.scale[row]});
    });
  }

  void pool(const PackedLayer& layer) {
    session_.run(net_.blocks, [&](std::size_t block, std::size_t) {
      net_.kernels->pool(
          {.norm = norm(layer, block, residual(block)), .pooled = &work_.joined[block * net_.kernels->width]});
    });
  }

  // Into `joined`, behind the channels: what padding them left there is overwritten.
  void run_static(const float* continuous, const std::int64_t* categorical) {
    float* end = work_.from.data();
    for (std::size_t i = 0; i < net_.embeddings.size(); ++i) {
      const EmbeddingWeights& embedding = net_.embeddings[i];
      end = std::copy_n(&embedding.table[static_cast<std::size_t>(categorical[i]) * embedding.width], embedding.width,
                        end);
    }
    end = std::copy_n(continuous, net_.sizes.continuous, end);
    std::size_t width = static_cast<std::size_t>(end - work_.from.data());
    for (std::size_t i = 0; i < net_.static_branch.size(); ++i) {
      const LinearWeights& layer = net_.static_branch[i];
      for (std::size_t x = 0; x < layer.inputs; ++x) work_.from[x] -= layer.mean[x];
      dense(layer, work_.from.data(), work_.to.data());
      width = layer.outputs;
      if (i + 1 < net_.static_branch.size()) {
        std::transform(work_.to.begin(), work_.to.begin() + static_cast<std::ptrdiff_t>(width), work_.to.begin(),
                       [](float x) { return std::max(x, 0.0f); });
      }
      std::swap(work_.from, work_.to);
    }
    std::copy_n(work_.from.data(), width, &work_.joined[net_.channels]);
  }

  void dense(const LinearWeights& layer, const float* x, float* y) const {
    net_.kernels->dense({.weights = layer.weight.data(),
                         .bias = layer.bias.data(),
                         .x = x,
                         .inputs = layer.inputs,
                         .outputs = layer.outputs,
                         .y = y});
  }

  const PackedNetwork& net_;
  Workspace& work_;
  Team::Session& session_;
  std::size_t samples_;
  std::size_t rows_;
};

void check_codes(const NetworkInput& in, const std::vector<std::size_t>& codes) {
  for (std::size_t i = 0; i < in.batch * codes.size(); ++i) {
    const std::int64_t code = in.categorical[i];
    if (code < 0 || static_cast<std::uint64_t>(code) >= codes[i % codes.size()]) {
      throw std::invalid_argument("category " + std::to_string(i % codes.size()) + " has no code " +
                                  std::to_string(code));
    }
  }
}

}  // namespace

struct Engine::State {
  State(const TensorMap& tensors, const NetworkSizes& sizes, const EngineOptions& options)
      : network(read_network(tensors, sizes), select_product(options.precision, options.instruction_set)),
        workspaces(network, options.threads),
        team(options.threads, options.hooks),
        alone(1) {}

  PackedNetwork network;
  WorkspacePool workspaces;
  Team team;
  std::mutex team_in_use;
  Team alone;  // has no helpers, so that anyone may use it at any time
};

Engine::Engine(const TensorMap& tensors, const NetworkSizes& sizes, const EngineOptions& options)
    : state_(std::make_unique<State>(tensors, sizes, options)) {}

Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

void Engine::run(const NetworkInput& in, float* logits, float* features) const {
  State& state = *state_;
  if (state.team.is_foreign()) {
    throw Error(ErrorKind::backend,
                "this process was forked from the one that loaded the model, whose threads it does not have: load the "
                "bundle in this process");
  }
  const NetworkSizes& sizes = state.network.sizes;
  check_codes(in, sizes.categorical);
  const FloatEnvironment floats(Denormals::flush);
  WorkspacePool::Lease workspace(state.workspaces);
  const std::unique_lock lock(state.team_in_use, std::try_to_lock);
  Team::Session session(lock.owns_lock() ? state.team : state.alone);
  Pass pass(state.network, *workspace, session);
  for (std::size_t window = 0; window < in.batch; ++window) {
    pass.run(in.signal + window * sizes.leads * sizes.window, in.continuous + window * sizes.continuous,
             in.categorical + window * sizes.categorical.size(), logits + window * sizes.targets,
             features ? features + window * this->features() : nullptr);
  }
}

const NetworkSizes& Engine::sizes() const { return state_->network.sizes; }
std::size_t Engine::features() const { return state_->network.head.inputs; }
std::string Engine::instruction_set() const { return state_->network.kernels->name; }
Precision Engine::precision() const { return state_->network.product->precision; }
std::size_t Engine::threads() const { return state_->team.threads(); }

}  // namespace ecg2lab
