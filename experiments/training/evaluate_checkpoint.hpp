// Scores a saved classifier on a data set: what `canopy eval` prints.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace canopy {

struct EvalOptions {
  std::filesystem::path checkpoint;
  std::string dataset;                          ///< name in the catalog, or idx:FOLDER
  std::string split = "test";                   ///< or "train"
  std::optional<std::string> input_range = {};  ///< for files without `input_normalisation`: "0,1" or "-1,1"
  std::filesystem::path data = {};              ///< folder of the data sets; empty: the default places
};

/// Accuracies and loads are percentages.
struct EvalResult {
  std::int64_t samples = 0;
  double accuracy_hard = 0;
  double accuracy_soft = 0;
  std::int64_t leaves = 1;  ///< an FF has one leaf and equal accuracies
  std::int64_t leaves_used = 1;
  double maximum_leaf_load = 100;
};

/// Throws CheckpointError or DataError for files that are missing or damaged, ConfigError for options that do not fit.
EvalResult evaluate_checkpoint(const EvalOptions& options);

}  // namespace canopy
