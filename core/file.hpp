// Files read whole, and files replaced in one step: a crash or a full disk leaves either the old content or the new.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace canopy {

/// The content of a file. Throws Error with the path and the system's reason.
std::string read_file(const std::filesystem::path& path);

/// Makes `content` the content of a file, as FileWriter does. Throws Error with the path and the system's reason; the
/// file is then as it was.
void write_file(const std::filesystem::path& path, std::string_view content);

/// Whether a file, a folder or anything else has this name. Throws Error with the path and the reason where the system
/// does not tell, such as for a folder without permission.
bool file_exists(const std::filesystem::path& path);
/// Makes a folder, and those that it is in, where they are not there. Throws Error with the path and the reason.
void make_folder(const std::filesystem::path& path);
/// Removes a file if it is there. Throws Error with the path and the reason.
void remove_file(const std::filesystem::path& path);
/// What a folder holds, in order. Throws Error with the path and the reason.
std::vector<std::filesystem::path> folder_content(const std::filesystem::path& path);

/// Reads a file from its beginning, piece by piece. Errors are Errors with the path and the system's reason.
class FileReader {
 public:
  explicit FileReader(const std::filesystem::path& path);
  ~FileReader();
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  /// Bytes in the file when it was opened; 0 for pipes and devices.
  std::uint64_t size() const { return size_; }
  /// The next bytes, at most `count`; less only at the end of the file.
  std::size_t read_some(void* out, std::size_t count);
  /// Exactly `count` bytes. Throws Error, with the offset, where the file ends before.
  void read(void* out, std::size_t count);

 private:
  std::filesystem::path path_;
  std::uint64_t size_ = 0;
  std::uint64_t offset_ = 0;
  int descriptor_;
};

/// A file read in place: what is looked at comes into memory, page by page, and nothing else. Errors are Errors with
/// the path and the system's reason.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  ~MappedFile();

  const std::filesystem::path& path() const { return path_; }
  /// Bytes in the file when it was opened; 0 for pipes and devices.
  std::uint64_t size() const { return size_; }

  /// Some bytes of the file, mapped for as long as this lives.
  class Window {
   public:
    Window(Window&& other) noexcept;
    ~Window();
    const char* data() const { return bytes_; }

   private:
    friend class MappedFile;
    Window(void* pages, std::size_t length, std::size_t skipped);
    void* pages_;
    std::size_t length_;
    const char* bytes_;
  };
  /// `count` bytes from `offset` on. Throws Error where the file ends before, now as when it was opened. Who truncates
  /// the file while a window shows its end kills the process that looks (SIGBUS): keep windows short-lived, and replace
  /// files (FileWriter) instead of writing into them. Threads may map at the same time.
  Window map(std::uint64_t offset, std::size_t count) const;

 private:
  std::filesystem::path path_;
  std::uint64_t size_ = 0;
  int descriptor_;
};

/// Adds to the end of a file, which is made if need be. What was written stays, whatever comes after. Errors are Errors
/// with the path and the system's reason.
class FileAppender {
 public:
  explicit FileAppender(const std::filesystem::path& path);
  ~FileAppender();
  FileAppender(const FileAppender&) = delete;
  FileAppender& operator=(const FileAppender&) = delete;

  /// Bytes in the file, those from before among them.
  std::uint64_t size() const;
  void write(const void* bytes, std::size_t count);
  /// Takes everything behind the first `size` bytes out of the file again.
  void truncate(std::uint64_t size);
  /// Returns when everything written is on the disk.
  void sync();

 private:
  std::filesystem::path path_;
  int descriptor_;
};

/// Replaces a file: what is written goes to a temporary file `.canopy-*.tmp` in the same folder, and `commit()` syncs
/// it and gives it the file's name. Without a commit the temporary file is removed and the old file stays. A path that
/// names a device or a pipe is written directly; a symbolic link stays one and what it names is replaced, or made where
/// it is not there. Errors are Errors with the path and the system's reason.
class FileWriter {
 public:
  explicit FileWriter(std::filesystem::path path);
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void write(const void* bytes, std::size_t count);
  void write(std::string_view text) { write(text.data(), text.size()); }
  /// Makes everything written so far the file. Nothing can be written afterwards.
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;  // empty if the path is written directly
  int descriptor_ = -1;
};

}  // namespace canopy
