#include "files/lzw.h"

#include <algorithm>
#include <string>

#include "base/errors.h"

namespace ecg2lab {
namespace {

constexpr std::size_t kCodeBits = 10, kBytes = 256, kEnd = (1 << kCodeBits) - 1;

}  // namespace

std::vector<std::uint8_t> unpack_lzw(std::span<const std::uint8_t> packed, std::size_t most) {
  // Every word stands in what is unpacked already: that of a new code is the last word and the byte after it.
  struct Word {
    std::size_t start, size;
  };
  std::vector<Word> words;
  std::vector<std::uint8_t> out;
  Word last{0, 0};
  for (std::size_t bit = 0; bit + kCodeBits <= 8 * packed.size(); bit += kCodeBits) {
    const std::size_t byte = bit / 8, shift = 16 - kCodeBits - bit % 8;
    const std::size_t code = ((packed[byte] << 8 | packed[byte + 1]) >> shift) & kEnd;
    if (code == kEnd) break;
    const std::size_t start = out.size();
    if (last.size > 0 && kBytes + words.size() < kEnd) words.push_back({last.start, last.size + 1});
    if (code < kBytes) {
      out.push_back(static_cast<std::uint8_t>(code));
    } else {
      if (code - kBytes >= words.size()) {
        throw Error(ErrorKind::recording, "a compressed lead has a code that is not defined");
      }
      const Word same = words[code - kBytes];
      for (std::size_t i = 0; i < same.size; ++i) out.push_back(out[same.start + i]);
    }
    last = {start, out.size() - start};
    if (out.size() > most) throw Error(ErrorKind::recording, "a compressed lead is longer than the file announces");
  }
  return out;
}

std::vector<std::int16_t> decode_xli(std::span<const std::uint8_t> packed, std::int16_t first_error,
                                     std::size_t length) {
  constexpr int kBias = 64;
  const std::vector<std::uint8_t> bytes = unpack_lzw(packed, 4 * length + 1024);  // some writers fill the block up
  const std::size_t have = (bytes.size() + 1) / 2;
  if (have < std::max(length, std::size_t{2})) {
    throw Error(ErrorKind::recording, "a compressed lead has " + std::to_string(have) +
                                          " samples and the file announces " + std::to_string(length) +
                                          ": one of the two is wrong; export it again");
  }
  const auto value = [&](std::size_t i) {
    const unsigned low = have + i < bytes.size() ? bytes[have + i] : 0u;
    return static_cast<std::int16_t>(bytes[i] << 8 | low);
  };
  std::vector<std::int16_t> samples(length);
  std::int64_t sample = 0, slope = 0;
  for (std::size_t i = 0; i < length; ++i) {
    if (i > 1) slope -= i == 2 ? first_error : value(i - 1) - kBias;
    if (i == 1) slope = value(1) - value(0);
    sample = i == 0 ? value(0) : sample + slope;
    samples[i] = static_cast<std::int16_t>(sample);
  }
  return samples;
}

}  // namespace ecg2lab
