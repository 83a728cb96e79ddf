// What fails in the system and in libraries, as errors of our own: the one place that knows their exceptions.
#pragma once

#include <exception>
#include <filesystem>
#include <string>

#include <canopy/core/error.hpp>

namespace canopy {

/// What went wrong, to be called while an exception is handled, of any kind: one of canopy's own as it says itself; of
/// the standard library and of JSON the reason, such as "out of memory", with the path where one is known.
std::string describe_failure();

/// What `work` gives. What fails in it becomes an E, a class of core/error.hpp: canopy's own errors keep their text,
/// others get `source` in front, the file or option that is worked on. ConfigError stays what it is.
template <class E, class Work>
auto failing_as(const std::filesystem::path& source, const Work& work) -> decltype(work()) {
  try {
    return work();
  } catch (const E&) {
    throw;
  } catch (const ConfigError&) {
    throw;
  } catch (const Error& error) {
    throw E(error.what());
  } catch (const std::exception&) {
    throw E(source.string() + ": " + describe_failure());
  }
}

}  // namespace canopy
