// Reads safetensors (https://huggingface.co/docs/safetensors): eight bytes of header length, a JSON header that gives
// each tensor's type, shape and place, then the numbers.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/tensor.h"

namespace ecg2lab {

struct Safetensors {
  TensorMap tensors;  // views into the content that was read
  // A header of odd length leaves numbers between the addresses that their type wants: such tensors lie here instead.
  std::vector<std::unique_ptr<std::byte[]>> moved;
};

// `content` must outlive the tensors. Tensors lie one after another: none over another, and no byte is none of theirs.
// Throws Error of kind `bundle` if anything in the header contradicts the content; `name` is what to call it there.
Safetensors read_safetensors(std::span<const std::byte> content, const std::string& name);

}  // namespace ecg2lab
