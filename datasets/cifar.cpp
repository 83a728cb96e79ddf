#include <canopy/datasets/cifar.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/datasets/gzip.hpp>

#include <fmt/format.h>

namespace canopy::datasets {
namespace {

constexpr ImageShape cifar_shape{.height = 32, .width = 32, .channels = 3};

/// A label in a record: one byte from 0 to classes - 1.
struct LabelByte {
  const char* name;
  int classes;
};

/// The last label is the class of the image.
LabelledImages read_records(std::string name, std::span<const LabelByte> labels,
                            std::span<const std::filesystem::path> files) {
  const auto pixels = static_cast<std::size_t>(cifar_shape.features());
  const std::size_t record = labels.size() + pixels;
  std::vector<std::uint8_t> bytes;
  std::vector<std::int32_t> classes;
  for (const std::filesystem::path& file : files) {
    const std::string content = read_plain_or_gzip(file);
    if (content.empty() || content.size() % record != 0) {
      throw DataError(fmt::format("{}: expected records of {} bytes, found {} bytes: {} after the last whole record",
                                  file.string(), record, content.size(), content.size() % record));
    }
    for (std::size_t at = 0; at < content.size(); at += record) {
      std::int32_t label = 0;
      for (std::size_t i = 0; i < labels.size(); ++i) {
        label = static_cast<std::uint8_t>(content[at + i]);
        if (label >= labels[i].classes) {
          throw DataError(fmt::format("{}: at byte {}: expected a {} from 0 to {}, found {}", file.string(), at + i,
                                      labels[i].name, labels[i].classes - 1, label));
        }
      }
      classes.push_back(label);
      const std::string_view image = std::string_view(content).substr(at + labels.size(), pixels);
      bytes.insert(bytes.end(), image.begin(), image.end());
    }
  }
  const auto count = static_cast<std::int64_t>(classes.size());
  LabelledImages images;
  images.name = std::move(name);
  images.shape = cifar_shape;
  images.bytes = Bytes({count, cifar_shape.features()}, bytes);
  images.labels = Indices({count}, classes);
  images.classes = labels.back().classes;
  return images;
}

}  // namespace

LabelledImages read_cifar_10(std::span<const std::filesystem::path> files) {
  constexpr LabelByte labels[] = {{"label", 10}};
  return read_records("cifar-10", labels, files);
}

LabelledImages read_cifar_100(std::span<const std::filesystem::path> files) {
  constexpr LabelByte labels[] = {{"coarse label", 20}, {"fine label", 100}};
  return read_records("cifar-100", labels, files);
}

}  // namespace canopy::datasets
