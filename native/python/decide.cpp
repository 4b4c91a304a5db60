#include "patient/decide.h"

#include "bindings.h"

namespace ecg2lab::bindings {
namespace {

// `rules` is (targets, 3): slope, intercept, threshold. Returns a list of (probability, lowest, highest, verdict).
py::list decide_array(const Array<float>& logits, const Array<double>& rules) {
  const auto table = view_2d(rules);
  if (table.columns != 3) throw std::invalid_argument("a rule has three numbers");
  std::vector<DecisionRule> parsed;
  for (std::size_t target = 0; target < table.rows; ++target) {
    const auto row = table.row(target);
    parsed.push_back({row[0], row[1], row[2]});
  }
  py::list answers;
  for (const Decision& d : decide(view_2d(logits), parsed)) {
    answers.append(py::make_tuple(d.probability, d.lowest, d.highest, static_cast<int>(d.verdict)));
  }
  return answers;
}

}  // namespace

void bind_decide(py::module_& module) {
  using py::literals::operator""_a;
  module.def("decide", &decide_array, "logits"_a.noconvert(), "rules"_a.noconvert());
}

}  // namespace ecg2lab::bindings
