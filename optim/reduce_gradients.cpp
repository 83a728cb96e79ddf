#include <canopy/optim/reduce_gradients.hpp>

#include <algorithm>
#include <utility>

#include <canopy/core/error.hpp>
#include <canopy/optim/distinct.hpp>

#include <fmt/format.h>

namespace canopy::optim {
namespace {

// What two ranks sum is in the form of the later one.
enum Form : std::int32_t { none, rows, dense };

Form form_of(const Variable& parameter) {
  if (!parameter.has_grad()) return none;
  return parameter.has_row_grad() ? rows : dense;
}

// The form that every parameter's sum has.
std::vector<std::int32_t> common_forms(const std::vector<Variable>& parameters, GradientReducer& reducer) {
  std::vector<std::int32_t> forms;
  for (const Variable& parameter : parameters) forms.push_back(form_of(parameter));
  const auto all = reducer.gather(forms);
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    if (all[rank].size() != all[0].size()) {
      throw ConfigError(fmt::format("reduce_gradients: rank {} reduces {} parameters where rank 0 reduces {}", rank,
                                    all[rank].size(), all[0].size()));
    }
    std::ranges::transform(all[rank], forms, forms.begin(),
                           [](std::int32_t a, std::int32_t b) { return std::max(a, b); });
  }
  return forms;
}

void reduce_dense(Variable& parameter, GradientReducer& reducer) {
  if (parameter.has_grad()) return reducer.sum(parameter.mutable_grad().mutable_elements());
  Tensor sum = Tensor::zeros(parameter.shape());
  reducer.sum(sum.mutable_elements());
  parameter.accumulate(std::move(sum));
}

void reduce_rows(Variable& parameter, GradientReducer& reducer) {
  const RowGradient own =
      parameter.has_grad() ? parameter.row_grad() : RowGradient{Indices({0}), Tensor(parameter.shape().with(0, 0))};
  std::vector<std::int32_t> all;
  for (const auto& of_rank : reducer.gather(own.rows.elements())) all.insert(all.end(), of_rank.begin(), of_rank.end());
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  const auto count = static_cast<std::int64_t>(all.size());
  Tensor values = Tensor::zeros(parameter.shape().with(0, count));
  const std::int64_t width = values.shape().without(0).size();
  float* to = values.mutable_data();
  auto place = all.begin();  // both lists ascend
  for (std::int64_t i = 0; i < own.rows.size(); ++i) {
    place = std::lower_bound(place, all.end(), own.rows.data()[i]);
    std::copy_n(own.values.data() + i * width, width, to + (place - all.begin()) * width);
  }
  reducer.sum(values.mutable_elements());
  parameter.zero_grad();
  parameter.accumulate(RowGradient{Indices({count}, all), std::move(values)});
}

}  // namespace

void reduce_gradients(const std::vector<Variable>& parameters, GradientReducer& reducer) {
  std::vector<Variable> distinct = detail::distinct(parameters);
  const std::vector<std::int32_t> forms = common_forms(distinct, reducer);
  for (std::size_t i = 0; i < distinct.size(); ++i) {
    if (forms[i] == dense) reduce_dense(distinct[i], reducer);
    if (forms[i] == rows) reduce_rows(distinct[i], reducer);
  }
}

}  // namespace canopy::optim
