#include <canopy/experiments/training/evaluate_checkpoint.hpp>

#include <string>

#include <canopy/canopy.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

// The inputs that the checkpoint was trained on, by its metadata or, where that is silent, by --input-range.
Input input_of(const LoadedModel& loaded, const EvalOptions& options) {
  if (options.input_range) {
    if (*options.input_range == "0,1") return Input::unit;
    if (*options.input_range == "-1,1") return Input::symmetric;
    throw ConfigError(fmt::format("--input-range: '{}' is unknown; known: 0,1 and -1,1", *options.input_range));
  }
  const auto found = loaded.metadata.find("input_normalisation");
  if (found == loaded.metadata.end()) {
    throw ConfigError(fmt::format(
        "{}: the metadata has no 'input_normalisation'; say --input-range 0,1 (x/255) or -1,1 (x/255 mapped "
        "to [-1,1])",
        options.checkpoint.string()));
  }
  if (found->second == "x/255" || found->second == "none") return Input::unit;
  if (found->second == "x/255 mapped to [-1,1]") return Input::symmetric;
  throw CheckpointError(
      fmt::format("{}: the input_normalisation '{}' is unknown; known: 'x/255', 'x/255 mapped to [-1,1]', 'none'",
                  options.checkpoint.string(), found->second));
}

// Of one sample: the pixels of an image, or what the first map reads.
std::int64_t inputs_of(const LoadedModel& loaded) {
  const nn::Architecture described = loaded.model->architecture();
  if (described.name != "vit") return loaded.model->parameters().front().shape()[-1];
  std::int64_t pixels = 1;
  for (const char* side : {"channels", "height", "width"}) pixels *= std::stoll(described.options.at(side));
  return pixels;
}

Split split_of(const std::string& name) {
  if (name == "test") return Split::test;
  if (name == "train") return Split::train;
  throw ConfigError(fmt::format("--split: '{}' is unknown; known: test, train", name));
}

}  // namespace

EvalResult evaluate_checkpoint(const EvalOptions& options) {
  const LoadedModel loaded = load_model(options.checkpoint);
  const ClassificationDataset dataset = datasets::load(options.dataset, split_of(options.split),
                                                       {.input = input_of(loaded, options), .root = options.data})
                                            .as_saved();
  const std::int64_t inputs = inputs_of(loaded);
  if (inputs != dataset.features()) {
    throw ConfigError(fmt::format("{} reads {} inputs, a sample of {} has {}", options.checkpoint.string(), inputs,
                                  options.dataset, dataset.features()));
  }
  const std::string normalisation = dataset.metadata().input_normalisation;
  const auto expected = loaded.metadata.find("input_normalisation");
  if (!options.input_range && expected->second != normalisation) {
    throw ConfigError(fmt::format("{} reads inputs that are '{}', those of {} are '{}'", options.checkpoint.string(),
                                  expected->second, options.dataset, normalisation));
  }
  using Inference = ClassifierScorer::Inference;
  const ClassifierScore hard = evaluate_classifier(*loaded.model, dataset, Inference::hard);
  const ClassifierScore soft = evaluate_classifier(*loaded.model, dataset, Inference::soft);
  return {.samples = hard.samples,
          .accuracy_hard = hard.accuracy,
          .accuracy_soft = soft.accuracy,
          .leaves = hard.leaves,
          .leaves_used = hard.leaves_used,
          .maximum_leaf_load = hard.maximum_leaf_load};
}

}  // namespace canopy
