#include "prepare/window_stream.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "base/errors.h"

namespace ecg2lab {
namespace {

// Begins every saved state: what it is, and its version.
constexpr std::string_view kStateHeader = "ecg2lab windows 1\n";

std::size_t require_count(std::size_t samples, const char* what) {
  if (samples >= 1 && samples <= std::numeric_limits<std::int32_t>::max()) return samples;
  throw std::invalid_argument(std::string("the ") + what + " must be between 1 and 2147483647 samples");
}

}  // namespace

template <typename T>
template <typename Rows>
void WindowStream::Tail<T>::append(const Rows& rows) {
  for (std::size_t lead = 0; lead < leads.size(); ++lead) {
    const auto row = rows.row(lead);
    leads[lead].insert(leads[lead].end(), row.begin(), row.end());
  }
}

template <typename T>
void WindowStream::Tail<T>::drop(std::int64_t before) {
  first = std::max(first, std::min(before, end()));
  // Only once most is not needed any more: a long push is not moved again for each of its windows.
  if (first - stored < end() - first) return;
  const auto dropped = static_cast<std::ptrdiff_t>(first - stored);
  for (std::vector<T>& lead : leads) lead.erase(lead.begin(), lead.begin() + dropped);
  stored = first;
}

template <typename T>
void WindowStream::Tail<T>::assign(std::int64_t end, std::int64_t count, ByteReader& samples) {
  stored = first = end - count;
  for (std::vector<T>& lead : leads) {
    const auto values = samples.numbers<double>(static_cast<std::size_t>(count));
    lead.assign(values.begin(), values.end());
  }
}

template <typename T>
void WindowStream::Tail<T>::save(ByteWriter& state) const {
  for (std::size_t lead = 0; lead < leads.size(); ++lead) {
    const auto kept = part(lead, first, static_cast<std::size_t>(end() - first));
    for (const T sample : kept) state.number(static_cast<double>(sample));
  }
}

WindowStream::WindowStream(const std::vector<std::string>& recorded_leads, double recorded_rate_hz,
                           const PrepareOptions& prepare, const WindowStreamOptions& options)
    : options_(prepare),
      window_(require_count(options.window, "window")),
      hop_(require_count(options.hop, "hop")),
      longest_gap_(static_cast<std::int64_t>(options.longest_gap)),
      longest_backlog_(options.longest_backlog),
      recorded_rate_hz_(recorded_rate_hz),
      sources_(require_leads(recorded_leads, prepare.leads)),
      ratio_(ratio_of_rates(recorded_rate_hz, prepare.sampling_rate_hz)),
      preparation_(recorded_leads, recorded_rate_hz, prepare, options.longest_gap) {
  recorded_.leads.resize(recorded_leads.size());
  prepared_.leads.resize(sources_.size());
}

void WindowStream::reset() {
  preparation_.reset();
  for (auto& lead : recorded_.leads) lead.clear();
  for (auto& lead : prepared_.leads) lead.clear();
  recorded_.stored = recorded_.first = prepared_.stored = prepared_.first = begin_ = 0;
  whole_ = true;
}

// Takes what `prepare` makes of the samples in `recorded`.
template <class Prepare>
void WindowStream::extend(const Prepare& prepare, MatrixView<double> recorded) {
  if (!whole_) throw Error(ErrorKind::recording, say<MessageCode::stream_out_of_memory>());
  whole_ = false;
  try {
    prepared_.append(prepare());
  } catch (const Error&) {  // refused, and nothing was taken
    whole_ = true;
    throw;
  } catch (const std::invalid_argument&) {
    whole_ = true;
    throw;
  }
  recorded_.append(recorded);
  drop();
  whole_ = true;
}

void WindowStream::push(MatrixView<double> samples) {
  extend([&] { return preparation_.push(samples); }, samples);
}

void WindowStream::finish() {
  extend([&] { return preparation_.finish(); }, {nullptr, recorded_.leads.size(), 0});
}

std::size_t WindowStream::due() const {
  const std::int64_t complete = prepared_.end() - begin_ - static_cast<std::int64_t>(window_);
  return complete < 0 || !whole_ ? 0 : static_cast<std::size_t>(complete) / hop_ + 1;
}

bool WindowStream::full() const {
  const std::int64_t end = recorded_at(begin_ + static_cast<std::int64_t>(window_));
  return due() > 0 && preparation_.samples_received() - end > longest_backlog_;
}

StreamWindow WindowStream::window() const {
  if (due() == 0) throw std::logic_error("no window is due");
  const std::int64_t begin = recorded_at(begin_), end = recorded_at(begin_ + static_cast<std::int64_t>(window_));
  StreamWindow out{.begin = begin_, .prepared = inspect_recorded(begin, end), .position = locate(begin, end)};
  out.prepared.signal = Matrix<float>(sources_.size(), window_);
  for (std::size_t lead = 0; lead < sources_.size(); ++lead) {
    const auto part = prepared_.part(lead, begin_, window_);
    std::copy(part.begin(), part.end(), out.prepared.signal.row(lead).begin());
  }
  return out;
}

// Of the window that is due.
Position WindowStream::locate(std::int64_t first_sample, std::int64_t end_sample) const {
  const double rate_hz = options_.sampling_rate_hz, begin_s = static_cast<double>(begin_) / rate_hz,
               end_s = static_cast<double>(begin_ + static_cast<std::int64_t>(window_)) / rate_hz;
  return {.window = begin_ / static_cast<std::int64_t>(hop_),
          .first_sample = first_sample,
          .last_sample = end_sample - 1,
          .begin_s = begin_s,
          .end_s = end_s,
          .since_s = begin_s,
          .behind_s = static_cast<double>(preparation_.samples_received()) / recorded_rate_hz_ - end_s,
          .look_ahead_s = static_cast<double>(preparation_.look_ahead()) / recorded_rate_hz_,
          .begin_time = {}};
}

void WindowStream::advance() {
  begin_ += static_cast<std::int64_t>(hop_);
  drop();
}

// Number of the first recorded sample at the instant of prepared sample t or after it.
std::int64_t WindowStream::recorded_at(std::int64_t t) const { return (t * ratio_.down + ratio_.up - 1) / ratio_.up; }

Prepared WindowStream::inspect_recorded(std::int64_t begin, std::int64_t end) const {
  Matrix<double> samples(recorded_.leads.size(), static_cast<std::size_t>(end - begin));
  for (std::size_t lead = 0; lead < samples.rows; ++lead) {
    const auto part = recorded_.part(lead, begin, samples.columns);
    std::copy(part.begin(), part.end(), samples.row(lead).begin());
  }
  Prepared found =
      inspect({samples.values.data(), samples.rows, samples.columns}, sources_, recorded_rate_hz_, options_);
  for (std::size_t lead = 0; lead < found.leads.size(); ++lead) {
    LeadReport& report = found.leads[lead];
    if (report.missing_samples > 0) report.longest_gap = gap_around(sources_[lead], begin, end);
  }
  return found;
}

// The longest gap that touches the samples from `begin` to `end`.
std::size_t WindowStream::gap_around(const LeadSource& source, std::int64_t begin, std::int64_t end) const {
  std::int64_t t = begin;
  while (t > recorded_.first && missing(source, t) && missing(source, t - 1)) --t;
  std::int64_t run = 0, longest = 0;
  for (; t < recorded_.end() && (t < end || run > 0); ++t) {
    run = missing(source, t) ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return static_cast<std::size_t>(std::min(longest, longest_gap_ + 1));
}

bool WindowStream::missing(const LeadSource& source, std::int64_t t) const {
  return std::any_of(source.terms.begin(), source.terms.end(),
                     [&](const LeadSource::Term& term) { return std::isnan(recorded_.part(term.row, t, 1).front()); });
}

// Of the recorded samples: a gap that reaches into the next window is told by the samples before it.
std::int64_t WindowStream::first_needed() const { return recorded_at(begin_) - longest_gap_ - 1; }

// What no window needs any more.
void WindowStream::drop() {
  prepared_.drop(begin_);
  recorded_.drop(first_needed());
}

std::string WindowStream::settings() const {
  ByteWriter settings;
  settings.number(static_cast<std::int64_t>(window_));
  settings.number(static_cast<std::int64_t>(hop_));
  return settings.bytes();
}

// Which samples are kept follows from where the next window begins.
std::string WindowStream::save() const {
  if (!whole_) throw Error(ErrorKind::recording, say<MessageCode::stream_out_of_memory>());
  ByteWriter state;
  state.text(settings());
  state.text(preparation_.save());
  state.number(begin_);
  recorded_.save(state);
  prepared_.save(state);
  return std::string(kStateHeader) + sealed(state.bytes());
}

void WindowStream::restore(std::string_view bytes) {
  if (!bytes.starts_with(kStateHeader)) throw std::invalid_argument("this is no state of a stream of this version");
  ByteReader state(unsealed(bytes.substr(kStateHeader.size())));
  if (state.text() != settings()) throw std::invalid_argument("the state belongs to a stream of other settings");
  WindowStream restored(*this);
  restored.preparation_.restore(state.text());
  const std::int64_t received = restored.preparation_.samples_received(), prepared = restored.prepared_samples();
  const auto hop = static_cast<std::int64_t>(hop_);
  restored.begin_ = state.number<std::int64_t>();
  // At most one hop beyond the last window that can have been answered.
  const bool possible =
      restored.begin_ >= 0 && restored.begin_ % hop == 0 &&
      restored.begin_ <= std::max<std::int64_t>(0, prepared - static_cast<std::int64_t>(window_) + hop);
  if (!possible) throw damaged_record();
  const std::int64_t first = std::clamp<std::int64_t>(restored.first_needed(), 0, received);
  restored.recorded_.assign(received, received - first, state);
  restored.prepared_.assign(prepared, prepared - std::min(restored.begin_, prepared), state);
  state.require_end();
  restored.whole_ = true;
  *this = std::move(restored);
}

}  // namespace ecg2lab
