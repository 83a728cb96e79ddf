// Reference values under $CANOPY_REFERENCE: every file of a family, whatever its sizes.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include <canopy/core/safetensors.hpp>

namespace canopy::test {

/// Calls `check(file, name)` for every file whose name starts with `family`. Where the folder is absent, says so and
/// returns; where it exists but holds no file of the family, the running test fails.
void for_each_reference(std::string_view family,
                        const std::function<void(const Safetensors& file, const std::string& name)>& check);

/// Fails the running test unless |found - expected| <= tolerance * max |expected| for every element (and the shapes
/// agree).
void check_close(const Tensor& found, const Tensor& expected, double tolerance, const std::string& what);

}  // namespace canopy::test
