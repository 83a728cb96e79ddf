// metrics.csv and its like: rows of a training, each on the disk before the checkpoint that counts it.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <canopy/experiments/harness/result.hpp>

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
  void cut(std::int64_t next, const Columns& columns);

  std::filesystem::path file_;
  std::string number_;
  std::int64_t stride_;
  bool begun_ = false;
};

/// clock.csv beside metrics.csv: how many seconds of training led to each row, over all processes that worked on the
/// cell, what was trained on by then, and the most memory that arrays took in this process, in 10^6 bytes. It stands
/// apart because the rest is the same bytes in every run.
class ClockFile {
 public:
  /// The clock of this process starts here.
  explicit ClockFile(std::filesystem::path file) : file_(std::move(file)) {}

  /// After the row of the metrics. A cell whose earlier rows were not timed gets no clock. Returns the speed since the
  /// row before, such as "512 samples/s"; nothing where it is not known.
  std::string append(const MetricsRow& row);

 private:
  using Clock = std::chrono::steady_clock;

  std::filesystem::path file_;
  std::optional<MetricsFile> rows_;  // none before the first row, and where there is no clock
  Clock::time_point begin_ = Clock::now();
  double before_ = 0;  // seconds of earlier processes, as far as their rows still count
  double last_ = 0;    // of the row before, in this process
  std::int64_t seen_ = 0;
  bool begun_ = false;
};

/// Throws DataError unless the file holds the rows of the numbers 0, stride, ... that a checkpoint counts.
void require_rows(const std::filesystem::path& file, std::int64_t count, std::int64_t stride = 1);

/// The columns of such a file; none where the file does not exist yet. A last row that was never finished is skipped.
/// Throws DataError for a file that cannot be read or holds other rows.
std::vector<std::pair<std::string, std::vector<double>>> read_metrics(const std::filesystem::path& file);

}  // namespace canopy::harness
