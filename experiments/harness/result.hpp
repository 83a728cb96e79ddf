// What a cell leaves behind: one MetricsRow after another in metrics.csv, then one Result in result.json.
//
// Nothing here is measured by a clock: a run that was interrupted and resumed writes the same bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <canopy/experiments/harness/json.hpp>
#include <canopy/experiments/harness/named.hpp>

namespace canopy::harness {

/// What a cell is, by one of its labels: none, a whole number or a text.
using Label = std::variant<std::monostate, std::int64_t, std::string>;

/// A label that some cells have, such as the depth of those with a tree.
Label label(const std::optional<std::int64_t>& number);

/// The labels of a cell: such as {{"dataset", "abalone"}, {"model", "dense"}, {"depth", {}}}.
class Labels : public Named<Label> {
 public:
  using Named::Named;

  /// Throws ConfigError for a label that is not there or no text.
  const std::string& text(std::string_view name) const;
  /// None where the label is none. Throws ConfigError for a label that is not there or a text.
  std::optional<std::int64_t> number(std::string_view name) const;
};

/// The value of a metric: none, a count or a measure. A count stays a whole number in every file.
using Number = std::variant<std::monostate, std::int64_t, double>;

/// None where there is no value or no finite one.
std::optional<double> real(const Number& number);

/// Numbers by the names of their metrics.
using Numbers = Named<Number>;

/// One row of metrics.csv. Every row of a cell has the same unit, stride and columns.
struct MetricsRow {
  std::int64_t number = 0;     ///< the first unit that it covers: 0, stride, 2 stride, ...
  std::int64_t planned = 0;    ///< how many units at most; 0: unknown
  std::string unit = "epoch";  ///< what is counted, and the name of the first column: such as "step"
  std::int64_t stride = 1;     ///< units that a row covers
  std::vector<std::pair<std::string, double>> columns = {};     ///< such as {"loss", 0.31}, {"validation_rmse", 2.2}
  std::vector<std::pair<std::string, std::int64_t>> seen = {};  ///< trained on so far, such as {"samples", 45000}
};

/// The content of result.json.
struct Result {
  // The harness fills these from the cell.
  std::string experiment = {};
  std::string cell = {};
  std::int64_t seed = 0;
  Labels labels = {};
  // The experiment fills these.
  Numbers metrics = {};
  std::string status = "done";  ///< or what else came of it, such as "diverged"
};

/// {experiment, cell, seed, LABEL..., METRIC..., status}; what is none or not finite is null.
Json to_json(const Result& result);
/// The labels are the fields with a name in `labels`; of the others every number and null is a metric, and the rest is
/// left out. Throws DataError, naming `source`, when one of the identity is missing or of another kind.
Result result_from_json(const Json& json, const Labels& labels, const std::string& source);

/// {NAME: whole number, text or null, ...}
Json to_json(const Labels& labels);
/// {NAME: number or null, ...}
Json to_json(const Numbers& numbers);
/// The numbers and nulls among the fields of an object, without those that `others` names.
Numbers numbers_from_json(const Json& object, const Labels& others = {});

}  // namespace canopy::harness
