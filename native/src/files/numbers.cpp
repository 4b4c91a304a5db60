#include "files/numbers.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "base/errors.h"

namespace ecg2lab {
namespace {

constexpr std::string_view kBlanks = " \t\r\n\v\f";
// A longer one is no measurement; it also bounds what one cell costs.
constexpr std::size_t kLongestNumber = 64;
constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

constexpr bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The number that begins at `text`, if it is short and plain; `text` then stands behind it.
// Most samples are small whole numbers or have a few decimals: their digits make a whole number that a double holds
// exactly, and so does their power of ten, so that one division rounds as the longest way would.
std::optional<double> take_short_decimal(const char*& text, const char* end, char decimal_mark) {
  constexpr int kDigits = 15;  // below 2^53
  static constexpr double kPowers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                       1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  const char* at = text;
  const bool negative = at != end && *at == '-';
  at += negative;
  std::int64_t digits = 0;
  int count = 0, decimals = 0;
  for (; at != end && is_digit(*at); ++at, ++count) digits = 10 * digits + (*at - '0');
  if (at != end && *at == decimal_mark) {
    for (++at; at != end && is_digit(*at); ++at, ++decimals) {
      digits = 10 * digits + (*at - '0');
      if (count + decimals > kDigits) return std::nullopt;
    }
  }
  count += decimals;
  if (count == 0 || count > kDigits) return std::nullopt;
  text = at;
  const double value = static_cast<double>(digits) / kPowers[decimals];
  return negative ? -value : value;
}

std::optional<double> finite_number(std::string_view text) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  const std::string_view unsigned_part = text.substr(!text.empty() && text.front() == '-');
  // Neither "inf" nor "nan", nor two signs.
  if (unsigned_part.empty() || text.size() > kLongestNumber) return std::nullopt;
  if (!is_digit(unsigned_part.front()) && unsigned_part.front() != '.') return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size() && std::isfinite(value);
  return whole ? std::optional(value) : std::nullopt;
}

std::string_view strip(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool is_nan(std::string_view cell) {
  return cell.size() == 3 && (cell[0] | 32) == 'n' && (cell[1] | 32) == 'a' && (cell[2] | 32) == 'n';
}

[[noreturn]] void refuse(const std::string& message) { throw Error(ErrorKind::recording, message); }

// Reads the table line by line.
class Rows {
 public:
  Rows(const TableForm& form, std::size_t lines) : form_(form), line_(form.first_line) {
    for (const Cells kind : form.cells) read_ += kind != Cells::skipped;
    if (read_ * lines > form.most_values) {
      refuse("it has " + std::to_string(lines) + " rows; at most " + std::to_string(form.most_values) +
             " samples are read: cut it into parts");
    }
    table_.columns.resize(read_);
    for (auto& column : table_.columns) column.reserve(lines);
  }

  void read(std::string_view line) {
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    std::size_t cells = 0, place = 0;
    for (bool more = true; more; ++cells) {
      const Cells kind = cells < form_.cells.size() ? form_.cells[cells] : Cells::skipped;
      if (kind == Cells::skipped) {
        next_cell(line, more);
        continue;
      }
      const char *at = line.data(), *const end = at + line.size();
      std::optional<double> value = take_short_decimal(at, end, form_.decimal_mark);
      if (value && (at == end || *at == form_.delimiter)) {
        more = at != end;
        line.remove_prefix(static_cast<std::size_t>(at - line.data()) + more);
      } else {
        value = number(next_cell(line, more));
        if (!value && kind == Cells::numbers)
          refuse("line " + std::to_string(line_) + " has a value that is no number");
      }
      table_.columns[place++].push_back(value.value_or(kMissing));
    }
    if (cells != form_.cells.size()) {
      refuse("line " + std::to_string(line_) + " has " + std::to_string(cells) + " values for " +
             std::to_string(form_.cells.size()) + " columns");
    }
    ++line_;
    ++table_.rows;
  }

  Table finish() && { return std::move(table_); }

 private:
  // Takes a cell off the line, with its delimiter.
  std::string_view next_cell(std::string_view& line, bool& more) const {
    const std::size_t quote = line.find_first_not_of(" ");
    std::size_t from = 0;
    if (quote != std::string_view::npos && line[quote] == '"') {
      from = line.find('"', quote + 1);
      if (from == std::string_view::npos) refuse("line " + std::to_string(line_) + " has a quote that does not end");
    }
    const std::size_t end = line.find(form_.delimiter, from);
    more = end != std::string_view::npos;
    const std::string_view cell = line.substr(0, end);
    line.remove_prefix(more ? end + 1 : line.size());
    return cell;
  }

  std::optional<double> number(std::string_view cell) const {
    cell = strip(cell);
    if (cell.size() >= 2 && cell.front() == '"' && cell.back() == '"') cell = strip(cell.substr(1, cell.size() - 2));
    if (cell.empty() || is_nan(cell)) return kMissing;
    if (form_.decimal_mark == '.') return finite_number(cell);
    if (cell.size() > kLongestNumber || cell.find('.') != std::string_view::npos) return std::nullopt;
    char point[kLongestNumber];
    for (std::size_t i = 0; i < cell.size(); ++i) point[i] = cell[i] == form_.decimal_mark ? '.' : cell[i];
    return finite_number({point, cell.size()});
  }

  const TableForm& form_;
  std::size_t line_;
  std::size_t read_ = 0;
  Table table_{{}, 0};
};

}  // namespace

std::size_t count_words(std::string_view text, char separator) {
  std::size_t words = 0;
  bool between = true;
  for (const char c : text) {
    const bool was_between = between;
    between = is_blank(c) || c == separator;
    words += was_between && !between;
  }
  return words;
}

std::vector<double> parse_numbers(std::string_view text, char separator, std::size_t most, std::string_view what) {
  const auto is_between = [separator](char c) { return is_blank(c) || c == separator; };
  const std::size_t words = count_words(text, separator);
  if (words > most) refuse(std::string(what) + " are more than " + std::to_string(most));
  std::vector<double> values;
  values.reserve(words);
  const char *at = text.data(), *const end = at + text.size();
  for (;;) {
    while (at != end && is_between(*at)) ++at;
    if (at == end) return values;
    const char* const first = at;
    std::optional<double> value = take_short_decimal(at, end, '.');
    if (!value || (at != end && !is_between(*at))) {
      for (at = first; at != end && !is_between(*at);) ++at;
      value = finite_number({first, static_cast<std::size_t>(at - first)});
      if (!value) refuse(std::string(what) + " are not all numbers");
    }
    values.push_back(*value);
  }
}

Table parse_table(std::string_view text, const TableForm& form) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  std::size_t lines = !text.empty();
  for (const char c : text) lines += c == '\n';
  Rows rows(form, lines);
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    rows.read(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return std::move(rows).finish();
}

}  // namespace ecg2lab
