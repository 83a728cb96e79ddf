#include <canopy/core/activation.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <utility>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

constexpr std::array<std::pair<Activation, std::string_view>, 7> names{{{Activation::identity, "identity"},
                                                                        {Activation::relu, "relu"},
                                                                        {Activation::gelu, "gelu"},
                                                                        {Activation::gelu_tanh, "gelu_tanh"},
                                                                        {Activation::sigmoid, "sigmoid"},
                                                                        {Activation::tanh, "tanh"},
                                                                        {Activation::softplus, "softplus"}}};

bool equal_in_any_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

std::string_view to_string(Activation activation) {
  for (const auto& [value, name] : names) {
    if (value == activation) return name;
  }
  throw ConfigError(fmt::format("activation: there is none of number {}", static_cast<int>(activation)));
}

Activation activation_from_string(std::string_view name) {
  for (const auto& [value, known] : names) {
    if (equal_in_any_case(name, known)) return value;
  }
  std::string_view separator;
  std::string known_names;
  for (const auto& [value, known] : names) {
    known_names += fmt::format("{}{}", std::exchange(separator, ", "), known);
  }
  throw ConfigError(fmt::format("activation: '{}' is none of {} (in any case)", name, known_names));
}

}  // namespace canopy
