#include <algorithm>
#include <filesystem>
#include <string>

#include <boost/test/unit_test.hpp>

#include "support/reference.hpp"

using namespace canopy;

BOOST_AUTO_TEST_SUITE(reference_values)

// A file that no test reads would look like one that is agreed with.
BOOST_AUTO_TEST_CASE(every_file_belongs_to_a_family_that_tests_know) {
  for (const auto& entry : std::filesystem::directory_iterator(test::reference_folder())) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() != ".safetensors") continue;
    const bool known = std::ranges::any_of(test::reference_families,
                                           [&](std::string_view family) { return name.starts_with(family); });
    BOOST_WARN_MESSAGE(known, name << " is of a family that no test knows");
  }
}

BOOST_AUTO_TEST_SUITE_END()
