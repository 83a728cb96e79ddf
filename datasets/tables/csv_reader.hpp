// Comma-separated values, record by record. https://www.rfc-editor.org/rfc/rfc4180
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <canopy/datasets/gzip.hpp>

namespace canopy::datasets {

/// Reads a file of any length piece by piece, plain or gzipped: RFC 4180 with any delimiter, lines that end in LF, CRLF
/// or CR, a UTF-8 byte order mark, and empty lines, which are passed over. Throws DataError with the file, the line and
/// what is wrong: a quote that is never closed or stands where none may, bytes that are no text, a record without end.
class CsvReader {
 public:
  explicit CsvReader(const std::filesystem::path& path, char delimiter = ',');

  /// Goes to the next record; false after the last.
  bool next();
  /// Of the current record, without quotes; valid until the next one.
  std::span<const std::string_view> fields() const { return fields_; }
  /// Where the current record begins, from 1.
  std::int64_t line() const { return record_line_; }
  const std::string& file() const { return file_; }

 private:
  static constexpr int end = -1;

  int peek();
  int take();
  bool take_line_end(int c);
  void take_quoted();
  void end_field();
  [[noreturn]] void fail(std::int64_t line, const std::string& what) const;

  std::string file_;
  PlainOrGzipReader reader_;
  char delimiter_;
  std::vector<char> buffer_;
  std::size_t at_ = 0;
  std::size_t filled_ = 0;
  std::int64_t line_ = 1;
  std::int64_t record_line_ = 1;
  std::string text_;               // of the record, field after field
  std::vector<std::size_t> ends_;  // of the fields in it
  std::vector<std::string_view> fields_;
};

}  // namespace canopy::datasets
