// metrics.csv: one row an epoch, each on the disk before the checkpoint that counts it.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <canopy/experiments/harness/result.hpp>

namespace canopy::harness {

class MetricsFile {
 public:
  explicit MetricsFile(std::filesystem::path file) : file_(std::move(file)) {}

  /// Appends a row. The first call cuts rows of an earlier process from this epoch on, and a row that was never
  /// finished. Throws DataError when earlier epochs are missing or have other columns.
  void append(const Epoch& epoch);

 private:
  void cut(const Epoch& first);

  std::filesystem::path file_;
  bool begun_ = false;
};

/// The columns of metrics.csv; none where the file does not exist yet. Unfinished rows are skipped.
std::vector<std::pair<std::string, std::vector<double>>> read_metrics(const std::filesystem::path& file);

}  // namespace canopy::harness
