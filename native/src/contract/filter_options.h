// Filters that a contract may ask for; signal/zero_phase.h runs them.
#pragma once

#include <optional>

namespace ecg2lab {

// Passes what lies between; at both edges the amplitude is 1/2 after both runs.
struct BandPass {
  double low_hz;
  double high_hz;
  int order;  // of the Butterworth low-pass that it is made from: so many sections
};

// Takes one frequency out, such as that of the mains.
struct Notch {
  double frequency_hz;
  double quality;  // frequency over bandwidth
};

// What is to be taken out of a recording, at its own rate; nothing unless said.
struct FilterOptions {
  std::optional<BandPass> band_pass;
  std::optional<Notch> notch;

  bool any() const { return band_pass || notch; }
};

}  // namespace ecg2lab
