#include "prepare/prepare_stream.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "base/byte_record.h"
#include "base/errors.h"
#include "signal/kernels/select.h"

namespace ecg2lab {
namespace {

// Begins every saved state: what it is, and its version.
constexpr std::string_view kStateHeader = "ecg2lab stream 1\n";

// Sample numbers times the terms of a ratio stay far inside 64 bits.
constexpr std::int64_t kMostSamples = std::numeric_limits<std::int64_t>::max() / (4 * kLargestTerm);

std::string describe(const std::vector<std::string>& recorded, double rate, const PrepareOptions& options,
                     std::size_t longest_gap) {
  ByteWriter settings;
  settings.number(rate);
  settings.number(options.sampling_rate_hz);
  settings.number(options.clip_mv);
  settings.number(static_cast<std::int64_t>(longest_gap));
  for (const auto* names : {&recorded, &options.leads}) {
    settings.number(static_cast<std::int64_t>(names->size()));
    for (const std::string& name : *names) settings.text(name);
  }
  return settings.bytes();
}

}  // namespace

PrepareStream::PrepareStream(const std::vector<std::string>& recorded_leads, double recorded_rate_hz,
                             const PrepareOptions& options, std::size_t longest_gap)
    : sources_(require_leads(recorded_leads, options.leads)),
      recorded_leads_(recorded_leads),
      settings_(describe(recorded_leads, recorded_rate_hz, options, longest_gap)),
      clip_mv_(options.clip_mv),
      resampler_(shared_resampler(recorded_rate_hz, options.sampling_rate_hz)),
      longest_gap_(static_cast<std::int64_t>(longest_gap)) {
  require_clip(options.clip_mv);
  if (options.filters.any()) {
    throw std::invalid_argument("a stream has no filters: a zero-phase filter needs the whole recording");
  }
  if (longest_gap > std::numeric_limits<std::int32_t>::max()) {
    throw std::invalid_argument("the longest gap is too long");
  }
  reset();
}

void PrepareStream::reset() {
  leads_.assign(sources_.size(), Lead{.gaps = GapCloser(longest_gap_), .samples = {}});
  received_ = first_ = next_ = decided_ = 0;
  finished_ = false;
}

Matrix<float> PrepareStream::push(MatrixView<double> samples) {
  check(samples);
  append(samples);
  const std::int64_t decided = count_decided();
  std::int64_t end = next_;
  while (resampler_->last_needed(end) < decided) ++end;
  return emit(decided, end);
}

Matrix<float> PrepareStream::finish() {
  if (finished_) throw Error(ErrorKind::recording, say<MessageCode::stream_ended>());
  for (Lead& lead : leads_) lead.gaps.finish(lead.samples);
  finished_ = true;
  return emit(received_, resampler_->outputs_of(received_));
}

void PrepareStream::check(MatrixView<double> samples) const {
  if (finished_) throw Error(ErrorKind::recording, say<MessageCode::stream_ended>());
  if (samples.rows != recorded_leads_.size())
    throw std::invalid_argument("a row of samples for each recorded lead is needed");
  if (samples.columns > static_cast<std::uint64_t>(kMostSamples - received_))
    throw Error(ErrorKind::recording, say<MessageCode::recording_too_long>());
  for (const LeadSource& source : sources_) {
    for (const LeadSource::Term& term : source.terms) {
      const auto row = samples.row(term.row);
      if (std::any_of(row.begin(), row.end(), [](double x) { return std::isinf(x); })) {
        throw Error(ErrorKind::recording, say<MessageCode::stream_infinite>(recorded_leads_[term.row]));
      }
    }
  }
}

void PrepareStream::append(MatrixView<double> samples) {
  // All memory first: were there too little, no lead may be longer than another.
  for (Lead& lead : leads_) lead.samples.reserve(lead.samples.size() + samples.columns);
  for (std::size_t index = 0; index < leads_.size(); ++index) {
    Lead& lead = leads_[index];
    const std::size_t before = lead.samples.size();
    lead.samples.resize(before + samples.columns);
    extract_lead(samples, sources_[index], std::span(lead.samples).subspan(before));
    for (std::size_t t = before; t < lead.samples.size(); ++t) {
      lead.gaps.push(std::span(lead.samples).first(t + 1), t);
      if (lead.gaps.lead_off()) lead.held_until = first_ + static_cast<std::int64_t>(t) + 1;
    }
  }
  received_ += static_cast<std::int64_t>(samples.columns);
}

std::int64_t PrepareStream::count_decided() const {
  std::int64_t open = 0;
  for (const Lead& lead : leads_) open = std::max(open, lead.gaps.open());
  return received_ - open;
}

void PrepareStream::count_clipped(std::int64_t decided) {
  const auto begin = static_cast<std::size_t>(decided_ - first_), count = static_cast<std::size_t>(decided - decided_);
  for (Lead& lead : leads_) {
    lead.clipped += select_signal_kernels().survey(lead.samples.data() + begin, count, clip_mv_).beyond;
  }
  decided_ = decided;
}

// Outputs up to `end`, from samples up to `decided`.
Matrix<float> PrepareStream::emit(std::int64_t decided, std::int64_t end) {
  count_clipped(decided);
  Matrix<float> out(leads_.size(), static_cast<std::size_t>(end - next_));
  std::vector<const double*> rows;
  for (const Lead& lead : leads_) rows.push_back(lead.samples.data());
  resampler_->run({rows, first_, static_cast<std::size_t>(decided - first_)}, clip_mv_,
                  {out.values.data(), out.columns, next_, out.columns});
  next_ = end;
  drop(std::min(resampler_->first_needed(next_), decided));
  return out;
}

void PrepareStream::drop(std::int64_t before) {
  if (before <= first_) return;
  const auto dropped = static_cast<std::ptrdiff_t>(before - first_);
  for (Lead& lead : leads_) lead.samples.erase(lead.samples.begin(), lead.samples.begin() + dropped);
  first_ = before;
}

std::vector<StreamLeadReport> PrepareStream::leads() const {
  std::vector<StreamLeadReport> reports;
  for (std::size_t index = 0; index < leads_.size(); ++index) {
    const Lead& lead = leads_[index];
    reports.push_back({.missing_samples = lead.gaps.state.missing.samples,
                       .clipped_samples = lead.clipped,
                       .longest_gap = lead.gaps.state.missing.longest_run,
                       .held_until = lead.held_until,
                       .derived = sources_[index].derived(),
                       .lead_off = lead.gaps.lead_off()});
  }
  return reports;
}

std::string PrepareStream::save() const {
  ByteWriter state;
  state.text(settings_);
  for (const std::int64_t number : {received_, first_, next_, decided_}) state.number(number);
  state.number(static_cast<std::int64_t>(finished_));
  for (const Lead& lead : leads_) {
    const GapCloser::State& gaps = lead.gaps.state;
    state.number(gaps.last);
    state.number(static_cast<std::int64_t>(gaps.has_value));
    state.number(gaps.gap);
    state.number(static_cast<std::int64_t>(gaps.missing.samples));
    state.number(static_cast<std::int64_t>(gaps.missing.longest_run));
    state.number(static_cast<std::int64_t>(lead.clipped));
    state.number(lead.held_until);
    for (const double sample : lead.samples) state.number(sample);
  }
  return std::string(kStateHeader) + sealed(state.bytes());
}

void PrepareStream::restore(std::string_view bytes) {
  if (!bytes.starts_with(kStateHeader)) throw std::invalid_argument("this is no state of a stream of this version");
  ByteReader state(unsealed(bytes.substr(kStateHeader.size())));
  if (state.text() != settings_) throw std::invalid_argument("the state belongs to a stream of other settings");
  PrepareStream restored(*this);
  for (std::int64_t* number : {&restored.received_, &restored.first_, &restored.next_, &restored.decided_}) {
    *number = state.number<std::int64_t>();
  }
  restored.finished_ = state.number<std::int64_t>() != 0;
  restored.require_consistent();
  for (Lead& lead : restored.leads_) {
    GapCloser::State& gaps = lead.gaps.state;
    gaps.last = state.number<double>();
    gaps.has_value = state.number<std::int64_t>() != 0;
    gaps.gap = state.number<std::int64_t>();
    gaps.missing.samples = static_cast<std::size_t>(state.number<std::int64_t>());
    gaps.missing.longest_run = static_cast<std::size_t>(state.number<std::int64_t>());
    lead.clipped = static_cast<std::size_t>(state.number<std::int64_t>());
    lead.held_until = state.number<std::int64_t>();
    lead.samples = state.numbers<double>(static_cast<std::size_t>(restored.received_ - restored.first_));
    const bool possible =
        0 <= gaps.gap && gaps.gap <= restored.received_ && lead.gaps.open() <= restored.received_ - restored.decided_;
    if (!possible) throw damaged_record();
  }
  state.require_end();
  *this = std::move(restored);
}

// What memory safety and a bounded next push rest on; that all is as it was saved, the seal says.
void PrepareStream::require_consistent() const {
  const bool ordered = 0 <= first_ && first_ <= decided_ && decided_ <= received_ && 0 <= next_;
  const bool numbered = ordered && received_ <= kMostSamples && next_ <= resampler_->outputs_of(received_) &&
                        first_ <= std::max<std::int64_t>(0, resampler_->first_needed(next_));
  if (!numbered) throw damaged_record();
}

}  // namespace ecg2lab
