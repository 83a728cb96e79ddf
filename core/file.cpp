#include <canopy/core/file.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>
#include <utility>

#include <canopy/core/error.hpp>
#include <canopy/core/held_signal.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace canopy {
namespace {

[[noreturn]] void fail(const char* what, const std::filesystem::path& path, int reason) {
  throw Error(fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(reason)));
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

// An open file and its size, 0 for pipes and devices.
struct Opened {
  int descriptor;
  std::uint64_t size;
};

Opened open_for_reading(const std::filesystem::path& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail("open", path, errno);
  struct stat status {};
  const bool known = fstat(descriptor, &status) == 0;
  if (!known || S_ISDIR(status.st_mode)) {
    const int reason = known ? EISDIR : errno;
    close(descriptor);
    fail("read", path, reason);
  }
  return {descriptor, S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0};
}

[[noreturn]] void fail_at_end(const std::filesystem::path& path, std::uint64_t end, std::uint64_t begin,
                              std::size_t expected, std::uint64_t found) {
  throw Error(fmt::format("{} ends at byte {}: expected {} bytes from byte {} on, found {}", path.string(), end,
                          expected, begin, found));
}

// What a chain of symbolic links leads to, whether it is there or not.
std::filesystem::path behind_links(std::filesystem::path path) {
  constexpr int limit = 40;  // the kernel's
  std::error_code none;
  for (int links = 0; std::filesystem::is_symlink(std::filesystem::symlink_status(path, none)); ++links) {
    if (links == limit) fail("write", path, ELOOP);
    std::error_code unread;
    const std::filesystem::path target = std::filesystem::read_symlink(path, unread);
    if (unread) fail("write", path, unread.value());
    path = folder_of(path) / target;
  }
  return path;
}

void write_all(int descriptor, const std::filesystem::path& path, const void* bytes, std::size_t count) {
  const HeldSignal file_too_large(SIGXFSZ);  // a write beyond RLIMIT_FSIZE then fails with EFBIG
  for (std::size_t done = 0; done < count;) {
    const ssize_t written = ::write(descriptor, static_cast<const char*>(bytes) + done, count - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", path, errno);
    done += static_cast<std::size_t>(written);
  }
}

// Pipes, devices and some file systems cannot sync: not an error.
bool synced(int descriptor) { return fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP; }

}  // namespace

bool file_exists(const std::filesystem::path& path) {
  std::error_code unknown;
  const bool exists = std::filesystem::exists(path, unknown);
  if (unknown) fail("look for", path, unknown.value());
  return exists;
}

void make_folder(const std::filesystem::path& path) {
  std::error_code failed;
  std::filesystem::create_directories(path, failed);
  if (failed) fail("make the folder", path, failed.value());
}

void remove_file(const std::filesystem::path& path) {
  std::error_code failed;
  std::filesystem::remove(path, failed);
  if (failed) fail("remove", path, failed.value());
}

std::vector<std::filesystem::path> folder_content(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> content;
  std::error_code failed;
  for (std::filesystem::directory_iterator it(path, failed), end; !failed && it != end; it.increment(failed)) {
    content.push_back(it->path());
  }
  if (failed) fail("look into", path, failed.value());
  std::ranges::sort(content);
  return content;
}

FileReader::FileReader(const std::filesystem::path& path) : path_(path) {
  const Opened opened = open_for_reading(path);
  descriptor_ = opened.descriptor;
  size_ = opened.size;
}

FileReader::~FileReader() { close(descriptor_); }

std::size_t FileReader::read_some(void* out, std::size_t count) {
  std::size_t done = 0;
  while (done < count) {
    const ssize_t got = ::read(descriptor_, static_cast<char*>(out) + done, count - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("read", path_, errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  offset_ += done;
  return done;
}

void FileReader::read(void* out, std::size_t count) {
  const std::uint64_t begin = offset_;
  const std::size_t got = read_some(out, count);
  if (got < count) fail_at_end(path_, offset_, begin, count, got);
}

std::string read_file(const std::filesystem::path& path) {
  FileReader reader(path);
  // One byte more than the size, so that a regular file takes a single round.
  std::string content(static_cast<std::size_t>(reader.size()) + 1, '\0');
  std::size_t filled = 0;
  for (;;) {
    filled += reader.read_some(content.data() + filled, content.size() - filled);
    if (filled < content.size()) break;
    content.resize(content.size() + std::max<std::size_t>(content.size(), 1 << 16));
  }
  content.resize(filled);
  return content;
}

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  const Opened opened = open_for_reading(path);
  descriptor_ = opened.descriptor;
  size_ = opened.size;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), size_(other.size_), descriptor_(std::exchange(other.descriptor_, -1)) {}

MappedFile::~MappedFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

MappedFile::Window MappedFile::map(std::uint64_t offset, std::size_t count) const {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) fail("read", path_, errno);
  const auto now = static_cast<std::uint64_t>(status.st_size);
  const std::uint64_t end = S_ISREG(status.st_mode) ? std::min(now, size_) : 0;
  if (offset > end || count > end - offset) {
    fail_at_end(path_, end, offset, count, end - std::min(offset, end));
  }
  if (count == 0) return Window(nullptr, 0, 0);
  const std::uint64_t skipped = offset % static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const std::size_t length = count + skipped;
  void* pages = mmap(nullptr, length, PROT_READ, MAP_PRIVATE, descriptor_, static_cast<off_t>(offset - skipped));
  if (pages == MAP_FAILED) fail("map", path_, errno);
  return Window(pages, length, skipped);
}

MappedFile::Window::Window(void* pages, std::size_t length, std::size_t skipped)
    : pages_(pages), length_(length), bytes_(static_cast<const char*>(pages) + skipped) {}

MappedFile::Window::Window(Window&& other) noexcept
    : pages_(std::exchange(other.pages_, nullptr)), length_(other.length_), bytes_(other.bytes_) {}

MappedFile::Window::~Window() {
  if (pages_) munmap(pages_, length_);
}

FileAppender::FileAppender(const std::filesystem::path& path)
    : path_(path), descriptor_(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666)) {
  if (descriptor_ < 0) fail("write", path_, errno);
}

FileAppender::~FileAppender() { close(descriptor_); }

void FileAppender::write(const void* bytes, std::size_t count) { write_all(descriptor_, path_, bytes, count); }

std::uint64_t FileAppender::size() const {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) fail("read", path_, errno);
  return static_cast<std::uint64_t>(status.st_size);
}

void FileAppender::truncate(std::uint64_t size) {
  if (ftruncate(descriptor_, static_cast<off_t>(size)) != 0) fail("write", path_, errno);
}

void FileAppender::sync() {
  if (!synced(descriptor_)) fail("write", path_, errno);
}

FileWriter::FileWriter(std::filesystem::path path) : path_(std::move(path)) {
  struct stat status {};
  const bool exists = stat(path_.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) fail("write", path_, EISDIR);
  if (exists && !S_ISREG(status.st_mode)) {
    descriptor_ = open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor_ < 0) fail("write", path_, errno);
    return;
  }
  path_ = behind_links(path_);
  // O_EXCL: two writers, or a temporary file that a killed process left, never meet.
  for (int attempt = 0; descriptor_ < 0; ++attempt) {
    temporary_ = folder_of(path_) / fmt::format(".canopy-{}-{}.tmp", getpid(), attempt);
    descriptor_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0 && errno != EEXIST) fail("write", path_, errno);
  }
  if (exists) static_cast<void>(fchmod(descriptor_, status.st_mode & 07777));
}

FileWriter::~FileWriter() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void FileWriter::write(const void* bytes, std::size_t count) {
  if (descriptor_ < 0) fail("write", path_, EBADF);
  write_all(descriptor_, path_, bytes, count);
}

void FileWriter::commit() {
  if (descriptor_ < 0) fail("write", path_, EBADF);
  if (!synced(descriptor_)) fail("write", path_, errno);
  if (close(std::exchange(descriptor_, -1)) != 0) fail("write", path_, errno);
  if (temporary_.empty()) return;
  if (rename(temporary_.c_str(), path_.c_str()) != 0) fail("write", path_, errno);
  temporary_.clear();
  // The new name is an entry of the folder, which is synced on its own.
  const int folder = open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool done = folder >= 0 && synced(folder);
  const int reason = errno;
  if (folder >= 0) close(folder);
  if (!done) fail("sync the folder of", path_, reason);
}

void write_file(const std::filesystem::path& path, std::string_view content) {
  FileWriter writer(path);
  writer.write(content);
  writer.commit();
}

}  // namespace canopy
