#include "files/prefix_code.h"

#include <algorithm>

#include "base/errors.h"

namespace ecg2lab {
namespace {

constexpr std::uint32_t kLookupBits = 10;  // as long as the standard's own prefixes

[[noreturn]] void refuse(const char* message) { throw Error(ErrorKind::recording, message); }

// Bits of a text of bytes, the most significant of each first.
class Bits {
 public:
  explicit Bits(std::span<const std::uint8_t> content) : content_(content) {}

  // The next `count` (at most 32), zeros beyond the end; they stay.
  std::uint32_t peek(std::uint32_t count) const {
    std::uint64_t window = 0;
    for (std::size_t i = 0; i < 5; ++i) {
      const std::size_t byte = position_ / 8 + i;
      window = window << 8 | (byte < content_.size() ? content_[byte] : 0);
    }
    const std::uint64_t mask = (std::uint64_t{1} << count) - 1;
    return static_cast<std::uint32_t>(window >> (40 - position_ % 8 - count) & mask);
  }

  std::size_t left() const { return 8 * content_.size() - position_; }
  void skip(std::uint32_t count) {
    if (count > left()) refuse("the coded samples of a lead end before the last sample");
    position_ += count;
  }

 private:
  std::span<const std::uint8_t> content_;
  std::size_t position_ = 0;
};

// A table whose short codes are looked up by the bits ahead, and whose long ones are compared in turn.
class Lookup {
 public:
  explicit Lookup(const PrefixTable& table) : short_(std::size_t{1} << kLookupBits, nullptr) {
    std::vector<const PrefixCode*> codes;
    for (const PrefixCode& code : table) codes.push_back(&code);
    // The shortest that fits is meant; of two alike the last.
    std::stable_sort(codes.begin(), codes.end(), [](auto a, auto b) { return a->prefix_bits < b->prefix_bits; });
    for (const PrefixCode* code : codes) {
      if (code->prefix_bits > kLookupBits) {
        long_.push_back(code);
        continue;
      }
      const std::uint32_t free = kLookupBits - code->prefix_bits;
      const std::size_t first = std::size_t{code->prefix} << free;
      for (std::size_t i = first; i < first + (std::size_t{1} << free); ++i) {
        if (!short_[i] || short_[i]->prefix_bits == code->prefix_bits) short_[i] = code;
      }
    }
  }

  const PrefixCode& next(Bits& bits) const {
    const PrefixCode* found = short_[bits.peek(kLookupBits)];
    for (auto code = long_.begin(); !found && code != long_.end(); ++code) {
      if (bits.peek((*code)->prefix_bits) == (*code)->prefix) found = *code;
    }
    if (!found) refuse("the coded samples of a lead hold a code that the code table does not define");
    bits.skip(found->prefix_bits);
    return *found;
  }

 private:
  std::vector<const PrefixCode*> short_;
  std::vector<const PrefixCode*> long_;
};

std::int32_t read_extra(Bits& bits, std::uint32_t count) {
  if (count == 0) return 0;
  const std::uint32_t plain = bits.peek(count);
  bits.skip(count);
  const bool negative = plain >> (count - 1) & 1;
  return static_cast<std::int32_t>(static_cast<std::int64_t>(plain) - (negative ? std::int64_t{1} << count : 0));
}

}  // namespace

std::vector<std::int16_t> decode_prefix_codes(std::span<const std::uint8_t> content, std::size_t length,
                                              std::span<const PrefixTable> tables) {
  Bits bits(content);
  // Each value takes a bit at least: refused before anything is made for it.
  if (length > bits.left()) refuse("the coded samples of a lead end before the last sample");
  std::vector<Lookup> lookups(tables.begin(), tables.end());
  std::vector<std::int16_t> values;
  values.reserve(length);
  const Lookup* table = &lookups.front();
  while (values.size() < length) {
    const PrefixCode& code = table->next(bits);
    if (code.switches) {
      if (code.value < 1 || static_cast<std::size_t>(code.value) > lookups.size()) {
        refuse("the coded samples of a lead name a code table that is not there");
      }
      table = &lookups[static_cast<std::size_t>(code.value) - 1];
      continue;
    }
    values.push_back(static_cast<std::int16_t>(std::int64_t{code.value} + read_extra(bits, code.extra_bits)));
  }
  return values;
}

}  // namespace ecg2lab
