#include <canopy/experiments/harness/report.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

#include <boost/math/distributions/students_t.hpp>

namespace canopy::harness {
namespace {

/// The fields of result.json that are averaged, and whether more is better.
struct Field {
  const char* name;
  bool more_is_better;
};
constexpr Field fields[] = {{"epochs", false},
                            {"m_a", true},
                            {"m_a_ett", false},
                            {"g_a", true},
                            {"g_a_ett", false},
                            {"g_a_soft", true},
                            {"validation_accuracy", true},
                            {"train_accuracy", true},
                            {"train_accuracy_soft", true},
                            {"mix", true},
                            {"leaves", true},
                            {"leaves_used", true},
                            {"maximum_leaf_load", false},
                            {"entropy", false}};

/// Half the width of the 95 % interval of the mean of n values, by Student's t: the seeds are few.
double half_interval(double sd, double n) {
  const boost::math::students_t distribution(n - 1);
  return quantile(complement(distribution, 0.025)) * sd / std::sqrt(n);
}

Json statistic(const std::vector<double>& values, bool more_is_better) {
  const auto n = static_cast<double>(values.size());
  std::optional<double> mean, sd, best, low, high;
  if (!values.empty()) {
    mean = std::accumulate(values.begin(), values.end(), 0.) / n;
    best = more_is_better ? std::ranges::max(values) : std::ranges::min(values);
  }
  if (values.size() > 1) {
    double squares = 0;
    for (const double value : values) squares += (value - *mean) * (value - *mean);
    sd = std::sqrt(squares / (n - 1));
    low = *mean - half_interval(*sd, n);
    high = *mean + half_interval(*sd, n);
  }
  return {{"mean", number(mean)}, {"sd", number(sd)},     {"best", number(best)},
          {"low", number(low)},   {"high", number(high)}, {"seeds", values.size()}};
}

struct Seeds {
  std::vector<Json> results;
  Json errors = Json::array();
};

Seeds read_seeds(const RunDirectory& directory, const std::string& cell, std::int64_t seeds) {
  Seeds found;
  for (std::int64_t seed = 0; seed < seeds; ++seed) {
    const auto folder = directory.cell(cell, seed);
    if (const auto result = read_result(folder)) {
      found.results.push_back(to_json(*result));
    } else if (const auto error = read_failure(folder)) {
      found.errors.push_back({{"seed", seed}, {"error", *error}});
    }
  }
  return found;
}

std::vector<double> numbers(const std::vector<Json>& results, const char* field) {
  std::vector<double> values;
  for (const Json& result : results) {
    if (result[field].is_number()) values.push_back(result[field].get<double>());
  }
  return values;
}

std::int64_t count_collapsed(const std::vector<Json>& results) {
  return std::ranges::count_if(results, [](const Json& result) {
    const Json& load = result["maximum_leaf_load"];
    const Json& leaves = result["leaves"];
    return load.is_number() && load.get<double>() > collapsed_above && leaves.is_number() && leaves.get<double>() > 1;
  });
}

std::int64_t count_diverged(const std::vector<Json>& results) {
  return std::ranges::count_if(results, [](const Json& result) { return result["status"] == "diverged"; });
}

bool is_noisy(const Json& timing) {
  return timing.value("spread", 0.) > noisy_above * timing.value("milliseconds", 0.);
}

/// The rows of timing.json by cell.
std::map<std::string, Json> read_timing(const RunDirectory& directory) {
  std::map<std::string, Json> rows;
  if (!std::filesystem::exists(directory.timing())) return rows;
  const Json timing = read_json(directory.timing());
  for (const Json& row : timing.value("rows", Json::array())) rows[row.value("cell", "")] = row;
  return rows;
}

Json row_of(const Cell& cell, const Seeds& seeds, std::int64_t planned, const Json& timing) {
  const auto done = static_cast<std::int64_t>(seeds.results.size());
  Json row = {{"cell", cell.name},
              {"dataset", cell.dataset},
              {"model", cell.model},
              {"recipe", cell.recipe},
              {"training_width", number(cell.training_width)},
              {"leaf_width", number(cell.leaf_width)},
              {"depth", number(cell.depth)},
              {"status", done == planned        ? "done"
                         : seeds.errors.empty() ? "incomplete"
                                                : "failed"},
              {"seeds_done", done},
              {"seeds_failed", seeds.errors.size()},
              {"collapsed", count_collapsed(seeds.results)},
              {"diverged", count_diverged(seeds.results)},
              {"noisy", is_noisy(timing)},
              {"errors", seeds.errors}};
  for (const Field& field : fields)
    row[field.name] = statistic(numbers(seeds.results, field.name), field.more_is_better);
  row["speedup"] = statistic({}, true);
  for (const auto& [name, value] : timing.items()) {
    if (value.is_number()) row[name] = statistic({value.get<double>()}, true);
  }
  return row;
}

}  // namespace

Json report(const RunDirectory& directory, const Experiment& experiment, const Configuration& configuration) {
  const std::map<std::string, Json> timing = read_timing(directory);
  Json rows = Json::array();
  for (const Cell& cell : selected_cells(experiment, configuration)) {
    const Seeds seeds = read_seeds(directory, cell.name, configuration.seeds);
    const auto timed = timing.find(cell.name);
    Json row = row_of(cell, seeds, configuration.seeds, timed == timing.end() ? Json::object() : timed->second);
    if (experiment.paper_numbers) {
      for (const auto& [field, value] : experiment.paper_numbers(cell)) {
        if (!row.contains(field)) row[field] = statistic({}, true);
        row[field]["paper"] = value;
      }
    }
    rows.push_back(std::move(row));
  }
  return {{"experiment", experiment.name},  {"paper", experiment.paper},    {"artefact", experiment.artefact},
          {"preset", configuration.preset}, {"seeds", configuration.seeds}, {"columns", experiment.columns},
          {"rows", std::move(rows)}};
}

}  // namespace canopy::harness
