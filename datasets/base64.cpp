#include <canopy/datasets/base64.hpp>

#include <limits>

#include <openssl/evp.h>

namespace canopy::datasets {

std::optional<std::string> decode_base64(std::string_view text) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() % 4 != 0 || text.size() > std::numeric_limits<int>::max()) return std::nullopt;
  std::string_view unpadded = text;
  for (int i = 0; i < 2 && unpadded.ends_with('='); ++i) unpadded.remove_suffix(1);
  // The library passes over white space at both ends, and takes padding for zeros.
  if (unpadded.find_first_not_of(letters) != std::string_view::npos) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  bytes.resize(bytes.size() - (text.size() - unpadded.size()));
  return bytes;
}

}  // namespace canopy::datasets
