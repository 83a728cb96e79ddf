// Masked language modelling: its text, its recipe, its plan, its scores.
#include <canopy/experiments/language/pretraining/pretraining.hpp>

#include <cmath>

#include <canopy/core/random.hpp>
#include <canopy/experiments/experiments.hpp>
#include <canopy/experiments/harness/configuration.hpp>
#include <canopy/experiments/language/pretraining/masked_token_score.hpp>
#include <canopy/experiments/language/pretraining/pretraining_model.hpp>

#include <boost/test/unit_test.hpp>

#include "datasets/files.hpp"
#include "datasets/packed.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace canopy;
using namespace canopy::language;
using test::speaks_of;
using test::TemporaryFolder;

BOOST_AUTO_TEST_SUITE(pretraining)

namespace {

harness::Settings settings_with(const std::vector<std::string>& assignments) {
  const harness::Experiment& experiment = harness::find_experiment(experiments(), "language/pretrain");
  return harness::resolve(experiment, "quick", 0, "", assignments).settings;
}

std::vector<harness::Cell> cells(const std::string& preset, const std::vector<std::string>& assignments) {
  const harness::Experiment& experiment = harness::find_experiment(experiments(), "language/pretrain");
  return harness::selected_cells(experiment, harness::resolve(experiment, preset, 0, "", assignments));
}

void write_text(const TemporaryFolder& folder, int documents) {
  std::filesystem::create_directories(folder / "text");
  test::write_plain(folder / "text/a.txt", test::documents(documents));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_family_is_a_setting) {
  const auto family = cells("quick", {"feedforward=dense,dense96,1x9,8x6,none", "recipe=canopy,literal"});
  BOOST_REQUIRE(family.size() == 10u);
  BOOST_TEST(family[0].name == "text-dense-canopy");
  BOOST_TEST(*family[0].number("neurons") == 512);
  BOOST_TEST(*family[1].number("neurons_used") == 96);
  BOOST_TEST(!family[1].number("trees").has_value());
  BOOST_TEST(*family[2].number("neurons") == 1023);
  BOOST_TEST(*family[2].number("neurons_used") == 10);
  BOOST_TEST(*family[3].number("trees") == 8);
  BOOST_TEST(*family[3].number("depth") == 6);
  BOOST_TEST(*family[4].number("neurons") == 0);
  BOOST_TEST(family[9].name == "text-none-literal");
  BOOST_TEST(cells("quick", {"text=packed:/somewhere/My_corpus.tokens"}).front().name == "my-corpus-dense-canopy");
  BOOST_TEST(cells("paper", {}).back().name == "text-1x11-literal");
  for (const auto& [wrong, word] :
       std::vector<std::pair<const char*, const char*>>{{"feedforward=1x25", "feedforward"},
                                                        {"feedforward=dense,dense", "not unique"},
                                                        {"heads=3", "heads"},
                                                        {"text=packed:", "text"},
                                                        {"masking_share=0", "masking_share"},
                                                        {"schedule=boost", "schedule"},
                                                        {"feedforward=65536x20", "this machine has"}}) {
    BOOST_CHECK_EXCEPTION(cells("quick", {wrong}), ConfigError, speaks_of(word));
  }
}

BOOST_AUTO_TEST_CASE(the_literal_recipe_is_the_papers) {
  const PretrainingRecipe recipe = find_pretraining_recipe("literal", settings_with({}));
  BOOST_TEST(recipe.optimisation.batch_size * recipe.optimisation.accumulate == 8192);
  BOOST_TEST(recipe.masking.share == 0.25);
  BOOST_TEST(recipe.routing.balance == 0.);
  BOOST_TEST(recipe.routing.hardening == 0.);
  const PretrainingRecipe changed =
      find_pretraining_recipe("literal", settings_with({"balance=0.5", "beta2=0.9", "masking_rule=each-token"}));
  BOOST_TEST(changed.routing.balance == 0.5);
  BOOST_CHECK(changed.routing.balance_form == nn::BalanceForm::frequency);
  BOOST_TEST(changed.optimisation.beta2 == 0.9);
  BOOST_CHECK(changed.masking.rule == MaskingRule::each_token);
}

BOOST_AUTO_TEST_CASE(tokens_make_a_plan_of_batches) {
  const auto plan = [](const char* recipe, const std::vector<std::string>& assignments) {
    const harness::Settings settings = settings_with(assignments);
    return plan_pretraining(find_pretraining_recipe(recipe, settings), settings);
  };
  const PretrainingPlan small = plan("canopy", {"tokens=8193", "evaluate_every=1"});  // batches of 32 x 128
  BOOST_TEST(small.batches == 3);
  BOOST_TEST(small.ramp == 0);
  BOOST_TEST(small.evaluate_every == 1);
  const PretrainingPlan paper = plan("literal", {"tokens=14745600000", "evaluate_every=1"});
  BOOST_TEST(paper.batches == 900000);
  BOOST_TEST(paper.ramp == 540000);
  BOOST_TEST(paper.evaluate_every == 64);  // a step
}

// Made once: the second time nothing is counted or packed, and both parts are the same.
BOOST_AUTO_TEST_CASE(text_is_packed_once_without_its_evaluation_parts) {
  const TemporaryFolder folder;
  write_text(folder, 2000);
  test::write_plain(folder / "text/b.valid.txt", "zebra zebra zebra\n");
  std::vector<std::string> said;
  const TextPreparation preparation{.data = folder.path(),
                                    .say = [&](const std::string& text) { said.push_back(text); }};
  const PretrainingText text{.vocabulary = 60, .sequence_length = 16};
  const PackedText first = prepare_text(text, preparation);
  BOOST_TEST(!said.empty());
  BOOST_TEST(first.training().length() == 16);
  BOOST_TEST(first.training().vocabulary_size() == 60);
  BOOST_TEST(first.training().size() > 100);
  BOOST_TEST(first.held_out().size() > 0);
  const Vocabulary vocabulary = read_vocabulary(folder / "packed/text-v60-l16/vocab.txt");
  first.require(vocabulary);
  BOOST_TEST(!vocabulary.find("zebra").has_value());
  said.clear();
  BOOST_TEST(prepare_text(text, preparation).training().size() == first.training().size());
  BOOST_TEST(said.empty());

  // The same file by its name, with the sizes that it has.
  PretrainingText packed = text;
  packed.name = "packed:" + (folder / "packed/text-v60-l16/text.tokens").string();
  BOOST_TEST(prepare_text(packed, {}).training().size() == first.training().size());
  packed.vocabulary = 61;
  BOOST_CHECK_EXCEPTION(prepare_text(packed, {}), ConfigError, speaks_of("vocabulary", "60", "61"));

  write_text(folder, 2001);
  BOOST_CHECK_EXCEPTION(prepare_text(text, preparation), ConfigError, speaks_of("text.tokens"));
}

BOOST_AUTO_TEST_CASE(text_that_is_missing_is_named) {
  const TemporaryFolder folder;
  const PretrainingText text{.vocabulary = 60, .sequence_length = 16};
  BOOST_CHECK_EXCEPTION(prepare_text(text, {.data = folder.path()}), DataError, speaks_of((folder / "text").string()));
  write_text(folder, 3);
  std::filesystem::rename(folder / "text/a.txt", folder / "text/a.test.txt");
  BOOST_CHECK_EXCEPTION(prepare_text(text, {.data = folder.path()}), DataError, speaks_of("test parts"));
}

BOOST_AUTO_TEST_CASE(a_stop_ends_the_packing) {
  const TemporaryFolder folder;
  write_text(folder, 2000);
  const PretrainingText text{.vocabulary = 60, .sequence_length = 16};
  BOOST_CHECK_THROW(prepare_text(text, {.data = folder.path(), .stop_requested = [] { return true; }}),
                    harness::Interrupted);
  BOOST_TEST(prepare_text(text, {.data = folder.path()}).training().size() > 100);
}

// A model whose word vectors are all 0 finds every token equally likely: the loss is ln(vocabulary), the first token is
// guessed, and every path ends at the left, where no neuron is above 0.
BOOST_AUTO_TEST_CASE(scores_of_a_model_that_knows_nothing) {
  const TemporaryFolder folder;
  write_text(folder, 2000);
  const PackedText text = prepare_text({.vocabulary = 60, .sequence_length = 16}, {.data = folder.path()});
  const MaskedText masked(text.training(), {});
  nn::CrammedBert bert(
      {.vocabulary = 60, .width = 8, .blocks = 2, .heads = 2, .feedforward = {.trees = 2, .depth = 3}});
  for (Variable parameter : bert.parameters()) std::ranges::fill(parameter.mutable_value().mutable_elements(), 0.f);
  bert.eval();
  const MaskedTokenScore score = evaluate_masked_tokens(bert, masked, 50, 7);
  BOOST_TEST(score.tokens > 50);
  BOOST_TEST(score.tokens < 250);  // of 800
  BOOST_TEST(std::abs(score.loss - std::log(60.)) < 1e-5);
  BOOST_TEST(std::abs(score.perplexity() - 60) < 1e-3);
  BOOST_TEST(score.accuracy == 0.);  // [PAD] is nowhere
  BOOST_TEST(score.routing.size() == 2u);
  BOOST_TEST(score.routing.front().rows == 800);
  BOOST_TEST(score.least_leaves_used() == 2);  // one of each tree
  BOOST_TEST(nn::maximum_load(score.routing) == 100.);
}

BOOST_AUTO_TEST_SUITE_END()
