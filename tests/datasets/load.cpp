#include <canopy/datasets/load.hpp>

#include <array>

#include <canopy/core/error.hpp>

#include <datasets/files.hpp>
#include <support/errors.hpp>
#include <support/temporary_folder.hpp>

#include <fmt/format.h>

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(load)

namespace {

// Counts of the labels of a data set.
std::vector<int> histogram(const ClassificationDataset& dataset) {
  std::vector<int> counts(static_cast<std::size_t>(dataset.classes()));
  const Indices labels = dataset.labels();
  for (const std::int32_t label : labels.elements()) ++counts[static_cast<std::size_t>(label)];
  return counts;
}

}  // namespace

BOOST_AUTO_TEST_CASE(idx_data_sets_by_name) {
  const TemporaryFolder folder;
  write_small_mnist(folder / "mnist");
  write_small_mnist(folder / "fashion-mnist");
  for (const char* name : {"mnist", "fashion-mnist"}) {
    const ClassificationDataset train = datasets::load(name, Split::train, {.root = folder.path()});
    BOOST_TEST(train.name() == name);
    BOOST_TEST(train.size() == 40);
    BOOST_TEST(train.classes() == 10);
    BOOST_TEST(train.features() == 15);
    const auto [images, labels] = train.batch(std::vector<std::int64_t>{39});
    BOOST_TEST(labels.item() == 7);
    BOOST_TEST(images.data()[0] == static_cast<float>(39 * 15 * 37 % 256) / 255.f);
    BOOST_TEST(datasets::load(name, Split::test, {.root = folder.path()}).size() == 12);
  }
  BOOST_CHECK_EXCEPTION(datasets::load("cifar-11", Split::train), ConfigError, speaks_of("cifar-11", "mnist"));
}

BOOST_AUTO_TEST_CASE(a_test_split_is_centred_by_the_training_images) {
  const TemporaryFolder folder;
  write_small_mnist(folder / "mnist");
  const datasets::Options options{.input = Input::centred, .root = folder.path()};
  const auto train = datasets::mnist(Split::train, options).metadata().input.offset;
  const auto test = datasets::mnist(Split::test, options).metadata().input.offset;
  BOOST_TEST(train.elements() == test.elements(), boost::test_tools::per_element());
  BOOST_TEST(train.size() == 15);
}

BOOST_AUTO_TEST_CASE(mismatched_and_damaged_files) {
  const TemporaryFolder folder;
  const std::filesystem::path mnist = folder / "mnist";
  const datasets::Options options{.root = folder.path()};
  write_small_mnist(mnist);
  write_plain(mnist / "t10k-labels-idx1-ubyte", test::idx({11}, 7, 10));
  BOOST_CHECK_EXCEPTION(datasets::mnist(Split::test, options), DataError,
                        speaks_of("t10k-labels-idx1-ubyte", "byte 4", "12 images", "11 labels"));
  write_plain(mnist / "t10k-labels-idx1-ubyte", test::idx({12}, 1, 12));
  BOOST_CHECK_EXCEPTION(datasets::mnist(Split::test, options), DataError,
                        speaks_of("t10k-labels-idx1-ubyte", "byte 18", "from 0 to 9", "found 10"));
  write_plain(mnist / "t10k-labels-idx1-ubyte", test::idx({12, 3, 5}, 1, 12));
  BOOST_CHECK_EXCEPTION(datasets::mnist(Split::test, options), DataError, speaks_of("t10k-labels", "0x00000801"));
  write_plain(mnist / "train-images-idx3-ubyte.gz", test::gzip(test::idx({40, 3, 5}, 37, 256)).substr(0, 100));
  BOOST_CHECK_EXCEPTION(datasets::mnist(Split::train, options), DataError, speaks_of("train-images", "truncated"));
}

BOOST_AUTO_TEST_CASE(any_idx_folder) {
  const TemporaryFolder folder;
  write_plain(folder / "letters-Train-images.idx.gz", test::gzip(test::idx({52, 4, 6}, 11, 256)));
  write_plain(folder / "letters-Train-labels.idx", test::idx({52}, 1, 26, 1));
  write_plain(folder / "letters-test-images.idx.gz", test::gzip(test::idx({5, 4, 6}, 11, 256)));
  write_plain(folder / "letters-test-labels.idx.gz", test::gzip(test::idx({5}, 1, 26, 10)));
  write_plain(folder / "README-of-the-training", "not images or labels");
  const std::string name = "idx:" + folder.path().string();
  const ClassificationDataset train = datasets::load(name, Split::train);
  BOOST_TEST(train.name() == name);
  BOOST_TEST(train.classes() == 26);
  BOOST_TEST(train.features() == 24);
  BOOST_CHECK((datasets::idx_folder(folder.path(), Split::train).image_shape() == ImageShape{4, 6, 1}));
  BOOST_TEST(histogram(train) == std::vector<int>(26, 2), boost::test_tools::per_element());
  const ClassificationDataset test = datasets::load(name, Split::test, {.input = Input::centred});
  BOOST_TEST(test.classes() == 26);
  BOOST_TEST(test.labels().data()[0] == 9);

  // A plain twin of the same file is no second file; another one is.
  write_plain(folder / "letters-test-labels.idx", test::idx({5}, 1, 26, 20));
  BOOST_TEST(datasets::load(name, Split::test).labels().data()[0] == 19);
  write_plain(folder / "digits-t10k-labels", test::idx({5}, 1, 26, 20));
  BOOST_CHECK_EXCEPTION(datasets::load(name, Split::test), DataError,
                        speaks_of(folder.path().string(), "only one", "digits-t10k-labels", "letters-test-labels"));
}

BOOST_AUTO_TEST_CASE(idx_folders_that_lack_something) {
  const TemporaryFolder folder;
  const std::string name = "idx:" + folder.path().string();
  BOOST_CHECK_EXCEPTION(datasets::load(name, Split::train), DataError,
                        speaks_of(folder.path().string(), "\"train\"", "\"labels\"", "found none"));
  BOOST_CHECK_EXCEPTION(datasets::load(name + "/no", Split::train), DataError, speaks_of("/no", "No such file"));
  write_plain(folder / "train-labels", test::idx({0}, 1, 1));
  write_plain(folder / "t10k-labels", test::idx({0}, 1, 1));
  BOOST_CHECK_EXCEPTION(datasets::load(name, Split::train), DataError, speaks_of("expected labels"));
}

// What systems, downloads and publishers leave there is no second file.
BOOST_AUTO_TEST_CASE(files_beside_idx_files_are_passed_over) {
  const TemporaryFolder folder;
  write_small_mnist(folder.path());
  for (const char* name : {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte",
                           "t10k-labels-idx1-ubyte"}) {
    for (const char* sidecar : {"._{}", ".{}.swp", "{}.md5", "{}.sha256", "{}.sha1", "{}.asc", "{}.part", "{}~"}) {
      write_plain(folder / fmt::format(fmt::runtime(sidecar), name), "no images");
    }
  }
  const std::string name = "idx:" + folder.path().string();
  BOOST_TEST(datasets::load(name, Split::train).size() == 40);
  BOOST_TEST(datasets::load(name, Split::test).size() == 12);
}

BOOST_AUTO_TEST_CASE(parts_that_are_empty_or_do_not_fit) {
  const TemporaryFolder root;
  const std::filesystem::path folder = root / "mnist";
  const std::string idx_name = "idx:" + folder.string();
  for (const std::string& name : {idx_name, std::string("mnist")}) {
    const auto refused = [&](Split split, const Input input, auto... parts) {
      const datasets::Options options{.input = input, .root = root.path()};
      BOOST_CHECK_EXCEPTION(datasets::load(name, split, options), DataError, speaks_of("data set " + name, parts...));
    };
    for (const Input input : {Input::unit, Input::centred}) {
      for (const auto& [rows, columns] : {std::pair{5u, 3u}, std::pair{3u, 6u}}) {  // as many pixels, or more
        write_small_mnist(folder);
        write_plain(folder / "t10k-images-idx3-ubyte", test::idx({12, rows, columns}, 91, 256));
        refused(Split::test, input, "3 x 5", fmt::format("{} x {}", rows, columns), "t10k-images");
      }
      write_small_mnist(folder);
      write_plain(folder / "t10k-images-idx3-ubyte", test::idx({0, 3, 5}, 1, 256));
      write_plain(folder / "t10k-labels-idx1-ubyte", test::idx({0}, 1, 10));
      refused(Split::test, input, "at least one image", "t10k-images", "none");
      write_small_mnist(folder);
      write_plain(folder / "train-images-idx3-ubyte.gz", test::gzip(test::idx({0, 3, 5}, 1, 256)));
      write_plain(folder / "train-labels-idx1-ubyte.gz", test::gzip(test::idx({0}, 1, 10)));
      refused(Split::train, input, "at least one image", "train-images", "none");
    }
  }
  // Test images alone are enough where no input needs the others.
  write_small_mnist(folder);
  std::filesystem::remove(folder / "train-images-idx3-ubyte.gz");
  BOOST_TEST(datasets::load("mnist", Split::test, {.root = root.path()}).size() == 12);
}

BOOST_AUTO_TEST_CASE(images_have_classes_and_no_options) {
  BOOST_CHECK_EXCEPTION(datasets::load_regression("mnist", Split::train), ConfigError, speaks_of("mnist", "classes"));
  BOOST_CHECK_EXCEPTION(datasets::load_regression("idx:x", Split::train), ConfigError, speaks_of("idx:x", "classes"));
  BOOST_CHECK_EXCEPTION(datasets::load_regression("minst", Split::train), ConfigError,
                        speaks_of("unknown", "csv:FILE"));
  BOOST_CHECK_EXCEPTION(datasets::load("idx:x?label=a", Split::train), ConfigError, speaks_of("no options"));
}

BOOST_AUTO_TEST_CASE(real_mnist) {
  const std::filesystem::path root = real_data("mnist");
  if (root.empty()) return;
  const ImageDataset train = datasets::mnist(Split::train, {.input = Input::standardised, .root = root});
  BOOST_TEST(train.size() == 60'000);
  const std::vector<int> counts = {5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949};
  BOOST_TEST(histogram(train) == counts, boost::test_tools::per_element());
  // The mean and deviation that the field knows.
  const DatasetMetadata metadata = train.metadata();
  BOOST_TEST(metadata.input.offset.data()[0] == 0.1307f, boost::test_tools::tolerance(1e-3f));
  BOOST_TEST(1.f / metadata.input.scale_of(0) == 0.3081f, boost::test_tools::tolerance(1e-3f));
  BOOST_TEST(datasets::mnist(Split::test, {.root = root}).size() == 10'000);
}

BOOST_AUTO_TEST_CASE(real_usps) {
  const std::filesystem::path root = real_data("usps");
  if (root.empty()) return;
  const ImageDataset train = datasets::usps(Split::train, {.root = root});
  BOOST_TEST(train.size() == 7291);
  const std::vector<int> counts = {1194, 1005, 731, 658, 652, 556, 664, 645, 542, 644};
  BOOST_TEST(histogram(train) == counts, boost::test_tools::per_element());
  const Tensor first = train.batch(std::vector<std::int64_t>{0}).first;
  BOOST_TEST(first.data()[7] == (-0.631f + 1.f) / 2.f);
  BOOST_TEST(datasets::usps(Split::test, {.input = Input::centred, .root = root}).size() == 2007);
}

BOOST_AUTO_TEST_SUITE_END()
