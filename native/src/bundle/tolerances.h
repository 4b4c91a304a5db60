// How far an output may be from the golden one: `selftest` in C, and all that proves in Python, take the limits from
// here. Logits: absolute, or in proportion where the window has one beyond `kAbsoluteUpTo`. Features: in proportion.
#pragma once

namespace ecg2lab {

inline constexpr double kLogitsInFull = 2e-5, kFeaturesInFull = 2e-5;
// Of any window in a reduced precision; the logits' moves a probability by 0.0625 at most.
inline constexpr double kLogitsReduced = 0.25, kFeaturesReduced = 0.05;
// Of an engine in a precision that the bundle's proof does not speak of: other kernels, other orders of summation. In a
// reduced one `kOverGate` times the largest error that its gate saw more, since golden windows are odder than a gate's.
inline constexpr double kUnprovedInFull = 1e-4, kOverGate = 4;
inline constexpr double kAbsoluteUpTo = 20;

}  // namespace ecg2lab
