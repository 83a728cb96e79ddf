// canopy bench: timings beside a baseline measured in the same process.
#include <memory>
#include <string>
#include <vector>

#include <canopy/core/environment.hpp>
#include <canopy/core/file.hpp>
#include <canopy/core/threads.hpp>
#include <canopy/experiments/cli/commands.hpp>
#include <canopy/experiments/harness/expect.hpp>
#include <canopy/experiments/harness/terminal.hpp>
#include <canopy/experiments/harness/text_table.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::cli {
namespace {

using benchmark::Benchmark;
using benchmark::BenchOptions;
using benchmark::Row;
using harness::Json;

struct BenchCommand : BenchOptions {
  std::string name;
  std::vector<std::string> expect;
  bool json = false;
  std::string json_file;
};

const Benchmark& find(const std::vector<Benchmark>& benchmarks, const std::string& name) {
  std::vector<std::string> known;
  for (const Benchmark& each : benchmarks) {
    if (each.name == name) return each;
    known.push_back(fmt::format("{} ({})", each.name, each.description));
  }
  throw ConfigError(fmt::format("unknown benchmark \"{}\"; known are: {}", name, fmt::join(known, ", ")));
}

// On a terminal one line that changes, elsewhere a line for each set of candidates.
void show(const std::vector<benchmark::Candidate>& candidates, int repetition, int repetitions) {
  constexpr std::size_t longest = 90;
  std::string names;
  for (const benchmark::Candidate& each : candidates) names += (names.empty() ? "" : ", ") + each.name;
  if (names.size() > longest) names = names.substr(0, longest) + " ...";
  if (harness::is_drawable()) {
    harness::draw_line(fmt::format("timing {} ({}/{})", names, repetition + 1, repetitions));
  } else if (repetition == 0) {
    harness::say(fmt::format("timing {}, {} times\n", names, repetitions));
  }
}

void bench(const Program& program, BenchCommand& options) {
  const Benchmark& chosen = find(program.benchmarks, options.name);
  const std::vector<harness::Expectation> expectations = harness::parse_expectations(options.expect);
  const ThreadGuard guard(options.threads);
  harness::say(banner("0") + "\n");
  options.progress = show;
  const std::vector<Row> rows = chosen.run(options);
  if (harness::is_drawable()) harness::draw_line("");
  if (rows.empty()) throw ConfigError(fmt::format("{}: no row's name holds \"{}\"", options.name, options.only));
  if (options.json && !options.json_file.empty()) {
    write_file(options.json_file, harness::to_text(to_json(chosen, options, rows), 2) + "\n");
  }
  if (options.json && options.json_file.empty()) {
    harness::print(harness::to_text(to_json(chosen, options, rows), 2) + "\n");
  } else {
    harness::print(benchmark::to_text(chosen, rows));
  }
  std::vector<harness::NamedRow> named;
  for (const Row& row : rows) named.push_back({row.name, benchmark::to_json(row)});
  check(expectations, named);
}

}  // namespace

void add_bench(CLI::App& app, const Program& program) {
  CLI::App* command = app.add_subcommand("bench", "Time the parts against their baselines");
  const auto options = std::make_shared<BenchCommand>();
  options->threads = hardware_threads();
  command->add_option("NAME", options->name, "A benchmark")->required();
  command->add_option("--threads", options->threads, "Threads")
      ->capture_default_str()
      ->check(whole_number(1, most_threads));
  command->add_option("--only", options->only, "Only rows whose name holds this text");
  command->add_option("--repeats", options->repeats, "Repetitions of each row")->check(whole_number(1, most_repeats));
  command->add_option("--expect", options->expect, "'ROW:FIELD>=VALUE': fail with code 4 where this is missed")
      ->allow_extra_args(false);
  CLI::Option* json = command->add_option("--json", options->json_file, "Print one JSON value, or write it to a file")
                          ->expected(0, 1)
                          ->type_name("[FILE]");
  command->callback([options, json, &program] {
    options->json = json->count() > 0;
    bench(program, *options);
  });
}

}  // namespace canopy::cli
