// Scores a BERT folder on a task of GLUE: what `canopy eval FOLDER --dataset glue:TASK` prints.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace canopy::language {

struct GlueOptions {
  std::filesystem::path folder;     ///< of the model
  std::string dataset;              ///< "glue:STS-B"
  std::string split = "dev";        ///< or "train": "test" has no labels
  std::filesystem::path data = {};  ///< folder of the data sets; empty: the default places
};

struct GlueResult {
  std::int64_t samples = 0;
  std::string answers = {};  ///< what is scored: "cosine of sentence embeddings" or "classifier"
  std::vector<std::pair<std::string, double>> metrics =
      {};  ///< x 100, the official ones of the task: "accuracy", "f1", ...
};

/// The names of a task's metrics, in the order of GlueResult. Throws ConfigError for an unknown data set.
std::vector<std::string> glue_metrics(const std::string& dataset);

/// With a classifier of as many outputs as the task has classes (of one output for a regression), its answers; without
/// one, for pairs with a score, the cosine of the sentences' embeddings. Throws ConfigError for a model that can answer
/// in neither way and for a split without labels, DataError and CheckpointError for files.
GlueResult evaluate_glue(const GlueOptions& options);

}  // namespace canopy::language
