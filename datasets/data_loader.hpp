// Batches of a data set, one pass at a time.
//
//   for (const auto& [images, labels] : DataLoader(train, {.batch_size = 256, .shuffle = true})) ...
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include <canopy/core/random.hpp>
#include <canopy/datasets/image_dataset.hpp>

namespace canopy {

struct DataLoaderOptions {
  std::int64_t batch_size = 256;
  bool shuffle = false;
  bool drop_last = false;          ///< leave out a last batch that is not full
  RandomStream* stream = nullptr;  ///< draws the order; by default the process's stream "order"
};

/// Every `begin()` starts a pass over the whole data set, with `shuffle` in a new random order.
class DataLoader {
 public:
  using Options = DataLoaderOptions;
  /// Images [batch, features] and labels [batch].
  using Batch = std::pair<Tensor, Indices>;

  /// Throws ConfigError for a batch size below 1.
  explicit DataLoader(ImageDataset dataset, Options options = {});

  const ImageDataset& dataset() const { return dataset_; }
  /// Number of batches of a pass.
  std::int64_t size() const;

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = Batch;

    /// Converts the batch.
    Batch operator*() const;
    Iterator& operator++() {
      ++position_;
      return *this;
    }
    void operator++(int) { ++position_; }
    bool operator==(std::default_sentinel_t) const { return position_ >= loader_->size(); }

   private:
    friend class DataLoader;
    Iterator(const DataLoader* loader, std::vector<std::int64_t> order)
        : loader_(loader), order_(std::make_shared<const std::vector<std::int64_t>>(std::move(order))) {}

    const DataLoader* loader_;
    std::shared_ptr<const std::vector<std::int64_t>> order_;
    std::int64_t position_ = 0;
  };

  Iterator begin() const;
  std::default_sentinel_t end() const { return {}; }

 private:
  ImageDataset dataset_;
  Options options_;
};

}  // namespace canopy
