#include <canopy/experiments/fff/vit_timing.hpp>

#include <memory>

#include <canopy/canopy.hpp>
#include <canopy/experiments/fff/vit_model.hpp>
#include <canopy/experiments/fff/vit_training.hpp>
#include <canopy/experiments/harness/timer.hpp>
#include <canopy/experiments/training/classifier_grid.hpp>
#include <canopy/experiments/training/inference_timing.hpp>

#include <fmt/format.h>

namespace canopy::fff {

using namespace harness;

namespace {

constexpr std::int64_t timed_images = 128;

Cell dense(Cell cell, std::int64_t width) {
  cell.labels["training_width"] = width;
  cell.labels["leaf_width"] = {};
  cell.labels["depth"] = {};
  return cell;
}

std::unique_ptr<nn::Layer> feedforward(const Cell& cell, std::int64_t width) {
  auto layer = make_feedforward(cell, width);
  layer->eval();
  return layer;
}

TimedCell time_vit(const TimingContext& context, const Cell& cell, const Tensor& images, const ImageShape& shape,
                   std::int64_t classes) {
  const auto make = [&](const Cell& of) {
    manual_seed(0);
    auto model = make_vit(of, context.settings, 0, shape, classes);
    model->eval();
    return model;
  };
  const auto model = make(cell);
  const std::vector<nn::FFF*> trees = nn::soft_trees(*model);
  if (trees.empty()) {
    const auto times = benchmark::time_alternately({{"model", [&] { model->forward(images); }}});
    TimedCell row = training::timed_cell(cell, timed_images, times.front());
    row.numbers["speedup"] = row.numbers["model_speedup"] = 1.0;
    return row;
  }
  nn::initialise_trees(*model, images);
  const Tensor rows = [&] {
    const NoRecord pause;
    const nn::RoutingTrace trace({.inputs = true});
    model->forward(images);
    return trace.at(*trees.front()).inputs;
  }();
  const Cell of_training_width = dense(cell, cell.number("training_width").value());
  const auto dense_model = make(of_training_width);
  const auto dense_layer = feedforward(of_training_width, rows.extent(1));
  const auto small_layer = feedforward(dense(cell, training::inference_size(cell)), rows.extent(1));
  const auto times = benchmark::time_alternately({{"model", [&] { model->forward(images); }},
                                                  {"ff model", [&] { dense_model->forward(images); }},
                                                  {"layer", [&] { trees.front()->forward(rows); }},
                                                  {"ff layer", [&] { dense_layer->forward(rows); }},
                                                  {"ff layer of the size", [&] { small_layer->forward(rows); }}});
  TimedCell row = training::timed_cell(cell, timed_images, times[0]);
  constexpr const char* names[] = {"", "ff_model", "layer", "ff", "ff_inference_size"};
  for (const std::size_t i : {1, 2, 3, 4}) {
    row.noise = benchmark::noise_of_both(row.noise, times[i].noise);
    row.numbers[fmt::format("{}_milliseconds", names[i])] = times[i].milliseconds;
    row.numbers[fmt::format("{}_spread", names[i])] = times[i].spread;
  }
  row.numbers["speedup"] = times[3].milliseconds / times[2].milliseconds;
  row.numbers["speedup_inference_size"] = times[4].milliseconds / times[2].milliseconds;
  row.numbers["model_speedup"] = times[1].milliseconds / times[0].milliseconds;
  return row;
}

}  // namespace

std::vector<TimedCell> time_vits(const TimingContext& context) {
  std::vector<TimedCell> rows;
  for (const Cell& cell : context.cells) {
    const ImageDataset test = load_vit_images(cell.text("dataset"), Split::test, context.data);
    std::vector<std::int64_t> indices(timed_images);
    for (std::int64_t i = 0; i < timed_images; ++i) indices[static_cast<std::size_t>(i)] = i % test.size();
    rows.push_back(time_vit(context, cell, test.batch(indices).first, test.image_shape(), test.classes()));
  }
  return rows;
}

}  // namespace canopy::fff
