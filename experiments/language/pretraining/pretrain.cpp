#include <canopy/experiments/language/pretraining/pretrain.hpp>

#include <canopy/core/error.hpp>
#include <canopy/experiments/harness/product.hpp>
#include <canopy/experiments/language/pretraining/pretraining.hpp>
#include <canopy/experiments/language/pretraining/pretraining_model.hpp>
#include <canopy/experiments/papers.hpp>
#include <canopy/nn/routed/routing_load.hpp>

#include <fmt/format.h>

namespace canopy::language {
namespace {

using namespace harness;

constexpr Range sequence_lengths{.least = 4, .most = 4096};
constexpr Range vocabularies{.least = 8, .most = 1 << 20};
// Products with counts stay far from where whole numbers end.
constexpr Range tokens{.least = 1, .most = 1e15};

// Of the tokens that a batch holds, those that are guessed: as the masking has them on average.
double guessed(const PretrainingRecipe& recipe, const Settings& settings) {
  return recipe.masking.share * static_cast<double>(recipe.optimisation.batch_size) *
         static_cast<double>(settings.get<std::int64_t>("sequence_length"));
}

// Multiplications a token, forward. A tree's run at a tenth of a dense layer's speed.
double work_of(const nn::CrammedBertOptions& model, double masking_share) {
  const auto width = static_cast<double>(model.width), used = static_cast<double>(model.feedforward.neurons_used());
  const double feedforward = 2 * width * used * (model.feedforward.trees > 0 ? 10 : 1);
  return static_cast<double>(model.blocks) * (4 * width * width + feedforward) +
         masking_share * width * static_cast<double>(model.vocabulary);
}

std::vector<Cell> cells_of(const Settings& settings) {
  settings.check();
  const PretrainingText text = pretraining_text(settings);
  text.check();
  std::vector<Cell> cells;
  for (const Choice& at : product(settings, {"recipe", "feedforward"})) {
    const std::string &name = at.text("recipe"), &feedforward = at.text("feedforward");
    const PretrainingRecipe recipe = find_pretraining_recipe(name, settings);
    const nn::CrammedBertOptions model = pretraining_model(feedforward, settings, text.vocabulary);
    require_memory(model, guessed(recipe, settings));
    const bool tree = model.feedforward.trees > 0;
    cells.push_back({.name = fmt::format("{}-{}-{}", text.short_name(), feedforward, name),
                     .labels = {{"dataset", text.name},
                                {"model", feedforward},
                                {"recipe", name},
                                {"trees", label(tree ? std::optional(model.feedforward.trees) : std::nullopt)},
                                {"depth", label(tree ? std::optional(model.feedforward.depth) : std::nullopt)},
                                {"neurons", model.feedforward.neurons()},
                                {"neurons_used", model.feedforward.neurons_used()}},
                     .work = work_of(model, recipe.masking.share)});
  }
  return cells;
}

std::vector<Settings::Entry> settings_of() {
  std::vector<Settings::Entry> entries = {
      {"text", "text"},
      {"vocabulary", within(vocabularies, std::int64_t{8192})},
      {"sequence_length", within(sequence_lengths, std::int64_t{128})},
      {"recipe", Texts{"canopy"}},
      {"tokens", within(tokens, std::int64_t{500'000})},
      {"evaluate_every", within(tokens, std::int64_t{50'000})},  // tokens
      {"evaluation_sequences", within(count_from_1, std::int64_t{256})},
  };
  const std::vector<Settings::Entry> sizes = pretraining_sizes();
  entries.insert(entries.end(), sizes.begin(), sizes.end());
  append_settings<PretrainingRecipe>(entries);
  return entries;
}

bool is_collapsed(const Result& result) {
  const Number* leaves = result.metrics.find("leaves");
  const Number* load = result.metrics.find("maximum_leaf_load");
  return leaves != nullptr && load != nullptr && real(*leaves).value_or(0) > 1 &&
         real(*load).value_or(0) > nn::collapsed_above;
}

Measures measures() {
  return {
      .metrics =
          {{.name = "tokens", .digits = 0, .better = Better::neither, .whole = true},
           {.name = "loss", .title = "held-out loss", .digits = 3, .better = Better::lower},
           {.name = "masked_accuracy", .title = "masked accuracy", .unit = "%", .main = true},
           {.name = "perplexity", .digits = 1, .better = Better::lower, .main = true},
           {.name = "leaves", .digits = 0, .better = Better::neither, .whole = true},
           {.name = "leaves_used", .title = "leaves used", .digits = 1, .whole = true, .of = "leaves"},
           {.name = "maximum_leaf_load", .title = "max load", .unit = "%", .digits = 1, .better = Better::lower}},
      .remarks = {{.word = "COLLAPSED",
                   .explanation =
                       fmt::format("a layer sends over {:.0f} % of the tokens along one path.", nn::collapsed_above),
                   .applies = is_collapsed}},
      .charts = {
          {.name = "perplexity", .curves = {{.column = "perplexity"}}, .figures = {"recipe"}},
          {.name = "masked_accuracy", .unit = "%", .curves = {{.column = "masked_accuracy"}}, .figures = {"recipe"}}}};
}

}  // namespace

Experiment pretrain() {
  // dense10 and dense56 have as many neurons as 1x9 and 8x6 use.
  const std::vector<Settings::Entry> standard = {
      {"blocks", std::int64_t{4}},
      {"width", std::int64_t{256}},
      {"heads", std::int64_t{4}},
      {"hidden", std::int64_t{1024}},
      {"feedforward", Texts{"dense", "32x4", "8x6", "1x9", "dense56", "dense10", "none"}},
      {"tokens", std::int64_t{20'000'000}},
      {"evaluate_every", std::int64_t{1'000'000}},
      {"evaluation_sequences", std::int64_t{1024}}};
  // The paper's budget is a day of an A6000. The released settings end at 900,000 micro batches, should the day be
  // longer: its tokens are these at most.
  const std::int64_t released_tokens = std::int64_t{900'000} * 128 * 128;
  const std::vector<Settings::Entry> paper = {
      {"blocks", std::int64_t{16}},
      {"width", std::int64_t{768}},
      {"heads", std::int64_t{12}},
      {"hidden", std::int64_t{3072}},
      {"feedforward",
       Texts{"dense", "1536x1", "512x2", "256x3", "128x4", "64x5", "32x6", "16x7", "8x8", "4x9", "2x10", "1x11"}},
      {"vocabulary", std::int64_t{32768}},
      {"recipe", Texts{"literal"}},
      {"tokens", released_tokens},
      {"evaluate_every", std::int64_t{100'000'000}},
      {"evaluation_sequences", std::int64_t{4096}}};
  return {.name = "language/pretrain",
          .paper = papers::faster_language_modelling,
          .artefact = "the pretraining behind Table 1",
          .settings = Settings(settings_of()),
          .presets = {{.name = "quick", .seconds = 90, .seeds = 1, .changes = {}},
                      {.name = "standard", .seconds = 20000, .seeds = 1, .changes = standard},
                      {.name = "paper", .seconds = 3e8, .seeds = 1, .changes = paper}},
          .cells = cells_of,
          .run = pretrain_model,
          .measures = measures(),
          .columns = {"tokens", "loss", "masked_accuracy", "perplexity", "leaves_used", "maximum_leaf_load"}};
}

}  // namespace canopy::language
