// Array<T>: a shape and a shared, 64-byte aligned, pooled buffer; row-major and contiguous.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <type_traits>

#include <canopy/core/memory.hpp>
#include <canopy/core/shape.hpp>

namespace canopy {

namespace detail {
[[noreturn]] void throw_size_mismatch(const char* what, const Shape& shape, std::int64_t size);
/// size * bytes_each; throws ShapeError where that is more than memory can be addressed.
std::size_t checked_bytes(std::int64_t size, std::size_t bytes_each);
}  // namespace detail

/// A handle: copying shares the buffer, `clone()` copies it, `reshape` is free. Constness of the handle guards the
/// elements: reading goes through `data()`, writing through `mutable_data()`, which also counts a new version, so that
/// the tape can tell when a value it needs was opened for writing. What is written through a pointer from before it
/// cannot see: take a new pointer for each round of writing.
template <class T>
class Array {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  /// No elements, shape [0].
  Array() : shape_{0} {}
  /// Contents undefined.
  explicit Array(const Shape& shape) : shape_(shape), buffer_(std::make_shared<Buffer>(shape.size())) {}
  Array(const Shape& shape, T fill) : Array(shape) { std::fill_n(buffer_->elements, size(), fill); }
  /// Copies `values`. Throws ShapeError if their number is not `shape.size()`.
  Array(const Shape& shape, std::span<const T> values) : Array(shape) {
    require_size("Array", static_cast<std::int64_t>(values.size()));
    std::copy(values.begin(), values.end(), buffer_->elements);
  }
  Array(const Shape& shape, std::initializer_list<T> values) : Array(shape, std::span(values.begin(), values.size())) {}

  static Array scalar(T value) { return Array(Shape{}, value); }
  static Array zeros(const Shape& shape) { return Array(shape, T{}); }

  const Shape& shape() const { return shape_; }
  int rank() const { return shape_.rank(); }
  /// Extent of an axis; negative axes count from the end.
  std::int64_t extent(int axis) const { return shape_[axis]; }
  /// Number of elements.
  std::int64_t size() const { return shape_.size(); }
  bool empty() const { return size() == 0; }

  const T* data() const { return buffer_ ? buffer_->elements : nullptr; }
  /// For writing, now; counts a new version of the buffer, for every handle that shares it.
  T* mutable_data() {
    if (!buffer_) return nullptr;
    buffer_->version.fetch_add(1, std::memory_order_relaxed);
    return buffer_->elements;
  }
  std::span<const T> elements() const& { return {data(), static_cast<std::size_t>(size())}; }
  /// `for (float v : f().elements())` would outlive the array: name it first.
  std::span<const T> elements() const&& = delete;
  std::span<T> mutable_elements() { return {mutable_data(), static_cast<std::size_t>(size())}; }

  /// The only element. Throws ShapeError if there is not exactly one.
  T item() const {
    require_size("item", 1);
    return *data();
  }

  /// A new buffer with the same elements.
  Array clone() const { return Array(shape_, elements()); }
  /// The same buffer seen with another shape. Throws ShapeError if the number of elements differs.
  Array reshape(const Shape& shape) const {
    Array result = *this;
    result.shape_ = shape;
    result.require_size("reshape", size());
    return result;
  }

  /// Whether no other handle shares the buffer, so that writing disturbs nobody.
  bool unique() const { return buffer_.use_count() <= 1; }
  bool shares_buffer_with(const Array& other) const { return buffer_ && buffer_ == other.buffer_; }
  /// How often the buffer has been opened for writing.
  std::uint64_t version() const { return buffer_ ? buffer_->version.load(std::memory_order_relaxed) : 0; }
  /// The counter behind version(), for whoever has to notice writes later; null if there is no buffer.
  std::shared_ptr<const std::atomic<std::uint64_t>> version_counter() const {
    if (!buffer_) return nullptr;
    return {buffer_, &buffer_->version};
  }

 private:
  struct Buffer {
    explicit Buffer(std::int64_t size)
        : block(memory::allocate(detail::checked_bytes(size, sizeof(T)))), elements(static_cast<T*>(block.data)) {}
    ~Buffer() { memory::deallocate(block); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    memory::Block block;
    T* elements;
    std::atomic<std::uint64_t> version{0};
  };

  void require_size(const char* what, std::int64_t expected) const;

  Shape shape_;
  std::shared_ptr<Buffer> buffer_;
};

template <class T>
void Array<T>::require_size(const char* what, std::int64_t expected) const {
  if (size() != expected) detail::throw_size_mismatch(what, shape_, expected);
}

using Tensor = Array<float>;
using Indices = Array<std::int32_t>;
using Bytes = Array<std::uint8_t>;

}  // namespace canopy
