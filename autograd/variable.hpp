// Variable: a value with a place for its gradient.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <canopy/core/array.hpp>

namespace canopy {

namespace kernels {
class PackedFactor;
}

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
  Tensor grad;                          // beside row_grad: what it looked like when last shown dense, if ever
  std::optional<RowGradient> row_grad;  // the gradient where it is there
  std::uint64_t shown = 0;              // the version of row_grad's values that grad shows
  bool has_grad = false;
  bool requires_grad = true;
  bool retain_grad = false;
  std::uint64_t tape = 0;   // 0: a leaf, which belongs to no tape
  std::int64_t index = -1;  // of the operation that made it
  int output = 0;           // which of its outputs

  std::shared_ptr<const kernels::PackedFactor> packed;            // of the value, when it was
  std::weak_ptr<const std::atomic<std::uint64_t>> packed_buffer;  // the version of this buffer
  std::uint64_t packed_version = 0;

  /// The gradient as one array of the value's shape; a row-sparse one stays what it is.
  const Tensor& shown_dense();
  /// The same for writing: a row-sparse gradient is dense from here on.
  Tensor& made_dense();
  void clear();
};

/// An input of a recorded operation. Constants have no slot.
struct Input {
  std::shared_ptr<GradientSlot> slot;
  bool wanted = false;  // whether its gradient was, at forward
};

/// For its lifetime, the inputs of the operation whose closure runs on this thread: what they wanted at forward counts.
class RunningClosure {
 public:
  explicit RunningClosure(std::span<const Input> inputs);
  ~RunningClosure();
  RunningClosure(const RunningClosure&) = delete;
  RunningClosure& operator=(const RunningClosure&) = delete;

 private:
  std::span<const Input> before_;
};

/// Whether a leaf's gradient is wanted: as of forward inside the closure of an operation on it, as of now elsewhere.
bool leaf_wanted(const GradientSlot& leaf);
}  // namespace detail

/// Where an operation's backward puts the gradient of one input. A closure that needs the input's gradient but not its
/// value holds this instead of the Variable, so that the value can be freed after forward. Whether the gradient is
/// wanted is settled when the sink is made: freezing or thawing a parameter later changes nothing.
class GradientSink {
 public:
  GradientSink() = default;
  /// Whether the gradient is wanted: computing it can be skipped otherwise.
  bool needed() const { return slot_ != nullptr; }
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
  Variable(Tensor value)
      : value_(std::move(value)), defined_(true) {}  // NOLINT(google-explicit-constructor): constants convert
  /// A leaf that gradients accumulate in until zero_grad().
  static Variable parameter(Tensor value, std::string name = {});

  /// False for an undefined variable, which stands for a bias that is not there.
  bool is_defined() const { return defined_; }

  const Tensor& value() const { return value_; }
  /// The value for writing in place (optimizers, initialisation). All copies of this variable see what is written.
  Tensor& mutable_value() { return value_; }
  const Shape& shape() const { return value_.shape(); }
  std::int64_t extent(int axis) const { return value_.extent(axis); }
  std::int64_t size() const { return value_.size(); }

  /// Whether operations on this variable are recorded, from here on. The closure of an operation sees what was true
  /// when that was recorded.
  bool requires_grad() const { return slot_ && (slot_->tape != 0 || detail::leaf_wanted(*slot_)); }
  /// Freezes or thaws a parameter; freezing drops its gradient. What a tape has recorded keeps what was true then: a
  /// parameter that was frozen at forward gets no gradient from it, one that was not gets its gradient although it is
  /// frozen at backward. Throws TapeError for constants and results of operations.
  void set_requires_grad(bool wanted);

  bool has_grad() const { return slot_ && slot_->has_grad; }
  /// Shape of the value. Looking changes nothing: a row-sparse gradient is shown as a dense copy, valid until the
  /// gradient changes. Throws TapeError if there is none yet.
  const Tensor& grad() const;
  /// The gradient for writing in place; a buffer that another gradient shares is cloned first. A row-sparse gradient is
  /// dense from here on.
  Tensor& mutable_grad();
  /// Whether the gradient is there and row-sparse.
  bool has_row_grad() const { return slot_ && slot_->row_grad.has_value(); }
  /// Throws TapeError unless has_row_grad().
  const RowGradient& row_grad() const;
  /// The rows' values for writing in place; a buffer that another gradient shares is cloned first.
  Tensor& mutable_row_values();
  void zero_grad();
  /// Keeps the gradient of an operation's result, too, for grad() after backward; otherwise it is given back on the
  /// way. Parameters keep theirs anyway. Throws TapeError for constants.
  void retain_grad();
  /// The place for this variable's gradient, if it is wanted.
  GradientSink sink() const { return GradientSink(requires_grad() ? slot_ : nullptr); }
  void accumulate(Tensor grad) const { sink().accumulate(std::move(grad)); }
  void accumulate(RowGradient grad) const { sink().accumulate(std::move(grad)); }

  /// Keeps a copy of a matrix [outputs, inputs] in the order in which `linear` reads it, for inference with weights
  /// that stay: faster from five rows on, for as much memory again. The copy is out of use while operations are
  /// recorded, and for good once the value is written to. Throws ShapeError for what is no matrix, TapeError for
  /// constants.
  void pack();
  /// The packed copy, W^T; null if there is none of the value as it is.
  const kernels::PackedFactor* packed() const;

  const std::string& name() const;
  /// Renames a parameter. Throws TapeError for constants.
  void set_name(std::string name);

  bool is_same(const Variable& other) const { return slot_ && slot_ == other.slot_; }
  /// The same for the copies of one variable, another for every other variable alive; null for constants.
  const void* id() const { return slot_.get(); }

 private:
  friend class Tape;
  Variable(Tensor value, std::shared_ptr<detail::GradientSlot> slot)
      : value_(std::move(value)), slot_(std::move(slot)), defined_(true) {}

  Tensor value_;
  std::shared_ptr<detail::GradientSlot> slot_;
  bool defined_ = false;
};

}  // namespace canopy
