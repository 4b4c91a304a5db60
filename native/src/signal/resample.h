// Rational resampling of many leads at once, equal to resampy 0.4.3 with its filter `kaiser_best`.
//
// Glossary: up/down output rate over input rate in lowest terms; t number of an output; phase r = t mod up, all outputs
// of which have the same weights; m = t div up; frame: `down` input samples, the distance of a phase's outputs.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "signal/fast_filter.h"
#include "signal/kaiser_best.h"

namespace ecg2lab {

// Samples of several leads. The signal is zero where none are given, as in resampy.
struct Samples {
  std::span<const double* const> leads;
  std::int64_t first;  // number of the first sample that is given
  std::size_t count;   // that are given, of each lead
};

// Where outputs go: lead i from `data + i · stride` on.
struct Outputs {
  float* data;
  std::size_t stride;
  std::int64_t first;  // number of the first output that is wanted
  std::size_t count;
};

// Throws std::invalid_argument unless the clip limit is positive; infinity means none.
void require_clip(double clip_mv);

// May be used by several threads at once.
class Resampler {
 public:
  // Rates in Hz; `instruction_set` as in `select_signal_kernels`.
  // Throws std::invalid_argument on rates that `ratio_of_rates` refuses and an instruction set that is not there.
  Resampler(double input_rate, double output_rate, const std::string& instruction_set = "");

  // Throws std::invalid_argument if the signal is too long to be numbered, or its outputs for any memory.
  std::size_t output_length(std::size_t input_length) const;
  // Of a signal that is never in memory as a whole.
  std::int64_t outputs_of(std::int64_t inputs) const { return inputs * ratio_.up / ratio_.down; }

  // Number of the last input sample that output t depends on; it may lie before the first or after the last one.
  std::int64_t last_needed(std::int64_t t) const;
  // Number of the first input sample that must be given for output t and later ones.
  std::int64_t first_needed(std::int64_t t) const;
  // Input samples after the output's instant that it depends on, at most: the delay of a live signal.
  std::size_t look_ahead() const { return look_ahead_; }

  // Clips to ±clip_mv and resamples. Float32: the error is below 1e-6 of the clip limit. Samples must be finite. An
  // output has the same bits whatever else is computed in the same call, if all samples that it depends on are given.
  void run(const Samples& in, double clip_mv, const Outputs& out) const;

 private:
  struct Filter {
    std::int64_t end;  // one after the last sample that an output depends on, counted from the first one of frame m
    FastFilter weights;
  };

  struct Selection {
    std::vector<const FastFilter*> filters;
    std::vector<std::size_t> of_output;  // for each output the index of its filter among them
  };

  void add_filters(const std::vector<Phase>& phases);
  std::size_t filter_of(std::int64_t t) const;
  // The same, with t mod up and the input sample at whose instant a frame's outputs begin.
  std::size_t filter_of(std::int64_t t, std::int64_t phase, std::int64_t instant) const;
  std::int64_t last_needed(std::int64_t t, std::size_t filter) const;
  void run_tile(const Samples& in, double clip_mv, const Outputs& out, FilterMemory& memory) const;
  Selection select_filters(const Outputs& out) const;
  void pack(const Samples& in, double clip_mv, std::int64_t first, FrameFilter& frames) const;
  void unpack(const FrameFilter& frames, const Selection& selection, std::size_t first_block, std::size_t lanes,
              const Outputs& out) const;
  void copy(const Samples& in, double clip_mv, const Outputs& out) const;

  const SignalKernels* kernels_;
  double step_;  // 1 / (output rate / input rate), rounded as resampy does
  Ratio ratio_;
  std::vector<Filter> filters_;  // one for each phase; one more for phase 0 where its instant is rounded down
  FrameShape shape_{};
  std::int64_t lead_in_ = 0;  // samples before the first one of frame m at which its windows begin
  std::size_t look_ahead_ = 0;
  mutable FilterMemories memories_;
};

// The same resampler for everybody who asks for the same rates: its weights are not computed again.
std::shared_ptr<const Resampler> shared_resampler(double input_rate, double output_rate);

}  // namespace ecg2lab
