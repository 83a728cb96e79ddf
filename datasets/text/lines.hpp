// The lines of a text.
#pragma once

#include <cstdint>
#include <string_view>

namespace canopy::datasets {

/// Goes through the lines of a text, ended by LF or CRLF, the last one by either or the end of the text. The text must
/// outlive it.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  /// Goes to the next line; false after the last.
  bool next() {
    if (rest_.empty()) return false;
    const std::size_t end = rest_.find('\n');
    line_ = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (line_.ends_with('\r')) line_.remove_suffix(1);
    ++number_;
    return true;
  }
  std::string_view line() const { return line_; }
  /// From 1.
  std::int64_t number() const { return number_; }

 private:
  std::string_view rest_, line_;
  std::int64_t number_ = 0;
};

}  // namespace canopy::datasets
