#include <canopy/core/failures.hpp>

#include <new>
#include <stdexcept>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace canopy {

std::string describe_failure(const std::exception& error) {
  if (dynamic_cast<const Error*>(&error)) return error.what();
  if (const auto* files = dynamic_cast<const std::filesystem::filesystem_error*>(&error)) {
    return files->path1().empty() ? files->code().message()
                                  : fmt::format("{}: {}", files->path1().string(), files->code().message());
  }
  if (const auto* system = dynamic_cast<const std::system_error*>(&error)) return system->code().message();
  // A size that no container can have is one that no memory can hold.
  if (dynamic_cast<const std::bad_alloc*>(&error) || dynamic_cast<const std::length_error*>(&error)) {
    return "out of memory";
  }
  if (const auto* syntax = dynamic_cast<const nlohmann::json::parse_error*>(&error)) {
    return fmt::format("not JSON from byte {} on", syntax->byte);
  }
  if (const auto* kind = dynamic_cast<const nlohmann::json::type_error*>(&error)) {
    constexpr int not_utf8 = 316;
    return kind->id == not_utf8 ? "a text is not UTF-8" : "holds JSON of another kind than expected";
  }
  if (dynamic_cast<const nlohmann::json::exception*>(&error)) return "holds other JSON than expected";
  return fmt::format("an error inside canopy, please report it: {}", error.what());
}

}  // namespace canopy
