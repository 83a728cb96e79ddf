// canopy run: the grid of one experiment or several, and the table with the papers' numbers beside ours.
#include <algorithm>
#include <memory>

#include <canopy/core/environment.hpp>
#include <canopy/core/held_signal.hpp>
#include <canopy/core/threads.hpp>
#include <canopy/experiments/cli/commands.hpp>
#include <canopy/experiments/harness/expect.hpp>
#include <canopy/experiments/harness/pattern.hpp>
#include <canopy/experiments/harness/report.hpp>
#include <canopy/experiments/harness/run.hpp>
#include <canopy/experiments/harness/table.hpp>
#include <canopy/experiments/harness/terminal.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::cli {
namespace {

using namespace harness;

struct RunCommand {
  std::vector<std::string> names;
  std::string preset = "quick";
  std::int64_t seeds = 0;
  int threads = hardware_threads();
  std::string out;
  std::string data;
  std::string only;
  std::vector<std::string> set;
  std::vector<std::string> expect;
  bool resume = false;
  bool json = false;
};

struct Planned {
  const Experiment* experiment;
  Configuration configuration;
  RunDirectory directory;
};

std::vector<const Experiment*> chosen(const std::vector<Experiment>& experiments,
                                      const std::vector<std::string>& names) {
  std::vector<const Experiment*> all;
  for (const std::string& name : names) {
    const std::size_t before = all.size();
    bool known = false;
    for (const Experiment& experiment : experiments) {
      if (name != "all" && !matches(name, experiment.name)) continue;
      known = true;
      if (std::ranges::find(all, &experiment) == all.end()) all.push_back(&experiment);
    }
    if (!known && all.size() == before) find_experiment(experiments, name);  // throws and names the known ones
  }
  return all;
}

/// Everything that can be wrong with the command line shows here, before the first cell runs.
std::vector<Planned> plan(const Program& program, const RunCommand& options) {
  const std::vector<const Experiment*> experiments = chosen(program.experiments, options.names);
  std::vector<Planned> all;
  std::vector<NamedRow> rows;
  for (const Experiment* experiment : experiments) {
    std::string folder = experiment->name;
    std::ranges::replace(folder, '/', '-');
    std::filesystem::path root = std::filesystem::path("runs") / folder;
    if (!options.out.empty())
      root = experiments.size() == 1 ? std::filesystem::path(options.out) : options.out / std::filesystem::path(folder);
    all.push_back({experiment, resolve(*experiment, options.preset, options.seeds, options.only, options.set), {root}});
    check_claim(all.back().directory, all.back().configuration, options.resume);
    std::ranges::copy(
        named_rows(to_json(report(all.back().directory, *experiment, all.back().configuration))["rows"], "cell"),
        std::back_inserter(rows));
  }
  check_names(parse_expectations(options.expect), rows);
  return all;
}

/// As a shell reads it as one word.
std::string shell_quoted(const std::string& word) {
  constexpr const char* plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=:,./@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string how_to_resume(CommandLine words) {
  // Behind "--" every word is a name, --resume as well.
  const auto names = std::ranges::find(words, "--");
  if (std::find(words.begin(), names, "--resume") == names) words.insert(names, "--resume");
  std::vector<std::string> quoted;
  for (const std::string& word : words) quoted.push_back(shell_quoted(word));
  return fmt::format("interrupted, state saved; continue with: {}", fmt::join(quoted, " "));
}

/// One code for all failures if they share it, such as 3 for data that is missing.
Failed summary(const std::vector<Failure>& failures) {
  const Failure& first = failures.front();
  const bool shared =
      std::ranges::all_of(failures, [&](const Failure& each) { return each.exit_code == first.exit_code; });
  return Failed(fmt::format("{} failed: {}{}", first.job, first.message,
                            failures.size() > 1 ? fmt::format(" (and {} more)", failures.size() - 1) : ""),
                shared && (first.exit_code == 2 || first.exit_code == 3) ? first.exit_code : 1);
}

/// stdout, whose failure is told once all cells are done: it must not end them.
class Output {
 public:
  void print(const std::string& text) {
    if (!problem_.empty()) return;
    const HeldSignal broken_pipe(SIGPIPE);
    try {
      harness::print(text);
    } catch (const Error& error) {
      problem_ = error.what();
    }
  }
  void check() const {
    if (!problem_.empty()) throw Error(problem_);
  }

 private:
  std::string problem_;
};

void run(const Program& program, const RunCommand& options, const CommandLine& words) {
  const std::vector<Planned> planned = plan(program, options);
  const ThreadGuard guard(options.threads);
  StopSignals signals;
  std::vector<Failure> failures;
  Output output;
  std::vector<NamedRow> rows;
  Json reports = Json::array();
  for (const auto& [experiment, configuration, directory] : planned) {
    say(banner(configuration.seeds == 1 ? "0" : fmt::format("0..{}", configuration.seeds - 1)) + "\n");
    const GridOutcome outcome =
        run_experiment(*experiment, configuration, directory,
                       {.threads = options.threads, .data = options.data, .resume = options.resume}, signals);
    if (outcome.interrupted) throw Failed(how_to_resume(words), 130);
    failures.insert(failures.end(), outcome.failures.begin(), outcome.failures.end());
    const Report result = report(directory, *experiment, configuration);
    if (!options.json) output.print(fmt::format("{}{}\n", reports.empty() ? "" : "\n", harness::to_text(result)));
    reports.push_back(to_json(result));
    std::ranges::copy(named_rows(reports.back()["rows"], "cell"), std::back_inserter(rows));
  }
  if (options.json) output.print(harness::to_text(reports.size() == 1 ? reports[0] : reports, 2) + "\n");
  if (!failures.empty()) throw summary(failures);
  output.check();
  check(parse_expectations(options.expect), rows);
}

}  // namespace

void add_run(CLI::App& app, const Program& program, const CommandLine& words) {
  CLI::App* command = app.add_subcommand("run", "Run the grid of an experiment; print the paper's numbers and ours");
  const auto options = std::make_shared<RunCommand>();
  command->add_option("NAME", options->names, "Experiments: names, patterns such as 'fff/*', or all")->required();
  command->add_option("--preset", options->preset, "quick, standard or paper")->capture_default_str();
  command->add_option("--seeds", options->seeds, "Seeds 0..N-1 (default: the preset's)")
      ->check(whole_number(1, static_cast<int>(seeds_range.most)));
  command->add_option("--threads", options->threads, "Threads, all together")
      ->capture_default_str()
      ->check(whole_number(1, most_threads));
  command->add_option("--out", options->out, "Run directory (default: runs/NAME with - for /)");
  command->add_option("--data", options->data, "Folder of the data sets");
  command->add_option("--only", options->only, "Only the cells that this pattern matches");
  command->add_option("--set", options->set, "key=value: change a setting; may be repeated")->allow_extra_args(false);
  command->add_option("--expect", options->expect, "'CELL:FIELD>=VALUE': fail with code 4 where this is missed")
      ->allow_extra_args(false);
  command->add_flag("--resume", options->resume, "Finish what is missing in the run directory");
  command->add_flag("--json", options->json, "Print one JSON value instead of the table");
  command->callback([options, &program, &words] { run(program, *options, words); });
}

}  // namespace canopy::cli
