#include <canopy/datasets/md5.hpp>

#include <canopy/core/error.hpp>

#include <fmt/format.h>
#include <openssl/evp.h>

namespace canopy::datasets {
namespace {

void require(int success) {
  if (success != 1) throw Error("cannot compute an MD5: the system's libcrypto refuses it (is it in FIPS mode?)");
}

}  // namespace

Md5::Md5() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
  require(context_ && EVP_DigestInit_ex(context_.get(), EVP_md5(), nullptr));
}

Md5::~Md5() = default;

void Md5::add(const void* bytes, std::size_t count) { require(EVP_DigestUpdate(context_.get(), bytes, count)); }

std::string Md5::digits() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  require(EVP_DigestFinal_ex(context_.get(), digest, &size));
  std::string text;
  for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

std::string md5(std::string_view content) {
  Md5 sum;
  sum.add(content.data(), content.size());
  return sum.digits();
}

}  // namespace canopy::datasets
