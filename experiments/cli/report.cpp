// canopy report: tables and plots from what a run directory holds, also while the run goes on.
#include <memory>

#include <canopy/core/file.hpp>
#include <canopy/experiments/cli/commands.hpp>
#include <canopy/experiments/harness/csv.hpp>
#include <canopy/experiments/harness/markdown.hpp>
#include <canopy/experiments/harness/page.hpp>
#include <canopy/experiments/harness/plots.hpp>
#include <canopy/experiments/harness/report.hpp>
#include <canopy/experiments/harness/table.hpp>
#include <canopy/experiments/harness/terminal.hpp>

#include <fmt/format.h>

namespace canopy::cli {
namespace {

using namespace harness;

struct ReportCommand {
  std::string directory;
  std::string html;
  std::string to;
  bool json = false;
};

/// report.md, report.csv and plots/*.svg
void write_report(const Report& all, const std::vector<Figure>& figures, const std::filesystem::path& folder) {
  make_folder(folder / "plots");
  write_file(folder / "report.md", to_markdown(all));
  write_file(folder / "report.csv", to_csv(all));
  for (const Figure& figure : figures) {
    write_file(folder / "plots" / (figure.name + ".svg"), to_svg(figure));
  }
}

void print_report(const Program& program, const ReportCommand& options) {
  const RunDirectory directory{options.directory};
  const Configuration configuration = read_configuration(directory.configuration(), program.experiments);
  const Experiment& experiment = find_experiment(program.experiments, configuration.experiment);
  const Report all = report(directory, experiment, configuration);
  harness::print((options.json ? harness::to_text(to_json(all), 2) : harness::to_text(all)) + "\n");
  const bool writes = !options.json || !options.to.empty();
  if (!writes && options.html.empty()) return;
  const std::vector<Figure> drawn = figures(all, experiment, directory);
  if (writes) write_report(all, drawn, options.to.empty() ? directory.root : std::filesystem::path(options.to));
  if (!options.html.empty()) write_file(options.html, to_html(all, drawn));
}

}  // namespace

void add_report(CLI::App& app, const Program& program) {
  CLI::App* command =
      app.add_subcommand("report", "Print a run directory's table; write report.md, report.csv, plots/*.svg");
  const auto options = std::make_shared<ReportCommand>();
  command->add_option("DIR", options->directory, "Run directory")->required();
  command->add_option("--to", options->to, "Folder for what is written (default: DIR)");
  command->add_option("--html", options->html, "Write a page with the table and the plots too");
  command->add_flag("--json", options->json, "Print one JSON value instead; write only what --to and --html name");
  command->callback([options, &program] { print_report(program, *options); });
}

}  // namespace canopy::cli
