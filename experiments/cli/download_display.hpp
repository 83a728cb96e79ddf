// What a download shows on stderr: a bar on a terminal, a few lines elsewhere.
#pragma once

#include <chrono>
#include <string>

#include <canopy/datasets/download.hpp>

namespace canopy::cli {

class DownloadDisplay {
 public:
  DownloadDisplay();
  ~DownloadDisplay();
  DownloadDisplay(const DownloadDisplay&) = delete;
  DownloadDisplay& operator=(const DownloadDisplay&) = delete;

  void show(const datasets::DownloadProgress& progress);

 private:
  using Clock = std::chrono::steady_clock;

  void begin(const datasets::DownloadProgress& progress);
  std::string line(const datasets::DownloadProgress& progress) const;

  bool terminal_;
  bool drawn_ = false;  // a bar that the next line takes the place of
  std::string address_;
  Clock::time_point begin_;
  Clock::time_point shown_;
};

}  // namespace canopy::cli
