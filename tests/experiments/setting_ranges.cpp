// Every setting of every experiment: what lies outside its range is refused before any work, in one line that names it.
#include <chrono>
#include <cmath>
#include <limits>
#include <type_traits>

#include <canopy/experiments/experiments.hpp>
#include <canopy/experiments/harness/configuration.hpp>

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

#include "programs/program.hpp"

using namespace canopy;
using namespace canopy::harness;

BOOST_AUTO_TEST_SUITE(setting_ranges)

namespace {

template <class T>
constexpr bool is_real = std::is_same_v<T, double> || std::is_same_v<T, Reals>;
template <class T>
constexpr bool is_whole = std::is_same_v<T, std::int64_t> || std::is_same_v<T, Integers>;

/// Values that no setting of this kind may take.
std::vector<std::string> refused_values(const Setting& setting) {
  std::vector<std::string> values = std::visit(
      []<class T>(const T&) -> std::vector<std::string> {
        constexpr bool list = std::is_same_v<T, Integers> || std::is_same_v<T, Reals> || std::is_same_v<T, Texts>;
        std::vector<std::string> all = {"\xff"};
        if (list) all.insert(all.end(), {"", ",", "1,", ",1", "1,,2"});
        if (list) all.push_back(fmt::format("{:,>201}", ""));
        if (std::is_same_v<T, bool>) all.insert(all.end(), {"", "1", "yes", "TRUE"});
        if (is_whole<T> || is_real<T>) {
          all.insert(all.end(), {"", "abc", "nan", "1e999", "-1e999", "1 ", " 1", "0x10", "1;2", "--1"});
        }
        if (is_whole<T>) all.insert(all.end(), {"1.5", "inf", "1e3", "9223372036854775808", "-9223372036854775809"});
        return all;
      },
      setting.value);
  const bool whole = std::visit([]<class T>(const T&) { return is_whole<T>; }, setting.value);
  const bool number = whole || std::visit([]<class T>(const T&) { return is_real<T>; }, setting.value);
  if (!number) return values;
  const Range& range = setting.range;
  const double step = whole ? 1 : 0;
  const auto below = range.without_least ? range.least : std::nextafter(range.least, -1e300) - step;
  const auto above = range.without_most ? range.most : std::nextafter(range.most, 1e300) + step;
  for (const double value : {below, above, -1., -1e30, 1e31, -std::numeric_limits<double>::infinity()}) {
    if (range.contains(value) || (whole && (std::abs(value) > 9e18 || value != std::floor(value)))) continue;
    values.push_back(whole ? fmt::format("{}", static_cast<std::int64_t>(value)) : fmt::format("{}", value));
  }
  if (whole) values.insert(values.end(), {"9223372036854775807", "-9223372036854775808"});
  return values;
}

bool names(const std::string& text, const std::string& word) { return text.find(word) != std::string::npos; }

}  // namespace

BOOST_AUTO_TEST_CASE(every_number_has_a_range) {
  for (const Experiment& experiment : experiments()) {
    for (const auto& [key, setting] : experiment.settings.entries()) {
      const bool number = std::visit([]<class T>(const T&) { return is_whole<T> || is_real<T>; }, setting.value);
      if (!number) continue;
      BOOST_TEST_CONTEXT(experiment.name << " " << key) {
        BOOST_TEST(std::isfinite(setting.range.least));
        BOOST_TEST(std::isfinite(setting.range.most));
        BOOST_TEST(setting.range.least >= 0.);  // no product of them changes its sign
      }
    }
    // The defaults and the presets lie in their ranges.
    for (const Preset& preset : experiment.presets) {
      BOOST_CHECK_NO_THROW(selected_cells(experiment, resolve(experiment, preset.name, 0, "", {})));
    }
  }
}

BOOST_AUTO_TEST_CASE(what_lies_outside_is_refused) {
  std::size_t refused = 0;
  for (const Experiment& experiment : experiments()) {
    for (const auto& [key, setting] : experiment.settings.entries()) {
      for (const std::string& value : refused_values(setting)) {
        BOOST_TEST_CONTEXT(experiment.name << " " << key << "=" << value) {
          const auto names_it = [&, &name = key](const ConfigError& error) { return names(error.what(), name); };
          BOOST_CHECK_EXCEPTION(resolve(experiment, "quick", 0, "", {key + "=" + value}), ConfigError, names_it);
        }
        ++refused;
      }
    }
  }
  BOOST_TEST(refused > 2000u);
}

BOOST_AUTO_TEST_CASE(names_that_are_none_are_refused) {
  for (const Experiment& experiment : experiments()) {
    for (const auto& [key, setting] : experiment.settings.entries()) {
      const bool text =
          std::holds_alternative<std::string>(setting.value) || std::holds_alternative<Texts>(setting.value);
      if (!text) continue;
      BOOST_TEST_CONTEXT(experiment.name << " " << key) {
        const auto names_it = [&, &name = key](const ConfigError& error) {
          return names(error.what(), name) && names(error.what(), "nosuch");
        };
        const Configuration wrong = resolve(experiment, "quick", 0, "", {key + "=nosuch"});
        BOOST_CHECK_EXCEPTION(selected_cells(experiment, wrong), ConfigError, names_it);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(sizes_that_no_machine_has_are_refused) {
  const Experiment& experiment = find_experiment(experiments(), "fff/counterparts");
  const auto refused = [&](const std::vector<std::string>& set, const char* words) {
    const auto says = [&](const ConfigError& error) { return names(error.what(), words); };
    BOOST_CHECK_EXCEPTION(selected_cells(experiment, resolve(experiment, "quick", 0, "", set)), ConfigError, says);
  };
  refused({"width=16777217"}, "width: at least 1 and at most 16777216, not 16777217");
  refused({"width=16777216", "leaf_width=1", "dataset=cifar-10"}, "GB of this machine");
  refused({"width=12", "leaf_width=8"}, "leaf_width: 8 leaves");
  std::string hundred = "1";
  for (int i = 0; i < 99; ++i) hundred += ",1";
  const Experiment& wide = find_experiment(experiments(), "balance/load-balance");
  const auto too_many = [](const ConfigError& error) { return names(error.what(), "more than 10000 cells"); };
  BOOST_CHECK_EXCEPTION(
      selected_cells(wide, resolve(wide, "quick", 0, "", {"width=" + hundred, "leaf_width=" + hundred})), ConfigError,
      too_many);
  const Experiment& deep = find_experiment(experiments(), "fff/hardening");
  BOOST_CHECK_THROW(selected_cells(deep, resolve(deep, "quick", 0, "", {"depth=25"})), ConfigError);
  BOOST_CHECK_THROW(selected_cells(deep, resolve(deep, "quick", 0, "", {"depth=24", "leaf_width=16777216"})),
                    ConfigError);
}

BOOST_AUTO_TEST_CASE(the_driver_says_so_at_once_and_makes_nothing) {
  const program::Folder folder;
  const std::string out = folder / "out";
  for (const Experiment& experiment : experiments()) {
    for (const char* wrong :
         {"hardening=-1", "balance=-3", "importance=1e31", "load=nan", "width=0", "leaf_width=-8", "depth=99",
          "epochs=99999999999", "batch_size=9223372036854775807", "dataset=mnst", "learning_rate=0",
          "learning_rate=inf", "dropout=1", "momentum=1e-999", "clip_norm=-0.5"}) {
      const std::string key = std::string(wrong).substr(0, std::string(wrong).find('='));
      const auto begin = std::chrono::steady_clock::now();
      const program::Outcome outcome =
          program::run(CANOPY_DRIVER, {"run", experiment.name, "--out", out, "--set", wrong});
      BOOST_TEST_CONTEXT(experiment.name << " " << wrong << ": " << outcome.err) {
        BOOST_TEST(outcome.exit_code == 2);
        BOOST_TEST(std::ranges::count(outcome.err, '\n') == 1);
        BOOST_TEST(names(outcome.err, key));
        BOOST_TEST(!std::filesystem::exists(out));
        BOOST_TEST((std::chrono::steady_clock::now() - begin < std::chrono::seconds(5)));  // one, on an idle machine
      }
    }
  }
  const auto refused = [&](const char* option, const char* value, const char* words) {
    const program::Outcome outcome =
        program::run(CANOPY_DRIVER, {"run", "fff/counterparts", "--out", out, option, value});
    BOOST_TEST(outcome.exit_code == 2);
    BOOST_TEST(names(outcome.err, words), outcome.err);
    BOOST_TEST(!std::filesystem::exists(out));
  };
  refused("--seeds", "10001", "--seeds: at most 10000, not 10001");
  refused("--threads", "1025", "--threads: at most 1024, not 1025");
  refused("--threads", "1e999", "--threads: a whole number from 1 on, not 1e999");
  refused("--threads", "", "--threads: a whole number from 1 on, not ");
}

BOOST_AUTO_TEST_SUITE_END()
