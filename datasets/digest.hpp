// The checksums that the homes of data sets publish.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace canopy::datasets {

/// MD5 finds damage, SHA-256 malice as well.
enum class DigestKind { md5, sha256 };

/// As people write it: "MD5", "SHA-256".
std::string to_string(DigestKind kind);
/// The kind of a published checksum, which is hexadecimal: 32 digits are an MD5, 64 a SHA-256. Throws ConfigError for
/// any other text.
DigestKind digest_kind(std::string_view checksum);

/// The digest of bytes that come piece by piece. Errors (none but a library that forbids the kind) are Errors.
class Digest {
 public:
  explicit Digest(DigestKind kind);
  ~Digest();
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;

  void add(const void* bytes, std::size_t count);
  /// In lower-case hexadecimal. Nothing can be added afterwards.
  std::string digits();

 private:
  DigestKind kind_;
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};

/// The digest of a whole content, in lower-case hexadecimal.
std::string digest(DigestKind kind, std::string_view content);

/// What is wrong with a content by its published checksum, in either case of letters; empty if nothing, or none is
/// published.
std::string checksum_problem(std::string_view checksum, std::string_view content);

}  // namespace canopy::datasets
