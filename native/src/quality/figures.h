// What the quality gate measures of a recording.
//
// Glossary: rows: a piece of the recording at the analysis rate, one row for each instant, one lane for each lead.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "contract/quality_limits.h"

namespace ecg2lab {

// One figure for each fault; NaN: it was not, or cannot be, measured.
using Figures = std::array<double, kFaults>;
Figures no_figures();

struct QualityFigures {
  std::vector<Figures> leads;           // in the contract's order; of the faults that are of a lead
  std::vector<std::size_t> most_alike;  // for each lead the one before it that differs least; itself: none
  Figures recording = no_figures();     // of the other faults
};

struct MeasuredLead {
  std::string name;
  const double* samples;  // mV, finite
  bool own;               // recorded, and without gaps: it can contradict other leads, or repeat one
};

// Measures in pieces of about ten seconds: time is linear in `length`, memory does not depend on it. Each figure is the
// mean over the pieces in which it could be measured.
QualityFigures measure_quality(std::span<const MeasuredLead> leads, std::size_t length, double rate_hz);

}  // namespace ecg2lab
