// Columns of text under aligned headings.
#pragma once

#include <string>
#include <vector>

namespace canopy::harness {

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> headings) : rows_{std::move(headings)} {}

  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  /// Columns without any content are left out.
  std::string to_string() const;
  /// Headings first; every row as long as the first.
  const std::vector<std::vector<std::string>>& rows() const { return rows_; }

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace canopy::harness
