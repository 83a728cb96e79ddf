#include <canopy/datasets/dataset_name.hpp>

#include <canopy/core/error.hpp>

#include <support/errors.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;
using canopy::test::speaks_of;
using datasets::DatasetName;
using datasets::parse_dataset_name;
using datasets::short_name;

BOOST_AUTO_TEST_SUITE(dataset_name)

BOOST_AUTO_TEST_CASE(names_taken_apart) {
  const DatasetName known = parse_dataset_name("fashion-mnist");
  BOOST_TEST(known.kind.empty());
  BOOST_TEST(known.path == "fashion-mnist");
  const DatasetName table = parse_dataset_name("csv:a b/c:d.csv?label=quality&delimiter=%3b&ignore=x=y&test=");
  BOOST_TEST(table.full == "csv:a b/c:d.csv?label=quality&delimiter=%3b&ignore=x=y&test=");
  BOOST_TEST(table.kind == "csv");
  BOOST_TEST(table.path == "a b/c:d.csv");
  BOOST_TEST(table.options.size() == 4u);
  BOOST_TEST(table.options.at("label") == "quality");
  BOOST_TEST(table.options.at("delimiter") == ";");
  BOOST_TEST(table.options.at("ignore") == "x=y");
  BOOST_TEST(table.options.at("test") == "");
  BOOST_TEST(parse_dataset_name("idx:/a/b").options.empty());
  BOOST_TEST(parse_dataset_name("npy:x?").options.empty());
  BOOST_TEST(parse_dataset_name("what:x").kind.empty());  // the catalog will not know it
}

BOOST_AUTO_TEST_CASE(names_that_are_wrong) {
  BOOST_CHECK_EXCEPTION(parse_dataset_name("csv:"), ConfigError, speaks_of("csv:", "a path"));
  BOOST_CHECK_EXCEPTION(parse_dataset_name("csv:?label=a"), ConfigError, speaks_of("a path"));
  BOOST_CHECK_EXCEPTION(parse_dataset_name("csv:a?label"), ConfigError, speaks_of("KEY=VALUE", "'label'"));
  BOOST_CHECK_EXCEPTION(parse_dataset_name("csv:a?=b"), ConfigError, speaks_of("KEY=VALUE"));
  BOOST_CHECK_EXCEPTION(parse_dataset_name("csv:a?x=1&x=2"), ConfigError, speaks_of("x comes twice"));
  for (const char* wrong : {"csv:a?x=%", "csv:a?x=%4", "csv:a?x=%zz", "csv:a?x=%-1"}) {
    BOOST_CHECK_EXCEPTION(parse_dataset_name(wrong), ConfigError, speaks_of("hexadecimal"));
  }
}

BOOST_AUTO_TEST_CASE(short_names_are_slugs) {
  BOOST_TEST(short_name("fashion-mnist") == "fashion-mnist");
  BOOST_TEST(short_name("csv:/home/me/Wine_red (2).csv?label=quality") == "wine-red-2");
  BOOST_TEST(short_name("csv:wine.csv.gz") == "wine");
  BOOST_TEST(short_name("csv:folder/") == "folder");
  BOOST_TEST(short_name("idx:/data/letters-v1.2") == "letters-v1-2");
  BOOST_TEST(short_name("idx:/data/letters//") == "letters");
  BOOST_TEST(short_name("npy:data/./spirals/.") == "spirals");
  BOOST_TEST(short_name("safetensors:a/b.safetensors") == "b");
  BOOST_TEST(!short_name("csv:.").empty());
  BOOST_TEST(!short_name("csv:///").empty());
  BOOST_CHECK((datasets::short_names({"csv:a/x.csv", "mnist", "csv:b/x.csv", "idx:x", "csv:x-2.csv"}) ==
               std::vector<std::string>{"x", "mnist", "x-2", "x-3", "x-2-2"}));
}

BOOST_AUTO_TEST_SUITE_END()
