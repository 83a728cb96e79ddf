// Images that look different each time they are trained on.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include <canopy/datasets/image_dataset.hpp>

namespace canopy {

/// What may happen to an image; each is drawn evenly and by itself, and all are done at once.
struct Augmentation {
  double horizontal_flip = 0;  ///< the probability of left for right
  double vertical_flip = 0;    ///< the probability of top for bottom
  double rotate = 0;           ///< degrees, at most, either way
  double translate = 0;        ///< a part of each side, at most, either way
  double scale = 0;            ///< a factor from 1 - scale to 1 + scale
};

/// Batches of images, each flipped, turned, scaled and moved at random around its middle, between pixels linearly. What
/// comes into view from outside of an image is 0. A sample of a pass looks the same in every batch, by every thread and
/// in a training that is resumed: it depends on the seed of the process, the pass and the sample's position alone.
class AugmentedImages {
 public:
  /// Throws ConfigError for a probability that is none, a negative number or a scale that is not below 1.
  AugmentedImages(ImageDataset images, const Augmentation& augmentation);

  const ImageDataset& images() const { return images_; }
  std::int64_t size() const { return images_.size(); }
  std::pair<Tensor, Indices> batch(std::span<const std::int64_t> indices) const;

  /// The samples look new from here on; the same number, the same looks.
  void start_pass(std::uint64_t pass);

 private:
  ImageDataset images_;
  Augmentation augmentation_;
  std::uint64_t seed_, pass_ = 0;
};

}  // namespace canopy
