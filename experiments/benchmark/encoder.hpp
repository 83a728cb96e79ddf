// Whole encoders: inference beside that of peers, and with trees in place of their feedforward layers.
#pragma once

#include <canopy/experiments/harness/benchmark.hpp>

namespace canopy::benchmark {

/// BERT encoders with random weights, all tokens valid, no pooler: the workloads of a peer's script, by the same names;
/// the same with TreeFFF of about as many neurons, whose `ratio` is to the dense one, timed in turn with it; and the
/// time and memory of attention alone, forward and backward, over longer and longer sequences.
Benchmark encoder();

}  // namespace canopy::benchmark
