#include <canopy/datasets/catalog.hpp>

#include <canopy/core/error.hpp>
#include <canopy/datasets/load.hpp>

#include <datasets/files.hpp>
#include <support/environment.hpp>
#include <support/errors.hpp>
#include <support/temporary_folder.hpp>

using namespace canopy;
using namespace canopy::test;
using datasets::catalog_entry;

BOOST_AUTO_TEST_SUITE(catalog)

BOOST_AUTO_TEST_CASE(entries_by_name) {
  for (const auto& entry : datasets::catalog()) BOOST_TEST(catalog_entry(entry.name).name == entry.name);
  BOOST_CHECK_EXCEPTION(catalog_entry("minst"), ConfigError, speaks_of("minst", "mnist, fashion-mnist, usps", "idx:"));
}

BOOST_AUTO_TEST_CASE(the_root_is_given_or_in_the_environment_or_at_home) {
  {
    const Environment data("CANOPY_DATA", "/some/data");
    BOOST_TEST(datasets::data_root("/given") == "/given");
    BOOST_TEST(datasets::data_root() == "/some/data");
  }
  const Environment data("CANOPY_DATA", nullptr);
  {
    const Environment home("HOME", "/home/someone");
    BOOST_TEST(datasets::data_root() == "/home/someone/.local/share/canopy");
  }
  const Environment home("HOME", nullptr);
  BOOST_TEST(datasets::data_root().empty());
  BOOST_CHECK_EXCEPTION(datasets::mnist(Split::train), DataError, speaks_of("mnist", "set CANOPY_DATA"));
}

BOOST_AUTO_TEST_CASE(missing_data_says_where_it_was_looked_for) {
  const TemporaryFolder folder;
  const std::string root = folder.path().string();
  BOOST_CHECK_EXCEPTION(datasets::mnist(Split::train, {.root = root}), DataError,
                        speaks_of("mnist", "train-images-idx3-ubyte.gz", root + "/mnist", "put it into"));
  BOOST_CHECK_EXCEPTION(datasets::usps(Split::test, {.root = root}), DataError, speaks_of("zip.test", root + "/usps"));
  write_small_mnist(folder / "fashion-mnist");
  std::filesystem::remove(folder / "fashion-mnist/t10k-labels-idx1-ubyte");
  BOOST_CHECK_EXCEPTION(datasets::fashion_mnist(Split::test, {.root = root}), DataError,
                        speaks_of("t10k-labels-idx1-ubyte", root + "/fashion-mnist",
                                  "/usr/share/datasets/fashion-mnist", "apt-get install dataset-fashion-mnist"));
}

BOOST_AUTO_TEST_CASE(status_and_verification) {
  const TemporaryFolder folder;
  const auto& entry = catalog_entry("mnist");
  auto status = datasets::status(entry, folder.path());
  BOOST_TEST(status.name == "mnist");
  BOOST_TEST(status.folder.empty());
  BOOST_TEST(!status.good());
  BOOST_TEST(status.looked_in.size() == 1u);
  BOOST_TEST(status.files.size() == 4u);

  write_small_mnist(folder / "mnist");
  status = datasets::status(entry, folder.path());
  BOOST_TEST(status.folder == folder / "mnist");
  BOOST_TEST(status.good());
  BOOST_TEST(status.files[0].path == folder / "mnist/train-images-idx3-ubyte.gz");
  BOOST_TEST(status.files[2].path == folder / "mnist/t10k-images-idx3-ubyte");

  write_plain(folder / "mnist/t10k-labels-idx1-ubyte", std::string(10'008, 'x'));
  write_plain(folder / "mnist/train-labels-idx1-ubyte.gz", "\x1f\x8b damaged");
  std::filesystem::remove(folder / "mnist/t10k-images-idx3-ubyte");
  status = datasets::verify(entry, folder.path());
  BOOST_TEST(!status.good());
  BOOST_TEST(status.files[0].problem.find("expected 47040016 bytes") != std::string::npos);
  BOOST_TEST(status.files[0].problem.find("found 616") != std::string::npos);
  BOOST_TEST(status.files[1].problem.find("damaged") != std::string::npos);
  BOOST_TEST(status.files[2].problem == "missing");
  BOOST_TEST(status.files[3].problem.find("27ae3e4e09519cfbb04c329615203637") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(real_files_are_whole) {
  for (const char* name : {"mnist", "usps"}) {
    const std::filesystem::path root = real_data(name);
    if (root.empty()) continue;
    for (const auto& file : datasets::verify(catalog_entry(name), root).files) BOOST_TEST(file.problem == "");
  }
  const auto status = datasets::verify(catalog_entry("fashion-mnist"));
  if (status.folder.empty()) {
    BOOST_TEST_MESSAGE("SKIPPED: fashion-mnist is not installed (package dataset-fashion-mnist)");
    return;
  }
  for (const auto& file : status.files) BOOST_TEST(file.problem == "");
}

BOOST_AUTO_TEST_SUITE_END()
