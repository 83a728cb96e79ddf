// Conditional computation: each row of a batch is computed by the leaf or the experts it was sent to, and by no other.
//
//   const Groups groups(experts, number_of_experts);                                  // experts: [batch, k]
//   Variable hidden = grouped_linear(x, groups, w1, b1, {.activation = Activation::relu});
//   Variable y = grouped_linear(hidden, groups, w2, b2, {.input = RowOrder::grouped});
//   return combine(y, groups, gates);                                                  // [batch, outputs]
#pragma once

#include <canopy/autograd/variable.hpp>
#include <canopy/core/activation.hpp>
#include <canopy/core/kernels/grouping.hpp>

namespace canopy {

/// Which rows go to which group (leaf, expert): every row to k of them. Sorted once, read by every operation below;
/// copies share.
class Groups {
 public:
  /// `chosen` [rows] or [rows, k]: numbers in [0, groups). Throws ShapeError for another rank, a number outside of the
  /// range or more than 2^31 - 1 items.
  Groups(const Indices& chosen, std::int64_t groups);

  std::int64_t rows() const { return rows_; }
  /// How many groups a row goes to.
  std::int64_t choices() const { return choices_; }
  /// rows() * choices(), the extent of grouped arrays.
  std::int64_t items() const { return rows_ * choices_; }
  /// Number of groups, whether they have rows or not.
  std::int64_t count() const { return count_; }
  /// Item i is choice i % k of row i / k.
  const kernels::Grouping& sorted() const { return sorted_; }
  /// [items]: the row at each position of a grouped array.
  const Indices& row() const { return row_; }

 private:
  std::int64_t rows_ = 0, choices_ = 1, count_ = 0;
  kernels::Grouping sorted_;
  Indices row_;
};

enum class RowOrder {
  given,   ///< [rows, ...], as the batch came
  grouped  ///< [rows * k, ...], sorted by group
};

/// How a group's matrix is stored.
enum class GroupedWeights {
  outputs_by_inputs,  ///< [groups, outputs, inputs], as `linear` has it
  inputs_by_outputs   ///< [groups, inputs, outputs]
};

struct GroupedLinearOptions {
  Activation activation = Activation::identity;
  GroupedWeights weights = GroupedWeights::outputs_by_inputs;
  RowOrder input = RowOrder::given;
  RowOrder output = RowOrder::grouped;  ///< given: for k = 1 only
};

/// y[i] = activation(x[i] W_g^T + b_g), g the group of item i; `bias` is [groups, outputs] or undefined. The gradients
/// of weight and bias are row-sparse: zero for groups without rows. Throws ShapeError for shapes that do not fit,
/// ConfigError for output in the given order with k > 1.
Variable grouped_linear(const Variable& x, const Groups& groups, const Variable& weight, const Variable& bias,
                        const GroupedLinearOptions& options = {});

/// y[r] = sum over the k choices of row r of gates[r, choice] grouped[its position]: [rows * k, n] and gates [rows, k]
/// to [rows, n]. Throws ShapeError.
Variable combine(const Variable& grouped, const Groups& groups, const Variable& gates);

/// s[g] = sum of the numbers [rows, k] of all items of group g: [groups], 0 for a group without rows. Throws
/// ShapeError.
Variable sum_by_group(const Variable& values, const Groups& groups);

}  // namespace canopy
