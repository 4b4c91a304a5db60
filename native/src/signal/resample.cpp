#include "signal/resample.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>
#include <mutex>

#include "base/errors.h"
#include "base/float_environment.h"
#include "base/process.h"
#include "signal/kernels/select.h"

namespace ecg2lab {
namespace {

// Splitting twice costs 9 products instead of 16, and a window of whole blocks: not worth it for a window of few
// frames, which a ratio like 40/103 has.
constexpr std::size_t kLevels = 2;
constexpr std::size_t kFewFrames = 16;

// Work is done in tiles that fit a CPU's second cache: so many outputs, and at most so many blocks.
constexpr std::int64_t kTileOutputs = 4096, kTileBlocks = 256;

// Lanes of a row. A vector that straddles two cache lines is loaded twice, and only rows of whole vectors have none
// that do. Loads are what a weighted sum waits for where vectors are as long as a cache line; there a third more lanes,
// as 16 for 12 leads, cost less.
std::size_t lanes_of_row(std::size_t leads, std::size_t width) {
  constexpr std::size_t kCacheLine = 16;  // floats
  const std::size_t padded = (leads + width - 1) / width * width;
  return width == kCacheLine && 3 * padded <= 4 * leads ? padded : leads;
}

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

FrameShape choose_shape(std::int64_t samples, std::int64_t frame) {
  auto window = static_cast<std::size_t>(divide_up(samples, frame));
  const std::size_t levels = window < kFewFrames ? 0 : kLevels;
  const std::size_t block = std::size_t{1} << levels;
  window = (window + block - 1) / block * block;
  return {static_cast<std::size_t>(frame), window, levels};
}

// Where the signal begins or ends: samples of it, and zero where none are given.
class Edge {
 public:
  Edge(const Samples& in, std::size_t length) : in_(in), length_(length), padded_(in.leads.size() * length) {
    for (std::size_t lead = 0; lead < in.leads.size(); ++lead) leads_.push_back(padded_.data() + lead * length);
  }

  // All leads, from `first` on.
  std::span<const double* const> samples(std::int64_t first) {
    const auto length = static_cast<std::int64_t>(length_), count = static_cast<std::int64_t>(in_.count);
    const std::int64_t begin = std::clamp<std::int64_t>(-first, 0, length),
                       end = std::clamp(count - first, begin, length);
    std::fill(padded_.begin(), padded_.end(), 0.0);
    for (std::size_t lead = 0; lead < leads_.size() && begin < end; ++lead) {
      std::copy_n(in_.leads[lead] + (first + begin), end - begin, padded_.data() + lead * length_ + begin);
    }
    return leads_;
  }

 private:
  const Samples& in_;
  std::size_t length_;
  std::vector<double> padded_;
  std::vector<const double*> leads_;
};

}  // namespace

void require_clip(double clip_mv) {
  if (!(clip_mv > 0)) throw std::invalid_argument("the clip limit must be positive");
}

Resampler::Resampler(double input_rate, double output_rate, const std::string& instruction_set)
    : kernels_(&select_signal_kernels(instruction_set)),
      step_(1 / (output_rate / input_rate)),
      ratio_(ratio_of_rates(input_rate, output_rate)) {
  if (ratio_.up == ratio_.down) return;
  std::vector<Phase> phases;
  for (std::int64_t r = 0; r < ratio_.up; ++r) {
    const std::int64_t between = r * ratio_.down % ratio_.up;
    phases.push_back(
        kaiser_best_phase(static_cast<double>(between) / static_cast<double>(ratio_.up), input_rate, output_rate));
    phases.back().first += r * ratio_.down / ratio_.up;
  }
  phases.push_back(kaiser_best_phase(1, input_rate, output_rate));
  phases.back().first -= 1;
  add_filters(phases);
}

void Resampler::add_filters(const std::vector<Phase>& phases) {
  std::int64_t start = std::numeric_limits<std::int64_t>::max(), end = std::numeric_limits<std::int64_t>::min();
  for (const Phase& phase : phases) {
    start = std::min(start, phase.first);
    end = std::max(end, phase.first + static_cast<std::int64_t>(phase.weights.size()));
  }
  shape_ = choose_shape(end - start, ratio_.down);
  // Windows end where the longest filter does: what whole frames and blocks add lies in the past.
  lead_in_ = static_cast<std::int64_t>(shape_.window) * ratio_.down - end;
  for (std::size_t index = 0; index < phases.size(); ++index) {
    const Phase& phase = phases[index];
    std::vector<double> window(shape_.window * shape_.frame);
    std::copy(phase.weights.begin(), phase.weights.end(), &window[static_cast<std::size_t>(phase.first + lead_in_)]);
    const std::int64_t own_end = phase.first + static_cast<std::int64_t>(phase.weights.size());
    filters_.push_back({shape_.levels == 0 ? own_end : end, FastFilter(window, shape_)});
    const std::int64_t r = static_cast<std::int64_t>(index) % ratio_.up;
    look_ahead_ = std::max(look_ahead_, static_cast<std::size_t>(std::max<std::int64_t>(
                                            last_needed(r, index) - r * ratio_.down / ratio_.up, 0)));
  }
}

std::size_t Resampler::output_length(std::size_t input_length) const {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max() / kLargestTerm;
  const std::uint64_t length = input_length;  // which a machine of 32 bits cannot make too long to be numbered
  const std::int64_t outputs = length > kMost ? -1 : outputs_of(static_cast<std::int64_t>(length));
  if (outputs < 0 || outputs > std::numeric_limits<std::ptrdiff_t>::max()) {
    throw Error(ErrorKind::recording, say<MessageCode::recording_too_long>());
  }
  return static_cast<std::size_t>(outputs);
}

std::size_t Resampler::filter_of(std::int64_t t) const {
  return filter_of(t, t % ratio_.up, t / ratio_.up * ratio_.down);
}

std::size_t Resampler::filter_of(std::int64_t t, std::int64_t phase, std::int64_t instant) const {
  if (phase != 0) return static_cast<std::size_t>(phase);
  // resampy takes the integer part of a rounded product: it may fall just below the exact integer.
  const auto rounded = static_cast<std::int64_t>(static_cast<double>(t) * step_);
  return rounded < instant ? static_cast<std::size_t>(ratio_.up) : 0;
}

std::int64_t Resampler::last_needed(std::int64_t t) const {
  return filters_.empty() ? t : last_needed(t, filter_of(t));
}

std::int64_t Resampler::last_needed(std::int64_t t, std::size_t filter) const {
  return t / ratio_.up * ratio_.down + filters_[filter].end - 1;
}

std::int64_t Resampler::first_needed(std::int64_t t) const {
  if (filters_.empty()) return t;
  const auto block = static_cast<std::int64_t>(shape_.block());
  return t / ratio_.up / block * block * ratio_.down - lead_in_;
}

void Resampler::run(const Samples& in, double clip_mv, const Outputs& out) const {
  const FloatEnvironment floats(Denormals::flush);
  if (filters_.empty()) return copy(in, clip_mv, out);
  const std::int64_t of_block = static_cast<std::int64_t>(shape_.block()) * ratio_.up;
  const std::int64_t of_tile = std::clamp<std::int64_t>(kTileOutputs / of_block, 1, kTileBlocks) * of_block;
  const std::int64_t end = out.first + static_cast<std::int64_t>(out.count);
  auto memory = memories_.take();
  for (std::int64_t t = out.first; t < end;) {
    const std::int64_t next = std::min(end, t / of_block * of_block + of_tile);
    run_tile(in, clip_mv, {out.data + (t - out.first), out.stride, t, static_cast<std::size_t>(next - t)}, *memory);
    t = next;
  }
  memories_.give_back(std::move(memory));
}

void Resampler::run_tile(const Samples& in, double clip_mv, const Outputs& out, FilterMemory& memory) const {
  const std::int64_t of_block = static_cast<std::int64_t>(shape_.block()) * ratio_.up;
  const std::int64_t end = out.first + static_cast<std::int64_t>(out.count), first_block = out.first / of_block;
  const Selection selection = select_filters(out);
  const std::size_t lanes = lanes_of_row(in.leads.size(), kernels_->width);
  FrameFilter frames(*kernels_, shape_, lanes, static_cast<std::size_t>(divide_up(end, of_block) - first_block),
                     selection.filters.size(), memory);
  pack(in, clip_mv, first_needed(out.first), frames);
  frames.run(selection.filters);
  unpack(frames, selection, static_cast<std::size_t>(first_block), in.leads.size(), out);
}

// Only the filters that these outputs need, in the order in which they come.
Resampler::Selection Resampler::select_filters(const Outputs& out) const {
  std::vector<std::size_t> place(filters_.size(), filters_.size());
  Selection selection;
  selection.of_output.reserve(out.count);
  // Counted on from output to output: a division for each would take as long as its part of the filter.
  std::int64_t phase = out.first % ratio_.up, instant = out.first / ratio_.up * ratio_.down;
  for (std::size_t i = 0; i < out.count; ++i) {
    const std::size_t filter = filter_of(out.first + static_cast<std::int64_t>(i), phase, instant);
    if (++phase == ratio_.up) {
      phase = 0;
      instant += ratio_.down;
    }
    if (place[filter] == filters_.size()) {
      place[filter] = selection.filters.size();
      selection.filters.push_back(&filters_[filter].weights);
    }
    selection.of_output.push_back(place[filter]);
  }
  return selection;
}

void Resampler::unpack(const FrameFilter& frames, const Selection& selection, std::size_t first_block,
                       std::size_t lanes, const Outputs& out) const {
  std::vector<std::size_t> offsets;
  offsets.reserve(out.count);
  const float* const rows = frames.outputs(0, 0);
  const std::size_t m = static_cast<std::size_t>(out.first / ratio_.up) - first_block * shape_.block();
  std::size_t array = m % shape_.block(), row = m / shape_.block();
  std::int64_t phase = out.first % ratio_.up;
  for (const std::size_t filter : selection.of_output) {
    const float* const from = frames.outputs(filter, array) + row * frames.lanes();
    offsets.push_back(static_cast<std::size_t>(from - rows));
    if (++phase < ratio_.up) continue;
    phase = 0;
    if (++array == shape_.block()) {
      array = 0;
      ++row;
    }
  }
  kernels_->rows_to_leads(
      {.rows = rows, .offsets = offsets, .lanes = lanes, .leads = out.data, .lead_stride = out.stride});
}

// Sample `first + (row · block + array) · M + part` of all leads goes to the row of that part and array.
void Resampler::pack(const Samples& in, double clip_mv, std::int64_t first, FrameFilter& frames) const {
  const std::size_t lanes = frames.lanes(), of_row = shape_.block() * shape_.frame;
  std::vector<std::size_t> offsets;
  for (std::size_t array = 0; array < shape_.block(); ++array) {
    const auto begin = static_cast<std::size_t>(frames.frames(array) - frames.frames(0));
    for (std::size_t part = 0; part < shape_.frame; ++part) offsets.push_back(begin + part * frames.rows() * lanes);
  }
  Edge edge(in, of_row);
  for (std::size_t row = 0; row < frames.rows(); ++row) {
    const std::int64_t from = first + static_cast<std::int64_t>(row * of_row) - in.first;
    float* const rows = frames.frames(0) + row * lanes;
    if (0 <= from && from + static_cast<std::int64_t>(of_row) <= static_cast<std::int64_t>(in.count)) {
      kernels_->leads_to_rows({in.leads, static_cast<std::size_t>(from), clip_mv, rows, offsets});
    } else {
      kernels_->leads_to_rows({edge.samples(from), 0, clip_mv, rows, offsets});
    }
  }
}

void Resampler::copy(const Samples& in, double clip_mv, const Outputs& out) const {
  for (std::size_t lead = 0; lead < in.leads.size(); ++lead) {
    const double* const from = in.leads[lead] + (out.first - in.first);
    std::transform(from, from + out.count, out.data + lead * out.stride,
                   [=](double x) { return static_cast<float>(std::clamp(x, -clip_mv, clip_mv)); });
  }
}

namespace {

struct Cache {
  struct Entry {
    double input_rate, output_rate;
    std::shared_ptr<const Resampler> resampler;
  };
  const long process = process_id();
  std::mutex mutex;
  std::array<Entry, 4> entries;  // the latest first
};

// That of this process: in one that was forked off the parent's lock may be held for ever.
class CacheOfProcess {
 public:
  ~CacheOfProcess() {
    Cache* const cache = cache_.load();
    if (cache != nullptr && cache->process == process_id()) delete cache;
  }

  Cache& get() {
    Cache* cache = cache_.load();
    if (cache != nullptr && cache->process == process_id()) return *cache;
    auto made = std::make_unique<Cache>();
    return cache_.compare_exchange_strong(cache, made.get()) ? *made.release() : *cache;
  }

 private:
  std::atomic<Cache*> cache_{nullptr};
};

CacheOfProcess cache_of_process;

}  // namespace

std::shared_ptr<const Resampler> shared_resampler(double input_rate, double output_rate) {
  Cache& cache = cache_of_process.get();
  auto& entries = cache.entries;
  const std::scoped_lock lock(cache.mutex);
  const auto place = std::find_if(entries.begin(), entries.end(), [&](const Cache::Entry& entry) {
    return entry.resampler && entry.input_rate == input_rate && entry.output_rate == output_rate;
  });
  if (place != entries.end()) {
    std::rotate(entries.begin(), place, place + 1);
  } else {
    auto made = std::make_shared<const Resampler>(input_rate, output_rate);
    std::rotate(entries.begin(), entries.end() - 1, entries.end());
    entries.front() = {input_rate, output_rate, std::move(made)};
  }
  return entries.front().resampler;
}

}  // namespace ecg2lab
