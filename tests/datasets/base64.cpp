#include <canopy/datasets/base64.hpp>

#include <boost/test/unit_test.hpp>

using canopy::datasets::decode_base64;

BOOST_AUTO_TEST_SUITE(base64)

// The examples of RFC 4648, section 10.
BOOST_AUTO_TEST_CASE(examples) {
  BOOST_TEST(decode_base64("").value() == "");
  BOOST_TEST(decode_base64("Zg==").value() == "f");
  BOOST_TEST(decode_base64("Zm8=").value() == "fo");
  BOOST_TEST(decode_base64("Zm9v").value() == "foo");
  BOOST_TEST(decode_base64("Zm9vYg==").value() == "foob");
  BOOST_TEST(decode_base64("Zm9vYmE=").value() == "fooba");
  BOOST_TEST(decode_base64("Zm9vYmFy").value() == "foobar");
  BOOST_TEST(decode_base64("AAAA").value() == std::string(3, '\0'));
  BOOST_TEST(decode_base64("//79").value() == "\xff\xfe\xfd");
}

BOOST_AUTO_TEST_CASE(anything_else_is_none) {
  for (const char* text : {"Z", "Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Zm=v", " Zm9v", "Zm9v\n", "Zm9v    ", "Zm9-",
                           "Zm9v\n\n\n\n", "Zm\xc3\xa9", "    "}) {
    BOOST_TEST(!decode_base64(text).has_value(), text);
  }
  BOOST_TEST(!decode_base64(std::string_view("Zm9\0", 4)).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
