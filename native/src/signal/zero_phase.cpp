#include "signal/zero_phase.h"

#include <algorithm>

#include "base/errors.h"
#include "base/float_environment.h"

namespace ecg2lab {
namespace {

// Rows that go through all sections before the next ones do: they stay in the first cache.
constexpr std::size_t kRowsAtOnce = 128;

double steady_gain(const Section& s) { return (s.b0 + s.b1 + s.b2) / (1 + s.a1 + s.a2); }

// States (sections, 2, lanes) after an endless input equal to `row`.
std::vector<double> steady_states(std::span<const Section> sections, const double* row, std::size_t lanes) {
  std::vector<double> states;
  double scale = 1;
  for (const Section& s : sections) {
    const double gain = steady_gain(s);
    const double s1 = s.b2 - s.a2 * gain, s0 = s.b1 - s.a1 * gain + s1;
    for (std::size_t lane = 0; lane < lanes; ++lane) states.push_back(scale * s0 * row[lane]);
    for (std::size_t lane = 0; lane < lanes; ++lane) states.push_back(scale * s1 * row[lane]);
    scale *= gain;
  }
  return states;
}

// From the row at `begin` on, `count` rows, each `step` numbers after the one before.
void run_sections(double* begin, std::ptrdiff_t step, std::size_t count, std::size_t lanes,
                  std::span<const Section> sections, const SignalKernels& kernels) {
  std::vector<double> states = steady_states(sections, begin, lanes);
  for (std::size_t row = 0; row < count; row += kRowsAtOnce) {
    for (std::size_t index = 0; index < sections.size(); ++index) {
      kernels.section({.section = sections[index],
                       .rows = begin + static_cast<std::ptrdiff_t>(row) * step,
                       .step = step,
                       .count = std::min(kRowsAtOnce, count - row),
                       .lanes = lanes,
                       .state = states.data() + index * 2 * lanes});
    }
  }
}

// Rows (count + 2·mirrored, lanes) from leads, both ends continued by their point reflection.
std::vector<double> mirrored_rows(std::span<double* const> leads, std::size_t count, std::size_t mirrored,
                                  std::size_t lanes) {
  std::vector<double> rows((count + 2 * mirrored) * lanes);
  for (std::size_t i = 0; i < mirrored; ++i) {
    double* const before = rows.data() + i * lanes;
    double* const after = rows.data() + (mirrored + count + i) * lanes;
    for (std::size_t lead = 0; lead < leads.size(); ++lead) {
      const double* const x = leads[lead];
      before[lead] = 2 * x[0] - x[mirrored - i];
      after[lead] = 2 * x[count - 1] - x[count - 2 - i];
    }
  }
  double* row = rows.data() + mirrored * lanes;
  for (std::size_t t = 0; t < count; ++t, row += lanes) {
    for (std::size_t lead = 0; lead < leads.size(); ++lead) row[lead] = leads[lead][t];
  }
  return rows;
}

}  // namespace

std::size_t mirrored_samples(std::size_t sections) { return 3 * (2 * sections + 1); }

void filter_zero_phase(std::span<double* const> leads, std::size_t count, std::span<const Section> sections,
                       const SignalKernels& kernels) {
  const std::size_t mirrored = mirrored_samples(sections.size());
  if (count <= mirrored) throw Error(ErrorKind::recording, say<MessageCode::recording_too_short_to_filter>());
  if (leads.empty()) return;
  const FloatEnvironment floats(Denormals::flush);
  const std::size_t lanes = (leads.size() + kSectionLanes - 1) / kSectionLanes * kSectionLanes;
  std::vector<double> rows = mirrored_rows(leads, count, mirrored, lanes);
  const std::size_t total = count + 2 * mirrored;
  const auto step = static_cast<std::ptrdiff_t>(lanes);
  run_sections(rows.data(), step, total, lanes, sections, kernels);
  run_sections(rows.data() + (total - 1) * lanes, -step, total, lanes, sections, kernels);
  const double* row = rows.data() + mirrored * lanes;
  for (std::size_t t = 0; t < count; ++t, row += lanes) {
    for (std::size_t lead = 0; lead < leads.size(); ++lead) leads[lead][t] = row[lead];
  }
}

}  // namespace ecg2lab
