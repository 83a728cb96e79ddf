// Data sets from their homes.
#pragma once

#include <filesystem>
#include <string>

#include <canopy/datasets/catalog.hpp>
#include <canopy/datasets/download.hpp>

namespace canopy::datasets {

struct FetchOptions {
  std::filesystem::path root = {};  ///< see data_root in catalog.hpp
  /// An address, as of a mirror or "file:///folder", under which the downloads lie by their names; empty: their homes.
  std::string from = {};
  OnDownload progress = [](const DownloadProgress&) { return true; };
  int patience = 60;  ///< seconds at fewer than 1000 bytes a second that end a download
};

/// Brings the files of a data set that are missing or damaged into its folder under the root; nothing where all are
/// whole. A download grows in `NAME.part` beside them and is continued by the next call. What came is compared with the
/// published sums, and only then takes its place, in one step. Returns false when `progress` stopped it.
/// Throws DownloadError with the address, what is kept, and how to do it by hand; DataError for what came damaged,
/// which is removed; ConfigError without a root or for a `from` that is no address; Error for a folder or a file that
/// cannot be written.
bool fetch(const CatalogEntry& entry, const FetchOptions& options = {});

}  // namespace canopy::datasets
