#include <canopy/datasets/idx.hpp>

#include <canopy/core/error.hpp>

#include <datasets/files.hpp>
#include <support/errors.hpp>
#include <support/temporary_folder.hpp>

#include <sys/resource.h>

using namespace canopy;
using namespace canopy::test;
using datasets::read_idx_images;
using datasets::read_idx_labels;

BOOST_AUTO_TEST_SUITE(idx)

namespace {

template <class... Parts>
void check_damaged(const std::string& content, int rank, Parts... parts) {
  const TemporaryFolder folder;
  for (const bool packed : {false, true}) {
    write_plain(folder / "case", packed ? test::gzip(content) : content);
    BOOST_CHECK_EXCEPTION(datasets::read_idx(folder / "case", rank), DataError, speaks_of("/case", parts...));
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(images_and_labels) {
  const TemporaryFolder folder;
  write_plain(folder / "images.gz", test::gzip(test::idx({7, 2, 3}, 37, 256)));
  const Bytes images = read_idx_images(folder / "images.gz");
  BOOST_CHECK((images.shape() == Shape{7, 2, 3}));
  for (int i = 0; i < 42; ++i) BOOST_TEST(images.data()[i] == i * 37 % 256);

  write_plain(folder / "labels", test::idx({5}, 3, 10));
  const Bytes labels = read_idx_labels(folder / "labels");
  BOOST_CHECK((labels.shape() == Shape{5}));
  BOOST_TEST(int{labels.data()[4]} == 2);

  write_plain(folder / "none", test::idx({0, 28, 28}, 1, 1));
  BOOST_CHECK((read_idx_images(folder / "none").shape() == Shape{0, 28, 28}));
}

BOOST_AUTO_TEST_CASE(damaged_files) {
  const std::string images = test::idx({7, 2, 3}, 37, 256);
  check_damaged("", 3, "byte 0", "4 bytes", "found 0");
  check_damaged(images, 1, "byte 0", "0x00000801", "0x00000803");
  check_damaged(test::idx({42}, 1, 10), 3, "byte 0", "0x00000803", "0x00000801");
  check_damaged(big_endian(0x0d03) + images.substr(4), 3, "0x00000803", "0x00000d03");
  check_damaged(images.substr(0, 15), 3, "byte 4", "3 extents", "found 15");
  check_damaged(images.substr(0, images.size() - 1), 3, "byte 57", "42 bytes", "[7, 2, 3]", "found 41", "truncated");
  check_damaged(images.substr(0, 16), 3, "byte 16", "found 0", "truncated");
  check_damaged(images + "x", 3, "byte 58", "42 bytes", "found 43", "too long");
  // Extents whose product wraps around.
  const std::string huge = big_endian(0xffffffff);
  check_damaged(images.substr(0, 4) + huge + huge + huge, 3, "byte 4", "counted");
  check_damaged(images.substr(0, 4) + huge + huge + big_endian(1), 3, "byte 4");
}

BOOST_AUTO_TEST_CASE(memory_is_that_of_what_comes) {
  const TemporaryFolder folder;
  const auto peak_kilobytes = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  const std::string head = test::idx({7, 2, 3}, 37, 256);
  write_plain(folder / "bomb.gz", test::gzip(head + std::string(200 << 20, '\0')));
  const std::string many = big_endian(0x7fffffff);
  write_plain(folder / "claims", head.substr(0, 4) + many + big_endian(1) + big_endian(1) + "a few");
  const auto before = peak_kilobytes();
  BOOST_CHECK_EXCEPTION(read_idx_images(folder / "bomb.gz"), DataError, speaks_of("bomb.gz", "too long"));
  BOOST_CHECK_EXCEPTION(read_idx_images(folder / "claims"), DataError, speaks_of("claims", "found 5", "truncated"));
  BOOST_TEST(peak_kilobytes() - before < 20'000);
}

BOOST_AUTO_TEST_CASE(a_shape_without_the_elements) {
  const TemporaryFolder folder;
  write_plain(folder / "a", test::idx({4, 3, 5}, 1, 256));
  BOOST_CHECK((datasets::read_idx_shape(folder / "a", 3) == Shape{4, 3, 5}));
  write_plain(folder / "a.gz", test::gzip(test::idx({4, 3, 5}, 1, 256)));
  BOOST_CHECK((datasets::read_idx_shape(folder / "a.gz", 3) == Shape{4, 3, 5}));
  for (const std::size_t size : {0, 3, 4, 15}) {
    write_plain(folder / "a", test::idx({4, 3, 5}, 1, 256).substr(0, size));
    BOOST_CHECK_THROW(datasets::read_idx_shape(folder / "a", 3), DataError);
  }
}

BOOST_AUTO_TEST_SUITE_END()
