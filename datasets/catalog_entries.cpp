// What the catalog knows of each data set.
#include <canopy/datasets/catalog.hpp>

namespace canopy::datasets {
namespace {

constexpr CatalogFile mnist_files[] = {
    {"train-images-idx3-ubyte", 47'040'016, "6bbc9ace898e44ae57da46a324031adb"},
    {"train-labels-idx1-ubyte", 60'008, "a25bea736e30d166cdddb491f175f624"},
    {"t10k-images-idx3-ubyte", 7'840'016, "2646ac647ad5339dbf082846283269ea"},
    {"t10k-labels-idx1-ubyte", 10'008, "27ae3e4e09519cfbb04c329615203637"},
};
constexpr CatalogFile fashion_mnist_files[] = {
    {"train-images-idx3-ubyte", 47'040'016, "f4a8712d7a061bf5bd6d2ca38dc4d50a"},
    {"train-labels-idx1-ubyte", 60'008, "9018921c3c673c538a1fc5bad174d6f9"},
    {"t10k-images-idx3-ubyte", 7'840'016, "8181f5470baa50b63fa0f6fddb340f0a"},
    {"t10k-labels-idx1-ubyte", 10'008, "15d484375f8d13e6eb1aabb0c3f46965"},
};
constexpr CatalogFile usps_files[] = {
    {"zip.train", 14'512'253, "a2d376ecc766edab27f0c4621f180f99"},
    {"zip.test", 3'988'110, "663b502dafccc176ad7e880211b74f12"},
};

constexpr CatalogFile cifar_10_files[] = {
    {"data_batch_1.bin", 30'730'000, "5dd7e06a14cb22eb9f671a540d1b7c25"},
    {"data_batch_2.bin", 30'730'000, "5ea93a67294ea407fff1d09f752e9692"},
    {"data_batch_3.bin", 30'730'000, "942cd6a4bcdd0dd3c604fbe906cb4421"},
    {"data_batch_4.bin", 30'730'000, "ae636b3ba5c66a11e91e8cb52e771fcb"},
    {"data_batch_5.bin", 30'730'000, "53f37980c15c3d472c316c40844f3f0d"},
    {"test_batch.bin", 30'730'000, "803d5f7f4d78ea53de84dbe85f74fb6d"},
};
// Only their archive's sum is published.
constexpr CatalogFile cifar_100_files[] = {
    {"train.bin", 153'700'000, ""},
    {"test.bin", 30'740'000, ""},
};
constexpr CatalogFile svhn_files[] = {
    {"train_32x32.mat", 182'040'794, "e26dedcc434d2e4c54c9b2d4a06d8373"},
    {"test_32x32.mat", 64'275'384, "eb5a983be6a315427106f1b164d9cef3"},
};

constexpr CatalogDownload mnist_downloads[] = {
    {"https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz", 9'912'422,
     "f68b3c2dcbeaaa9fbdd348bbdeb94873"},
    {"https://ossci-datasets.s3.amazonaws.com/mnist/train-labels-idx1-ubyte.gz", 28'881,
     "d53e105ee54ea40749a09fcbcd1e9432"},
    {"https://ossci-datasets.s3.amazonaws.com/mnist/t10k-images-idx3-ubyte.gz", 1'648'877,
     "9fb629c4189551a2d022fa330f9573f3"},
    {"https://ossci-datasets.s3.amazonaws.com/mnist/t10k-labels-idx1-ubyte.gz", 4'542,
     "ec29112dd5afa0611ce80d1b7f02629c"},
};
constexpr CatalogDownload fashion_mnist_downloads[] = {
    {"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-images-idx3-ubyte.gz", 26'421'880,
     "8d4fb7e6c68d591d4c3dfef9ec88bf0d"},
    {"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-labels-idx1-ubyte.gz", 29'515,
     "25c81989df183df01b3e8a0aad5dffbe"},
    {"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/t10k-images-idx3-ubyte.gz", 4'422'102,
     "bef4ecab320f06d8554ea6380940ec79"},
    {"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/t10k-labels-idx1-ubyte.gz", 5'148,
     "bb300cfdad3c16e7a12a480ee83cd310"},
};
constexpr CatalogDownload usps_downloads[] = {
    {"https://hastie.su.domains/ElemStatLearn/datasets/zip.train.gz"},
    {"https://hastie.su.domains/ElemStatLearn/datasets/zip.test.gz"},
};
constexpr CatalogDownload cifar_10_downloads[] = {
    {"https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", 170'052'171, "c32a1d4ab5d03f1284b67883e8d87530"},
};
constexpr CatalogDownload cifar_100_downloads[] = {
    {"https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz", 168'513'733, "03b5dce01913d631647c71ecec9e9cb8"},
};
constexpr CatalogDownload svhn_downloads[] = {
    {"http://ufldl.stanford.edu/housenumbers/train_32x32.mat", 182'040'794, "e26dedcc434d2e4c54c9b2d4a06d8373"},
    {"http://ufldl.stanford.edu/housenumbers/test_32x32.mat", 64'275'384, "eb5a983be6a315427106f1b164d9cef3"},
};

constexpr CatalogEntry entries[] = {
    {.name = "mnist",
     .folder = "mnist",
     .description = "handwritten digits: 60000 / 10000 images of 28 x 28, 10 classes",
     .files = mnist_files,
     .downloads = mnist_downloads},
    {.name = "fashion-mnist",
     .folder = "fashion-mnist",
     .description = "pieces of clothing: 60000 / 10000 images of 28 x 28, 10 classes",
     .files = fashion_mnist_files,
     .downloads = fashion_mnist_downloads,
     .system_folder = "/usr/share/datasets/fashion-mnist",
     .package = "dataset-fashion-mnist"},
    {.name = "usps",
     .folder = "usps",
     .description = "digits of postal codes: 7291 / 2007 images of 16 x 16, 10 classes",
     .files = usps_files,
     .downloads = usps_downloads},
    {.name = "cifar-10",
     .folder = "cifar-10-batches-bin",
     .description = "photographs of things: 50000 / 10000 images of 32 x 32 x 3, 10 classes",
     .files = cifar_10_files,
     .downloads = cifar_10_downloads},
    {.name = "cifar-100",
     .folder = "cifar-100-binary",
     .description = "photographs of things: 50000 / 10000 images of 32 x 32 x 3, 100 classes",
     .files = cifar_100_files,
     .downloads = cifar_100_downloads},
    {.name = "svhn",
     .folder = "svhn",
     .description = "house numbers in photographs: 73257 / 26032 images of 32 x 32 x 3, 10 classes",
     .files = svhn_files,
     .downloads = svhn_downloads},
};

}  // namespace

std::span<const CatalogEntry> catalog() { return entries; }

}  // namespace canopy::datasets
