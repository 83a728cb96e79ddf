#include <canopy/datasets/text/characters.hpp>

#include <string>

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

#include <support/reference_lines.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(characters)

namespace {

/// Compares a kind with the fast tokenizer's, for every code point.
template <class Is>
void check(const char* kind, const Is& is) {
  const nlohmann::json ranges = test::reference_json("tokenizer/characters.json").at(kind);
  auto range = ranges.begin();
  int differ = 0;
  std::string some;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xd800 && c < 0xe000) continue;
    if (range != ranges.end() && c > range->at(1).get<char32_t>()) ++range;
    const bool expected = range != ranges.end() && c >= range->at(0).get<char32_t>();
    if (is(c) == expected) continue;
    if (++differ <= 10) some += fmt::format(" {:04x}", static_cast<std::uint32_t>(c));
  }
  BOOST_TEST(differ == 0, kind << ": " << differ << " code points differ:" << some);
}

}  // namespace

BOOST_AUTO_TEST_CASE(all_are_what_they_are_to_the_fast_tokenizer) {
  check("control", datasets::is_control);
  check("space", [](char32_t c) { return datasets::is_space(c); });
  check("ideograph", datasets::is_ideograph);
  check("accent", datasets::is_accent);
  check("punctuation", datasets::is_punctuation);
}

BOOST_AUTO_TEST_SUITE_END()
