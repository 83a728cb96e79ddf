#include <canopy/datasets/digest.hpp>

#include <string>

#include <canopy/core/error.hpp>

#include <support/errors.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;
using canopy::test::speaks_of;
using datasets::DigestKind;

BOOST_AUTO_TEST_SUITE(digest)

namespace {

const std::string sha256_of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

}  // namespace

// RFC 1321, appendix A.5; FIPS 180-4's examples.
BOOST_AUTO_TEST_CASE(known_digests) {
  BOOST_TEST(datasets::digest(DigestKind::md5, "") == "d41d8cd98f00b204e9800998ecf8427e");
  BOOST_TEST(datasets::digest(DigestKind::md5, "abc") == "900150983cd24fb0d6963f7d28e17f72");
  BOOST_TEST(datasets::digest(DigestKind::md5, "message digest") == "f96b697d7cb7938d525a2f31aaf161d0");
  BOOST_TEST(datasets::digest(DigestKind::sha256, "") ==
             "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  BOOST_TEST(datasets::digest(DigestKind::sha256, "abc") == sha256_of_abc);
}

BOOST_AUTO_TEST_CASE(pieces_are_the_whole) {
  for (const DigestKind kind : {DigestKind::md5, DigestKind::sha256}) {
    datasets::Digest sum(kind);
    for (const char* piece : {"mess", "", "age digest"}) sum.add(piece, std::char_traits<char>::length(piece));
    BOOST_TEST(sum.digits() == datasets::digest(kind, "message digest"));
  }
}

BOOST_AUTO_TEST_CASE(a_published_checksum_tells_its_kind) {
  const std::string md5 = datasets::digest(DigestKind::md5, "abc");
  BOOST_CHECK(datasets::digest_kind(md5) == DigestKind::md5);
  BOOST_CHECK(datasets::digest_kind(sha256_of_abc) == DigestKind::sha256);
  std::string capitals = sha256_of_abc;
  for (char& c : capitals) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  for (const std::string& checksum : {md5, sha256_of_abc, capitals, std::string()}) {
    BOOST_TEST(datasets::checksum_problem(checksum, "abc").empty());
  }
  BOOST_TEST(datasets::checksum_problem(sha256_of_abc, "abd").starts_with("expected the SHA-256 " + sha256_of_abc));
  BOOST_TEST(datasets::checksum_problem(md5, "abd").starts_with("expected the MD5 " + md5));
  for (const std::string& wrong : {md5 + "0", sha256_of_abc.substr(1), "z" + md5.substr(1)}) {
    BOOST_CHECK_EXCEPTION(datasets::digest_kind(wrong), ConfigError, speaks_of("MD5", "SHA-256", wrong));
  }
}

BOOST_AUTO_TEST_SUITE_END()
