#include <canopy/datasets/digest.hpp>

#include <algorithm>
#include <cctype>

#include <canopy/core/error.hpp>

#include <fmt/format.h>
#include <openssl/evp.h>

namespace canopy::datasets {
namespace {

void require(int success, DigestKind kind) {
  if (success == 1) return;
  throw Error(fmt::format("cannot compute the digest {}: the system's libcrypto refuses it (is it in FIPS mode?)",
                          to_string(kind)));
}

}  // namespace

std::string to_string(DigestKind kind) { return kind == DigestKind::md5 ? "MD5" : "SHA-256"; }

DigestKind digest_kind(std::string_view checksum) {
  const bool hexadecimal = std::ranges::all_of(checksum, [](unsigned char c) { return std::isxdigit(c) != 0; });
  if (hexadecimal && checksum.size() == 32) return DigestKind::md5;
  if (hexadecimal && checksum.size() == 64) return DigestKind::sha256;
  throw ConfigError(
      fmt::format("checksum: expected 32 hexadecimal digits (MD5) or 64 (SHA-256), found '{}'", checksum));
}

Digest::Digest(DigestKind kind) : kind_(kind), context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
  const EVP_MD* function = kind == DigestKind::md5 ? EVP_md5() : EVP_sha256();
  require(context_ && EVP_DigestInit_ex(context_.get(), function, nullptr), kind);
}

Digest::~Digest() = default;

void Digest::add(const void* bytes, std::size_t count) {
  require(EVP_DigestUpdate(context_.get(), bytes, count), kind_);
}

std::string Digest::digits() {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  require(EVP_DigestFinal_ex(context_.get(), bytes, &size), kind_);
  std::string text;
  for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02x}", bytes[i]);
  return text;
}

std::string digest(DigestKind kind, std::string_view content) {
  Digest sum(kind);
  sum.add(content.data(), content.size());
  return sum.digits();
}

std::string checksum_problem(std::string_view checksum, std::string_view content) {
  if (checksum.empty()) return {};
  const DigestKind kind = digest_kind(checksum);
  std::string expected(checksum);
  std::ranges::transform(expected, expected.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::string found = digest(kind, content);
  return found == expected ? "" : fmt::format("expected the {} {}, found {}", to_string(kind), expected, found);
}

}  // namespace canopy::datasets
