// Reference values, tests/reference unless $CANOPY_REFERENCE names another folder: every file of a family, whatever its
// sizes.
#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include <canopy/core/safetensors.hpp>

namespace canopy::test {

/// What the names of the files begin with that tests read.
inline constexpr std::array<std::string_view, 15> reference_families = {
    "attention_", "bert_",       "crammed_", "vit_",       "embedding_", "fff_balanced_", "fff_soft_", "fff_tree_",
    "gelu_",      "layer_norm_", "moe_",     "optimizer_", "pointwise_", "schedule_",     "training_"};

/// The folder. Where there is none, the running test ends as failed.
std::filesystem::path reference_folder();

/// Calls `check(file, name)` for every file whose name starts with `family`, one of the list. Where there is none, the
/// running test fails.
void for_each_reference(std::string_view family,
                        const std::function<void(const Safetensors& file, const std::string& name)>& check);

/// Fails the running test unless |found - expected| <= tolerance * max |expected| for every element (and the shapes
/// agree).
void check_close(const Tensor& found, const Tensor& expected, double tolerance, const std::string& what);

}  // namespace canopy::test
