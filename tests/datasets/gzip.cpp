#include <canopy/datasets/gzip.hpp>

#include <sys/resource.h>

#include <canopy/core/error.hpp>

#include <datasets/files.hpp>
#include <support/errors.hpp>
#include <support/temporary_folder.hpp>

using namespace canopy;
using datasets::read_plain_or_gzip;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(gzip)

namespace {

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * i % 251);
  return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(plain_and_compressed_files_read_alike) {
  const TemporaryFolder folder;
  for (const std::size_t size : {0, 1, 1000, 300'000}) {
    const std::string content = pattern(size);
    write_plain(folder / "plain", content);
    write_plain(folder / "packed.gz", test::gzip(content));
    write_plain(folder / "packed", test::gzip(content));
    BOOST_CHECK(read_plain_or_gzip(folder / "plain") == content);
    BOOST_CHECK(read_plain_or_gzip(folder / "packed.gz") == content);
    BOOST_CHECK(read_plain_or_gzip(folder / "packed") == content);
  }
}

BOOST_AUTO_TEST_CASE(several_members_and_padding) {
  const TemporaryFolder folder;
  const std::string content = pattern(5000);
  write_plain(folder / "a.gz", test::gzip(content) + test::gzip("") + test::gzip(content) + std::string(100, '\0'));
  BOOST_CHECK(read_plain_or_gzip(folder / "a.gz") == content + content);
}

// The size in the trailer is damaged with it: a lie there must not decide how much memory is taken.
BOOST_AUTO_TEST_CASE(every_truncation_is_an_error) {
  const TemporaryFolder folder;
  const std::string packed = test::gzip(pattern(3000));
  for (std::size_t size = 0; size < packed.size(); size += size < 40 || size + 40 > packed.size() ? 1 : 13) {
    write_plain(folder / "a.gz", packed.substr(0, size));
    BOOST_CHECK_EXCEPTION(read_plain_or_gzip(folder / "a.gz"), DataError, speaks_of("a.gz", "at byte"));
  }
  write_plain(folder / "a.gz", packed.substr(0, packed.size() - 1));
  BOOST_CHECK_EXCEPTION(read_plain_or_gzip(folder / "a.gz"), DataError, speaks_of("a.gz", "truncated"));
}

BOOST_AUTO_TEST_CASE(damage_is_an_error) {
  const TemporaryFolder folder;
  const std::string content = pattern(3000);
  const std::string packed = test::gzip(content);
  for (const std::size_t offset : {packed.size() / 2, packed.size() - 8, packed.size() - 1}) {
    std::string damaged = packed;
    damaged[offset] = static_cast<char>(damaged[offset] ^ 0x55);
    write_plain(folder / "a.gz", damaged);
    BOOST_CHECK_EXCEPTION(read_plain_or_gzip(folder / "a.gz"), DataError, speaks_of("a.gz", "byte", "damaged"));
  }
  write_plain(folder / "a.gz", packed + "more");
  BOOST_CHECK_EXCEPTION(read_plain_or_gzip(folder / "a.gz"), DataError,
                        speaks_of("a.gz", std::to_string(packed.size()), "4 more bytes"));
  write_plain(folder / "a.gz", content);
  BOOST_CHECK_EXCEPTION(read_plain_or_gzip(folder / "a.gz"), DataError, speaks_of("a.gz", "byte 0", "1f 8b"));
  BOOST_CHECK_EXCEPTION(read_plain_or_gzip(folder / "none"), DataError, speaks_of("none", "No such file"));
}

// What was cut off ends in any four bytes: they must not decide how much memory is taken.
BOOST_AUTO_TEST_CASE(a_trailer_is_not_believed) {
  const TemporaryFolder folder;
  std::string noise(1 << 21, '\0');
  std::uint32_t state = 1;
  for (char& byte : noise) byte = static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
  write_plain(folder / "a.gz", test::gzip(noise).substr(0, 1 << 20) + "\xff\xff\xff\xff");
  const auto peak_kilobytes = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  const auto before = peak_kilobytes();
  BOOST_CHECK_THROW(read_plain_or_gzip(folder / "a.gz"), DataError);
  BOOST_TEST(peak_kilobytes() - before < 20'000);
}

// Pieces of any size give the same content, and the errors come before its end is reported.
BOOST_AUTO_TEST_CASE(piece_by_piece) {
  const TemporaryFolder folder;
  const std::string content = pattern(700'000);
  write_plain(folder / "plain", content);
  write_plain(folder / "packed.gz", test::gzip(content.substr(0, 300'001)) + test::gzip(content.substr(300'001)));
  for (const char* name : {"plain", "packed.gz"}) {
    for (const std::size_t size : {std::size_t{7}, std::size_t{4096}, std::size_t{1} << 20}) {
      datasets::PlainOrGzipReader reader(folder / name);
      std::string read, piece(size, '\0');
      while (const std::size_t got = reader.read_some(piece.data(), size)) read.append(piece, 0, got);
      BOOST_CHECK(read == content);
      BOOST_TEST(reader.read_some(piece.data(), size) == 0u);
      BOOST_TEST(reader.read_rest().empty());
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
