#include <canopy/datasets/cifar.hpp>

#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/datasets/load.hpp>

#include <datasets/files.hpp>
#include <support/errors.hpp>
#include <support/temporary_folder.hpp>

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(cifar)

namespace {

using Paths = std::vector<std::filesystem::path>;

/// Labels, then 3 * 32 * 32 bytes: first, first + 1, ...
std::string record(std::initializer_list<int> labels, int first) {
  std::string bytes;
  for (const int label : labels) bytes += static_cast<char>(label);
  for (int i = 0; i < 3 * 32 * 32; ++i) bytes += static_cast<char>(first + i);
  return bytes;
}

}  // namespace

BOOST_AUTO_TEST_CASE(records_of_several_files) {
  const TemporaryFolder folder;
  write_plain(folder / "a.bin", record({3}, 0) + record({9}, 5));
  write_plain(folder / "b.bin.gz", test::gzip(record({0}, 7)));
  const LabelledImages images = datasets::read_cifar_10(Paths{folder / "a.bin", folder / "b.bin.gz"});
  BOOST_CHECK((images.bytes.shape() == Shape{3, 3072}));
  BOOST_CHECK((images.shape == ImageShape{32, 32, 3}));
  BOOST_TEST(images.classes == 10);
  const std::int32_t labels[] = {3, 9, 0};
  BOOST_TEST(images.labels.elements() == labels, boost::test_tools::per_element());
  for (int i = 0; i < 3072; ++i) {
    BOOST_REQUIRE(images.bytes.data()[i] == i % 256);
    BOOST_REQUIRE(images.bytes.data()[2 * 3072 + i] == (7 + i) % 256);
  }
}

BOOST_AUTO_TEST_CASE(the_fine_label_is_the_class) {
  const TemporaryFolder folder;
  write_plain(folder / "train.bin", record({19, 4}, 0) + record({0, 99}, 1));
  const LabelledImages images = datasets::read_cifar_100(Paths{folder / "train.bin"});
  BOOST_TEST(images.classes == 100);
  const std::int32_t labels[] = {4, 99};
  BOOST_TEST(images.labels.elements() == labels, boost::test_tools::per_element());
  BOOST_TEST(images.bytes.data()[3072] == 1);
}

BOOST_AUTO_TEST_CASE(damaged_records) {
  const TemporaryFolder folder;
  const Paths a = {folder / "a.bin"};
  const auto damaged = [&](const std::string& content, auto read, auto... parts) {
    write_plain(a[0], content);
    BOOST_CHECK_EXCEPTION(read(a), DataError, speaks_of("a.bin", parts...));
  };
  damaged("", datasets::read_cifar_10, "3073", "found 0 bytes");
  damaged(record({1}, 0) + "x", datasets::read_cifar_10, "found 3074 bytes", "1 after the last whole record");
  damaged(record({1}, 0) + record({10}, 0), datasets::read_cifar_10, "byte 3073", "from 0 to 9", "found 10");
  damaged(record({20, 1}, 0), datasets::read_cifar_100, "byte 0", "coarse label from 0 to 19", "found 20");
  damaged(record({1, 100}, 0), datasets::read_cifar_100, "byte 1", "fine label from 0 to 99", "found 100");
  BOOST_CHECK_EXCEPTION(datasets::read_cifar_10(Paths{folder / "b.bin"}), DataError, speaks_of("b.bin", "No such"));
}

BOOST_AUTO_TEST_CASE(data_sets_by_name) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "cifar-10-batches-bin");
  std::filesystem::create_directory(folder / "cifar-100-binary");
  for (int batch = 1; batch <= 5; ++batch) {
    write_plain(folder / ("cifar-10-batches-bin/data_batch_" + std::to_string(batch) + ".bin"), record({batch}, 0));
  }
  write_plain(folder / "cifar-10-batches-bin/test_batch.bin", record({7}, 0) + record({8}, 0));
  write_plain(folder / "cifar-100-binary/train.bin", record({1, 2}, 0));
  write_plain(folder / "cifar-100-binary/test.bin", record({3, 44}, 0));
  const datasets::Options options{.input = Input::centred, .root = folder.path()};
  const std::int32_t batches[] = {1, 2, 3, 4, 5};
  const Indices labels = datasets::load("cifar-10", Split::train, options).labels();
  BOOST_TEST(labels.elements() == batches, boost::test_tools::per_element());
  BOOST_TEST(datasets::load("cifar-10", Split::test, options).size() == 2);
  BOOST_TEST(datasets::load("cifar-100", Split::train, options).labels().item() == 2);
  BOOST_TEST(datasets::load("cifar-100", Split::test, options).labels().item() == 44);
  std::filesystem::remove(folder / "cifar-10-batches-bin/data_batch_4.bin");
  BOOST_CHECK_EXCEPTION(datasets::cifar_10(Split::train, options), DataError,
                        speaks_of("data_batch_4.bin", "cifar-10-batches-bin"));
}

BOOST_AUTO_TEST_CASE(real_cifar_10) {
  const std::filesystem::path root = real_data("cifar-10-batches-bin");
  if (root.empty()) return;
  const ImageDataset train = datasets::cifar_10(Split::train, {.root = root});
  BOOST_TEST(train.size() == 50'000);
  std::vector<int> counts(10);
  const Indices labels = train.labels();
  for (const std::int32_t label : labels.elements()) ++counts[static_cast<std::size_t>(label)];
  BOOST_TEST(counts == std::vector<int>(10, 5000), boost::test_tools::per_element());
  BOOST_TEST(labels.data()[0] == 6);  // a frog
}

BOOST_AUTO_TEST_SUITE_END()
