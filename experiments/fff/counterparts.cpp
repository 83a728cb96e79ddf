#include <canopy/experiments/fff/counterparts.hpp>

#include <bit>
#include <cctype>
#include <memory>

#include <canopy/canopy.hpp>
#include <canopy/experiments/benchmark/timer.hpp>
#include <canopy/experiments/fff/counterparts_paper.hpp>
#include <canopy/experiments/training/classifier.hpp>

#include <fmt/format.h>

namespace canopy::fff {
namespace {

using namespace harness;

// A leaf width fits a training width if their quotient is a power of two: the number of leaves.
bool fits(std::int64_t width, std::int64_t leaf_width) {
  return leaf_width > 0 && width % leaf_width == 0 &&
         std::has_single_bit(static_cast<std::uint64_t>(width / leaf_width));
}

int depth_of(std::int64_t width, std::int64_t leaf_width) {
  return std::countr_zero(static_cast<std::uint64_t>(width / leaf_width));
}

// "idx:some/folder" as part of a cell's name.
std::string slug(const std::string& dataset) {
  std::string text;
  for (const char c : dataset) {
    const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    text += std::isalnum(static_cast<unsigned char>(c)) != 0 ? lower : '-';
  }
  return text;
}

std::vector<Cell> cells(const Settings& settings) {
  if (settings.get<std::int64_t>("epochs") < 1) throw ConfigError("epochs: at least 1");
  std::vector<Cell> grid;
  for (const std::string& dataset : settings.get<Texts>("dataset")) {
    for (const std::int64_t width : settings.get<Integers>("width")) {
      if (width < 1) throw ConfigError(fmt::format("width: at least 1, not {}", width));
      for (const std::string& recipe : settings.get<Texts>("recipe")) {
        training::recipe(recipe, settings);  // an unknown one fails here, before anything runs
        grid.push_back({.name = fmt::format("{}-ff-w{}-{}", slug(dataset), width, recipe),
                        .dataset = dataset,
                        .model = "ff",
                        .recipe = recipe,
                        .training_width = width,
                        .leaf_width = {},
                        .depth = {}});
        for (const std::int64_t leaf_width : settings.get<Integers>("leaf_width")) {
          if (!fits(width, leaf_width)) {
            throw ConfigError(
                fmt::format("leaf_width: {} leaves of training width {} are no power of two", leaf_width, width));
          }
          grid.push_back({.name = fmt::format("{}-fff-w{}-l{}-{}", slug(dataset), width, leaf_width, recipe),
                          .dataset = dataset,
                          .model = "fff",
                          .recipe = recipe,
                          .training_width = width,
                          .leaf_width = leaf_width,
                          .depth = depth_of(width, leaf_width)});
        }
      }
    }
  }
  return grid;
}

std::unique_ptr<nn::Layer> make_model(const Cell& cell, const Settings& settings, std::int64_t inputs,
                                      std::int64_t outputs) {
  const training::Recipe recipe = training::recipe(cell.recipe, settings);
  const Activation activation = activation_from_string(settings.get<std::string>("activation"));
  const auto dropout = static_cast<float>(recipe.dropout);
  if (cell.model == "ff") {
    return std::make_unique<nn::FeedForward>(nn::FeedForwardOptions{.inputs = inputs,
                                                                    .width = cell.training_width.value(),
                                                                    .outputs = outputs,
                                                                    .activation = activation,
                                                                    .dropout = dropout});
  }
  return std::make_unique<nn::FFF>(nn::FFFOptions{.inputs = inputs,
                                                  .outputs = outputs,
                                                  .depth = static_cast<int>(cell.depth.value()),
                                                  .leaf_width = cell.leaf_width.value(),
                                                  .activation = activation,
                                                  .dropout = dropout,
                                                  .region_leak = static_cast<float>(recipe.region_leak)});
}

Result run(const CellContext& context) {
  return training::train_classifier(context, {.dataset = context.cell.dataset,
                                              .recipe = training::recipe(context.cell.recipe, context.settings),
                                              .epochs = context.settings.get<std::int64_t>("epochs"),
                                              .patience = context.settings.get<std::int64_t>("patience"),
                                              .model = [&](std::int64_t inputs, std::int64_t outputs) {
                                                return make_model(context.cell, context.settings, inputs, outputs);
                                              }});
}

// Hard inference of 2048 test images (the paper's batch) against the FF of the same training width and that of the same
// inference size, depth + leaf width; the trees are initialised from the data, so that every leaf gets its share.
std::vector<Json> timing(const TimingContext& context) {
  constexpr std::int64_t batch = 2048;
  std::vector<Json> rows;
  std::string dataset;
  Tensor images;
  std::int64_t classes = 0;
  for (const Cell& cell : context.cells) {
    if (cell.dataset != dataset) {
      const ImageDataset test =
          datasets::load(cell.dataset, Split::test, {.input = Input::centred, .root = context.data});
      std::vector<std::int64_t> indices(batch);
      for (std::int64_t i = 0; i < batch; ++i) indices[static_cast<std::size_t>(i)] = i % test.size();
      images = test.batch(indices).first;
      classes = test.classes();
      dataset = cell.dataset;
    }
    manual_seed(0);
    const auto model = make_model(cell, context.settings, images.extent(1), classes);
    model->eval();
    if (cell.model == "ff") {
      const benchmark::Timing time = benchmark::time_alternately({{"ff", [&] { model->forward(images); }}}).front();
      rows.push_back({{"cell", cell.name},
                      {"batch", batch},
                      {"milliseconds", time.milliseconds},
                      {"microseconds_a_sample", 1e3 * time.milliseconds / batch},
                      {"spread", time.spread},
                      {"speedup", 1.0}});
      continue;
    }
    auto& fff = dynamic_cast<nn::FFF&>(*model);
    nn::initialise_tree(fff, images);
    const auto ff = [&](std::int64_t width) {
      auto layer = std::make_unique<nn::FeedForward>(nn::FeedForwardOptions{
          .inputs = images.extent(1), .width = width, .outputs = classes, .activation = fff.options().activation});
      layer->eval();
      return layer;
    };
    const auto training_width = ff(cell.training_width.value());
    const auto inference_size = ff(cell.depth.value() + cell.leaf_width.value());
    const auto times =
        benchmark::time_alternately({{"fff", [&] { fff.forward(images); }},
                                     {"ff of the training width", [&] { training_width->forward(images); }},
                                     {"ff of the inference size", [&] { inference_size->forward(images); }}});
    rows.push_back({{"cell", cell.name},
                    {"batch", batch},
                    {"milliseconds", times[0].milliseconds},
                    {"microseconds_a_sample", 1e3 * times[0].milliseconds / batch},
                    {"spread", times[0].spread},
                    {"ff_milliseconds", times[1].milliseconds},
                    {"ff_inference_size_milliseconds", times[2].milliseconds},
                    {"speedup", times[1].milliseconds / times[0].milliseconds},
                    {"speedup_inference_size", times[2].milliseconds / times[0].milliseconds}});
  }
  return rows;
}

Settings settings() {
  std::vector<Settings::Entry> entries = {{"dataset", Texts{"fashion-mnist"}}, {"width", Integers{16, 128}},
                                          {"leaf_width", Integers{8, 1}},      {"recipe", Texts{"literal", "canopy"}},
                                          {"epochs", std::int64_t{20}},        {"patience", std::int64_t{0}},
                                          {"activation", std::string("relu")}};
  for (const Settings::Entry& entry : training::recipe_settings()) entries.push_back(entry);
  return Settings(entries);
}

}  // namespace

Experiment counterparts() {
  const std::vector<Settings::Entry> whole_table = {{"dataset", Texts{"usps", "mnist", "fashion-mnist"}},
                                                    {"width", Integers{16, 32, 64, 128}},
                                                    {"leaf_width", Integers{8, 4, 2, 1}},
                                                    {"recipe", Texts{"literal", "nearest", "canopy"}}};
  std::vector<Settings::Entry> standard = whole_table;
  standard.emplace_back("epochs", std::int64_t{20});
  std::vector<Settings::Entry> paper = whole_table;
  paper.emplace_back("epochs", std::int64_t{300});
  paper.emplace_back("patience", std::int64_t{50});
  return {.name = "fff/counterparts",
          .paper = "Fast Feedforward Networks (arXiv 2308.14711)",
          .artefact = "Table 1, Table 4",
          .settings = settings(),
          .presets = {{.name = "quick", .seconds = 60, .seeds = 1, .changes = {}},
                      {.name = "standard", .seconds = 3600, .seeds = 3, .changes = standard},
                      {.name = "paper", .seconds = 500000, .seeds = 10, .changes = paper}},
          .cells = cells,
          .run = run,
          .timing = timing,
          .paper_numbers = counterparts_in_paper,
          .columns = {"m_a", "m_a_ett", "g_a", "g_a_ett", "leaves_used", "maximum_leaf_load", "entropy",
                      "microseconds_a_sample", "speedup", "speedup_inference_size"}};
}

}  // namespace canopy::fff
