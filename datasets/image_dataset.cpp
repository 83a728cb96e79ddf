#include <canopy/datasets/image_dataset.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>
#include <numeric>

#include <canopy/core/error.hpp>
#include <canopy/core/threads.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

constexpr std::array<std::pair<Split, std::string_view>, 2> split_names{
    {{Split::train, "train"}, {Split::test, "test"}}};
constexpr std::array<std::pair<Input, std::string_view>, 4> input_names{{{Input::unit, "unit"},
                                                                         {Input::symmetric, "symmetric"},
                                                                         {Input::standardised, "standardised"},
                                                                         {Input::centred, "centred"}}};

template <class Names, class Value>
std::string name_of(const Names& names, Value value) {
  for (const auto& [candidate, name] : names) {
    if (candidate == value) return std::string(name);
  }
  return "?";
}

// Sums over images of every feature, and of all squares.
struct Sums {
  std::vector<double> values;
  double squares = 0.0;
};

// Columns [begin, end); integers, hence exact in any order.
void sum_columns(const Bytes& bytes, std::int64_t begin, std::int64_t end, double* sums, std::uint64_t* squares) {
  const std::int64_t features = bytes.extent(1);
  constexpr std::int64_t block = 1 << 15;  // 2^15 squares of 255 fit 32 bits
  std::vector<std::uint32_t> block_sums(static_cast<std::size_t>(end - begin));
  std::vector<std::uint32_t> block_squares(block_sums.size());
  for (std::int64_t first = 0; first < bytes.extent(0); first += block) {
    std::ranges::fill(block_sums, 0);
    std::ranges::fill(block_squares, 0);
    for (std::int64_t i = first; i < std::min(first + block, bytes.extent(0)); ++i) {
      const std::uint8_t* image = bytes.data() + i * features + begin;
      std::uint32_t* sum = block_sums.data();
      std::uint32_t* square = block_squares.data();
      for (std::int64_t j = 0; j < end - begin; ++j) {
        const std::uint32_t value = image[j];
        sum[j] += value;
        square[j] += value * value;
      }
    }
    for (std::size_t j = 0; j < block_sums.size(); ++j) {
      sums[begin + static_cast<std::int64_t>(j)] += block_sums[j];
      *squares += block_squares[j];
    }
  }
}

Sums sum(const Bytes& bytes) {
  const std::int64_t features = bytes.extent(1);
  constexpr std::int64_t columns = 128;
  Sums sums{.values = std::vector<double>(static_cast<std::size_t>(features))};
  std::vector<std::uint64_t> squares(static_cast<std::size_t>(features / columns + 1));
  parallel_for(features, columns, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t j = begin; j < end; j += columns) {
      sum_columns(bytes, j, std::min(j + columns, end), sums.values.data(),
                  &squares[static_cast<std::size_t>(j / columns)]);
    }
  });
  const auto total = std::accumulate(squares.begin(), squares.end(), std::uint64_t{0});
  for (double& value : sums.values) value /= 255.0;
  sums.squares = static_cast<double>(total) / (255.0 * 255.0);
  return sums;
}

Sums sum(const Tensor& values) {
  const std::int64_t features = values.extent(1);
  Sums sums{.values = std::vector<double>(static_cast<std::size_t>(features))};
  for (std::int64_t i = 0; i < values.size(); ++i) {
    const double value = values.data()[i];
    sums.values[static_cast<std::size_t>(i % features)] += value;
    sums.squares += value * value;
  }
  return sums;
}

// The arrays of images, which share their buffers.
Samples<std::int32_t> checked_samples(const LabelledImages& images) {
  const Shape& shape = images.bytes.rank() == 2 ? images.bytes.shape() : images.values.shape();
  if (shape.rank() != 2 || shape[1] != images.shape.features()) {
    throw ShapeError(fmt::format("{}: images of {} x {} x {} need the shape [n, {}], found {}",
                                 describe_dataset(images.name), images.shape.height, images.shape.width,
                                 images.shape.channels, images.shape.features(), shape.to_string()));
  }
  return {.name = images.name,
          .inputs = images.values,
          .bytes = images.bytes,
          .targets = images.labels,
          .classes = images.classes,
          .input_normalisation = "x/255"};
}

}  // namespace

std::string to_string(Split split) { return name_of(split_names, split); }
std::string to_string(Input input) { return name_of(input_names, input); }

InputStatistics input_statistics(const LabelledImages& images) {
  const Sums sums = images.bytes.rank() == 2 ? sum(images.bytes) : sum(images.values);
  const auto count = static_cast<double>(std::max<std::int64_t>(images.labels.size(), 1));
  InputStatistics statistics;
  statistics.mean_image = Tensor({static_cast<std::int64_t>(sums.values.size())});
  float* mean_image = statistics.mean_image.mutable_data();
  double total = 0.0;
  for (std::size_t j = 0; j < sums.values.size(); ++j) {
    mean_image[j] = static_cast<float>(sums.values[j] / count);
    total += sums.values[j];
  }
  const double values = std::max(count * static_cast<double>(sums.values.size()), 1.0);
  const double mean = total / values;
  const double variance = sums.squares / values - mean * mean;
  statistics.mean = static_cast<float>(mean);
  // Images that are all alike have nothing to scale.
  statistics.deviation = variance > 0.0 ? static_cast<float>(std::sqrt(variance)) : 1.f;
  return statistics;
}

/// Computed once, when an input first needs them.
class ImageDataset::Statistics {
 public:
  Statistics(LabelledImages images, std::function<InputStatistics()> training)
      : images_(std::move(images)), training_(std::move(training)) {}

  const InputStatistics& get(const std::string& description) const {
    std::call_once(once_, [this] { statistics_ = training_ ? training_() : input_statistics(images_); });
    if (statistics_.mean_image.size() != images_.shape.features()) {
      throw ShapeError(fmt::format("{}: expected training images of {} values, found {}", description,
                                   images_.shape.features(), statistics_.mean_image.size()));
    }
    return statistics_;
  }

 private:
  LabelledImages images_;
  std::function<InputStatistics()> training_;
  mutable std::once_flag once_;
  mutable InputStatistics statistics_;
};

ImageDataset::ImageDataset(LabelledImages images, Input input, std::function<InputStatistics()> training)
    : ClassificationDataset(checked_samples(images)), shape_(images.shape) {
  statistics_ = std::make_shared<const Statistics>(std::move(images), std::move(training));
  *this = with_input(input);
}

ImageDataset ImageDataset::subset(std::span<const std::int64_t> indices) const {
  ImageDataset result = *this;
  result.select(indices);
  return result;
}

std::pair<ImageDataset, ImageDataset> ImageDataset::split(double fraction) const {
  const auto [first, second] = split_positions(fraction);
  return {subset(first), subset(second)};
}

ImageDataset ImageDataset::with_input(Input input) const {
  ImageDataset result = *this;
  result.input_ = input;
  result.normalise({}, {});
  switch (input) {
    case Input::unit:
      break;
    case Input::symmetric:
      result.normalise("x/255 mapped to [-1,1]", {.offset = Tensor({features()}, 0.5f), .scale = Tensor::scalar(2.f)});
      break;
    case Input::standardised: {
      const InputStatistics& training = statistics_->get(description());
      result.standardise(
          {.offset = Tensor({features()}, training.mean), .scale = Tensor::scalar(1.f / training.deviation)});
      break;
    }
    case Input::centred:
      result.standardise({.offset = statistics_->get(description()).mean_image});
      break;
  }
  return result;
}

}  // namespace canopy
