// The driver: everything is in cli/, one file a command.
#include <canopy/experiments/benchmark/benchmarks.hpp>
#include <canopy/experiments/cli/program.hpp>
#include <canopy/experiments/experiments.hpp>
#include <canopy/experiments/training/evaluate_checkpoint.hpp>

int main(int argc, char** argv) {
  const canopy::cli::Program program = {.experiments = canopy::experiments(),
                                        .benchmarks = canopy::benchmark::benchmarks(),
                                        .evaluate = canopy::evaluate_checkpoint};
  return canopy::cli::run_program(program, argc, argv);
}
