// `canopy bench fff-latency`: what a single row or a few of them wait for.
#pragma once

#include <canopy/experiments/harness/benchmark.hpp>

namespace canopy::benchmark {

/// Single calls of `nn::FFF::forward` in evaluation, everything included that a user pays for (the output's allocation,
/// too), beside `nn::FeedForward` of the same inference size, depth + leaf width. Rows `fff depth D outputs N` with
/// batch 1 and 16; 32 inputs and leaves of one neuron, so that the largest tree (depth 18, 768 outputs) takes 1.7 GB.
///
/// A sample is the mean of 8 calls of one row, or one call of 16, since reading the clock takes a tenth of a call. Its
/// inputs are put in place before: whoever asks has just computed them. `milliseconds` is the median of the samples,
/// `p99` their 99th percentile. Calls take 256 rows in turn: every one goes another way than the last, and up to 64
/// outputs all their paths and leaves fit a second-level cache. `cold` is the median over 65536 rows in turn, where the
/// last nodes and the leaf of a deep tree come from the third-level cache or from memory.
Benchmark fff_latency();

}  // namespace canopy::benchmark
