// What an error must say, for BOOST_CHECK_EXCEPTION.
#pragma once

#include <algorithm>
#include <exception>
#include <string>

#include <boost/test/unit_test.hpp>

namespace canopy::test {

/// Whether the text of an error is this one.
inline auto says(const std::string& text) {
  return [text](const std::exception& error) {
    BOOST_TEST(error.what() == text);
    return true;
  };
}

/// Whether the text of an error names every one of the parts.
template <class... Parts>
auto speaks_of(Parts... parts) {
  return [=](const std::exception& error) {
    const std::string text = error.what();
    const auto names = [&](const std::string& part) {
      const bool found = text.find(part) != std::string::npos;
      BOOST_TEST(found, "'" << text << "' does not say '" << part << "'");
      return found;
    };
    return std::min({names(parts)...});  // each is looked for, so that all that are missing are shown
  };
}

}  // namespace canopy::test
