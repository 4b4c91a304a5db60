#include "prepare/quality.h"

#include <tuple>

#include "bindings.h"

namespace ecg2lab::bindings {
namespace {

// What the Python package keeps of a lead: its `LeadNote`.
using LeadNote = std::tuple<std::string, std::size_t, std::size_t, bool, bool, bool, double, std::size_t>;

// A lead without values for `longest_gap_s` is refused; none: for a window. Raises RecordingError or QualityError.
void require_quality(const std::vector<LeadNote>& notes, std::size_t prepared_samples, std::size_t recorded_samples,
                     double recorded_rate_hz, double sampling_rate_hz, std::size_t window_samples, double clip_mv,
                     std::optional<double> longest_gap_s) {
  std::vector<LeadReport> reports;
  Signal wanted{.leads = {}, .sampling_rate_hz = sampling_rate_hz, .window_samples = window_samples};
  for (const auto& [lead, missing, clipped, derived, empty, flat, peak_to_peak_mv, longest_gap] : notes) {
    wanted.leads.push_back(lead);
    reports.push_back({.missing_samples = missing,
                       .clipped_samples = clipped,
                       .derived = derived,
                       .empty = empty,
                       .flat = flat,
                       .peak_to_peak_mv = peak_to_peak_mv,
                       .longest_gap = longest_gap});
  }
  const Quality quality = judge_quality(reports, prepared_samples,
                                        {recorded_samples, recorded_rate_hz, longest_gap_s.value_or(wanted.window_s())},
                                        wanted, {.filters = {}, .clip_mv = clip_mv});
  if (quality.refusal != QualityRefusal::none) throw Error(quality.kind(), quality.message);
}

}  // namespace

void bind_quality(py::module_& module) {
  using py::literals::operator""_a;
  module.attr("SMALLEST_ECG_MV") = kSmallestEcgMv;
  module.def("require_quality", &require_quality, "notes"_a, "prepared_samples"_a, "recorded_samples"_a,
             "recorded_rate_hz"_a, "sampling_rate_hz"_a, "window_samples"_a, "clip_mv"_a,
             "longest_gap_s"_a = py::none());
}

}  // namespace ecg2lab::bindings
