#include "support/reference.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

namespace canopy::test {

namespace fs = std::filesystem;

fs::path reference_folder() {
  const char* chosen = std::getenv("CANOPY_REFERENCE");
  const fs::path folder = chosen != nullptr && *chosen != 0 ? chosen : CANOPY_TEST_REFERENCE;
  BOOST_TEST_REQUIRE(fs::is_directory(folder), "no folder of reference values at " << folder);
  return folder;
}

void for_each_reference(std::string_view family,
                        const std::function<void(const Safetensors& file, const std::string& name)>& check) {
  BOOST_TEST_REQUIRE(std::ranges::count(reference_families, family) == 1, family << " is in no list");
  const fs::path folder = reference_folder();
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(family) && name.ends_with(".safetensors")) files.insert(entry.path());
  }
  BOOST_TEST(!files.empty(), fmt::format("no {}* file in {}", family, folder.string()));
  for (const fs::path& path : files) {
    BOOST_TEST_MESSAGE(fmt::format("reference {}", path.filename().string()));
    check(read_safetensors(path), path.stem().string());
  }
}

void check_close(const Tensor& found, const Tensor& expected, double tolerance, const std::string& what) {
  BOOST_TEST_REQUIRE(
      found.size() == expected.size(),
      fmt::format("{}: {} against the reference's {}", what, found.shape().to_string(), expected.shape().to_string()));
  double largest = 0;
  double worst = 0;
  for (std::int64_t i = 0; i < found.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(expected.data()[i])));
    const double error = std::abs(static_cast<double>(found.data()[i]) - expected.data()[i]);
    worst = std::isnan(error) ? INFINITY : std::max(worst, error);
  }
  BOOST_TEST(worst <= tolerance * largest,
             fmt::format("{}: differs by {} where the largest value is {}", what, worst, largest));
}

}  // namespace canopy::test
