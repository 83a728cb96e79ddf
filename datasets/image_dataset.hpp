// Labelled images in memory, as bytes until a batch needs them as numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <canopy/core/array.hpp>
#include <canopy/core/dataset_metadata.hpp>

namespace canopy {

enum class Split { train, test };

/// What a model reads for an image x whose values go from 0 to 1.
enum class Input {
  unit,          ///< x
  symmetric,     ///< 2 x - 1
  standardised,  ///< (x - mean) / deviation, one mean and one deviation of all values of all training images
  centred,       ///< x - mean training image: no common component, which would send every image to one leaf of a tree
};

std::string to_string(Split split);
std::string to_string(Input input);
/// The inverse of to_string. Throws ConfigError naming what is accepted.
Split split_from_string(std::string_view text);
Input input_from_string(std::string_view text);

/// An image is a row of features: channel by channel, each row by row.
struct ImageShape {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 1;

  std::int64_t features() const { return height * width * channels; }
  bool operator==(const ImageShape&) const = default;
};

/// What the files of a data set hold.
struct LabelledImages {
  std::string name = {};  ///< in the catalog, such as "mnist"
  ImageShape shape = {};
  Bytes bytes = {};     ///< [images, features], x = byte / 255
  Tensor values = {};   ///< [images, features], x itself, for a source that is not of bytes; then `bytes` is empty
  Indices labels = {};  ///< [images], from 0 to classes - 1
  std::int64_t classes = 0;
};

/// Of x, over all images of a training set.
struct InputStatistics {
  Tensor mean_image;  ///< [features]
  float mean = 0.f;
  float deviation = 1.f;
};
/// Exact for bytes (sums of integers), hence the same for any number of threads.
InputStatistics input_statistics(const LabelledImages& images);

/// A handle: copies, subsets and splits share the images.
class ImageDataset {
 public:
  /// `training` gives the statistics of the training set where `images` are not it; it is called when an input needs
  /// them. Throws ShapeError where arrays do not fit each other, or a label is none of the classes.
  explicit ImageDataset(LabelledImages images, Input input = Input::unit,
                        std::function<InputStatistics()> training = {});

  const std::string& name() const;
  const ImageShape& image_shape() const;
  std::int64_t features() const { return image_shape().features(); }
  std::int64_t classes() const;
  Input input() const { return input_; }
  /// Number of images.
  std::int64_t size() const;
  /// [size]
  Indices labels() const;

  /// The images [indices, features] and labels [indices] at these positions. Throws ShapeError for an index that is
  /// not in [0, size).
  std::pair<Tensor, Indices> batch(std::span<const std::int64_t> indices) const;

  /// The images at these positions, in this order. Throws ShapeError for an index that is not in [0, size).
  ImageDataset subset(std::span<const std::int64_t> indices) const;
  /// A random part of round(fraction * size) images, and the others. Depends on the process's seed alone (stream
  /// "split"), not on what was drawn before. Throws ConfigError for a fraction that is not in [0, 1].
  std::pair<ImageDataset, ImageDataset> split(double fraction) const;
  /// The same images with another input; its statistics are those of the whole training set, also for a test set, a
  /// subset or a split.
  ImageDataset with_input(Input input) const;

  /// What a checkpoint notes, and what `save` folds into a model that was trained on these inputs.
  DatasetMetadata metadata() const;

 private:
  struct Source;
  std::int64_t row(std::int64_t index) const;
  const InputStatistics& statistics() const;

  std::shared_ptr<const Source> source_;
  std::shared_ptr<const std::vector<std::int64_t>> rows_;  // of the source; null: all
  Input input_;
  // What a batch holds: input_scale_ * (x - input_offset_).
  Tensor input_offset_;  // [features]
  float input_scale_ = 1.f;
};

}  // namespace canopy
