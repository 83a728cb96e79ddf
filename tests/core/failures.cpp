#include <canopy/core/failures.hpp>

#include <fstream>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

#include <boost/test/unit_test.hpp>

#include "support/errors.hpp"

using namespace canopy;
using canopy::test::says;

BOOST_AUTO_TEST_SUITE(failures)

namespace {

template <class E>
void fails_as(const E& error, const std::string& text) {
  try {
    throw error;
  } catch (const std::exception&) {
    BOOST_TEST(describe_failure() == text);
  }
  const auto work = [&]() -> int { throw error; };
  BOOST_CHECK_EXCEPTION(failing_as<DataError>("a/file", work), DataError, says("a/file: " + text));
}

}  // namespace

BOOST_AUTO_TEST_CASE(exceptions_of_libraries_speak_our_words) {
  fails_as(std::bad_alloc(), "out of memory");
  fails_as(std::bad_array_new_length(), "out of memory");
  fails_as(std::length_error("basic_string::_M_create"), "out of memory");
  fails_as(std::system_error(ENOSPC, std::generic_category(), "write"), "No space left on device");
  fails_as(std::filesystem::filesystem_error("cannot look", "b", std::error_code(EACCES, std::generic_category())),
           "b: Permission denied");
  std::ifstream nowhere;
  nowhere.exceptions(std::ios::failbit);
  BOOST_CHECK_EXCEPTION(failing_as<DataError>("a/file", [&] { nowhere.open("/nowhere/at/all"); }), DataError,
                        [](const DataError& error) {
                          const std::string text = error.what();
                          return text.starts_with("a/file: ") && text.find("basic_ios") == std::string::npos;
                        });
  fails_as(std::out_of_range("vector::at"), "an error inside canopy, please report it: vector::at");
}

BOOST_AUTO_TEST_CASE(errors_of_our_own_keep_their_text) {
  const auto fail = [](const auto& error) { return [error]() -> int { throw error; }; };
  BOOST_CHECK_EXCEPTION(failing_as<DataError>("a", fail(Error("b is gone"))), DataError, says("b is gone"));
  BOOST_CHECK_EXCEPTION(failing_as<CheckpointError>("a", fail(ShapeError("[2] and [3]"))), CheckpointError,
                        says("[2] and [3]"));
  BOOST_CHECK_EXCEPTION(failing_as<DataError>("a", fail(ConfigError("no such option"))), ConfigError,
                        says("no such option"));
  BOOST_TEST(failing_as<DataError>("a", [] { return 7; }) == 7);
}

BOOST_AUTO_TEST_SUITE_END()
