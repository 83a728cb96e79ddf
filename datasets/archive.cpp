#include <canopy/datasets/archive.hpp>

#include <algorithm>

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
  const auto expected = static_cast<std::size_t>(std::max<std::int64_t>(size(), 0));
  std::string bytes;  // which grow as they come: the size is only what the archive says
  for (std::size_t filled = 0; filled < expected; bytes.resize(filled)) {
    constexpr std::size_t least = 1 << 20;
    bytes.resize(std::min(expected, std::max(least, 2 * filled)));
    const la_ssize_t got = archive_read_data(archive_.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0) fail();
    if (got == 0) {
      throw DataError(fmt::format("{}: {}: expected {} bytes, found {}", path_, name(), expected, filled));
    }
    filled += static_cast<std::size_t>(got);
  }
  return bytes;
}

void ArchiveReader::fail() const {
  const char* reason = archive_error_string(archive_.get());
  throw DataError(fmt::format("{}: a damaged archive: {}", path_, reason ? reason : "unknown reason"));
}

}  // namespace canopy::datasets
