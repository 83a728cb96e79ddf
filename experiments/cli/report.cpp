// canopy report: tables and plots from what a run directory holds, also while the run goes on.
#include <memory>

#include <canopy/core/file.hpp>
#include <canopy/experiments/cli/commands.hpp>
#include <canopy/experiments/harness/page.hpp>
#include <canopy/experiments/harness/report.hpp>
#include <canopy/experiments/harness/table.hpp>

#include <fmt/format.h>

namespace canopy::cli {
namespace {

using namespace harness;

struct ReportCommand {
  std::string directory;
  std::string html;
  bool json = false;
};

void print_report(const Program& program, const ReportCommand& options) {
  const RunDirectory directory{options.directory};
  const Configuration configuration = read_configuration(directory.configuration(), program.experiments);
  const Json rows = report(directory, find_experiment(program.experiments, configuration.experiment), configuration);
  if (!options.html.empty()) write_file(options.html, to_html(rows, directory));
  if (options.json) {
    fmt::print("{}\n", rows.dump(2));
  } else {
    fmt::print("{}\n", harness::to_text(rows));
  }
}

}  // namespace

void add_report(CLI::App& app, const Program& program) {
  CLI::App* command = app.add_subcommand("report", "Tables and plots from a run directory, at any time");
  const auto options = std::make_shared<ReportCommand>();
  command->add_option("DIR", options->directory, "Run directory")->required();
  command->add_flag("--json", options->json, "Print one JSON value instead of the table");
  command->add_option("--html", options->html, "Write a page with the table and a plot for each cell");
  command->callback([options, &program] { print_report(program, *options); });
}

}  // namespace canopy::cli
