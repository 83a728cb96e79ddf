#include <canopy/experiments/harness/text_table.hpp>

#include <algorithm>
#include <cctype>
#include <cstddef>

#include <fmt/format.h>

namespace canopy::harness {
namespace {

/// Characters of a UTF-8 text.
std::size_t length(const std::string& text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

/// Numbers are aligned to the right, words to the left.
bool holds_numbers(const std::vector<std::vector<std::string>>& rows, std::size_t column) {
  return std::all_of(rows.begin() + 1, rows.end(), [&](const auto& row) {
    return row[column].empty() || std::isdigit(static_cast<unsigned char>(row[column].front())) ||
           row[column].front() == '-';
  });
}

}  // namespace

std::string TextTable::to_string() const {
  const std::size_t columns = rows_.front().size();
  std::vector<std::size_t> widths(columns, 0);
  for (std::size_t column = 0; column < columns; ++column) {
    const bool empty =
        std::all_of(rows_.begin() + 1, rows_.end(), [&](const auto& row) { return row[column].empty(); });
    if (empty && rows_.size() > 1) continue;
    for (const auto& row : rows_) widths[column] = std::max(widths[column], length(row[column]));
  }
  std::vector<bool> numbers(columns);
  for (std::size_t column = 0; column < columns; ++column) numbers[column] = holds_numbers(rows_, column);
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t column = 0; column < columns; ++column) {
      if (widths[column] == 0) continue;
      const std::string padding(widths[column] - length(row[column]), ' ');
      if (column > 0) line += "  ";
      line += numbers[column] ? padding + row[column] : row[column] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace canopy::harness
