#include "bindings.h"
#include "files/lzw.h"
#include "files/numbers.h"
#include "files/prefix_code.h"

namespace ecg2lab::bindings {
namespace {

std::span<const std::uint8_t> bytes_of(const py::bytes& content) {
  const std::string_view view = content;
  return {reinterpret_cast<const std::uint8_t*>(view.data()), view.size()};
}

template <typename T>
py::array_t<T> to_row(std::vector<T>&& values) {
  const auto size = static_cast<py::ssize_t>(values.size());
  return to_array(std::move(values), {size});
}

// The view is of the text itself where that is ASCII.
py::array_t<double> number_array(std::string_view text, char separator, std::size_t most, const std::string& what) {
  std::vector<double> values;
  {
    const py::gil_scoped_release release;
    values = parse_numbers(text, separator, most, what);
  }
  return to_row(std::move(values));
}

py::list table_columns(const py::bytes& text, std::size_t start, char delimiter, char decimal_mark,
                       std::size_t first_line, const std::vector<bool>& numbers, const std::vector<bool>& perhaps,
                       std::size_t most_values) {
  const std::string_view view = std::string_view(text).substr(start);
  std::vector<Cells> cells;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    cells.push_back(numbers[i] ? Cells::numbers : perhaps.at(i) ? Cells::perhaps_numbers : Cells::skipped);
  }
  Table table;
  {
    const py::gil_scoped_release release;
    table = parse_table(view, {delimiter, decimal_mark, first_line, cells, most_values});
  }
  py::list columns;
  for (std::vector<double>& column : table.columns) columns.append(to_row(std::move(column)));
  return columns;
}

using Code = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::int32_t, bool>;

py::array_t<std::int16_t> decoded(const py::bytes& content, std::size_t length,
                                  const std::vector<std::vector<Code>>& stated) {
  std::vector<PrefixTable> tables;
  for (const std::vector<Code>& codes : stated) {
    PrefixTable& table = tables.emplace_back();
    for (const auto& [prefix, prefix_bits, extra_bits, value, switches] : codes) {
      table.push_back({prefix, prefix_bits, extra_bits, value, switches});
    }
  }
  std::vector<std::int16_t> values;
  const std::span<const std::uint8_t> bytes = bytes_of(content);
  {
    const py::gil_scoped_release release;
    values = decode_prefix_codes(bytes, length, tables);
  }
  return to_row(std::move(values));
}

py::array_t<std::int16_t> xli_samples(const py::bytes& packed, std::int16_t first_error, std::size_t length) {
  std::vector<std::int16_t> samples;
  const std::span<const std::uint8_t> bytes = bytes_of(packed);
  {
    const py::gil_scoped_release release;
    samples = decode_xli(bytes, first_error, length);
  }
  return to_row(std::move(samples));
}

}  // namespace

void bind_files(py::module_& module) {
  using py::literals::operator""_a;
  module.def("count_words", &count_words, "text"_a, "separator"_a);
  module.def("parse_numbers", &number_array, "text"_a, "separator"_a, "most"_a, "what"_a);
  module.def("parse_table", &table_columns, "text"_a, "start"_a, "delimiter"_a, "decimal_mark"_a, "first_line"_a,
             "numbers"_a, "perhaps_numbers"_a, "most_values"_a);
  module.def("decode_prefix_codes", &decoded, "content"_a, "length"_a, "tables"_a);
  module.def("decode_xli", &xli_samples, "packed"_a, "first_error"_a, "length"_a);
}

}  // namespace ecg2lab::bindings
