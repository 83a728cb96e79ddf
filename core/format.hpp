// Arrays as text, in NumPy's layout: fmt::print("{}", tensor) and std::cout << tensor.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

#include <canopy/core/array.hpp>

#include <fmt/core.h>

namespace canopy {

/// The elements alone, as NumPy's `array2string` gives them with a precision of 4: columns aligned, lines of at most 75
/// characters that begin `indent` further in, three elements at either end of an axis where there are more than 1000 in
/// all.
std::string elements_to_string(const Tensor& array, int indent);
std::string elements_to_string(const Indices& array, int indent);
std::string elements_to_string(const Bytes& array, int indent);

/// As "Tensor([[1. , 2.5],\n        [3. , 4. ]], shape=[2, 2])"; a single number without a shape: "Tensor(2.5)".
std::string to_string(const Tensor& array);
std::string to_string(const Indices& array);
std::string to_string(const Bytes& array);

std::ostream& operator<<(std::ostream& out, const Tensor& array);
std::ostream& operator<<(std::ostream& out, const Indices& array);
std::ostream& operator<<(std::ostream& out, const Bytes& array);

namespace detail {
/// "{}" for what has a to_string.
struct Formatter {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
  template <class T>
  auto format(const T& value, fmt::format_context& context) const {
    const std::string text = to_string(value);
    return std::copy(text.begin(), text.end(), context.out());
  }
};
}  // namespace detail

}  // namespace canopy

template <>
struct fmt::formatter<canopy::Tensor> : canopy::detail::Formatter {};
template <>
struct fmt::formatter<canopy::Indices> : canopy::detail::Formatter {};
template <>
struct fmt::formatter<canopy::Bytes> : canopy::detail::Formatter {};
