#include <canopy/experiments/training/inference_timing.hpp>

namespace canopy::training {

using namespace harness;

TimedCell timed_cell(const Cell& cell, std::int64_t batch, const benchmark::Timing& time) {
  return {.cell = cell.name,
          .numbers = {{"batch", batch},
                      {"milliseconds", time.milliseconds},
                      {"microseconds_a_sample", 1e3 * time.milliseconds / static_cast<double>(batch)},
                      {"spread", time.spread}},
          .noise = time.noise};
}

std::vector<TimedCell> time_inference(const TimingContext& context, const Tensor& inputs,
                                      const std::function<std::unique_ptr<nn::Layer>(const Cell&)>& make_model) {
  std::vector<benchmark::Candidate> candidates;
  for (const Cell& cell : context.cells) {
    const std::shared_ptr<nn::Layer> model = make_model(cell);
    model->eval();
    candidates.push_back({cell.name, [model, inputs] { model->forward(inputs); }});
  }
  const std::vector<benchmark::Timing> times = benchmark::time_alternately(candidates);
  std::vector<TimedCell> rows;
  for (std::size_t i = 0; i < times.size(); ++i) {
    rows.push_back(timed_cell(context.cells[i], inputs.extent(0), times[i]));
  }
  return rows;
}

Metric time_metric() {
  return {.name = "microseconds_a_sample",
          .title = "time/sample",
          .unit = "us",
          .digits = 3,
          .better = Better::lower,
          .timed = true};
}

}  // namespace canopy::training
