#include <canopy/core/format.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <ostream>
#include <vector>

#include <fmt/format.h>

namespace canopy {
namespace {

constexpr int precision = 4;
constexpr std::size_t line_width = 75;
constexpr std::int64_t most_elements = 1000;  // shown in full
constexpr std::int64_t edge = 3;              // shown at either end of an axis otherwise
constexpr std::string_view separator = ", ";

// Which indices of an axis are shown; -1 stands for those left out.
std::vector<std::int64_t> shown(std::int64_t extent, bool shortened) {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < extent; ++i) {
    if (!shortened || extent <= 2 * edge || i < edge || i >= extent - edge) {
      indices.push_back(i);
    } else if (i == edge) {
      indices.push_back(-1);
    }
  }
  return indices;
}

bool is_shortened(const Shape& shape) { return shape.size() > most_elements; }

// Calls f(offset) for every element that is shown.
void for_each_shown(const Shape& shape, const std::function<void(std::int64_t)>& f, int axis = 0,
                    std::int64_t offset = 0) {
  if (axis == shape.rank()) return f(offset);
  for (const std::int64_t i : shown(shape[axis], is_shortened(shape))) {
    if (i >= 0) for_each_shown(shape, f, axis + 1, offset * shape[axis] + i);
  }
}

// The fewest digits that say which float it is, but at most `precision` behind the point.
std::string digits(float v, std::chars_format style) {
  char buffer[64];
  const auto shortest = std::to_chars(buffer, std::end(buffer), v, style);
  std::string text(buffer, shortest.ptr);
  const auto exponent = [&] { return std::min(text.find('e'), text.size()); };
  const std::size_t point = text.find('.');
  if (point != std::string::npos && exponent() - point > precision + 1) {
    text.assign(buffer, std::to_chars(buffer, std::end(buffer), v, style, precision).ptr);
    const std::size_t last = text.find_last_not_of('0', exponent() - 1);
    text.erase(last + 1, exponent() - last - 1);
  }
  if (text.find('.') == std::string::npos) text.insert(exponent(), 1, '.');
  return text;
}

// A column in which all numbers have the same width, with their points below each other.
class FloatColumn {
 public:
  explicit FloatColumn(const Tensor& array) {
    float least = 0, largest = 0;
    std::vector<float> finite;
    for_each_shown(array.shape(), [&](std::int64_t i) {
      const float v = array.data()[i];
      if (!std::isfinite(v)) {
        odd_width_ = std::max(odd_width_, v < 0 ? std::size_t{4} : std::size_t{3});
        return;
      }
      finite.push_back(v);
      const float size = std::abs(v);
      if (size != 0.f && (least == 0.f || size < least)) least = size;
      largest = std::max(largest, size);
    });
    // As NumPy: where the sizes differ too much for a fixed point.
    if (largest >= 1e8f || (least != 0.f && (least < 1e-4f || largest / least > 1000.f))) {
      style_ = std::chars_format::scientific;
    }
    for (const float v : finite) {
      const std::string text = digits(v, style_);
      const std::size_t point = text.find('.');
      before_ = std::max(before_, point);
      behind_ = std::max(behind_, std::min(text.find('e'), text.size()) - point - 1);
      exponent_ = std::max(exponent_, text.size() - std::min(text.find('e'), text.size()));
    }
    before_ = std::max(before_, odd_width_ - std::min(odd_width_, behind_ + exponent_ + 1));
  }

  std::string operator()(float v) const {
    if (!std::isfinite(v)) {
      const std::string_view text = std::isnan(v) ? "nan" : v < 0 ? "-inf" : "inf";
      return fmt::format("{:>{}}", text, before_ + 1 + behind_ + exponent_);
    }
    std::string text = digits(v, style_);
    const bool scientific = style_ == std::chars_format::scientific;
    const std::size_t point = text.find('.'), end = std::min(text.find('e'), text.size());
    text.insert(end, behind_ - (end - point - 1), scientific ? '0' : ' ');
    return text.insert(0, before_ - point, ' ');
  }

 private:
  std::chars_format style_ = std::chars_format::fixed;
  std::size_t before_ = 0, behind_ = 0, exponent_ = 0;  // characters before and behind the point, and of "e+01"
  std::size_t odd_width_ = 0;                           // of what is not finite
};

template <class T>
class IntegerColumn {
 public:
  explicit IntegerColumn(const Array<T>& array) {
    for_each_shown(array.shape(),
                   [&](std::int64_t i) { width_ = std::max(width_, fmt::formatted_size("{}", array.data()[i])); });
  }
  std::string operator()(T v) const { return fmt::format("{:>{}}", v, width_); }

 private:
  std::size_t width_ = 0;
};

// The layout of numpy.array2string, with the elements' text from `text_of(offset)`.
class Layout {
 public:
  Layout(const Shape& shape, std::function<std::string(std::int64_t)> text_of)
      : shape_(shape), text_of_(std::move(text_of)) {}

  // What stands inside of `axis` brackets, of which each line but the first begins with `indent` spaces.
  std::string operator()(int axis, std::int64_t offset, std::size_t indent, std::size_t width) const {
    if (axis == shape_.rank()) return text_of_(offset);
    const std::vector<std::int64_t> indices = shown(shape_[axis], is_shortened(shape_));
    return fmt::format("[{}]", axis + 1 == shape_.rank() ? row(indices, offset, indent + 1, width)
                                                         : block(indices, axis, offset, indent + 1, width));
  }

 private:
  // Elements beside each other, as many as a line holds.
  std::string row(const std::vector<std::int64_t>& indices, std::int64_t offset, std::size_t indent,
                  std::size_t width) const {
    std::string done, line(indent, ' ');
    for (std::size_t i = 0; i < indices.size(); ++i) {
      const std::string word = indices[i] < 0 ? "..." : text_of_(offset * shape_[-1] + indices[i]);
      if (line.size() + word.size() > width - 1 && line.size() > indent) {
        line.erase(line.find_last_not_of(' ') + 1);
        done += line + '\n';
        line.assign(indent, ' ');
      }
      line += word;
      if (i + 1 < indices.size()) line += separator;
    }
    return (done + line).substr(indent);
  }

  // Parts below each other, with an empty line more for every further axis.
  std::string block(const std::vector<std::int64_t>& indices, int axis, std::int64_t offset, std::size_t indent,
                    std::size_t width) const {
    std::string text;
    for (std::size_t i = 0; i < indices.size(); ++i) {
      if (i > 0) {
        text += ',';
        text.append(static_cast<std::size_t>(shape_.rank() - axis - 1), '\n').append(indent, ' ');
      }
      text += indices[i] < 0 ? "..." : (*this)(axis + 1, offset * shape_[axis] + indices[i], indent, width - 1);
    }
    return text;
  }

  const Shape& shape_;
  std::function<std::string(std::int64_t)> text_of_;
};

template <class T, class Column>
std::string lay_out(const Array<T>& array, int indent) {
  if (array.empty()) return "[]";
  const Column column(array);
  const Layout layout(array.shape(), [&](std::int64_t i) { return column(array.data()[i]); });
  return layout(0, 0, static_cast<std::size_t>(indent), line_width - 1);
}

template <class T>
std::string describe(std::string_view kind, const Array<T>& array) {
  const std::string elements = elements_to_string(array, static_cast<int>(kind.size()) + 1);
  if (array.rank() == 0) return fmt::format("{}({})", kind, elements);
  return fmt::format("{}({}, shape={})", kind, elements, array.shape().to_string());
}

}  // namespace

std::string elements_to_string(const Tensor& array, int indent) { return lay_out<float, FloatColumn>(array, indent); }
std::string elements_to_string(const Indices& array, int indent) {
  return lay_out<std::int32_t, IntegerColumn<std::int32_t>>(array, indent);
}
std::string elements_to_string(const Bytes& array, int indent) {
  return lay_out<std::uint8_t, IntegerColumn<std::uint8_t>>(array, indent);
}

std::string to_string(const Tensor& array) { return describe("Tensor", array); }
std::string to_string(const Indices& array) { return describe("Indices", array); }
std::string to_string(const Bytes& array) { return describe("Bytes", array); }

std::ostream& operator<<(std::ostream& out, const Tensor& array) { return out << to_string(array); }
std::ostream& operator<<(std::ostream& out, const Indices& array) { return out << to_string(array); }
std::ostream& operator<<(std::ostream& out, const Bytes& array) { return out << to_string(array); }

}  // namespace canopy
