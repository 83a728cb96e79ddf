#include <canopy/experiments/harness/settings.hpp>

#include <cmath>

#include <canopy/core/error.hpp>

#include <boost/test/unit_test.hpp>

#include "support/errors.hpp"

using namespace canopy;
using namespace canopy::harness;

BOOST_AUTO_TEST_SUITE(settings)

namespace {

Settings defaults() {
  return {{"epochs", 20},
          {"h", 3.0},
          {"recipe", "literal"},
          {"hard", true},
          {"widths", Integers{16, 128}},
          {"rates", Reals{0.1}},
          {"names", Texts{"a"}},
          {"rate", automatic<double>()}};
}

bool lists_known_keys(const ConfigError& error) {
  const std::string text = error.what();
  return text.find("\"epoch\"") != std::string::npos && text.find("epochs, h, recipe") != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(types_follow_the_defaults) {
  Settings s = defaults();
  BOOST_TEST(s.get<std::int64_t>("epochs") == 20);
  BOOST_TEST(s.get<std::string>("recipe") == "literal");
  s.set("epochs=3");
  s.set("h=inf");
  s.set("hard=false");
  s.set("widths=32");
  s.set("rates=0.5,1,2e-3");
  s.set("names=mnist,fashion-mnist");
  s.set("recipe=a=b");
  BOOST_TEST(s.get<std::int64_t>("epochs") == 3);
  BOOST_TEST(std::isinf(s.get<double>("h")));
  BOOST_TEST(!s.get<bool>("hard"));
  BOOST_CHECK(s.get<Integers>("widths") == Integers{32});
  BOOST_CHECK((s.get<Reals>("rates") == Reals{0.5, 1, 2e-3}));
  BOOST_CHECK((s.get<Texts>("names") == Texts{"mnist", "fashion-mnist"}));
  BOOST_TEST(s.get<std::string>("recipe") == "a=b");
  s.set("h=4");
  BOOST_TEST(s.get<double>("h") == 4.);
  s.set("h", 5);
  BOOST_TEST(s.get<double>("h") == 5.);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_named) {
  Settings s = defaults();
  BOOST_CHECK_EXCEPTION(s.set("epoch=3"), ConfigError, lists_known_keys);
  for (const char* bad : {"epochs=3.5", "epochs=", "epochs=3x", "epochs", "hard=1", "h=fast", "h=nan", "widths=1,,2",
                          "widths=1,", "widths=", "epochs=99999999999999999999"}) {
    BOOST_TEST_CONTEXT(bad) { BOOST_CHECK_THROW(s.set(bad), ConfigError); }
  }
  BOOST_CHECK_THROW(s.set("epochs", 2.5), ConfigError);
  BOOST_CHECK_THROW(s.set("epochs", "2"), ConfigError);
  BOOST_CHECK_THROW(s.get<double>("epochs"), ConfigError);
  BOOST_CHECK(s == defaults());
}

BOOST_AUTO_TEST_CASE(automatic_until_set) {
  Settings s = defaults();
  BOOST_CHECK_THROW(s.get<double>("rate"), ConfigError);
  BOOST_TEST(s.at("rate").to_string() == "auto");
  s.set("rate=0.1");
  BOOST_TEST(!s.at("rate").automatic);
  BOOST_TEST(s.get<double>("rate") == 0.1);
  s.set("rate=auto");
  BOOST_TEST(s.at("rate").automatic);
}

BOOST_AUTO_TEST_CASE(numbers_lie_in_their_ranges) {
  const Settings defaults = {{"width", within(Range{.least = 1, .most = 64}, Integers{16})},
                             {"rate", within(positive_real, 0.1)},
                             {"h", within(real_from_0_or_infinite, 3.0)},
                             {"share", within(fraction_below_1, 0.5)}};
  const auto refused = [&](const char* assignment, const char* text) {
    Settings s = defaults;
    s.set(assignment);
    BOOST_CHECK_EXCEPTION(s.check(), ConfigError, canopy::test::says(text));
  };
  refused("width=16,0", "width: at least 1 and at most 64, not 0");
  refused("width=65", "width: at least 1 and at most 64, not 65");
  refused("rate=0", "rate: at least 1e-30, not 0");
  refused("rate=inf", "rate: at most 1e+30, not inf");
  refused("h=-1", "h: at least 0, not -1");
  refused("h=1e300", "h: at least 0 and at most 1e+30, or inf, not 1e+300");
  refused("share=1", "share: at least 0 and below 1, not 1");
  for (const char* good : {"width=1,64", "rate=1e-30", "h=inf", "h=0", "share=0", "share=auto"}) {
    Settings s = defaults;
    s.set(good);
    BOOST_CHECK_NO_THROW(s.check());
  }
}

BOOST_AUTO_TEST_SUITE_END()
