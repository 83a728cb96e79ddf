#include <canopy/core/dataset_metadata.hpp>

#include <limits>

#include <canopy/core/error.hpp>

#include <support/errors.hpp>
#include <support/temporary_folder.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;
using canopy::test::speaks_of;
using canopy::test::TemporaryFolder;

BOOST_AUTO_TEST_SUITE(dataset_metadata)

namespace {

bool equal(const Tensor& a, const Tensor& b) { return std::ranges::equal(a.elements(), b.elements()); }

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_holds_all_of_it) {
  const TemporaryFolder folder;
  const DatasetMetadata whole{.dataset = "csv:wine.csv",
                              .input_normalisation = "none",
                              .input = {.offset = Tensor({3}, {1, 2, 3}), .scale = Tensor({3}, {4, 5, 6})},
                              .target = {.offset = Tensor({1}, 7.f), .scale = Tensor::scalar(8.f)}};
  for (const DatasetMetadata& metadata : {whole, DatasetMetadata{}, DatasetMetadata{.input = whole.input}}) {
    Safetensors content;
    content.metadata["architecture"] = "fff";
    content.tensors["w1"] = Tensor({2}, 1.f);
    write_metadata(metadata, content);
    write_safetensors(folder / "a.safetensors", content);
    const DatasetMetadata read = read_metadata(read_safetensors(folder / "a.safetensors"));
    BOOST_TEST(read.dataset == metadata.dataset);
    BOOST_TEST(read.input_normalisation == metadata.input_normalisation);
    BOOST_TEST(equal(read.input.offset, metadata.input.offset));
    BOOST_TEST(equal(read.input.scale, metadata.input.scale));
    BOOST_TEST(equal(read.target.offset, metadata.target.offset));
    BOOST_TEST(equal(read.target.scale, metadata.target.scale));
  }
}

BOOST_AUTO_TEST_CASE(arrays_are_not_believed) {
  const auto refused = [](const char* name, const Tensor& tensor) {
    Safetensors content;
    content.tensors[name] = tensor;
    BOOST_CHECK_EXCEPTION(read_metadata(content), CheckpointError, speaks_of(name));
  };
  refused("dataset.input.offset", Tensor({2, 2}, 1.f));
  refused("dataset.input.offset", Tensor({2}, {1.f, std::numeric_limits<float>::quiet_NaN()}));
  refused("dataset.input.scale", Tensor({2}, {1.f, 0.f}));
  refused("dataset.target.scale", Tensor({1}, std::numeric_limits<float>::infinity()));
}

BOOST_AUTO_TEST_SUITE_END()
