#include <canopy/experiments/training/classifier_timing.hpp>

#include <memory>

#include <canopy/canopy.hpp>
#include <canopy/experiments/harness/timer.hpp>
#include <canopy/experiments/training/classifier_grid.hpp>
#include <canopy/experiments/training/inference_timing.hpp>

namespace canopy::training {

using namespace harness;

namespace {

constexpr std::int64_t timed_images = 2048;

struct Images {
  std::string dataset;
  Tensor batch;
  std::int64_t classes = 0;
};

Images load_images(const std::string& dataset, const std::filesystem::path& root) {
  const ClassificationDataset test = datasets::load(dataset, Split::test, {.input = Input::centred, .root = root});
  std::vector<std::int64_t> indices(timed_images);
  for (std::int64_t i = 0; i < timed_images; ++i) indices[static_cast<std::size_t>(i)] = i % test.size();
  return {dataset, test.batch(indices).first, test.classes()};
}

TimedCell time_tree(const Cell& cell, nn::FFF& fff, const Images& images) {
  nn::initialise_tree(fff, images.batch);
  const auto ff = [&](std::int64_t width) {
    auto layer = std::make_unique<nn::FeedForward>(nn::FeedForwardOptions{.inputs = images.batch.extent(1),
                                                                          .width = width,
                                                                          .outputs = images.classes,
                                                                          .activation = fff.options().activation});
    layer->eval();
    return layer;
  };
  const auto training_width = ff(cell.number("training_width").value());
  const auto equal_size = ff(inference_size(cell));
  const auto times =
      benchmark::time_alternately({{"fff", [&] { fff.forward(images.batch); }},
                                   {"ff of the training width", [&] { training_width->forward(images.batch); }},
                                   {"ff of the inference size", [&] { equal_size->forward(images.batch); }}});
  TimedCell row = timed_cell(cell, timed_images, times[0]);
  for (const std::size_t baseline : {1, 2}) row.noise = benchmark::noise_of_both(row.noise, times[baseline].noise);
  row.numbers["ff_milliseconds"] = times[1].milliseconds;
  row.numbers["ff_spread"] = times[1].spread;
  row.numbers["ff_inference_size_milliseconds"] = times[2].milliseconds;
  row.numbers["ff_inference_size_spread"] = times[2].spread;
  row.numbers["speedup"] = times[1].milliseconds / times[0].milliseconds;
  row.numbers["speedup_inference_size"] = times[2].milliseconds / times[0].milliseconds;
  return row;
}

}  // namespace

std::vector<TimedCell> time_classifiers(const TimingContext& context, const std::vector<NamedRecipe>& recipes) {
  std::vector<TimedCell> rows;
  Images images;
  for (const Cell& cell : context.cells) {
    if (cell.text("dataset") != images.dataset) images = load_images(cell.text("dataset"), context.data);
    manual_seed(0);
    const auto model =
        make_model(cell, find_recipe(recipes, cell.text("recipe"), cell.text("dataset"), context.settings),
                   images.batch.extent(1), images.classes);
    model->eval();
    if (const auto trees = nn::soft_trees(*model); !trees.empty()) {
      rows.push_back(time_tree(cell, *trees.front(), images));
      continue;
    }
    const auto time = benchmark::time_alternately({{cell.text("model"), [&] { model->forward(images.batch); }}});
    rows.push_back(timed_cell(cell, timed_images, time.front()));
    if (cell.text("model") == "ff") rows.back().numbers["speedup"] = 1.0;
  }
  return rows;
}

}  // namespace canopy::training
