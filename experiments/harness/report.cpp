#include <canopy/experiments/harness/report.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include <canopy/experiments/harness/timing.hpp>

#include <boost/math/distributions/students_t.hpp>

namespace canopy::harness {
namespace {

/// Half the width of the 95 % interval of the mean of n values, by Student's t: the seeds are few.
double half_interval(double sd, double n) {
  const boost::math::students_t distribution(n - 1);
  return quantile(complement(distribution, 0.025)) * sd / std::sqrt(n);
}

Statistic statistic_of(const std::vector<double>& values, Better better) {
  const auto n = static_cast<double>(values.size());
  Statistic statistic{.seeds = static_cast<std::int64_t>(values.size())};
  if (values.empty()) return statistic;
  const double mean = std::accumulate(values.begin(), values.end(), 0.) / n;
  statistic.mean = mean;
  if (better == Better::higher) statistic.best = std::ranges::max(values);
  if (better == Better::lower) statistic.best = std::ranges::min(values);
  if (values.size() > 1) {
    double squares = 0;
    for (const double value : values) squares += (value - mean) * (value - mean);
    const double sd = std::sqrt(squares / (n - 1));
    statistic.sd = sd;
    statistic.low = mean - half_interval(sd, n);
    statistic.high = mean + half_interval(sd, n);
  }
  return statistic;
}

struct Seeds {
  std::vector<Result> results;
  std::vector<SeedError> errors;
};

Seeds read_seeds(const RunDirectory& directory, const Cell& cell, std::int64_t seeds) {
  Seeds found;
  for (std::int64_t seed = 0; seed < seeds; ++seed) {
    const auto folder = directory.cell(cell.name, seed);
    if (auto result = read_result(folder, cell.labels)) {
      found.results.push_back(std::move(*result));
    } else if (const auto error = read_failure(folder)) {
      found.errors.push_back({seed, *error});
    }
  }
  return found;
}

std::vector<double> values(const std::vector<Result>& results, const std::string& metric) {
  std::vector<double> all;
  for (const Result& result : results) {
    const Number* number = result.metrics.find(metric);
    if (number != nullptr && real(*number)) all.push_back(*real(*number));
  }
  return all;
}

/// What can befall every training.
Remark diverged() {
  return {.word = "DIVERGED",
          .explanation = "the loss was no longer finite and the training stopped there.",
          .applies = [](const Result& result) { return result.status == "diverged"; }};
}

ReportRow row_of(const Cell& cell, const Seeds& seeds, std::int64_t planned, const Measures& measures,
                 const CellTiming& timing) {
  const auto done = static_cast<std::int64_t>(seeds.results.size());
  ReportRow row{.cell = cell,
                .status = done == planned        ? "done"
                          : seeds.errors.empty() ? "incomplete"
                                                 : "failed",
                .seeds_done = done,
                .noise = timing.noise,
                .errors = seeds.errors};
  for (const Remark& remark : measures.remarks) {
    row.remarks.push_back({remark.word, std::ranges::count_if(seeds.results, remark.applies)});
  }
  for (const Metric& metric : measures.metrics) {
    row.statistics[metric.name] =
        statistic_of(metric.timed ? std::vector<double>() : values(seeds.results, metric.name), metric.better);
  }
  for (const auto& [name, number] : timing.numbers) {
    if (const auto value = real(number)) row.statistics[name] = statistic_of({*value}, measures.metric(name).better);
  }
  return row;
}

Json to_json(const Statistic& statistic) {
  Json json = {{"mean", number(statistic.mean)}, {"sd", number(statistic.sd)},     {"best", number(statistic.best)},
               {"low", number(statistic.low)},   {"high", number(statistic.high)}, {"seeds", statistic.seeds}};
  if (statistic.paper) json["paper"] = *statistic.paper;
  return json;
}

Json to_json(const ReportRow& row) {
  Json json = {{"cell", row.cell.name}};
  json.update(to_json(row.cell.labels));
  json["status"] = row.status;
  json["seeds_done"] = row.seeds_done;
  json["seeds_failed"] = row.errors.size();
  for (const RemarkCount& remark : row.remarks) json[field_of(remark.word)] = remark.seeds;
  json["noisy"] = !row.noise.empty();
  json["why"] = row.noise;
  json["errors"] = Json::array();
  for (const auto& [seed, error] : row.errors) json["errors"].push_back({{"seed", seed}, {"error", error}});
  for (const auto& [name, statistic] : row.statistics) json[name] = to_json(statistic);
  return json;
}

}  // namespace

const Statistic& ReportRow::statistic(std::string_view name) const {
  static const Statistic none;
  const Statistic* found = statistics.find(name);
  return found == nullptr ? none : *found;
}

Report report(const RunDirectory& directory, const Experiment& experiment, const Configuration& configuration) {
  Report all{.experiment = experiment.name,
             .paper = experiment.paper,
             .artefact = experiment.artefact,
             .preset = configuration.preset,
             .seeds = configuration.seeds,
             .columns = experiment.columns,
             .measures = experiment.measures,
             .rows = {}};
  all.measures.remarks.push_back(diverged());
  if (all.columns.empty()) {
    for (const Metric& metric : experiment.measures.metrics) all.columns.push_back(metric.name);
  }
  std::map<std::string, CellTiming> timing = read_timing(directory);
  for (const Cell& cell : selected_cells(experiment, configuration)) {
    const Seeds seeds = read_seeds(directory, cell, configuration.seeds);
    ReportRow row = row_of(cell, seeds, configuration.seeds, all.measures, timing[cell.name]);
    if (experiment.paper_numbers) {
      for (const auto& [name, value] : experiment.paper_numbers(cell)) row.statistics[name].paper = value;
    }
    all.rows.push_back(std::move(row));
  }
  return all;
}

Json to_json(const Report& report) {
  Json rows = Json::array();
  for (const ReportRow& row : report.rows) rows.push_back(to_json(row));
  return {{"experiment", report.experiment}, {"paper", report.paper}, {"artefact", report.artefact},
          {"preset", report.preset},         {"seeds", report.seeds}, {"columns", report.columns},
          {"rows", std::move(rows)}};
}

}  // namespace canopy::harness
