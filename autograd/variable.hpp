// Variable: a value with a place for its gradient.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <canopy/core/array.hpp>

namespace canopy {

/// A gradient of which only some rows along the first axis are not zero: that of an embedding, or of the neurons that
/// an input's path passes. It takes memory and time for these rows alone.
struct RowGradient {
  Indices rows;   ///< [n], ascending and distinct
  Tensor values;  ///< [n, ...]: the shape of the value but for the first extent
};

namespace detail {
struct GradientSlot {
  std::string name;
  Shape shape;
  Tensor grad;
  std::optional<RowGradient> row_grad;  // in place of grad
  bool has_grad = false;
  bool requires_grad = true;
  std::uint64_t tape = 0;   // 0: a leaf, which belongs to no tape
  std::int64_t index = -1;  // of the record that made it

  /// grad, made from row_grad where that stands in its place.
  Tensor& dense();
};
}  // namespace detail

/// Where an operation's backward puts the gradient of one input. A closure that needs the input's gradient but not its
/// value holds this instead of the Variable, so that the value can be freed after forward.
class GradientSink {
 public:
  GradientSink() = default;
  /// Whether the gradient is wanted: computing it can be skipped otherwise.
  bool needed() const { return slot_ && slot_->requires_grad; }
  /// Adds `grad` (the first contribution is kept as it is, later ones are added). Does nothing unless needed. Throws
  /// ShapeError unless it has the shape of the value.
  void accumulate(Tensor grad) const;
  /// The same for a gradient that is zero outside of some rows. It stays row-sparse as long as nothing dense is added.
  /// Throws ShapeError unless the rows are ascending rows of the value and the values fit them.
  void accumulate(RowGradient grad) const;

 private:
  friend class Variable;
  explicit GradientSink(std::shared_ptr<detail::GradientSlot> slot) : slot_(std::move(slot)) {}
  std::shared_ptr<detail::GradientSlot> slot_;
};

/// A value, its gradient and its name: a handle with stable identity, whose copies are the same variable. A Tensor
/// converts to a constant, which has no gradient. Parameters are made by `Variable::parameter`, all others by `record`.
class Variable {
 public:
  /// An undefined variable, equal to no other.
  Variable() = default;
  /// A constant.
  Variable(Tensor value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor): constants convert
  /// A leaf that gradients accumulate in until zero_grad().
  static Variable parameter(Tensor value, std::string name = {});

  /// False for an undefined variable, which stands for a bias that is not there.
  bool is_defined() const { return value_.shape() != Shape{0} || requires_grad(); }

  const Tensor& value() const { return value_; }
  /// The value for writing in place (optimizers, initialisation). All copies of this variable see what is written.
  Tensor& mutable_value() { return value_; }
  const Shape& shape() const { return value_.shape(); }
  std::int64_t extent(int axis) const { return value_.extent(axis); }
  std::int64_t size() const { return value_.size(); }

  bool requires_grad() const { return slot_ && slot_->requires_grad; }
  /// Freezes or thaws a parameter. Throws TapeError for constants and results of operations.
  void set_requires_grad(bool wanted);

  bool has_grad() const { return slot_ && slot_->has_grad; }
  /// Shape of the value. A row-sparse gradient is made dense by this, for good. Throws TapeError if there is none yet.
  const Tensor& grad() const;
  /// The gradient for writing in place; a buffer that another gradient shares is cloned first.
  Tensor& mutable_grad();
  /// Whether the gradient is there and row-sparse.
  bool has_row_grad() const { return slot_ && slot_->row_grad.has_value(); }
  /// Throws TapeError unless has_row_grad().
  const RowGradient& row_grad() const;
  /// The rows' values for writing in place; a buffer that another gradient shares is cloned first.
  Tensor& mutable_row_values();
  void zero_grad();
  GradientSink sink() const { return GradientSink(slot_); }
  void accumulate(Tensor grad) const { sink().accumulate(std::move(grad)); }
  void accumulate(RowGradient grad) const { sink().accumulate(std::move(grad)); }

  const std::string& name() const;
  /// Renames a parameter. Throws TapeError for constants.
  void set_name(std::string name);

  bool is_same(const Variable& other) const { return slot_ && slot_ == other.slot_; }
  /// The same for the copies of one variable, another for every other variable alive; null for constants.
  const void* id() const { return slot_.get(); }

 private:
  friend class Tape;
  Variable(Tensor value, std::shared_ptr<detail::GradientSlot> slot)
      : value_(std::move(value)), slot_(std::move(slot)) {}

  Tensor value_;
  std::shared_ptr<detail::GradientSlot> slot_;
};

}  // namespace canopy
