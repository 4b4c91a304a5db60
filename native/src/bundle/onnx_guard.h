// Looks into an ONNX file: nothing in it may point out of it. The same as sdk/ecg2lab/onnx_guard.py, which says more.
#pragma once

#include <cstddef>
#include <span>

namespace ecg2lab {

// Whether any tensor of a serialised model keeps its numbers in another file.
// Throws std::invalid_argument if the bytes are no message of this kind.
bool refers_outside(std::span<const std::byte> model);

}  // namespace ecg2lab
