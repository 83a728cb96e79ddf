// What a cell leaves behind: one Epoch after another in metrics.csv, then one Result in result.json.
//
// Nothing here is measured by a clock: a run that was interrupted and resumed writes the same bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <canopy/experiments/harness/json.hpp>

namespace canopy::harness {

/// One row of metrics.csv. Every row of a cell has the same columns in the same order.
struct Epoch {
  std::int64_t epoch = 0;                                    ///< 0 for the first
  std::int64_t epochs = 0;                                   ///< how many are planned at most
  std::vector<std::pair<std::string, double>> columns = {};  ///< such as {"loss", 0.31}, {"validation_accuracy", 95.2}
  double score = 0;                                          ///< what the progress display shows, in percent
};

/// The content of result.json; percentages are 0..100, a missing number is written as null.
struct Result {
  // The harness fills these from the cell.
  std::string experiment;
  std::string cell;
  std::int64_t seed = 0;
  std::string dataset;
  std::string model;
  std::string recipe;
  std::optional<std::int64_t> training_width;
  std::optional<std::int64_t> leaf_width;
  std::optional<std::int64_t> depth;
  // The experiment fills these.
  std::int64_t epochs = 0;        ///< trained, all together
  std::optional<double> m_a;      ///< memorisation accuracy
  std::optional<double> m_a_ett;  ///< epochs to that score
  std::optional<double> g_a;      ///< generalisation accuracy
  std::optional<double> g_a_ett;  ///< epochs to that score
  // Of the model that G_A is of.
  std::optional<double> validation_accuracy;  ///< hard, what the model was selected by
  std::optional<double> train_accuracy;       ///< hard
  std::optional<double> train_accuracy_soft;  ///< of the mixture of all leaves
  std::optional<double> g_a_soft;             ///< test accuracy of that mixture
  std::optional<double> mix;                  ///< k beside a master leaf; nn::MasterMix says what it weighs
  std::optional<std::int64_t> leaves;
  std::optional<std::int64_t> leaves_used;
  std::optional<double> maximum_leaf_load;  ///< share of the inputs in the fullest leaf, in percent
  std::optional<double> entropy;            ///< batch mean of the nodes' decision entropies
  std::string status = "done";              ///< or what else came of it, such as "diverged"
};

Json to_json(const Result& result);
/// Throws DataError, naming `source`, when a field is missing or of another type.
Result result_from_json(const Json& json, const std::string& source);

}  // namespace canopy::harness
