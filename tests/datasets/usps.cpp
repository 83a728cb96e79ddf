#include <canopy/datasets/usps.hpp>

#include <canopy/core/error.hpp>

#include <datasets/files.hpp>
#include <support/errors.hpp>
#include <support/temporary_folder.hpp>

#include <fmt/format.h>

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(usps)

namespace {

// A line as in the files: label, values, all with four digits, a space at the end.
std::string line(const std::string& label, int count = 256, const std::string& last = "1.0000") {
  std::string text = label + " ";
  for (int j = 0; j + 1 < count; ++j) text += fmt::format("{:.4f} ", -1.0 + 0.001 * (j * 7 % 2001));
  return text + last + " \n";
}

template <class... Parts>
void check_damaged(const std::string& content, Parts... parts) {
  const TemporaryFolder folder;
  write_plain(folder / "zip.train.gz", test::gzip(content));
  BOOST_CHECK_EXCEPTION(datasets::read_usps(folder / "zip.train.gz"), DataError, speaks_of("zip.train.gz", parts...));
}

}  // namespace

BOOST_AUTO_TEST_CASE(lines_become_images_from_0_to_1) {
  const TemporaryFolder folder;
  std::string text = line("6.0000") + line("0.0000") + line("9");
  text.pop_back();  // the last line may end without a newline
  write_plain(folder / "a.gz", test::gzip(text));
  const LabelledImages images = datasets::read_usps(folder / "a.gz");
  BOOST_CHECK((images.values.shape() == Shape{3, 256}));
  BOOST_TEST(images.shape.features() == 256);
  BOOST_TEST(images.classes == 10);
  const std::int32_t labels[] = {6, 0, 9};
  BOOST_TEST(images.labels.elements() == labels, boost::test_tools::per_element());
  for (int j = 0; j < 255; ++j) {
    BOOST_TEST(images.values.data()[256 + j] == 0.0005f * static_cast<float>(j * 7 % 2001),
               boost::test_tools::tolerance(1e-4f));
  }
  BOOST_TEST(images.values.data()[0] == 0.f);
  BOOST_TEST(images.values.data()[255] == 1.f);
}

BOOST_AUTO_TEST_CASE(damaged_lines) {
  const std::string good = line("1.0000");
  check_damaged("", "line 1", "byte 0", "a digit", "end of the file");
  check_damaged(good + "\n", "line 2", "end of the line");
  check_damaged(good + line("10.0000"), "line 2", "a digit", "10.0000");
  check_damaged(line("-1.0000"), "line 1", "-1.0000");
  check_damaged(line("1.5000"), "line 1", "1.5");
  check_damaged(line("x"), "line 1", "\"x\"");
  check_damaged(good + line("2.0000", 255) + good, "line 2", "256 values", "end of the line");
  check_damaged(good + line("2.0000", 257), "line 2", "after 256 values", "1.0000");
  check_damaged(line("2.0000", 256, "1.0010"), "line 1", "from -1 to 1", "1.0010");
  check_damaged(line("2.0000", 256, "nan"), "from -1 to 1", "nan");
  check_damaged(good + good.substr(0, good.size() / 2), "line 2", "256 values");
}

BOOST_AUTO_TEST_SUITE_END()
