#include "prepare/quality.h"

#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings.h"

namespace ecg2lab::bindings {
namespace {

using py::literals::operator""_a;

// What the Python package keeps of a lead: its `LeadNote`.
using LeadNote = std::tuple<std::string, std::size_t, std::size_t, bool, bool, bool, double, std::size_t>;
// By the name of a fault: where it warns and where it refuses.
using Limits = std::map<std::string, std::pair<std::optional<double>, std::optional<double>>>;

QualityLimits to_limits(const Limits& given) {
  QualityLimits limits;
  for (std::size_t i = 0; i < kFaults; ++i) {
    const auto found = given.find(std::string(kFaultRules[i].name));
    if (found != given.end()) limits.limits[i] = {found->second.first, found->second.second};
  }
  return limits;
}

py::dict to_dict(const FoundFault& fault, const std::vector<std::string>& leads) {
  const auto name = [&](std::optional<std::size_t> lead) { return lead ? py::cast(leads[*lead]) : py::none(); };
  return py::dict("fault"_a = rule_of(fault.fault).name, "severity"_a = fault.refuses ? "refusal" : "warning",
                  "lead"_a = name(fault.lead), "other_lead"_a = name(fault.other), "measured"_a = fault.measured,
                  "limit"_a = fault.limit, "message"_a = fault.message);
}

py::dict judge(const std::vector<LeadNote>& notes, const QualityFigures* figures, std::size_t prepared_samples,
               std::size_t recorded_samples, double recorded_rate_hz, double sampling_rate_hz,
               std::size_t window_samples, double clip_mv, const Limits& limits, std::optional<double> longest_gap_s) {
  std::vector<LeadReport> reports;
  Contract contract{.name = {},
                    .signal = {.leads = {}, .sampling_rate_hz = sampling_rate_hz, .window_samples = window_samples},
                    .preprocessing = {.filters = {}, .clip_mv = clip_mv},
                    .continuous = {},
                    .categorical = {},
                    .targets = {},
                    .population = {},
                    .quality = to_limits(limits)};
  for (const auto& [lead, missing, clipped, derived, empty, flat, peak_to_peak_mv, longest_gap] : notes) {
    contract.signal.leads.push_back(lead);
    reports.push_back({.missing_samples = missing,
                       .clipped_samples = clipped,
                       .derived = derived,
                       .empty = empty,
                       .flat = flat,
                       .peak_to_peak_mv = peak_to_peak_mv,
                       .longest_gap = longest_gap});
  }
  if (figures != nullptr && figures->leads.size() != reports.size()) {
    throw std::invalid_argument("figures of other leads");
  }
  const Quality quality =
      judge_quality(reports, figures, prepared_samples,
                    {recorded_samples, recorded_rate_hz, longest_gap_s.value_or(contract.signal.window_s())}, contract);
  py::list faults;
  for (const FoundFault& fault : quality.faults) faults.append(to_dict(fault, contract.signal.leads));
  const char* const verdicts[] = {"accepted", "warnings", "refused"};
  return py::dict("verdict"_a = verdicts[static_cast<int>(quality.verdict())], "faults"_a = faults,
                  "message"_a = quality.message, "of_recording"_a = quality.kind() == ErrorKind::recording);
}

// Those that were measured, by the name of their fault.
py::dict measured(const Figures& figures) {
  py::dict named;
  for (std::size_t i = 0; i < kFaults; ++i) {
    if (!std::isnan(figures[i])) named[py::cast(kFaultRules[i].name)] = figures[i];
  }
  return named;
}

}  // namespace

void bind_quality(py::module_& module) {
  py::class_<QualityFigures>(module, "QualityFigures")
      .def_property_readonly("leads",
                             [](const QualityFigures& figures) {
                               py::list leads;
                               for (const Figures& lead : figures.leads) leads.append(measured(lead));
                               return leads;
                             })
      .def_property_readonly("recording", [](const QualityFigures& figures) { return measured(figures.recording); });
  module.def("judge_quality", &judge, "notes"_a, "figures"_a.none(true), "prepared_samples"_a, "recorded_samples"_a,
             "recorded_rate_hz"_a, "sampling_rate_hz"_a, "window_samples"_a, "clip_mv"_a, "limits"_a,
             "longest_gap_s"_a);
  module.def("fault_names", [] {
    std::vector<std::string> names;
    for (const FaultRule& rule : kFaultRules) names.emplace_back(rule.name);
    return py::tuple(py::cast(names));
  });
}

}  // namespace ecg2lab::bindings
