// Whether what a manifest says of the other members is what they are: only what was proved is run.
#pragma once

#include "bundle/bundle.h"

namespace ecg2lab {

// The network over one window, with its inputs and outputs; network_inputs.py names them for Python.
inline constexpr const char *kWindowGraph = "window.onnx", *kSignal = "signal", *kContinuous = "continuous",
                            *kCategorical = "categorical", *kLogits = "logits", *kFeatures = "features";

// Throws Error of kind `bundle` if proof, weights or graphs are malformed, or not those that the manifest and its
// contract describe; naming the member.
void check_fit(const Bundle& bundle);

}  // namespace ecg2lab
