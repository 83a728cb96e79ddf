#include <canopy/experiments/harness/product.hpp>

#include <cctype>
#include <type_traits>
#include <utility>

#include <canopy/core/error.hpp>
#include <canopy/experiments/harness/configuration.hpp>

#include <fmt/format.h>

namespace canopy::harness {
namespace {

// The elements of a list, or the value itself.
std::vector<Value> elements(const Value& value) {
  return std::visit(
      [](const auto& held) -> std::vector<Value> {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, Integers> || std::is_same_v<T, Reals> || std::is_same_v<T, Texts>) {
          return {held.begin(), held.end()};
        } else {
          return {held};
        }
      },
      value);
}

template <class T>
const T& typed(const Value& value, std::string_view setting) {
  if (const T* held = std::get_if<T>(&value)) return *held;
  throw ConfigError(fmt::format("setting {} is of another kind", setting));
}

}  // namespace

const Value& Choice::at(std::string_view setting) const {
  const auto found = values_.find(setting);
  if (found == values_.end()) throw ConfigError(fmt::format("the grid does not vary the setting {}", setting));
  return found->second;
}

const std::string& Choice::text(std::string_view setting) const { return typed<std::string>(at(setting), setting); }

std::int64_t Choice::integer(std::string_view setting) const { return typed<std::int64_t>(at(setting), setting); }

double Choice::real(std::string_view setting) const { return typed<double>(at(setting), setting); }

std::vector<Choice> product(const Settings& settings, std::initializer_list<const char*> names) {
  std::vector<Choice> choices(1);
  for (const char* name : names) {
    std::vector<Choice> longer;
    if (choices.size() * elements(settings.at(name).value).size() > most_cells) {
      throw ConfigError(fmt::format("{}: the grid has more than {} cells", name, most_cells));
    }
    for (const Choice& choice : choices) {
      for (const Value& value : elements(settings.at(name).value)) {
        longer.push_back(choice);
        longer.back().values_.insert_or_assign(name, value);
      }
    }
    choices = std::move(longer);
  }
  return choices;
}

std::vector<Cell> product_cells(const std::string& prefix, const Settings& settings,
                                std::initializer_list<const char*> names) {
  std::vector<Cell> cells;
  for (const Choice& choice : product(settings, names)) {
    Cell cell{.name = prefix};
    for (const char* name : names) {
      const Value& value = choice.at(name);
      const std::string text = Setting(value).to_string();
      cell.name += '-';
      for (const char c : text) {  // cells are named in [a-z0-9-]
        const auto letter = static_cast<unsigned char>(c);
        cell.name += std::isalnum(letter) != 0 ? static_cast<char>(std::tolower(letter)) : '-';
      }
      const auto* number = std::get_if<std::int64_t>(&value);
      cell.labels[name] = number != nullptr ? Label(*number) : Label(text);
    }
    cells.push_back(std::move(cell));
  }
  return cells;
}

}  // namespace canopy::harness
