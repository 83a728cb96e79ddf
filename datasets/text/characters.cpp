#include <canopy/datasets/text/characters.hpp>

#include <algorithm>
#include <cstdint>

#include <unicode/uchar.h>

namespace canopy::datasets {
namespace {

constexpr char32_t first_beyond_ascii = 0x80;
constexpr std::uint8_t unicode_version = 8;

/// The general category in Unicode 8 as a mask of one bit. Six characters have changed theirs since.
std::uint32_t category(char32_t c) {
  switch (c) {
    case 0x1734:
      return U_GC_MN_MASK;
    case 0x166d:
    case 0x111c9:
      return U_GC_PO_MASK;
    case 0x1885:
    case 0x1886:
      return U_GC_LO_MASK;
    case 0xa9bd:
      return U_GC_MC_MASK;
    default:
      return U_GET_GC_MASK(static_cast<UChar32>(c));
  }
}

bool is_old(char32_t c) {
  UVersionInfo version;
  u_charAge(static_cast<UChar32>(c), version);
  return version[0] <= unicode_version;  // there is no 8.1
}

bool has_category(char32_t c, std::uint32_t mask) { return (category(c) & mask) != 0 && is_old(c); }

}  // namespace

bool is_space(char32_t c) { return c == '\t' || c == '\n' || c == '\r' || (category(c) & U_GC_Z_MASK) != 0; }

bool is_control(char32_t c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;
  return c == 0 || c == 0xfffd || has_category(c, U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK);
}

bool is_accent(char32_t c) { return has_category(c, U_GC_MN_MASK); }

bool is_punctuation(char32_t c) {
  if (c < first_beyond_ascii) return c > ' ' && c < 0x7f && u_isalnum(static_cast<UChar32>(c)) == 0;
  return has_category(c, U_GC_P_MASK);
}

bool is_ideograph(char32_t c) {
  struct Range {
    char32_t first, last;
  };
  constexpr Range ranges[] = {{0x4e00, 0x9fff},   {0x3400, 0x4dbf},   {0x20000, 0x2a6df}, {0x2a700, 0x2b73f},
                              {0x2b740, 0x2b81f}, {0x2b920, 0x2ceaf}, {0xf900, 0xfaff},   {0x2f800, 0x2fa1f}};
  return std::ranges::any_of(ranges, [c](const Range& range) { return c >= range.first && c <= range.last; });
}

}  // namespace canopy::datasets
