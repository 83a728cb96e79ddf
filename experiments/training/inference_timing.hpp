// How fast the models of a grid answer.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <canopy/experiments/harness/experiment.hpp>
#include <canopy/experiments/harness/timer.hpp>
#include <canopy/nn/module.hpp>

namespace canopy::training {

/// {batch, milliseconds, microseconds_a_sample, spread} of a cell whose model answers `batch` samples in that time.
harness::TimedCell timed_cell(const harness::Cell& cell, std::int64_t batch, const benchmark::Timing& time);

/// Times the inference of `inputs` [batch, ...] by each cell's model, all of them in turn.
std::vector<harness::TimedCell> time_inference(
    const harness::TimingContext& context, const Tensor& inputs,
    const std::function<std::unique_ptr<nn::Layer>(const harness::Cell&)>& make_model);

/// The metric of these times: microseconds for each sample.
harness::Metric time_metric();

}  // namespace canopy::training
