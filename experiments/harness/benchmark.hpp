// A benchmark of the driver, and the rows that it gives.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <canopy/experiments/harness/json.hpp>
#include <canopy/experiments/harness/timer.hpp>

namespace canopy::benchmark {

using harness::Json;

struct BenchOptions {
  int threads = 1;  ///< already in force
  std::string only;
  std::optional<int> repeats;
  TimerProgress progress = {};

  /// Whether `--only TEXT` lets this row through: TEXT is part of its name.
  bool selects(const std::string& name) const { return name.find(only) != std::string::npos; }
  /// Repetitions of the timer: `--repeats`, or the benchmark's own number.
  TimerOptions timer(int repetitions) const {
    return {.repetitions = repeats.value_or(repetitions), .progress = progress};
  }
};

/// One line of the table. `ratio` = baseline / own milliseconds.
struct Row {
  std::string name;
  std::int64_t batch = 0;
  Timing timing;
  std::optional<Timing> baseline = {};  ///< of what it is compared with
  Json more = Json::object();           ///< further fields, such as {"leaves_used": 16}

  /// Why the time or its baseline's is noisy; empty: neither is.
  std::string noise() const { return noise_of_both(timing.noise, baseline ? baseline->noise : ""); }
};

struct Benchmark {
  std::string name;
  std::string description;
  std::function<std::vector<Row>(const BenchOptions&)> run;
  /// What all rows together say, {"what": number or text}: printed below the table, `summary` in the JSON form.
  std::function<Json(const std::vector<Row>&)> summarise = {};
  /// The JSON form is one flat object of row name -> milliseconds, for scripts that time a peer in another process.
  bool flat = false;
};

/// {benchmark, threads, environment, rows: [...]}, with a summary where the benchmark has one, or the flat form, which
/// has {"noisy": {row name: why}} where a row is noisy.
Json to_json(const Benchmark& benchmark, const BenchOptions& options, const std::vector<Row>& rows);
/// {name, batch, milliseconds, spread, repetitions, baseline, ratio, noisy, why, ...}
Json to_json(const Row& row);
/// The table of the rows, with a column for each further field of any, NOISY where a row is, and the summary.
std::string to_text(const Benchmark& benchmark, const std::vector<Row>& rows);

}  // namespace canopy::benchmark
