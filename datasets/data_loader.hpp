// Batches of a data set, one pass at a time.
//
//   for (const auto& [images, labels] : DataLoader(train, {.batch_size = 256, .shuffle = true})) ...
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <canopy/datasets/batch_plan.hpp>
#include <canopy/datasets/dataset.hpp>
#include <canopy/datasets/prefetcher.hpp>

namespace canopy {

/// Every `begin()` starts a pass over the whole data set, with `shuffle` in a new random order. The samples of the
/// batches of all ranks, one rank after the other, are those of one process with the same seed and batch size.
template <Dataset D>
class DataLoader {
 public:
  using Options = DataLoaderOptions;
  using Batch = BatchOf<D>;

  /// Throws ConfigError for options that make no sense.
  explicit DataLoader(D dataset, DataLoaderOptions options = {})
      : dataset_(std::make_shared<const D>(std::move(dataset))), options_(options), plan_(dataset_->size(), options) {}

  const D& dataset() const { return *dataset_; }
  const Options& options() const { return options_; }
  /// Number of batches of a pass, without those that are skipped.
  std::int64_t size() const { return plan_.batches(); }
  /// Samples in the batch at that position of a pass, of all ranks together: what the mean over a rank's part is
  /// weighted against.
  std::int64_t batch_size(std::int64_t position) const { return plan_.batch_size(position); }

  /// Goes over one pass, once; copies go together.
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;
    using pointer = const Batch*;
    using reference = const Batch&;

    /// Makes the batch, or waits for it, when first asked for it. Throws what the data set throws.
    const Batch& operator*() const { return pass_->current(); }
    const Batch* operator->() const { return &pass_->current(); }
    Iterator& operator++() {
      pass_->advance();
      return *this;
    }
    void operator++(int) { pass_->advance(); }
    bool operator==(std::default_sentinel_t) const { return pass_->at_end(); }

   private:
    friend class DataLoader;
    class Pass;
    explicit Iterator(std::shared_ptr<Pass> pass) : pass_(std::move(pass)) {}

    std::shared_ptr<Pass> pass_;
  };

  /// Draws the order.
  Iterator begin() const {
    return Iterator(std::make_shared<typename Iterator::Pass>(dataset_, plan_, options_.prefetch));
  }
  std::default_sentinel_t end() const { return {}; }

 private:
  std::shared_ptr<const D> dataset_;
  Options options_;
  BatchPlan plan_;
};

template <Dataset D>
class DataLoader<D>::Iterator::Pass {
 public:
  Pass(std::shared_ptr<const D> dataset, const BatchPlan& plan, std::int64_t prefetch)
      : dataset_(std::move(dataset)), plan_(plan), order_(plan.order()) {
    if (prefetch > 0) ahead_.emplace(plan_.batches(), prefetch, [this](std::int64_t index) { return make(index); });
  }

  const Batch& current() {
    if (!batch_) batch_.emplace(next());
    return *batch_;
  }

  void advance() {
    if (!batch_ && ahead_) next();  // passed over without a look
    batch_.reset();
    ++position_;
  }

  bool at_end() const { return position_ >= plan_.batches(); }

 private:
  Batch make(std::int64_t index) const { return dataset_->batch(plan_.batch(order_, index)); }
  Batch next() { return ahead_ ? ahead_->next() : make(position_); }

  std::shared_ptr<const D> dataset_;
  BatchPlan plan_;
  std::vector<std::int64_t> order_;
  std::int64_t position_ = 0;
  std::optional<Batch> batch_;
  std::optional<Prefetcher<Batch>> ahead_;  // the last member: its thread uses the others
};

}  // namespace canopy
