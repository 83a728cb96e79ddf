// Labelled images in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <canopy/core/array.hpp>
#include <canopy/core/image_shape.hpp>
#include <canopy/datasets/tensor_dataset.hpp>

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

/// Images with their labels: a ClassificationDataset, into which it converts, that also knows their shape and can show
/// them as another input.
class ImageDataset : public ClassificationDataset {
 public:
  /// `training` gives the statistics of the training set where `images` are not it; it is called when an input needs
  /// them. Throws ShapeError where arrays do not fit each other, or a label is none of the classes.
  explicit ImageDataset(LabelledImages images, Input input = Input::unit,
                        std::function<InputStatistics()> training = {});

  const ImageShape& image_shape() const { return shape_; }
  Input input() const { return input_; }

  /// As ClassificationDataset's.
  ImageDataset subset(std::span<const std::int64_t> indices) const;
  std::pair<ImageDataset, ImageDataset> split(double fraction) const;
  /// The same images with another input; its statistics are those of the whole training set, also for a test set, a
  /// subset or a split.
  ImageDataset with_input(Input input) const;

 private:
  class Statistics;

  ImageShape shape_;
  Input input_;
  std::shared_ptr<const Statistics> statistics_;
};

}  // namespace canopy
