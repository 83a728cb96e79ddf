#include <charconv>
#include <string>

#include <canopy/experiments/cli/commands.hpp>

#include <fmt/format.h>

namespace canopy::cli {

CLI::Validator whole_number(int least, int most) {
  return {[=](const std::string& text) -> std::string {
            int number = 0;
            const char* end = text.data() + text.size();
            const auto [parsed, error] = std::from_chars(text.data(), end, number);
            if (parsed != end || error == std::errc::invalid_argument) {
              return fmt::format("a whole number from {} on, not {}", least, text);
            }
            const bool beyond = error == std::errc::result_out_of_range;
            if (text.starts_with('-') ? beyond || number < least : !beyond && number < least) {
              return fmt::format("at least {}, not {}", least, text);
            }
            return beyond || number > most ? fmt::format("at most {}, not {}", most, text) : "";
          },
          "NUMBER"};
}

}  // namespace canopy::cli
