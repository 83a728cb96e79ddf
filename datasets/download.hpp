// One file from the network or from a file:// address.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>

#include <canopy/core/error.hpp>

namespace canopy::datasets {

/// How a download stands, in bytes.
struct DownloadProgress {
  std::string address;
  std::int64_t before = 0;  ///< of an earlier download, at its beginning
  std::int64_t done = 0;    ///< with those
  std::int64_t total = 0;   ///< 0 while unknown
};

/// Is called at least every second or so; false stops the download.
using OnDownload = std::function<bool(const DownloadProgress&)>;

/// The network's, or the other side's, fault: nobody answers, no such file, a connection that breaks.
class DownloadError : public Error {
 public:
  using Error::Error;
};

/// More came than there should be: an endless answer must not fill the disk.
class TooManyBytes : public DownloadError {
 public:
  using DownloadError::DownloadError;
};

/// Brings what `address` (http, https, ftp or file) names into a file, continuing after the bytes that the file holds
/// already; where the other side cannot continue, from the beginning. Returns false when `progress` stopped it. What
/// came stays in the file in any case, synced. Throws DownloadError with the address and the reason, also after 20
/// redirections, or where the answer is slower than 1000 bytes a second for `patience` seconds; TooManyBytes where the
/// file would become larger than `most_bytes`; Error for a file that cannot be written.
bool download(const std::string& address, const std::filesystem::path& to, const OnDownload& progress,
              std::int64_t most_bytes = std::numeric_limits<std::int64_t>::max(), int patience = 60);

}  // namespace canopy::datasets
