// Reference values in JSON, from tests/reference or the folder that $CANOPY_REFERENCE names where it has them.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "reference.hpp"

namespace canopy::test {

inline std::filesystem::path reference_file(const std::string& name) {
  const std::filesystem::path chosen = reference_folder() / name;
  return std::filesystem::exists(chosen) ? chosen : std::filesystem::path(CANOPY_TEST_REFERENCE) / name;
}

inline nlohmann::json reference_json(const std::string& name) {
  std::ifstream stream(reference_file(name));
  BOOST_TEST_REQUIRE(stream.good(), "no reference " << name);
  return nlohmann::json::parse(stream);
}

/// Calls `check(value)` for the JSON value of every line of a file. Where there is none, the running test fails.
inline void for_each_line(const std::string& name, const std::function<void(const nlohmann::json&)>& check) {
  std::ifstream stream(reference_file(name));
  int lines = 0;
  for (std::string line; std::getline(stream, line); ++lines) {
    BOOST_TEST_CONTEXT(name << " line " << lines + 1 << ": " << line.substr(0, 400)) {
      check(nlohmann::json::parse(line));
    }
  }
  BOOST_TEST(lines > 0, "no lines in reference " << name);
}

}  // namespace canopy::test
