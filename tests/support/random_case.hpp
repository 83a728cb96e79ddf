// Configurations drawn at random, each by its number alone, so that one can be run again without the others.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <string>
#include <vector>

#include <canopy/core/array.hpp>
#include <canopy/core/random.hpp>

#include <fmt/format.h>

namespace canopy::test {

/// Draws by name; every choice becomes a part of the description.
class RandomCase {
 public:
  RandomCase(const std::string& family, std::uint64_t number)
      : stream_(number, family),
        description_(fmt::format("{} case {} (alone: CANOPY_CASE={}):", family, number, number)) {}

  std::int64_t between(const char* name, std::int64_t low, std::int64_t high) {
    const auto drawn = low + static_cast<std::int64_t>(stream_() % static_cast<std::uint64_t>(high - low + 1));
    description_ += fmt::format(" {} {}", name, drawn);
    return drawn;
  }
  bool coin(const char* name) { return between(name, 0, 1) == 1; }
  template <class T>
  T one_of(const char* name, std::initializer_list<T> choices) {
    return choices.begin()[between(name, 0, std::ssize(choices) - 1)];
  }
  /// An extent: often 0 or 1, or beside the width of a register.
  std::int64_t extent(const char* name, std::int64_t least, std::int64_t most) {
    std::vector<std::int64_t> extents = {0, 1, 2, 3, 5, 7, 8, 9, 13, 15, 16, 17, 31, 32, 33, 63, 64, 65};
    std::erase_if(extents, [=](std::int64_t n) { return n < least || n > most; });
    const std::int64_t drawn = extents[stream_() % extents.size()];
    description_ += fmt::format(" {} {}", name, drawn);
    return drawn;
  }
  /// A shape of the rank and at most so many elements.
  Shape shape(const char* name, int rank, std::int64_t least, std::int64_t most) {
    std::vector<std::int64_t> extents;
    for (int axis = 0; axis < rank; ++axis) {
      extents.push_back(extent(name, least, std::max<std::int64_t>(most, 1)));
      most /= std::max<std::int64_t>(extents.back(), 1);
    }
    return Shape(extents);
  }
  Tensor normal(const Shape& shape, float mean = 0.f, float deviation = 1.f) {
    Tensor x(shape);
    stream_.fill_normal(x.mutable_elements(), mean, deviation);
    return x;
  }
  Tensor uniform(const Shape& shape, float low, float high) {
    Tensor x(shape);
    stream_.fill_uniform(x.mutable_elements(), low, high);
    return x;
  }
  /// Numbers in [0, count).
  Indices indices(const Shape& shape, std::int64_t count) {
    Indices x(shape);
    for (std::int32_t& i : x.mutable_elements()) {
      i = static_cast<std::int32_t>(stream_() % static_cast<std::uint64_t>(count));
    }
    return x;
  }
  RandomStream& stream() { return stream_; }

  const std::string& description() const { return description_; }

 private:
  RandomStream stream_;
  std::string description_;
};

/// Runs `body` for the cases 0 to count - 1 of a family, or for $CANOPY_CASE alone.
inline void for_each_case(const std::string& family, std::uint64_t count,
                          const std::function<void(RandomCase&)>& body) {
  const char* alone = std::getenv("CANOPY_CASE");
  const std::uint64_t first = alone ? std::strtoull(alone, nullptr, 10) : 0;
  for (std::uint64_t number = first; number < (alone ? first + 1 : count); ++number) {
    RandomCase each(family, number);
    body(each);
  }
}

}  // namespace canopy::test
