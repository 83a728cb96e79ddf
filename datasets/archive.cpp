#include <canopy/datasets/archive.hpp>

#include <canopy/core/error.hpp>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

namespace canopy::datasets {

ArchiveReader::ArchiveReader(const std::filesystem::path& path)
    : path_(path.string()), archive_(archive_read_new(), archive_read_free) {
  constexpr std::size_t block = 1 << 20;
  archive_read_support_filter_all(archive_.get());
  archive_read_support_format_all(archive_.get());
  if (archive_read_open_filename(archive_.get(), path_.c_str(), block) != ARCHIVE_OK) fail();
}

bool ArchiveReader::next() {
  do {
    const int status = archive_read_next_header(archive_.get(), &entry_);
    if (status == ARCHIVE_EOF) return false;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) fail();
  } while (archive_entry_filetype(entry_) != AE_IFREG);
  return true;
}

std::string ArchiveReader::name() const {
  const char* path = archive_entry_pathname(entry_);
  return std::filesystem::path(path ? path : "").filename().string();
}

std::int64_t ArchiveReader::size() const { return archive_entry_size(entry_); }

std::string ArchiveReader::content() {
  std::string bytes(static_cast<std::size_t>(size()), '\0');
  const la_ssize_t got = archive_read_data(archive_.get(), bytes.data(), bytes.size());
  if (got < 0) fail();
  if (static_cast<std::size_t>(got) != bytes.size()) {
    throw DataError(fmt::format("{}: {}: expected {} bytes, found {}", path_, name(), bytes.size(), got));
  }
  return bytes;
}

void ArchiveReader::fail() const {
  const char* reason = archive_error_string(archive_.get());
  throw DataError(fmt::format("{}: a damaged archive: {}", path_, reason ? reason : "unknown reason"));
}

}  // namespace canopy::datasets
