// Archives of files, such as .tar.gz.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

struct archive;
struct archive_entry;

namespace canopy::datasets {

/// Reads the regular files of an archive one after the other. Throws DataError with the archive and what is wrong.
class ArchiveReader {
 public:
  explicit ArchiveReader(const std::filesystem::path& path);

  /// Goes to the next file; false after the last.
  bool next();
  /// Of the current file, without its folders.
  std::string name() const;
  /// Bytes in the current file, as the archive says.
  std::int64_t size() const;
  /// Of the current file; once for each. Throws DataError where the archive holds fewer bytes than it says.
  std::string content();

 private:
  [[noreturn]] void fail() const;

  std::string path_;
  std::unique_ptr<archive, int (*)(archive*)> archive_;
  archive_entry* entry_ = nullptr;  // the archive's
};

}  // namespace canopy::datasets
