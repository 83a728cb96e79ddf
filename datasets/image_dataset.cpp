#include <canopy/datasets/image_dataset.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>
#include <numeric>

#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/core/threads.hpp>
#include <canopy/datasets/permutation.hpp>

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

template <class Names>
auto value_of(const Names& names, std::string_view text, const char* what) {
  std::string accepted;
  for (const auto& [value, name] : names) {
    if (name == text) return value;
    accepted += accepted.empty() ? name : fmt::format(", {}", name);
  }
  throw ConfigError(fmt::format("unknown {} \"{}\": expected one of {}", what, text, accepted));
}

// Elements a thread must have to be worth waking.
constexpr std::int64_t grain = 1 << 15;

float unit(std::uint8_t byte) { return static_cast<float>(byte) / 255.f; }
float unit(float value) { return value; }

// A division, not a product with 1/255: x is then the nearest float, as elsewhere in the field.
template <class T>
void convert_row(const T* in, const float* offset, float scale, float* out, std::int64_t features) {
  for (std::int64_t j = 0; j < features; ++j) out[j] = (unit(in[j]) - offset[j]) * scale;
}

// Rows drawn at random are in no cache; asked for some rows ahead, they are there in time (a batch of 256 MNIST images
// takes 80 us instead of 135).
template <class T>
void prefetch_row(const T* row, std::int64_t features) {
  const auto* bytes = reinterpret_cast<const char*>(row);
  const auto count = features * static_cast<std::int64_t>(sizeof(T));
  constexpr std::int64_t cache_line = 64;
  for (std::int64_t i = 0; i < count; i += cache_line) __builtin_prefetch(bytes + i);
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

void check(const LabelledImages& images) {
  const Shape& shape = images.bytes.rank() == 2 ? images.bytes.shape() : images.values.shape();
  if (shape.rank() != 2 || shape[1] != images.shape.features() || images.labels.shape() != Shape{shape[0]}) {
    throw ShapeError(
        fmt::format("data set {}: images of {} x {} x {} need the shapes [n, {}] and [n], found {} and "
                    "the labels' {}",
                    images.name, images.shape.height, images.shape.width, images.shape.channels,
                    images.shape.features(), shape.to_string(), images.labels.shape().to_string()));
  }
  for (const std::int32_t label : images.labels.elements()) {
    if (label < 0 || label >= images.classes) {
      throw ShapeError(
          fmt::format("data set {}: expected labels from 0 to {}, found {}", images.name, images.classes - 1, label));
    }
  }
}

}  // namespace

std::string to_string(Split split) { return name_of(split_names, split); }
std::string to_string(Input input) { return name_of(input_names, input); }
Split split_from_string(std::string_view text) { return value_of(split_names, text, "split"); }
Input input_from_string(std::string_view text) { return value_of(input_names, text, "input"); }

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

struct ImageDataset::Source {
  LabelledImages images;
  std::function<InputStatistics()> training;
  mutable std::once_flag once;
  mutable InputStatistics statistics;
};

ImageDataset::ImageDataset(LabelledImages images, Input input, std::function<InputStatistics()> training)
    : input_(input) {
  check(images);
  auto source = std::make_shared<Source>();
  source->images = std::move(images);
  source->training = std::move(training);
  source_ = std::move(source);
  *this = with_input(input);
}

const std::string& ImageDataset::name() const { return source_->images.name; }
const ImageShape& ImageDataset::image_shape() const { return source_->images.shape; }
std::int64_t ImageDataset::classes() const { return source_->images.classes; }

std::int64_t ImageDataset::size() const {
  return rows_ ? static_cast<std::int64_t>(rows_->size()) : source_->images.labels.size();
}

std::int64_t ImageDataset::row(std::int64_t index) const {
  if (index < 0 || index >= size()) {
    throw ShapeError(fmt::format("data set {}: expected an index below {}, found {}", name(), size(), index));
  }
  return rows_ ? (*rows_)[static_cast<std::size_t>(index)] : index;
}

Indices ImageDataset::labels() const {
  Indices labels({size()});
  std::int32_t* out = labels.mutable_data();
  for (std::int64_t i = 0; i < size(); ++i) out[i] = source_->images.labels.data()[row(i)];
  return labels;
}

std::pair<Tensor, Indices> ImageDataset::batch(std::span<const std::int64_t> indices) const {
  const auto count = static_cast<std::int64_t>(indices.size());
  const LabelledImages& images = source_->images;
  std::vector<std::int64_t> rows(indices.size());
  Indices labels({count});
  std::int32_t* label = labels.mutable_data();
  for (std::size_t i = 0; i < indices.size(); ++i) {
    rows[i] = row(indices[i]);
    label[i] = images.labels.data()[rows[i]];
  }
  const std::int64_t width = features();
  Tensor inputs({count, width});
  float* out = inputs.mutable_data();
  const float* offset = input_offset_.data();
  const auto convert = [&](const auto* in) {
    const std::int64_t rows_at_once = std::max<std::int64_t>(grain / std::max<std::int64_t>(width, 1), 1);
    parallel_for(count, rows_at_once, [&](std::int64_t begin, std::int64_t end) {
      constexpr std::int64_t ahead = 4;
      const auto at = [&](std::int64_t i) { return in + rows[static_cast<std::size_t>(i)] * width; };
      for (std::int64_t i = begin; i < std::min(begin + ahead, end); ++i) prefetch_row(at(i), width);
      for (std::int64_t i = begin; i < end; ++i) {
        if (i + ahead < end) prefetch_row(at(i + ahead), width);
        convert_row(at(i), offset, input_scale_, out + i * width, width);
      }
    });
  };
  if (images.bytes.rank() == 2) {
    convert(images.bytes.data());
  } else {
    convert(images.values.data());
  }
  return {inputs, labels};
}

ImageDataset ImageDataset::subset(std::span<const std::int64_t> indices) const {
  auto rows = std::make_shared<std::vector<std::int64_t>>();
  rows->reserve(indices.size());
  for (const std::int64_t index : indices) rows->push_back(row(index));
  ImageDataset result = *this;
  result.rows_ = std::move(rows);
  return result;
}

std::pair<ImageDataset, ImageDataset> ImageDataset::split(double fraction) const {
  if (!(fraction >= 0.0 && fraction <= 1.0)) {
    throw ConfigError(
        fmt::format("a split of the data set {}: expected a fraction from 0 to 1, found {}", name(), fraction));
  }
  RandomStream stream(current_seed(), "split");
  std::vector<std::int64_t> order = datasets::permutation(size(), stream);
  const auto middle = order.begin() + std::llround(fraction * static_cast<double>(size()));
  // In the order of the files, whatever the draw.
  std::sort(order.begin(), middle);
  std::sort(middle, order.end());
  return {subset(std::span(order.begin(), middle)), subset(std::span(middle, order.end()))};
}

const InputStatistics& ImageDataset::statistics() const {
  std::call_once(source_->once, [&] {
    source_->statistics = source_->training ? source_->training() : input_statistics(source_->images);
  });
  if (source_->statistics.mean_image.size() != features()) {
    throw ShapeError(fmt::format("data set {}: expected training images of {} values, found {}", name(), features(),
                                 source_->statistics.mean_image.size()));
  }
  return source_->statistics;
}

ImageDataset ImageDataset::with_input(Input input) const {
  ImageDataset result = *this;
  result.input_ = input;
  result.input_offset_ = Tensor({features()}, 0.f);
  result.input_scale_ = 1.f;
  switch (input) {
    case Input::unit:
      break;
    case Input::symmetric:
      result.input_offset_ = Tensor({features()}, 0.5f);
      result.input_scale_ = 2.f;
      break;
    case Input::standardised:
      result.input_offset_ = Tensor({features()}, statistics().mean);
      result.input_scale_ = 1.f / statistics().deviation;
      break;
    case Input::centred:
      result.input_offset_ = statistics().mean_image;
      break;
  }
  return result;
}

DatasetMetadata ImageDataset::metadata() const {
  DatasetMetadata metadata;
  metadata.dataset = name();
  metadata.input_normalisation = input_ == Input::symmetric ? "x/255 mapped to [-1,1]" : "x/255";
  if (input_ == Input::standardised || input_ == Input::centred) {
    metadata.input_offset = input_offset_;
    metadata.input_scale = input_scale_;
  }
  return metadata;
}

}  // namespace canopy
