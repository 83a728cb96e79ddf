// The tokens with a meaning of their own.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace canopy {

/// Their names, in the order in which vocabularies begin with them.
inline constexpr std::array<std::string_view, 5> special_token_names = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

/// Their ids, in the same order.
struct SpecialTokens {
  std::int32_t padding, unknown, classify, separate, mask;

  bool contains(std::int32_t id) const {
    return id == padding || id == unknown || id == classify || id == separate || id == mask;
  }
};

}  // namespace canopy
