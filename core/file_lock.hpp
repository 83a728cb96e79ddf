// A file that one process at a time may hold.
#pragma once

#include <filesystem>

namespace canopy {

/// Holds a file, which is made if need be, until this dies, or the process by whatever means. Those who write without a
/// lock are not kept out.
class FileLock {
 public:
  /// Throws ConfigError, with the path, where another process or another lock holds the file; Error with the path and
  /// the system's reason where there can be no such file.
  explicit FileLock(const std::filesystem::path& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace canopy
