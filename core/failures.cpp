#include <canopy/core/failures.hpp>

#include <new>
#include <stdexcept>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace canopy {

std::string describe_failure() {
  try {
    throw;
  } catch (const Error& error) {
    return error.what();
  } catch (const std::filesystem::filesystem_error& error) {
    return error.path1().empty() ? error.code().message()
                                 : fmt::format("{}: {}", error.path1().string(), error.code().message());
  } catch (const std::system_error& error) {
    return error.code().message();
  } catch (const std::bad_alloc&) {
    return "out of memory";
  } catch (const std::length_error&) {  // a size that no container can have is one that no memory can hold
    return "out of memory";
  } catch (const nlohmann::json::parse_error& error) {
    return fmt::format("not JSON from byte {} on", error.byte);
  } catch (const nlohmann::json::type_error& error) {
    constexpr int not_utf8 = 316;
    return error.id == not_utf8 ? "a text is not UTF-8" : "holds JSON of another kind than expected";
  } catch (const nlohmann::json::exception&) {
    return "holds other JSON than expected";
  } catch (const std::exception& error) {
    return fmt::format("an error inside canopy, please report it: {}", error.what());
  }
}

}  // namespace canopy
