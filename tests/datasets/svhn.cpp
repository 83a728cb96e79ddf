#include <canopy/datasets/svhn.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/file.hpp>
#include <canopy/datasets/load.hpp>

#include <datasets/files.hpp>
#include <support/errors.hpp>
#include <support/temporary_folder.hpp>

#include <matio.h>

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(svhn)

namespace {

struct Variable {
  const char* name;
  std::vector<std::size_t> extents;
  std::vector<std::uint8_t> bytes;
};

/// As the real files: MATLAB's format 5, compressed.
void write_mat(const std::filesystem::path& path, std::vector<Variable> variables,
               matio_compression compression = MAT_COMPRESSION_ZLIB) {
  const std::unique_ptr<mat_t, int (*)(mat_t*)> file(Mat_CreateVer(path.c_str(), nullptr, MAT_FT_MAT5), Mat_Close);
  for (Variable& v : variables) {
    const std::unique_ptr<matvar_t, void (*)(matvar_t*)> variable(
        Mat_VarCreate(v.name, MAT_C_UINT8, MAT_T_UINT8, static_cast<int>(v.extents.size()), v.extents.data(),
                      v.bytes.data(), MAT_F_DONT_COPY_DATA),
        Mat_VarFree);
    BOOST_REQUIRE(Mat_VarWrite(file.get(), variable.get(), compression) == 0);
  }
}

/// X(row, column, channel, image) = 7 row + 11 column + 13 channel + 17 image mod 256
std::uint8_t pixel(int row, int column, int channel, int image) {
  return static_cast<std::uint8_t>(7 * row + 11 * column + 13 * channel + 17 * image);
}

Variable pictures(int images) {
  Variable x{"X", {32, 32, 3, static_cast<std::size_t>(images)}, {}};
  for (int image = 0; image < images; ++image) {
    for (int channel = 0; channel < 3; ++channel) {
      for (int column = 0; column < 32; ++column) {
        for (int row = 0; row < 32; ++row) x.bytes.push_back(pixel(row, column, channel, image));
      }
    }
  }
  return x;
}

}  // namespace

BOOST_AUTO_TEST_CASE(images_are_channels_of_rows) {
  const TemporaryFolder folder;
  write_mat(folder / "a.mat", {pictures(3), {"y", {3, 1}, {1, 10, 9}}});
  const LabelledImages images = datasets::read_svhn(folder / "a.mat");
  BOOST_CHECK((images.bytes.shape() == Shape{3, 3072}));
  BOOST_CHECK((images.shape == ImageShape{32, 32, 3}));
  BOOST_TEST(images.classes == 10);
  const std::int32_t labels[] = {1, 0, 9};
  BOOST_TEST(images.labels.elements() == labels, boost::test_tools::per_element());
  const std::uint8_t* byte = images.bytes.data();
  for (int image = 0; image < 3; ++image) {
    for (int channel = 0; channel < 3; ++channel) {
      for (int row = 0; row < 32; ++row) {
        for (int column = 0; column < 32; ++column) BOOST_REQUIRE(*byte++ == pixel(row, column, channel, image));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(by_name) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "svhn");
  write_mat(folder / "svhn/train_32x32.mat", {pictures(2), {"y", {2, 1}, {3, 4}}});
  write_mat(folder / "svhn/test_32x32.mat", {{"y", {1, 1}, {5}}, pictures(1)});  // in any order
  const datasets::Options options{.input = Input::centred, .root = folder.path()};
  BOOST_TEST(datasets::load("svhn", Split::train, options).size() == 2);
  BOOST_TEST(datasets::load("svhn", Split::test, options).labels().item() == 5);
}

BOOST_AUTO_TEST_CASE(damaged_files) {
  const TemporaryFolder folder;
  const std::filesystem::path a = folder / "a.mat";
  const auto damaged = [&](auto... parts) {
    BOOST_CHECK_EXCEPTION(datasets::read_svhn(a), DataError, speaks_of("a.mat", parts...));
  };
  damaged("No such file");
  write_plain(a, "not a MATLAB file");
  damaged("expected a MATLAB file");
  write_mat(a, {pictures(1)});
  damaged("variable y", "none");
  write_mat(a, {{"y", {1, 1}, {1}}});
  damaged("variable X", "none");
  write_mat(a, {{"X", {32, 32, 3}, std::vector<std::uint8_t>(3072)}, {"y", {1, 1}, {1}}});
  damaged("variable X", "32 x 32 x 3 x images", "found 32 x 32 x 3");
  write_mat(a, {pictures(2), {"y", {3, 1}, {1, 2, 3}}});
  damaged("variable y", "each of the 2 images", "3 labels");
  write_mat(a, {pictures(2), {"y", {2, 1}, {1, 0}}});
  damaged("variable y", "from 1 to 10", "0 at position 1");
  write_mat(a, {pictures(2), {"y", {2, 1}, {11, 1}}});
  damaged("variable y", "from 1 to 10", "11 at position 0");
}

BOOST_AUTO_TEST_CASE(truncated_files) {
  const TemporaryFolder folder;
  write_mat(folder / "whole.mat", {pictures(4), {"y", {4, 1}, {1, 2, 3, 4}}});
  const std::string whole = read_file(folder / "whole.mat");
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{100}, std::size_t{130}, std::size_t{200}, whole.size() / 2, whole.size() - 20}) {
    write_plain(folder / "a.mat", whole.substr(0, size));
    BOOST_CHECK_EXCEPTION(datasets::read_svhn(folder / "a.mat"), DataError, speaks_of("a.mat"));
  }
}

// libmatio takes memory for whatever the extents say.
BOOST_AUTO_TEST_CASE(extents_of_more_than_the_file_holds) {
  const TemporaryFolder folder;
  write_mat(folder / "whole.mat", {pictures(1), {"y", {1, 1}, {1}}}, MAT_COMPRESSION_NONE);
  std::string content = read_file(folder / "whole.mat");
  BOOST_TEST(datasets::read_svhn(folder / "whole.mat").labels.size() == 1);
  constexpr std::size_t extents = 160;  // behind the header and the tags of X, its flags and its extents
  const std::int32_t expected[] = {32, 32, 3, 1};
  BOOST_REQUIRE(std::memcmp(content.data() + extents, expected, sizeof expected) == 0);
  for (const std::int32_t images : {100, 1 << 20, 0x7fffffff}) {
    std::memcpy(content.data() + extents + 12, &images, sizeof images);
    write_plain(folder / "a.mat", content);
    BOOST_CHECK_EXCEPTION(datasets::read_svhn(folder / "a.mat"), DataError,
                          speaks_of("a.mat", "variable X", "that the file holds"));
  }
}

// libmatio would read other pixels: it does not compare the sums. Some bits of a stream are padding and mean nothing.
BOOST_AUTO_TEST_CASE(no_flipped_bit_changes_a_pixel) {
  const TemporaryFolder folder;
  std::vector<std::uint8_t> noise(32 * 32 * 3 * 4);
  std::uint32_t state = 1;
  for (std::uint8_t& byte : noise) byte = static_cast<std::uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
  write_mat(folder / "whole.mat", {{"X", {32, 32, 3, 4}, noise}, {"y", {4, 1}, {1, 2, 3, 4}}});
  const std::string whole = read_file(folder / "whole.mat");
  const LabelledImages expected = datasets::read_svhn(folder / "whole.mat");
  int read = 0, refused = 0;
  for (std::size_t at = 136; at < whole.size(); at += at < 200 || at + 60 > whole.size() ? 1 : 97) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    write_plain(folder / "a.mat", damaged);
    try {
      const LabelledImages images = datasets::read_svhn(folder / "a.mat");
      ++read;
      BOOST_TEST(std::ranges::equal(images.bytes.elements(), expected.bytes.elements()), "byte " << at);
      BOOST_TEST(std::ranges::equal(images.labels.elements(), expected.labels.elements()), "byte " << at);
    } catch (const DataError& error) {
      ++refused;
      BOOST_TEST(speaks_of("a.mat")(error));
    }
  }
  BOOST_TEST(refused > 20 * read);
}

BOOST_AUTO_TEST_SUITE_END()
