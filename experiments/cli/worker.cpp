// canopy worker: the inside of `run`, one cell in a process of its own. Not shown in the help.
#include <memory>

#include <canopy/experiments/cli/commands.hpp>
#include <canopy/experiments/harness/worker.hpp>

namespace canopy::cli {

void add_worker(CLI::App& app, const Program& program) {
  CLI::App* command = app.add_subcommand("worker", "One cell of a run")->group("");
  const auto options = std::make_shared<harness::WorkerOptions>();
  command->add_option("DIR", options->directory.root)->required();
  command->add_option("--cell", options->cell);
  command->add_option("--seed", options->seed)->check(whole_number(0, static_cast<int>(harness::seeds_range.most)));
  command->add_option("--threads", options->threads)->check(whole_number(1, most_threads));
  command->add_option("--data", options->data);
  command->add_option("--parent", options->parent);
  command->callback([options, &program] { harness::run_worker(program.experiments, *options); });
}

}  // namespace canopy::cli
