// What preprocessing asks of an instruction set: a table of functions, chosen once.
//
// Glossary: lane: one lead of a signal; row: the lanes at one moment, side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ecg2lab {

// The length of what a weighted sum writes is a multiple of this: a whole number of vectors of any instruction set.
constexpr std::size_t kGrain = 16;

// One term of a weighted sum: the number that lies `offset` further on.
struct Tap {
  std::uint32_t offset;
  float weight;
};

// out[i] ← Σ weight · data[offset + i], in the order of the taps.
struct WeightedSumArguments {
  const float* data;
  std::span<const Tap> taps;
  std::size_t length;  // of `out`; a multiple of kGrain
  float* out;
};

// rows[offsets[i] + l] ← leads[l][first + i], cut to ±limit: leads, each contiguous, laid side by side.
struct LeadsToRows {
  std::span<const double* const> leads;
  std::size_t first;
  double limit;
  float* rows;
  std::span<const std::size_t> offsets;
};

// leads[l · lead_stride + i] ← rows[offsets[i] + l]: rows taken apart again.
struct RowsToLeads {
  const float* rows;
  std::span<const std::size_t> offsets;
  std::size_t lanes;
  float* leads;
  std::size_t lead_stride;
};

// What one pass over a lead sees; NaN is only counted.
struct Survey {
  double lowest, highest;  // of the other samples: +∞ and -∞ if there is none
  std::size_t missing;     // samples that are NaN
  std::size_t beyond;      // samples outside ±limit
};

// A second-order section: y = b₀x + s₀, s₀ ← b₁x - a₁y + s₁, s₁ ← b₂x - a₂y (transposed direct form II).
struct Section {
  double b0, b1, b2, a1, a2;
};

// Lanes of a section come in groups of this many.
constexpr std::size_t kSectionLanes = 4;

// One section over rows, in place.
struct SectionArguments {
  Section section;
  double* rows;         // the first row to be read
  std::ptrdiff_t step;  // numbers from one row to the next; negative: backwards in time
  std::size_t count;    // of rows
  std::size_t lanes;    // of a row; a multiple of kSectionLanes
  double* state;        // (2, lanes) s₀ and s₁
};

struct SignalKernels {
  const char* name;
  std::size_t width;  // floats of a vector
  void (*weighted_sum)(const WeightedSumArguments&);
  // out ← a - b
  void (*subtract)(const float* a, const float* b, float* out, std::size_t length);
  void (*leads_to_rows)(const LeadsToRows&);
  void (*rows_to_leads)(const RowsToLeads&);
  Survey (*survey)(const double* lead, std::size_t length, double limit);
  void (*section)(const SectionArguments&);
  // How far one sample lies above, or below, both those `reach` before and after it: the most.
  double (*sharpest)(const double* lead, std::size_t length, std::size_t reach);
  // Samples that are neither at the one value, or below, nor at the other, or above.
  std::size_t (*count_between)(const double* lead, std::size_t length, double lowest, double highest);
};

}  // namespace ecg2lab
