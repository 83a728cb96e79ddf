#include <canopy/datasets/download.hpp>

#include <csignal>
#include <exception>
#include <memory>

#include <canopy/core/file.hpp>
#include <canopy/core/held_signal.hpp>

#include <curl/curl.h>
#include <fmt/format.h>

namespace canopy::datasets {
namespace {

struct Transfer {
  DownloadProgress progress;
  const OnDownload& on_progress;
  FileAppender& file;
  std::int64_t most_bytes;
  std::int64_t written = 0;       // with those of an earlier download
  std::exception_ptr error = {};  // must not pass through C
};

std::size_t on_data(char* bytes, std::size_t, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  try {
    transfer.written += static_cast<std::int64_t>(count);
    if (transfer.written > transfer.most_bytes) {
      throw TooManyBytes(
          fmt::format("{}: expected at most {} bytes, found more", transfer.progress.address, transfer.most_bytes));
    }
    transfer.file.write(bytes, count);
    return count;
  } catch (...) {
    transfer.error = std::current_exception();
    return CURL_WRITEFUNC_ERROR;
  }
}

int on_progress(void* user, curl_off_t total, curl_off_t done, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.progress.done = transfer.progress.before + done;
  if (total > 0) transfer.progress.total = transfer.progress.before + total;
  try {
    return transfer.on_progress(transfer.progress) ? 0 : 1;
  } catch (...) {
    transfer.error = std::current_exception();
    return 1;
  }
}

CURLcode perform(CURL* curl, const std::string& address, Transfer& transfer, int patience) {
  curl_easy_setopt(curl, CURLOPT_URL, address.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,ftp,file");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 20L);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 30L);
  // Neither silence nor a trickle holds us for ever.
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1000L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(patience));
  curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(transfer.progress.before));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
  return curl_easy_perform(curl);
}

/// Whether the other side has no bytes after those that are here, or cannot begin there.
bool refuses_to_continue(CURL* curl, CURLcode code) {
  constexpr long range_not_satisfiable = 416;
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return code == CURLE_RANGE_ERROR || code == CURLE_BAD_DOWNLOAD_RESUME || code == CURLE_FTP_COULDNT_USE_REST ||
         (code == CURLE_HTTP_RETURNED_ERROR && status == range_not_satisfiable);
}

}  // namespace

bool download(const std::string& address, const std::filesystem::path& to, const OnDownload& progress,
              std::int64_t most_bytes, int patience) {
  const HeldSignal broken_pipe(SIGPIPE);  // of a connection that the other side closed
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(ready == CURLE_OK ? curl_easy_init() : nullptr, curl_easy_cleanup);
  if (!curl) throw Error("cannot start libcurl");
  char reason[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, reason);

  FileAppender file(to);
  const auto before = static_cast<std::int64_t>(file.size());
  Transfer transfer{.progress = {.address = address, .before = before, .done = before},
                    .on_progress = progress,
                    .file = file,
                    .most_bytes = most_bytes,
                    .written = before};
  CURLcode code = perform(curl.get(), address, transfer, patience);
  if (before > 0 && refuses_to_continue(curl.get(), code)) {
    file.truncate(0);
    transfer.progress = {.address = address};
    transfer.written = 0;
    code = perform(curl.get(), address, transfer, patience);
  }
  file.sync();
  if (transfer.error) std::rethrow_exception(transfer.error);
  if (code == CURLE_ABORTED_BY_CALLBACK) return false;
  if (code != CURLE_OK) {
    throw DownloadError(fmt::format("cannot download {}: {}", address, *reason ? reason : curl_easy_strerror(code)));
  }
  return true;
}

}  // namespace canopy::datasets
