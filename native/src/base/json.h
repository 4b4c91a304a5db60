// JSON that every reader understands alike (RFC 8259): UTF-8, no field twice, nothing after the value.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace ecg2lab {

struct Json {
  struct Member;
  using Array = std::vector<Json>;
  using Object = std::vector<Member>;  // in the order of the text

  // A number without point and exponent is an integer; one beyond 64 bits is the nearest double.
  std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object> value;
};

struct Json::Member {
  std::string name;
  Json value;
};

// Says what is wrong and at which byte.
class JsonError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

// Deeper nesting than `kDeepestJson` is refused, so that no text can exhaust the stack.
inline constexpr int kDeepestJson = 64;
// Longer text is refused: values take some ten times the memory of their text.
inline constexpr std::size_t kLongestJson = std::size_t{1} << 24;

// Throws JsonError.
Json parse_json(std::string_view text);

}  // namespace ecg2lab
