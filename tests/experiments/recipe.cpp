#include <canopy/experiments/training/recipe.hpp>

#include <limits>

#include <canopy/core/error.hpp>

#include <boost/test/unit_test.hpp>

#include "support/errors.hpp"

using namespace canopy;
using namespace canopy::training;
using harness::fields_json;

BOOST_AUTO_TEST_SUITE(recipe)

namespace {

const std::vector<NamedRecipe> two_recipes = {{"literal", literal()}, {"canopy", training::canopy()}};

std::vector<harness::Settings::Entry> recipe_settings() {
  std::vector<harness::Settings::Entry> entries;
  harness::append_settings<Recipe>(entries);
  return entries;
}

Recipe changed(const std::vector<const char*>& assignments) {
  harness::Settings settings(recipe_settings());
  for (const char* assignment : assignments) settings.set(assignment);
  return find_recipe(two_recipes, "canopy", "mnist", settings);
}

}  // namespace

BOOST_AUTO_TEST_CASE(settings_change_what_they_name_and_nothing_else) {
  harness::Json expected = fields_json(training::canopy());
  BOOST_TEST(fields_json(changed({})) == expected);
  expected["learning_rate"] = 0.5;
  expected["input"] = "standardised";
  expected["activation"] = "gelu";
  expected["selection"] = "test";
  expected["hardening_weighting"] = "node-sum";
  expected["balance_form"] = "frequency";
  expected["master_mix"] = "master";
  expected["tree_initialisation"] = false;
  expected["batch_size"] = 7;
  BOOST_TEST(fields_json(changed({"learning_rate=0.5", "input=standardised", "activation=gelu", "selection=test",
                                  "hardening_weighting=node-sum", "balance_form=frequency", "master_mix=master",
                                  "tree_initialisation=false", "batch_size=7"})) == expected);
}

BOOST_AUTO_TEST_CASE(photographs_may_have_a_recipe_of_their_own) {
  harness::Settings settings(recipe_settings());
  for (const char* dataset : {"cifar-10", "cifar-100", "svhn"}) {
    BOOST_TEST(fields_json(find_recipe(training::recipes(), "canopy", dataset, settings)) ==
               fields_json(canopy_for_photographs()));
    BOOST_TEST(fields_json(find_recipe(training::recipes(), "literal", dataset, settings)) == fields_json(literal()));
  }
  BOOST_TEST(fields_json(find_recipe(training::recipes(), "canopy", "mnist", settings)) ==
             fields_json(training::canopy()));
  settings.set("region_leak=0.3");
  BOOST_TEST(find_recipe(training::recipes(), "canopy", "svhn", settings).task.region_leak == 0.3);
}

BOOST_AUTO_TEST_CASE(every_field_is_a_setting) {
  const harness::Json json = fields_json(literal());
  const auto settings = recipe_settings();
  BOOST_TEST(settings.size() == json.size());
  for (const auto& [key, setting] : settings) {
    BOOST_TEST(setting.automatic);
    BOOST_TEST(json.contains(key), key);
  }
}

BOOST_AUTO_TEST_CASE(an_infinite_hardening_is_written_as_text) {
  Recipe frozen = literal();
  frozen.routing.hardening = std::numeric_limits<double>::infinity();
  BOOST_TEST(fields_json(frozen)["hardening"] == "inf");
}

BOOST_AUTO_TEST_CASE(what_is_unknown_is_named_with_what_is_known) {
  using test::speaks_of;
  BOOST_CHECK_EXCEPTION(find_recipe(two_recipes, "secret", "mnist", harness::Settings(recipe_settings())), ConfigError,
                        speaks_of("secret", "literal, canopy"));
  BOOST_CHECK_EXCEPTION(changed({"selection=luck"}), ConfigError, speaks_of("selection", "luck", "validation, test"));
  BOOST_CHECK_EXCEPTION(changed({"schedule=never"}), ConfigError, speaks_of("schedule", "never", "cosine"));
  BOOST_CHECK_EXCEPTION(changed({"optimizer=magic"}), ConfigError, speaks_of("optimizer", "magic", "sgd, adam, adamw"));
  BOOST_CHECK_EXCEPTION(changed({"hardening=-1"}), ConfigError, speaks_of("hardening: at least 0, not -1"));
  BOOST_CHECK_EXCEPTION(changed({"momentum=1"}), ConfigError, speaks_of("momentum: at least 0 and below 1, not 1"));
  for (const char* wrong : {"batch_size=0",
                            "plateau=0",
                            "local_batch=-1",
                            "balance_phase=1",
                            "balance_phase=-0.5",
                            "balance=-3",
                            "balance=inf",
                            "learning_rate=0",
                            "learning_rate=-0.1",
                            "learning_rate=inf",
                            "weight_decay=-1",
                            "dropout=1",
                            "region_leak=-0.1",
                            "straight_through_from=1.5",
                            "hardening_from=-1",
                            "importance=-1",
                            "load=-1",
                            "warm_up=1",
                            "accumulate=0",
                            "clip_norm=-1",
                            "balance_phase_hardening=-1"}) {
    BOOST_CHECK_THROW(changed({wrong}), ConfigError);
  }
  BOOST_CHECK_NO_THROW(changed({"hardening=inf"}));
}

BOOST_AUTO_TEST_SUITE_END()
