#include <canopy/experiments/language/pretraining/pretraining_model.hpp>

#include <canopy/core/error.hpp>
#include <canopy/experiments/harness/fields.hpp>
#include <canopy/experiments/harness/machine.hpp>
#include <canopy/experiments/training/recipe.hpp>

#include <fmt/format.h>

namespace canopy::language {

using namespace harness;

namespace {

constexpr Range counts{.least = 1, .most = 4096}, widths{.least = 1, .most = 65536};

}  // namespace

std::vector<Settings::Entry> pretraining_sizes() {
  return {{"blocks", within(counts, std::int64_t{2})},
          {"width", within(widths, std::int64_t{128})},
          {"heads", within(counts, std::int64_t{2})},
          {"hidden", within(Range{.least = 1, .most = 1 << 24}, std::int64_t{512})},
          {"feedforward", Texts{"dense", "1x8"}},
          {"activation", "gelu"}};
}

nn::CrammedBertOptions pretraining_model(const std::string& feedforward, const Settings& settings,
                                         std::int64_t vocabulary) {
  nn::CrammedBertOptions options{
      .vocabulary = vocabulary,
      .width = settings.get<std::int64_t>("width"),
      .blocks = settings.get<std::int64_t>("blocks"),
      .heads = settings.get<std::int64_t>("heads"),
      .activation = find_named("activation", settings.get<std::string>("activation"), Names<Activation>::list())};
  if (options.width % options.heads != 0) {
    throw ConfigError(fmt::format("heads: {} do not divide the width of {}", options.heads, options.width));
  }
  try {
    options.feedforward = feedforward == "dense" ? nn::CrammedFeedForward{.width = settings.get<std::int64_t>("hidden")}
                                                 : nn::crammed_feedforward(feedforward);
  } catch (const ConfigError& error) {
    throw ConfigError(fmt::format("feedforward: {}; or dense, of the setting `hidden`", error.what()));
  }
  return options;
}

void require_memory(const nn::CrammedBertOptions& model, double guessed) {
  const double numbers = 4 * nn::parameter_count(model) + 2 * guessed * static_cast<double>(model.vocabulary);
  const double gigabytes = sizeof(float) * numbers / 1e9, there = gigabytes_of_memory();
  if (gigabytes <= there) return;
  throw ConfigError(
      fmt::format("width, feedforward, vocabulary or batch_size: the training of {} blocks of width {} "
                  "with {} takes at least {:.1f} GB, and this machine has {:.1f}",
                  model.blocks, model.width, nn::to_string(model.feedforward), gigabytes, there));
}

}  // namespace canopy::language
