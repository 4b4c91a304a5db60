// Preprocessing of a signal that is still coming in.
//
// Whatever the chunks, the outputs are bit for bit those of `prepare` over the whole recording, if no gap is longer
// than the limit. Samples and outputs are numbered from the beginning; old ones are dropped. There are no filters: a
// zero-phase filter would have to know the end.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "prepare/prepare.h"
#include "signal/leads.h"
#include "signal/missing.h"
#include "signal/resample.h"

namespace ecg2lab {

struct StreamLeadReport {
  std::size_t missing_samples;  // NaN so far
  std::size_t clipped_samples;  // beyond the clip limit so far
  std::size_t longest_gap;      // missing samples without a break
  std::int64_t held_until;      // one after the latest sample that a gap beyond the limit took; 0: there was none
  bool derived;                 // computed from two other limb leads
  bool lead_off;                // now in a gap beyond the limit
};

// One per patient; one thread at a time.
class PrepareStream {
 public:
  // `longest_gap` in samples at the recorded rate. Options as for `prepare`.
  // Throws std::invalid_argument as `prepare` does, if filters are asked for, and on a limit of 2^31 or more.
  PrepareStream(const std::vector<std::string>& recorded_leads, double recorded_rate_hz, const PrepareOptions& options,
                std::size_t longest_gap);

  // Samples (recorded leads, n) that follow those before, n ≥ 0 → (leads, outputs that are certain now).
  // Throws std::invalid_argument on another number of leads, an infinite sample, and after `finish`; nothing has
  // changed then.
  Matrix<float> push(MatrixView<double> samples);
  // Throws as `push` would, and takes nothing.
  void check(MatrixView<double> samples) const;
  // The outputs that remain if the signal ends here.
  Matrix<float> finish();
  // As new.
  void reset();

  // Input samples by which an output lags behind its instant where nothing is missing; an open gap adds up to
  // `longest_gap`.
  std::size_t look_ahead() const { return resampler_->look_ahead(); }
  std::int64_t samples_received() const { return received_; }
  std::int64_t outputs_made() const { return next_; }
  std::vector<StreamLeadReport> leads() const;

  // All that has been seen and matters still, for a stream of the same settings on any machine of the same byte order.
  std::string save() const;
  // Throws std::invalid_argument if the bytes are not a state of this version, belong to other settings or are damaged;
  // nothing has changed then.
  void restore(std::string_view state);

 private:
  struct Lead {
    GapCloser gaps;
    std::vector<double> samples;  // from first_ on
    std::size_t clipped = 0;
    std::int64_t held_until = 0;
  };

  void append(MatrixView<double> samples);
  std::int64_t count_decided() const;
  void count_clipped(std::int64_t decided);
  Matrix<float> emit(std::int64_t decided, std::int64_t end);
  void drop(std::int64_t before);
  void require_consistent() const;

  std::vector<LeadSource> sources_;
  std::vector<std::string> recorded_leads_;
  std::string settings_;  // what a saved state must agree with
  double clip_mv_;
  std::shared_ptr<const Resampler> resampler_;
  std::int64_t longest_gap_;

  std::vector<Lead> leads_;
  std::int64_t received_ = 0, first_ = 0, next_ = 0;  // samples seen, first sample kept, next output
  std::int64_t decided_ = 0;                          // samples before this one will not change any more
  bool finished_ = false;
};

}  // namespace ecg2lab
