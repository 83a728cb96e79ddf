#include <canopy/datasets/fetch.hpp>

#include <algorithm>
#include <system_error>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/file.hpp>
#include <canopy/datasets/archive.hpp>
#include <canopy/datasets/digest.hpp>
#include <canopy/datasets/gzip.hpp>

#include <fmt/format.h>

namespace canopy::datasets {
namespace {

namespace fs = std::filesystem;

/// The files of a download that are not whole in the folder.
using Wanted = std::vector<CatalogFile>;

bool holds(const CatalogDownload& download, const CatalogFile& file) {
  return download.is_archive() || download.name() == file.name || download.name() == fmt::format("{}.gz", file.name);
}

std::vector<CatalogFile> damaged_or_missing(const CatalogEntry& entry, const DatasetStatus& status,
                                            const fs::path& folder) {
  std::vector<CatalogFile> files;
  for (std::size_t i = 0; i < entry.files.size(); ++i) {
    if (status.folder != folder || !status.files[i].problem.empty()) files.push_back(entry.files[i]);
  }
  return files;
}

/// A plain file would hide its gzipped twin.
void place(const fs::path& from, const fs::path& folder, const CatalogFile& file, std::string_view name) {
  std::error_code failed;
  fs::rename(from, folder / name, failed);
  if (failed) throw Error(fmt::format("cannot write {}: {}", (folder / name).string(), failed.message()));
  const fs::path other = folder / (name == file.name ? fmt::format("{}.gz", file.name) : std::string(file.name));
  remove_file(other);
}

class Fetch {
 public:
  Fetch(const CatalogEntry& entry, const CatalogDownload& download, fs::path folder, const FetchOptions& options)
      : entry_(entry),
        download_(download),
        folder_(std::move(folder)),
        part_(folder_ / fmt::format("{}.part", download.name())),
        address_(options.from.empty() ? std::string(download.address)
                                      : fmt::format("{}/{}", options.from, download.name())),
        progress_(options.progress),
        patience_(options.patience) {}

  /// False when stopped.
  bool run(const Wanted& wanted) {
    const bool continued = size_of_part() > 0;
    if (!transfer()) return false;
    std::string problem = take(wanted);
    if (!problem.empty() && continued) {  // its beginning may be of another file
      remove_file(part_);
      if (!transfer()) return false;
      problem = take(wanted);
    }
    std::error_code ignored;
    fs::remove(part_, ignored);
    if (!problem.empty()) {
      throw DataError(fmt::format("{}: {} came damaged and was removed: {}", entry_.name, address_, problem));
    }
    return true;
  }

 private:
  std::int64_t size_of_part() const {
    std::error_code missing;
    const auto size = fs::file_size(part_, missing);
    return missing ? 0 : static_cast<std::int64_t>(size);
  }

  bool transfer() {
    if (download_.bytes > 0 && size_of_part() == download_.bytes) return true;
    try {
      return download(
          address_, part_,
          [this](DownloadProgress progress) {
            if (progress.total == 0 && address_ == download_.address) progress.total = download_.bytes;
            return progress_(progress);
          },
          most_bytes(), patience_);
    } catch (const TooManyBytes& error) {
      remove_file(part_);
      throw DownloadError(fmt::format("{}: {}; nothing of it is kept", entry_.name, error.what()));
    } catch (const DownloadError& error) {
      const std::int64_t kept = size_of_part();
      if (kept == 0) remove_file(part_);
      throw DownloadError(fmt::format(
          "{}: {}{}; to do it by hand, download {} and {}", entry_.name, error.what(),
          kept == 0
              ? ""
              : fmt::format("; {} bytes are kept in {}, from where the next call continues", kept, part_.string()),
          download_.address, by_hand()));
    }
  }

  /// Where the download's size is unknown, it is at most that of its content and what packing may add.
  std::int64_t most_bytes() const {
    if (download_.bytes > 0) return download_.bytes;
    std::int64_t content = 0;
    for (const CatalogFile& file : entry_.files) {
      if (holds(download_, file)) content += file.bytes;
    }
    constexpr std::int64_t packing = 1 << 20;
    return content + content / 64 + packing;
  }

  std::string by_hand() const {
    return download_.is_archive()
               ? fmt::format("unpack it in {}, which makes {}", folder_.parent_path().string(), folder_.string())
               : fmt::format("put it into {}", folder_.string());
  }

  /// Puts what came in its place, or says what is wrong with it.
  std::string take(const Wanted& wanted) const {
    try {
      // Where no sum of a file is published, that of its download stands for it.
      const bool all_known = std::ranges::none_of(wanted, &std::string_view::empty, &CatalogFile::checksum);
      if (!all_known) {
        std::string problem = checksum_problem(download_.checksum, read_file(part_));
        if (!problem.empty()) return problem;
      }
      return download_.is_archive() ? take_archive(wanted) : take_file(wanted.front());
    } catch (const DataError& error) {
      return error.what();
    }
  }

  std::string take_file(const CatalogFile& file) const {
    const std::string problem = problem_of(file, read_plain_or_gzip(part_));
    if (problem.empty()) place(part_, folder_, file, download_.name());
    return problem;
  }

  std::string take_archive(Wanted wanted) const {
    ArchiveReader archive(part_);
    while (!wanted.empty() && archive.next()) {
      const std::string name = archive.name();
      const auto file = std::ranges::find(wanted, name, &CatalogFile::name);
      if (file == wanted.end()) continue;
      if (archive.size() != file->bytes) {
        return fmt::format("{}: expected {} bytes, found {}", name, file->bytes, archive.size());
      }
      const std::string content = archive.content();
      const std::string problem = problem_of(*file, content);
      if (!problem.empty()) return fmt::format("{}: {}", name, problem);
      write_file(folder_ / name, content);
      remove_file(folder_ / fmt::format("{}.gz", name));
      wanted.erase(file);
    }
    return wanted.empty() ? "" : fmt::format("expected the file {} in it, found none", wanted.front().name);
  }

  const CatalogEntry& entry_;
  const CatalogDownload& download_;
  fs::path folder_;
  fs::path part_;
  std::string address_;
  const OnDownload& progress_;
  int patience_;
};

}  // namespace

bool fetch(const CatalogEntry& entry, const FetchOptions& options) {
  if (!options.from.empty() && options.from.find("://") == std::string::npos) {
    throw ConfigError(
        fmt::format("expected an address such as https://HOST/FOLDER or file:///FOLDER, found '{}'", options.from));
  }
  const fs::path root = data_root(options.root);
  if (root.empty()) throw ConfigError("expected a folder for data sets: set CANOPY_DATA or HOME, found neither");
  const DatasetStatus status = verify(entry, options.root);
  if (status.good()) return true;
  const fs::path folder = root / entry.folder;
  make_folder(folder);
  const std::vector<CatalogFile> needed = damaged_or_missing(entry, status, folder);
  for (const CatalogDownload& download : entry.downloads) {
    Wanted wanted;
    std::ranges::copy_if(needed, std::back_inserter(wanted), [&](const CatalogFile& f) { return holds(download, f); });
    if (!wanted.empty() && !Fetch(entry, download, folder, options).run(wanted)) return false;
  }
  return true;
}

}  // namespace canopy::datasets
