// stdin as a place of lines, for commands that answer each of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace canopy::harness {

/// Reads stdin line by line, ended by LF or CRLF, the last one by either or the end.
class LineInput {
 public:
  /// Puts the next line into `line`; false after the last. Throws Error with the system's reason where stdin cannot be
  /// read, or is closed.
  bool next(std::string& line);
  /// Of the last line, from 1.
  std::int64_t number() const { return number_; }
  /// Whether the next line is here already: where it is not, `next` may wait for whoever writes it.
  bool is_ready() const;

 private:
  bool read_more();

  std::string buffer_;
  std::size_t at_ = 0;
  std::int64_t number_ = 0;
  bool ended_ = false;
};

}  // namespace canopy::harness
