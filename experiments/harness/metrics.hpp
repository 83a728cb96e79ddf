// metrics.csv and its like: rows of a training, each on the disk before the checkpoint that counts it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace canopy::harness {

/// A table whose rows are numbered 0, stride, 2 stride, ... in its first column.
class MetricsFile {
 public:
  explicit MetricsFile(std::filesystem::path file, std::string number = "epoch", std::int64_t stride = 1)
      : file_(std::move(file)), number_(std::move(number)), stride_(stride) {}

  using Columns = std::vector<std::pair<std::string, double>>;
  /// Appends a row. The first call cuts rows of an earlier process from this number on, and a row that was never
  /// finished. Throws DataError when earlier rows are missing or have other columns.
  void append(std::int64_t number, const Columns& columns);

 private:
  void cut(std::int64_t number, const Columns& columns);

  std::filesystem::path file_;
  std::string number_;
  std::int64_t stride_;
  bool begun_ = false;
};

/// The columns of such a file; none where the file does not exist yet. Unfinished rows are skipped.
std::vector<std::pair<std::string, std::vector<double>>> read_metrics(const std::filesystem::path& file);

}  // namespace canopy::harness
