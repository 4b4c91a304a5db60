// Filters that shift nothing in time: once forwards, once backwards. For recordings, because the second run begins at
// the end.
#pragma once

#include <span>
#include <vector>

#include "contract/filter_options.h"
#include "signal/kernels/table.h"

namespace ecg2lab {

// Sections of a digital Butterworth band-pass: analogue poles on a circle, shifted to the band, and the bilinear
// transform with both edges prewarped (Oppenheim & Schafer, Discrete-Time Signal Processing, 3rd ed., 7.2).
// Throws std::invalid_argument unless 0 < low < high < rate/2, the order is 1 to 10, and every section is stable in
// float64 (a band too narrow for the rate has poles that round onto the unit circle).
std::vector<Section> design(const BandPass& filter, double rate_hz);

// Zeros on the unit circle, and poles a little inside at the same angle: gain 1/√2 at frequency ± frequency/quality/2,
// exactly so before the bilinear transform (Orfanidis, Introduction to Signal Processing, 11.3.2).
// Throws std::invalid_argument unless 0 < frequency < rate/2 and the bandwidth lies between 0 and rate/2.
std::vector<Section> design(const Notch& filter, double rate_hz);

// Samples that a lead must have more than, because so many are mirrored at each end.
std::size_t mirrored_samples(std::size_t sections);

// Filters leads of `count` samples in place. Both ends are continued by their point reflection, and each run begins in
// the steady state of its first sample, as scipy's `sosfiltfilt` does.
// Throws std::invalid_argument unless count > mirrored_samples.
void filter_zero_phase(std::span<double* const> leads, std::size_t count, std::span<const Section> sections,
                       const SignalKernels& kernels);

}  // namespace ecg2lab
