#include <canopy/datasets/usps.hpp>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/datasets/gzip.hpp>

#include <fmt/format.h>

namespace canopy::datasets {
namespace {

constexpr std::int64_t side = 16;
constexpr std::int64_t classes = 10;

class Parser {
 public:
  Parser(std::string file, std::string_view text) : file_(std::move(file)), text_(text) {}

  bool at_end() const { return at_ == text_.size(); }

  void parse_line(std::vector<std::int32_t>& labels, std::vector<float>& values) {
    ++line_;
    const float digit = number("a digit from 0 to 9", 0.f, static_cast<float>(classes - 1));
    const auto label = static_cast<std::int32_t>(digit);
    if (static_cast<float>(label) != digit) fail("a digit from 0 to 9", fmt::format("{}", digit));
    labels.push_back(label);
    for (std::int64_t j = 0; j < side * side; ++j) {
      values.push_back((number("256 values from -1 to 1", -1.f, 1.f) + 1.f) / 2.f);
    }
    skip_spaces();
    if (!at_end() && text_[at_] != '\n') fail("the end of the line after 256 values", quoted());
    if (!at_end()) ++at_;
  }

 private:
  void skip_spaces() {
    while (!at_end() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r')) ++at_;
  }

  float number(const char* expected, float low, float high) {
    skip_spaces();
    float value = 0.f;
    const auto [rest, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc() || !(value >= low && value <= high)) fail(expected, quoted());
    at_ = static_cast<std::size_t>(rest - text_.data());
    return value;
  }

  std::string quoted() const {
    if (at_end()) return "the end of the file";
    const std::string_view rest = text_.substr(at_);
    if (rest.front() == '\n') return "the end of the line";
    return fmt::format("\"{}\"", rest.substr(0, std::min<std::size_t>(rest.find_first_of(" \t\r\n"), 20)));
  }

  [[noreturn]] void fail(const char* expected, const std::string& found) const {
    throw DataError(fmt::format("{}: line {}, at byte {}: expected {}, found {}", file_, line_, at_, expected, found));
  }

  std::string file_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::int64_t line_ = 0;
};

}  // namespace

LabelledImages read_usps(const std::filesystem::path& path) {
  const std::string text = read_plain_or_gzip(path);
  Parser parser(path.string(), text);
  std::vector<std::int32_t> labels;
  std::vector<float> values;
  do {
    parser.parse_line(labels, values);
  } while (!parser.at_end());
  const auto count = static_cast<std::int64_t>(labels.size());
  LabelledImages images;
  images.name = "usps";
  images.shape = {.height = side, .width = side};
  images.values = Tensor({count, side * side}, values);
  images.labels = Indices({count}, labels);
  images.classes = classes;
  return images;
}

}  // namespace canopy::datasets
