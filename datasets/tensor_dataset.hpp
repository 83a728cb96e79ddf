// Inputs and what a model should answer to them, in memory.
//
//   TensorDataset data(Tensor({3, 2}, {0, 1, 2, 3, 4, 5}), Indices({3}, {0, 1, 1}));   // classes
//   TensorDataset data({{0.5f, 1.f}, {2.f, 3.f}}, std::vector{10.f, 20.f});            // numbers
//   auto [train, test] = data.split(0.8);
//   const Standardisation columns = fit(train);
//   train = train.standardised(columns);
//   test = test.standardised(columns);
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <canopy/core/array.hpp>
#include <canopy/core/dataset_metadata.hpp>
#include <canopy/core/standardisation.hpp>

namespace canopy {

/// As errors speak of it: "data set NAME".
std::string describe_dataset(const std::string& name);

/// What a TensorDataset is made of. T is std::int32_t for classes, float for numbers.
template <class T>
struct Samples {
  std::string name = {};     ///< as in `--dataset`, or of the user's own; may be empty
  Tensor inputs = {};        ///< [n, ...]
  Bytes bytes = {};          ///< [n, ...], x = byte / 255, for inputs that are bytes; then `inputs` is empty
  Array<T> targets = {};     ///< [n]; numbers also [n, outputs]
  std::int64_t classes = 0;  ///< of classes; 0: one more than the largest
  std::vector<std::string> class_names = {};  ///< of each class, or nothing
  /// What x is, see DatasetMetadata; empty: "x/255" for bytes, else "none".
  std::string input_normalisation = {};
};

/// A handle: copies, subsets and splits share the arrays. What a batch holds is computed by the batch: inputs as bytes
/// stay bytes until then.
template <class T>
class TensorDataset {
  static_assert(std::same_as<T, float> || std::same_as<T, std::int32_t>, "targets are floats or classes (int32)");

 public:
  /// Throws ShapeError where arrays do not fit each other, or a class is negative or above those that are known.
  explicit TensorDataset(Samples<T> samples);
  TensorDataset(Tensor inputs, Array<T> targets, std::string name = {})
      : TensorDataset(Samples<T>{.name = std::move(name), .inputs = std::move(inputs), .targets = std::move(targets)}) {
  }
  /// A row for each sample, all of one length.
  TensorDataset(const std::vector<std::vector<float>>& rows, const std::vector<T>& targets, std::string name = {});

  const std::string& name() const { return samples_->name; }
  std::string description() const;
  /// Number of samples.
  std::int64_t size() const;
  /// Of one sample.
  Shape input_shape() const;
  /// Numbers in one sample's inputs.
  std::int64_t features() const { return input_shape().size(); }
  /// 0 for numbers.
  std::int64_t classes() const { return samples_->classes; }
  /// Of each class; empty where they have no names but 0, 1, ...
  const std::vector<std::string>& class_names() const { return samples_->class_names; }
  /// What a model has to answer for one sample: a logit for each class, or the numbers of a target.
  std::int64_t outputs() const;

  /// [size] or [size, outputs], as a batch holds them.
  Array<T> targets() const;
  Array<T> labels() const requires std::same_as<T, std::int32_t> { return targets(); }

  /// Inputs [indices, ...] and targets [indices] or [indices, outputs] of the samples at these positions. Throws
  /// ShapeError for an index that is not in [0, size).
  std::pair<Tensor, Array<T>> batch(std::span<const std::int64_t> indices) const;

  /// The samples at these positions, in this order. Throws ShapeError for an index that is not in [0, size).
  TensorDataset subset(std::span<const std::int64_t> indices) const;
  /// A random part of round(fraction * size) samples, and the others. Depends on the process's seed alone (stream
  /// "split"), not on what was drawn before. Throws ConfigError for a fraction that is not in [0, 1].
  std::pair<TensorDataset, TensorDataset> split(double fraction) const;

  /// The same samples with (x - offset) * scale for x, in place of an earlier standardisation. Throws ShapeError if it
  /// is not one for `features()` columns. A saved model folds it into its first weights.
  TensorDataset standardised(const Standardisation& inputs) const;
  /// The same samples with (y - offset) * scale for a target y. `metadata().target.invert(...)` brings a model's
  /// answers back.
  TensorDataset with_standardised_targets(const Standardisation& targets) const requires std::same_as<T, float>;
  /// The same samples as a saved model reads them: without the standardisation of inputs, which it contains.
  TensorDataset as_saved() const { return standardised({}); }

  /// What a checkpoint notes, and what `save` folds into a model that was trained on these inputs.
  DatasetMetadata metadata() const;

 protected:
  /// Keeps the samples at these positions only.
  void select(std::span<const std::int64_t> indices);
  /// Two random parts of the positions, as in `split`.
  std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>> split_positions(double fraction) const;
  /// Makes inputs normalisation(x), of that name, before they are standardised; no name: x itself.
  void normalise(std::string name, const Standardisation& normalisation);
  void standardise(const Standardisation& inputs);

 private:
  void check_samples() const;
  std::int64_t row(std::int64_t index) const;
  std::vector<std::int64_t> rows_at(std::span<const std::int64_t> indices) const;
  Array<T> targets_of(std::span<const std::int64_t> rows) const;

  std::shared_ptr<const Samples<T>> samples_;
  std::shared_ptr<const std::vector<std::int64_t>> rows_;  // of the samples; null: all
  std::string normalisation_name_;
  Standardisation normalisation_;  // that of the name
  Standardisation inputs_;         // the one that is folded
  Standardisation targets_;
  Standardisation applied_;  // both of the inputs', for each feature; or the identity
};

using ClassificationDataset = TensorDataset<std::int32_t>;
using RegressionDataset = TensorDataset<float>;

/// (x - mean) / deviation of every column of the inputs as a saved model reads them, over all samples: of a training
/// part, for all parts. A column that is constant there is only moved to 0. Throws DataError, with the column, for
/// numbers that are not finite, or no samples.
template <class T>
Standardisation fit(const TensorDataset<T>& train);
/// The same of the targets, each output a column.
Standardisation fit_targets(const RegressionDataset& train);

extern template class TensorDataset<float>;
extern template class TensorDataset<std::int32_t>;

}  // namespace canopy
