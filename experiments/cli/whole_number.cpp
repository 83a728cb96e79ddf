#include <charconv>
#include <limits>
#include <string>

#include <canopy/experiments/cli/commands.hpp>

#include <fmt/format.h>

namespace canopy::cli {

CLI::Validator at_least_one() {
  return {[](const std::string& text) -> std::string {
            int number = 0;
            const char* end = text.data() + text.size();
            const auto [parsed, error] = std::from_chars(text.data(), end, number);
            if (parsed != end || error == std::errc::invalid_argument) {
              return fmt::format("a whole number from 1 on, not {}", text);
            }
            if (error == std::errc::result_out_of_range && !text.starts_with('-')) {
              return fmt::format("at most {}, not {}", std::numeric_limits<int>::max(), text);
            }
            return number < 1 ? fmt::format("at least 1, not {}", text) : "";
          },
          "NUMBER"};
}

}  // namespace canopy::cli
