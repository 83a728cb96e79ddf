#include <canopy/datasets/tensor_dataset.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/datasets/gather.hpp>
#include <canopy/datasets/permutation.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

const char* name_of_x(bool bytes) { return bytes ? "x/255" : "none"; }

template <class T>
bool of_bytes(const Samples<T>& samples) {
  return samples.inputs.empty() && samples.bytes.rank() > 1;
}

template <class T>
const Shape& inputs_shape(const Samples<T>& samples) {
  return of_bytes(samples) ? samples.bytes.shape() : samples.inputs.shape();
}

// An offset and a scale for every column, or the identity.
Standardisation for_each_column(const Standardisation& standardisation, std::int64_t columns) {
  if (standardisation.identity()) return {};
  Standardisation each{.offset = Tensor({columns}), .scale = Tensor({columns})};
  for (std::int64_t j = 0; j < columns; ++j) {
    each.offset.mutable_data()[j] = standardisation.offset_of(j);
    each.scale.mutable_data()[j] = standardisation.scale_of(j);
  }
  return each;
}

Tensor flatten(const std::vector<std::vector<float>>& rows) {
  const std::size_t columns = rows.empty() ? 0 : rows.front().size();
  std::vector<float> values;
  values.reserve(rows.size() * columns);
  for (const std::vector<float>& row : rows) {
    if (row.size() != columns) {
      throw ShapeError(
          fmt::format("data set: expected rows of {} numbers as the first one, found one of {}", columns, row.size()));
    }
    values.insert(values.end(), row.begin(), row.end());
  }
  return Tensor({static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(columns)}, values);
}

/// Means and deviations of columns, in two passes over blocks of rows: `block(first, count)` gives rows [count,
/// columns] from `first` on.
template <class Block>
Standardisation fit_columns(const std::string& description, std::int64_t rows, std::int64_t columns, Block block) {
  if (rows == 0) throw DataError(fmt::format("{}: expected samples to standardise by, found none", description));
  const auto for_values = [&](auto f) {
    constexpr std::int64_t rows_at_once = 1024;
    for (std::int64_t first = 0; first < rows; first += rows_at_once) {
      const Tensor values = block(first, std::min(rows_at_once, rows - first));
      for (std::int64_t i = 0; i < values.size(); ++i) f(i % columns, static_cast<double>(values.data()[i]));
    }
  };
  // Seen from the first row, a constant column's mean is exact and its deviation is 0.
  std::vector<double> mean(static_cast<std::size_t>(columns));
  std::vector<double> squares(mean.size());
  const Tensor origin = block(0, 1);
  const auto at = [](std::vector<double>& values, std::int64_t j) -> double& {
    return values[static_cast<std::size_t>(j)];
  };
  for_values([&](std::int64_t j, double value) { at(mean, j) += value - static_cast<double>(origin.data()[j]); });
  for (std::int64_t j = 0; j < columns; ++j) {
    at(mean, j) = static_cast<double>(origin.data()[j]) + at(mean, j) / static_cast<double>(rows);
    if (!std::isfinite(at(mean, j))) {
      throw DataError(fmt::format("{}: column {}: expected finite numbers, found others", description, j));
    }
  }
  for_values([&](std::int64_t j, double value) { at(squares, j) += (value - at(mean, j)) * (value - at(mean, j)); });
  Standardisation fitted{.offset = Tensor({columns}), .scale = Tensor({columns})};
  for (std::int64_t j = 0; j < columns; ++j) {
    const double deviation = std::sqrt(at(squares, j) / static_cast<double>(rows));
    const auto scale = static_cast<float>(1.0 / deviation);
    fitted.offset.mutable_data()[j] = static_cast<float>(at(mean, j));
    fitted.scale.mutable_data()[j] = std::isfinite(scale) && scale > 0.f ? scale : 1.f;
  }
  return fitted;
}

}  // namespace

std::string describe_dataset(const std::string& name) {
  return name.empty() ? "a data set without a name" : "data set " + name;
}

template <class T>
TensorDataset<T>::TensorDataset(Samples<T> samples) {
  if constexpr (std::same_as<T, std::int32_t>) {
    if (samples.classes == 0 && !samples.targets.empty()) {
      samples.classes = std::int64_t{*std::ranges::max_element(samples.targets.elements())} + 1;
    }
  }
  if (samples.input_normalisation.empty()) samples.input_normalisation = name_of_x(of_bytes(samples));
  samples_ = std::make_shared<const Samples<T>>(std::move(samples));
  check_samples();
  normalise({}, {});
}

template <class T>
TensorDataset<T>::TensorDataset(const std::vector<std::vector<float>>& rows, const std::vector<T>& targets,
                                std::string name)
    : TensorDataset(flatten(rows), Array<T>({static_cast<std::int64_t>(targets.size())}, targets), std::move(name)) {}

template <class T>
void TensorDataset<T>::check_samples() const {
  const Shape& inputs = inputs_shape(*samples_);
  const Shape& targets = samples_->targets.shape();
  constexpr int most_axes = std::same_as<T, float> ? 2 : 1;
  if (inputs.rank() < 2 || targets.rank() < 1 || targets.rank() > most_axes || inputs[0] != targets[0]) {
    throw ShapeError(fmt::format("{}: expected inputs [n, ...] and targets [n]{}, found {} and {}", description(),
                                 most_axes == 2 ? " or [n, outputs]" : "", inputs.to_string(), targets.to_string()));
  }
  if constexpr (std::same_as<T, std::int32_t>) {
    for (const std::int32_t label : samples_->targets.elements()) {
      if (label < 0 || label >= samples_->classes) {
        throw ShapeError(
            fmt::format("{}: expected labels from 0 to {}, found {}", description(), samples_->classes - 1, label));
      }
    }
  }
}

template <class T>
std::int64_t TensorDataset<T>::size() const {
  return rows_ ? static_cast<std::int64_t>(rows_->size()) : samples_->targets.extent(0);
}

template <class T>
Shape TensorDataset<T>::input_shape() const {
  return inputs_shape(*samples_).without(0);
}

template <class T>
std::int64_t TensorDataset<T>::outputs() const {
  if (std::same_as<T, std::int32_t>) return classes();
  return samples_->targets.rank() == 2 ? samples_->targets.extent(1) : 1;
}

template <class T>
std::string TensorDataset<T>::description() const {
  return describe_dataset(name());
}

template <class T>
std::int64_t TensorDataset<T>::row(std::int64_t index) const {
  if (index < 0 || index >= size()) {
    throw ShapeError(fmt::format("{}: expected an index below {}, found {}", description(), size(), index));
  }
  return rows_ ? (*rows_)[static_cast<std::size_t>(index)] : index;
}

template <class T>
std::vector<std::int64_t> TensorDataset<T>::rows_at(std::span<const std::int64_t> indices) const {
  std::vector<std::int64_t> rows(indices.size());
  std::ranges::transform(indices, rows.begin(), [this](std::int64_t index) { return row(index); });
  return rows;
}

template <class T>
Array<T> TensorDataset<T>::targets() const {
  std::vector<std::int64_t> all(static_cast<std::size_t>(size()));
  std::iota(all.begin(), all.end(), 0);
  return targets_of(rows_at(all));
}

template <class T>
Array<T> TensorDataset<T>::targets_of(std::span<const std::int64_t> rows) const {
  const Array<T>& all = samples_->targets;
  const std::int64_t width = all.shape().without(0).size();
  Array<T> targets(all.shape().with(0, static_cast<std::int64_t>(rows.size())));
  T* out = targets.mutable_data();
  for (const std::int64_t row : rows) {
    for (std::int64_t j = 0; j < width; ++j) *out++ = all.data()[row * width + j];
  }
  if constexpr (std::same_as<T, float>) {
    if (!targets_.identity()) return targets_.apply(targets);
  }
  return targets;
}

template <class T>
std::pair<Tensor, Array<T>> TensorDataset<T>::batch(std::span<const std::int64_t> indices) const {
  const std::vector<std::int64_t> rows = rows_at(indices);
  Tensor inputs(inputs_shape(*samples_).with(0, static_cast<std::int64_t>(rows.size())));
  if (of_bytes(*samples_)) {
    datasets::gather(samples_->bytes.data(), features(), rows, applied_, inputs.mutable_data());
  } else {
    datasets::gather(samples_->inputs.data(), features(), rows, applied_, inputs.mutable_data());
  }
  return {inputs, targets_of(rows)};
}

template <class T>
TensorDataset<T> TensorDataset<T>::subset(std::span<const std::int64_t> indices) const {
  TensorDataset result = *this;
  result.select(indices);
  return result;
}

template <class T>
void TensorDataset<T>::select(std::span<const std::int64_t> indices) {
  rows_ = std::make_shared<const std::vector<std::int64_t>>(rows_at(indices));
}

template <class T>
std::pair<TensorDataset<T>, TensorDataset<T>> TensorDataset<T>::split(double fraction) const {
  const auto [first, second] = split_positions(fraction);
  return {subset(first), subset(second)};
}

template <class T>
auto TensorDataset<T>::split_positions(double fraction) const
    -> std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>> {
  if (!(fraction >= 0.0 && fraction <= 1.0)) {
    throw ConfigError(fmt::format("a split of {}: expected a fraction from 0 to 1, found {}", description(), fraction));
  }
  RandomStream stream(current_seed(), "split");
  return datasets::split_positions(size(), fraction, stream);
}

template <class T>
void TensorDataset<T>::normalise(std::string name, const Standardisation& normalisation) {
  normalisation_name_ = name.empty() ? samples_->input_normalisation : std::move(name);
  normalisation_ = normalisation;
  standardise({});
}

template <class T>
void TensorDataset<T>::standardise(const Standardisation& inputs) {
  applied_ = for_each_column(compose(normalisation_, inputs, features()), features());
  inputs_ = inputs;
}

template <class T>
TensorDataset<T> TensorDataset<T>::standardised(const Standardisation& inputs) const {
  TensorDataset result = *this;
  result.standardise(inputs);
  return result;
}

template <class T>
TensorDataset<T> TensorDataset<T>::with_standardised_targets(
    const Standardisation& targets) const requires std::same_as<T, float> {
  targets.check(outputs());
  TensorDataset result = *this;
  result.targets_ = targets;
  return result;
}

template <class T>
DatasetMetadata TensorDataset<T>::metadata() const {
  return {.dataset = name(), .input_normalisation = normalisation_name_, .input = inputs_, .target = targets_};
}

template <class T>
Standardisation fit(const TensorDataset<T>& train) {
  const TensorDataset<T> raw = train.as_saved();
  std::vector<std::int64_t> indices;
  return fit_columns(train.description(), train.size(), train.features(), [&](std::int64_t first, std::int64_t count) {
    indices.resize(static_cast<std::size_t>(count));
    std::iota(indices.begin(), indices.end(), first);
    return raw.batch(indices).first;
  });
}

Standardisation fit_targets(const RegressionDataset& train) {
  const Tensor targets = train.with_standardised_targets({}).targets();
  return fit_columns(train.description(), train.size(), train.outputs(), [&](std::int64_t first, std::int64_t count) {
    const auto width = static_cast<std::size_t>(train.outputs());
    const auto rows =
        targets.elements().subspan(static_cast<std::size_t>(first) * width, static_cast<std::size_t>(count) * width);
    return Tensor({count, train.outputs()}, rows);
  });
}

template class TensorDataset<float>;
template class TensorDataset<std::int32_t>;
template Standardisation fit(const TensorDataset<float>&);
template Standardisation fit(const TensorDataset<std::int32_t>&);

}  // namespace canopy
