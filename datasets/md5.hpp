// MD5: the checksum that the homes of the data sets publish. It finds damage, not malice.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace canopy::datasets {

/// The MD5 of bytes that come piece by piece. Errors (none but a library that forbids MD5) are Errors.
class Md5 {
 public:
  Md5();
  ~Md5();
  Md5(const Md5&) = delete;
  Md5& operator=(const Md5&) = delete;

  void add(const void* bytes, std::size_t count);
  /// 32 hexadecimal digits. Nothing can be added afterwards.
  std::string digits();

 private:
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};

/// The MD5 of a whole content, as 32 hexadecimal digits.
std::string md5(std::string_view content);

}  // namespace canopy::datasets
