// The data sets that canopy knows: their files, where they may lie, and whether they are whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace canopy::datasets {

/// A file under its canonical name, without the ".gz" that it may have.
struct CatalogFile {
  std::string_view name;
  std::int64_t bytes;         ///< of the decompressed content
  std::string_view checksum;  ///< of the decompressed content, MD5 or SHA-256; empty where its home publishes none
};

/// At a data set's home: one of its files, gzipped or not, or an archive (.tar.gz or .zip) of a folder with all of
/// them.
struct CatalogDownload {
  std::string_view address;
  std::int64_t bytes = 0;          ///< 0 where its home does not say
  std::string_view checksum = {};  ///< MD5 or SHA-256; empty where its home publishes none

  /// What follows the last '/'.
  std::string_view name() const { return address.substr(address.rfind('/') + 1); }
  bool is_archive() const { return address.ends_with(".tar.gz") || address.ends_with(".zip"); }
};

struct CatalogEntry {
  std::string_view name;         ///< as in `--dataset`
  std::string_view folder;       ///< under a root
  std::string_view description;  ///< counts, size, classes
  std::span<const CatalogFile> files;
  std::span<const CatalogDownload> downloads;
  std::string_view system_folder = {};  ///< where a package of the system puts it, or nothing
  std::string_view package = {};        ///< that package, or nothing
};

std::span<const CatalogEntry> catalog();
/// Throws ConfigError naming every known data set.
const CatalogEntry& catalog_entry(std::string_view name);

/// Where data sets are looked for: `root` if not empty, else $CANOPY_DATA, else ~/.local/share/canopy; empty if there
/// is none of them.
std::filesystem::path data_root(const std::filesystem::path& root = {});

/// The folders where a data set is looked for, in this order: the root's, then the system's. The first that holds any
/// of its files counts.
std::vector<std::filesystem::path> candidate_folders(const CatalogEntry& entry, const std::filesystem::path& root = {});

/// The path of one file of a data set, plain or with ".gz". Throws DataError naming every folder looked in, the file
/// expected, and what to install or where to put it.
std::filesystem::path find_file(const CatalogEntry& entry, std::string_view name,
                                const std::filesystem::path& root = {});

struct FileStatus {
  std::string name;            ///< canonical, without ".gz"
  std::filesystem::path path;  ///< empty if missing
  std::string problem;         ///< empty if none is known
};

struct DatasetStatus {
  std::string name;
  std::vector<std::filesystem::path> looked_in;
  std::filesystem::path folder;  ///< empty if found nowhere
  std::vector<FileStatus> files;

  /// Whether every file is there and, after `verify`, whole.
  bool good() const;
};

/// What is wrong with a file's decompressed content, by its size and checksum; empty if nothing.
std::string problem_of(const CatalogFile& file, std::string_view content);

/// What is there, by name only.
DatasetStatus status(const CatalogEntry& entry, const std::filesystem::path& root = {});
/// What is there and whether it is whole: every file read, its size and checksum compared.
DatasetStatus verify(const CatalogEntry& entry, const std::filesystem::path& root = {});

}  // namespace canopy::datasets
