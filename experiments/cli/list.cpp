// canopy list: what can be run, and how long it takes.
#include <memory>

#include <canopy/experiments/cli/commands.hpp>
#include <canopy/experiments/harness/json.hpp>
#include <canopy/experiments/harness/progress.hpp>
#include <canopy/experiments/harness/terminal.hpp>
#include <canopy/experiments/harness/text_table.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::cli {
namespace {

harness::Json to_json(const std::vector<harness::Experiment>& experiments) {
  harness::Json list = harness::Json::array();
  for (const harness::Experiment& experiment : experiments) {
    harness::Json presets = harness::Json::object();
    for (const harness::Preset& preset : experiment.presets) presets[preset.name] = preset.seconds;
    list.push_back({{"name", experiment.name},
                    {"paper", experiment.paper},
                    {"artefact", experiment.artefact},
                    {"presets", presets}});
  }
  return list;
}

std::string to_text(const std::vector<harness::Experiment>& experiments) {
  harness::TextTable table({"experiment", "presets", "artefact", "paper"});
  for (const harness::Experiment& experiment : experiments) {
    std::vector<std::string> presets;
    for (const harness::Preset& preset : experiment.presets) {
      presets.push_back(fmt::format("{} ({})", preset.name, harness::duration(preset.seconds)));
    }
    table.add({experiment.name, fmt::format("{}", fmt::join(presets, ", ")), experiment.artefact, experiment.paper});
  }
  return table.to_string();
}

}  // namespace

void add_list(CLI::App& app, const Program& program) {
  CLI::App* command = app.add_subcommand("list", "Every experiment, its paper, and how long its presets take");
  const auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "Print one JSON value");
  command->callback([json, &program] {
    if (*json) {
      harness::print(harness::to_text(to_json(program.experiments), 2) + "\n");
    } else {
      harness::print(to_text(program.experiments));
    }
  });
}

}  // namespace canopy::cli
