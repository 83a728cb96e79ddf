// Files that may be compressed.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

namespace canopy::datasets {

/// Reads the content of a file from its beginning, piece by piece, decompressed if it is a gzip file (by its first
/// bytes, and required where the name ends in .gz). Throws DataError with the file, the offset in the compressed file
/// and what is wrong: missing, truncated, corrupt, or followed by something else. What the file says of its own size is
/// not believed.
class PlainOrGzipReader {
 public:
  explicit PlainOrGzipReader(const std::filesystem::path& path);
  ~PlainOrGzipReader();
  PlainOrGzipReader(PlainOrGzipReader&&) noexcept;
  PlainOrGzipReader& operator=(PlainOrGzipReader&&) noexcept;

  /// The next bytes of the content, at most `count`; 0 only at its end, once all sums are checked.
  std::size_t read_some(char* out, std::size_t count);
  /// All that is left of it.
  std::string read_rest();

 private:
  class Source;
  std::unique_ptr<Source> source_;
};

/// The content of a file: see PlainOrGzipReader.
std::string read_plain_or_gzip(const std::filesystem::path& path);

}  // namespace canopy::datasets
