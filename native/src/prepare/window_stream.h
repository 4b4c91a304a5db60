// Windows of a signal that is still coming in, one every hop.
//
// Window k holds samples k·hop to k·hop + L at the wanted rate: bit for bit those of `prepare` over the whole signal,
// if no gap is longer than the limit, whatever the chunks. With each comes what `prepare` says of the recorded
// samples of its time, as if they were a recording.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_record.h"
#include "prepare/prepare.h"
#include "prepare/prepare_stream.h"

namespace ecg2lab {

struct WindowStreamOptions {
  std::size_t window;            // L, samples at the wanted rate
  std::size_t hop;               // from the beginning of one window to that of the next, likewise
  std::size_t longest_gap;       // recorded samples; a longer gap is lead-off, and its windows hold the last value
  std::int64_t longest_backlog;  // recorded samples that may wait behind a window that is due
};

// Where in a stream a window lies; samples are numbered at the recorded rate, seconds count from the beginning.
struct Position {
  std::int64_t window;  // its number
  std::int64_t first_sample;
  std::int64_t last_sample;
  double begin_s;
  double end_s;
  double since_s;   // where the signal begins on which the answer rests
  double behind_s;  // signal that has come in beyond the window's end
  double look_ahead_s;
  std::optional<double> begin_time;  // of the first sample, by the caller's clock
};

struct StreamWindow {
  std::int64_t begin;  // number of its first sample at the wanted rate, from the beginning of the stream
  Prepared prepared;
  Position position;
};

// One per patient; one thread at a time.
class WindowStream {
 public:
  // Throws std::invalid_argument as PrepareStream does, and on a window or hop of zero samples or 2^31 and more.
  WindowStream(const std::vector<std::string>& recorded_leads, double recorded_rate_hz, const PrepareOptions& prepare,
               const WindowStreamOptions& options);

  // As PrepareStream::push; windows wait until `advance` has passed them. After std::bad_alloc only `reset` helps.
  void push(MatrixView<double> samples);
  // The signal ends here: the last windows that it fills become due.
  void finish();
  void reset();

  // How many windows wait.
  std::size_t due() const;
  // Whether more than the backlog waits behind the window that is due: samples are kept until it was passed.
  bool full() const;
  // Throws as `push` would, and takes nothing.
  void check(MatrixView<double> samples) const { preparation_.check(samples); }
  // The window that is due; `longest_gap` of its leads is that of a gap that touches it, counted beyond its ends up to
  // one more than the limit. Throws std::logic_error if none is.
  StreamWindow window() const;
  // To the next one.
  void advance();

  // As PrepareStream::save and ::restore; a stream that ran out of memory has no state.
  std::string save() const;
  void restore(std::string_view state);

  const PrepareStream& preparation() const { return preparation_; }
  // Samples at the wanted rate that are certain.
  std::int64_t prepared_samples() const { return preparation_.outputs_made(); }
  std::size_t hop() const { return hop_; }

 private:
  // Samples of several leads that are numbered on and dropped from the front.
  template <typename T>
  struct Tail {
    std::vector<std::vector<T>> leads;
    std::int64_t stored = 0;  // number of the first sample in memory
    std::int64_t first = 0;   // and of the first that is still needed

    std::int64_t end() const { return stored + static_cast<std::int64_t>(leads.empty() ? 0 : leads[0].size()); }
    std::span<const T> part(std::size_t lead, std::int64_t begin, std::size_t count) const {
      return std::span(leads[lead]).subspan(static_cast<std::size_t>(begin - stored), count);
    }
    // As if everything before `end - count` had been dropped, with these samples in its place.
    void assign(std::int64_t end, std::int64_t count, ByteReader& samples);
    void save(ByteWriter& state) const;
    template <typename Rows>
    void append(const Rows& rows);
    void drop(std::int64_t before);
  };

  template <class Prepare>
  void extend(const Prepare& prepare, MatrixView<double> recorded);
  std::int64_t recorded_at(std::int64_t t) const;
  Position locate(std::int64_t first_sample, std::int64_t end_sample) const;
  Prepared inspect_recorded(std::int64_t begin, std::int64_t end) const;
  std::size_t gap_around(const LeadSource& source, std::int64_t begin, std::int64_t end) const;
  bool missing(const LeadSource& source, std::int64_t t) const;
  std::int64_t first_needed() const;
  void drop();
  std::string settings() const;

  PrepareOptions options_;
  std::size_t window_, hop_;
  std::int64_t longest_gap_, longest_backlog_;
  double recorded_rate_hz_;
  std::vector<LeadSource> sources_;
  Ratio ratio_;
  PrepareStream preparation_;

  Tail<double> recorded_;
  Tail<float> prepared_;
  std::int64_t begin_ = 0;  // of the next window, at the wanted rate
  bool whole_ = true;       // false: memory ran out in the middle of a change
};

}  // namespace ecg2lab
