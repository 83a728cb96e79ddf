#include <canopy/experiments/harness/product.hpp>

#include <canopy/core/error.hpp>

#include <boost/test/unit_test.hpp>

#include "support/errors.hpp"

using namespace canopy;
using namespace canopy::harness;
using test::speaks_of;

BOOST_AUTO_TEST_SUITE(product)

BOOST_AUTO_TEST_CASE(the_last_setting_varies_fastest_and_single_values_are_lists_of_one) {
  const Settings settings{{"data", Texts{"a", "b"}}, {"width", Integers{1, 2, 3}}, {"rate", 0.5}, {"on", true}};
  std::string seen;
  for (const Choice& at : harness::product(settings, {"data", "rate", "width"})) {
    seen += at.text("data") + std::to_string(at.integer("width")) + " ";
    BOOST_TEST(at.real("rate") == 0.5);
    BOOST_CHECK_EXCEPTION(at.text("on"), ConfigError, speaks_of("on"));
    BOOST_CHECK_EXCEPTION(at.text("width"), ConfigError, speaks_of("width"));
  }
  BOOST_TEST(seen == "a1 a2 a3 b1 b2 b3 ");
  BOOST_TEST(harness::product(settings, {}).size() == 1u);
  BOOST_CHECK_EXCEPTION(harness::product(settings, {"depth"}), ConfigError, speaks_of("depth", "width"));
}

BOOST_AUTO_TEST_CASE(cells_are_named_and_labelled_by_their_values) {
  const Settings settings{{"model", Texts{"tree", "MoE top_2"}}, {"width", Integers{8}}, {"rate", Reals{0.5}}};
  const std::vector<Cell> cells = product_cells("ball", settings, {"model", "width", "rate"});
  BOOST_TEST(cells.size() == 2u);
  BOOST_TEST(cells[0].name == "ball-tree-8-0-5");
  BOOST_TEST(cells[1].name == "ball-moe-top-2-8-0-5");
  BOOST_TEST(cells[1].text("model") == "MoE top_2");
  BOOST_CHECK(cells[1].number("width") == 8);
  BOOST_TEST(cells[1].text("rate") == "0.5");
}

BOOST_AUTO_TEST_SUITE_END()
