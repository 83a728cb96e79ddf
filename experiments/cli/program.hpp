// The driver as a function of what it drives, so that tests can drive something small.
#pragma once

#include <functional>
#include <vector>

#include <canopy/experiments/harness/benchmark.hpp>
#include <canopy/experiments/harness/experiment.hpp>
#include <canopy/experiments/training/evaluate_checkpoint.hpp>

namespace canopy::cli {

struct Program {
  std::vector<harness::Experiment> experiments;
  std::vector<benchmark::Benchmark> benchmarks = {};            ///< none: `bench` knows no name
  std::function<EvalResult(const EvalOptions&)> evaluate = {};  ///< none: no `eval` command
};

/// Parses the command line, runs the command and returns the exit code: the only function that turns errors into codes.
int run_program(const Program& program, int argc, const char* const* argv);

}  // namespace canopy::cli
