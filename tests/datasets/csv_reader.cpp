#include <canopy/datasets/tables/csv_reader.hpp>

#include <string>
#include <utility>
#include <vector>

#include <canopy/core/error.hpp>

#include <datasets/files.hpp>
#include <support/errors.hpp>
#include <support/temporary_folder.hpp>

using namespace canopy;
using namespace canopy::test;
using datasets::CsvReader;

BOOST_AUTO_TEST_SUITE(csv_reader)

namespace {

using Records = std::vector<std::pair<std::int64_t, std::vector<std::string>>>;

Records read(const std::filesystem::path& path, char delimiter = ',') {
  Records records;
  CsvReader reader(path, delimiter);
  while (reader.next()) {
    records.emplace_back(reader.line(), std::vector<std::string>(reader.fields().begin(), reader.fields().end()));
  }
  BOOST_TEST(!reader.next());
  return records;
}

struct File {
  TemporaryFolder folder;
  std::filesystem::path path = folder / "a.csv";

  Records operator()(const std::string& content, char delimiter = ',') const {
    write_plain(path, content);
    return read(path, delimiter);
  }
  template <class... Parts>
  void refuses(const std::string& content, Parts... parts) const {
    write_plain(path, content);
    BOOST_CHECK_EXCEPTION(read(path), DataError, speaks_of("a.csv", parts...));
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(records_and_their_lines) {
  const File file;
  const Records expected = {{1, {"a", "b"}}, {2, {"1", ""}}, {3, {"", "2"}}, {4, {" x ", "y z"}}};
  for (const std::string line_end : {"\n", "\r\n", "\r"}) {
    std::string content = "a,b\n1,\n,2\n x ,y z";
    for (std::size_t at = 0; (at = content.find('\n', at)) != std::string::npos; at += line_end.size()) {
      content.replace(at, 1, line_end);
    }
    BOOST_CHECK(file(content) == expected);
    BOOST_CHECK(file(content + line_end) == expected);
    BOOST_CHECK(file("\xef\xbb\xbf" + content) == expected);
  }
  BOOST_CHECK(file("a;b\tc", ';') == (Records{{1, {"a", "b\tc"}}}));
  BOOST_CHECK(file("a;b\tc", '\t') == (Records{{1, {"a;b", "c"}}}));
}

BOOST_AUTO_TEST_CASE(empty_files_and_lines) {
  const File file;
  BOOST_CHECK(file("").empty());
  BOOST_CHECK(file("\n\r\n\r\r\n").empty());
  BOOST_CHECK(file("\xef\xbb\xbf").empty());
  BOOST_CHECK(file("\n\na\n\n\r\nb\n\n") == (Records{{3, {"a"}}, {6, {"b"}}}));
  BOOST_CHECK(file("\"\"\n") == (Records{{1, {""}}}));  // a quoted nothing is a field
  BOOST_CHECK(file(",") == (Records{{1, {"", ""}}}));
}

BOOST_AUTO_TEST_CASE(quotes) {
  const File file;
  BOOST_CHECK(file("\"a,b\",\"c\"\"d\",\"\",\" e \"\n") == (Records{{1, {"a,b", "c\"d", "", " e "}}}));
  BOOST_CHECK(file("\"a\nb\r\nc\",2\n3,4") == (Records{{1, {"a\nb\r\nc", "2"}}, {4, {"3", "4"}}}));
  BOOST_CHECK(file("\"\"\"\"") == (Records{{1, {"\""}}}));
  file.refuses("1,2\n3,\"open\n5,6\n", "line 2", "closing quote");
  file.refuses("1,2\n3,a\"b\n", "line 2", "quote within a field");
  file.refuses("1\n\"a\"b,2\n", "line 2", "after a closing quote", "'b'");
}

BOOST_AUTO_TEST_CASE(no_text) {
  const File file;
  file.refuses(std::string("\xff\xfe\x31\x00", 4), "line 1", "UTF-16");
  file.refuses(std::string("1,2\n3,\0", 7), "line 2", "byte of 0");
  BOOST_CHECK_EXCEPTION(CsvReader(file.folder / "none.csv"), DataError, speaks_of("none.csv", "No such file"));
  BOOST_CHECK_THROW(CsvReader(file.path, '"'), ConfigError);
  BOOST_CHECK_THROW(CsvReader(file.path, '\n'), ConfigError);
}

// Pieces of the file end anywhere: within a line end, a quote, a field.
BOOST_AUTO_TEST_CASE(long_files) {
  const File file;
  std::string content;
  for (int i = 0; i < 60'000; ++i) content += std::to_string(i) + ",\"" + std::string(i % 7, 'q') + "\"\"\"\r\n";
  const auto check = [](const Records& records) {
    BOOST_REQUIRE(records.size() == 60'000u);
    for (std::size_t i = 0; i < records.size(); ++i) {
      BOOST_REQUIRE(records[i].first == static_cast<std::int64_t>(i) + 1);
      BOOST_REQUIRE(records[i].second == (std::vector<std::string>{std::to_string(i), std::string(i % 7, 'q') + '"'}));
    }
  };
  check(file(content));
  write_plain(file.folder / "a.csv.gz", test::gzip(content));
  check(read(file.folder / "a.csv.gz"));
  write_plain(file.folder / "a.csv.gz", test::gzip(content).substr(0, 20'000));
  BOOST_CHECK_EXCEPTION(read(file.folder / "a.csv.gz"), DataError, speaks_of("a.csv.gz", "truncated"));
}

BOOST_AUTO_TEST_SUITE_END()
