#include <canopy/datasets/md5.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(md5)

// RFC 1321, appendix A.5.
BOOST_AUTO_TEST_CASE(known_digests) {
  BOOST_TEST(datasets::md5("") == "d41d8cd98f00b204e9800998ecf8427e");
  BOOST_TEST(datasets::md5("abc") == "900150983cd24fb0d6963f7d28e17f72");
  BOOST_TEST(datasets::md5("message digest") == "f96b697d7cb7938d525a2f31aaf161d0");
}

BOOST_AUTO_TEST_CASE(pieces_are_the_whole) {
  datasets::Md5 sum;
  for (const char* piece : {"mess", "", "age digest"}) sum.add(piece, std::char_traits<char>::length(piece));
  BOOST_TEST(sum.digits() == "f96b697d7cb7938d525a2f31aaf161d0");
}

BOOST_AUTO_TEST_SUITE_END()
