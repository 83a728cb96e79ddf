#include <canopy/datasets/data_loader.hpp>

#include <algorithm>
#include <numeric>
#include <span>

#include <canopy/core/error.hpp>
#include <canopy/datasets/permutation.hpp>

#include <fmt/format.h>

namespace canopy {

DataLoader::DataLoader(ImageDataset dataset, Options options) : dataset_(std::move(dataset)), options_(options) {
  if (options_.batch_size < 1) {
    throw ConfigError(fmt::format("data loader: expected a batch size of at least 1, found {}", options_.batch_size));
  }
}

std::int64_t DataLoader::size() const {
  const std::int64_t full = dataset_.size() / options_.batch_size;
  return options_.drop_last || dataset_.size() % options_.batch_size == 0 ? full : full + 1;
}

DataLoader::Iterator DataLoader::begin() const {
  if (options_.shuffle) {
    RandomStream& stream = options_.stream ? *options_.stream : random_stream("order");
    return Iterator(this, datasets::permutation(dataset_.size(), stream));
  }
  std::vector<std::int64_t> order(static_cast<std::size_t>(dataset_.size()));
  std::iota(order.begin(), order.end(), 0);
  return Iterator(this, std::move(order));
}

DataLoader::Batch DataLoader::Iterator::operator*() const {
  const std::int64_t begin = position_ * loader_->options_.batch_size;
  const std::int64_t count = std::min(loader_->options_.batch_size, loader_->dataset_.size() - begin);
  return loader_->dataset_.batch(
      std::span(*order_).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count)));
}

}  // namespace canopy
