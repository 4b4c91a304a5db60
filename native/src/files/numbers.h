// Numbers that files write as text.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace ecg2lab {

// How many words there are between blanks, line ends and separators.
std::size_t count_words(std::string_view text, char separator);

// Finite decimal numbers between blanks, line ends and separators.
// Throws Error of kind `recording`, naming `what`, if one is none or there are more than `most`.
std::vector<double> parse_numbers(std::string_view text, char separator, std::size_t most, std::string_view what);

// What a column of a table is read as.
enum class Cells {
  skipped,
  numbers,
  perhaps_numbers,  // what is none is NaN
};

// How a table of text is written.
struct TableForm {
  char delimiter;
  char decimal_mark;
  std::size_t first_line;    // number of the first line, for messages
  std::vector<Cells> cells;  // for each column
  std::size_t most_values;   // in the columns that are read
};

struct Table {
  std::vector<std::vector<double>> columns;  // those that are read, in their order; NaN where a cell is empty or NaN
  std::size_t rows;
};

// A row for each line; cells may stand in double quotes.
// Throws Error of kind `recording`, naming the line, where a row has another width or a cell of numbers is none.
Table parse_table(std::string_view text, const TableForm& form);

}  // namespace ecg2lab
