#include <canopy/datasets/tables/csv.hpp>

#include <cmath>
#include <string>
#include <vector>

#include <canopy/core/error.hpp>

#include <datasets/files.hpp>
#include <support/errors.hpp>
#include <support/temporary_folder.hpp>

using namespace canopy;
using namespace canopy::test;
using datasets::CsvHeader;
using datasets::CsvOptions;
using datasets::CsvTable;
using datasets::Missing;

BOOST_AUTO_TEST_SUITE(csv)

namespace {

struct File {
  TemporaryFolder folder;
  std::filesystem::path path = folder / "a.csv";

  template <class T>
  CsvTable<T> read(const std::string& content, const CsvOptions& options = {},
                   const CsvTable<T>* training = nullptr) const {
    write_plain(path, content);
    return datasets::read_csv<T>(path, options, training);
  }
  CsvTable<std::int32_t> classes(const std::string& content, const CsvOptions& options = {}) const {
    return read<std::int32_t>(content, options);
  }
  template <class E, class... Parts>
  void refuses(const std::string& content, const CsvOptions& options, Parts... parts) const {
    BOOST_CHECK_EXCEPTION(read<float>(content, options), E, speaks_of("a.csv", parts...));
  }
};

std::vector<float> numbers(const Tensor& x) { return {x.elements().begin(), x.elements().end()}; }
std::vector<std::int32_t> numbers(const Indices& x) { return {x.elements().begin(), x.elements().end()}; }
using Names = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_CASE(columns_by_name_and_position) {
  const File file;
  const std::string content = "id,width,price,height\n7,1,10,2\n8,3,20,-4.5e1\n9,+5,30, 6 \n";
  const auto last = file.read<float>(content);
  BOOST_CHECK((last.columns == Names{"id", "width", "price"}));
  BOOST_CHECK((numbers(last.samples.targets) == std::vector<float>{2, -45, 6}));
  for (const CsvOptions& options :
       {CsvOptions{.labels = {"price"}, .ignore = {"id"}}, CsvOptions{.labels = {"2"}, .ignore = {"0"}},
        CsvOptions{.labels = {"-2"}, .ignore = {"-4"}}}) {
    const auto table = file.read<float>(content, options);
    BOOST_CHECK((table.columns == Names{"width", "height"}));
    BOOST_CHECK((numbers(table.samples.inputs) == std::vector<float>{1, 2, 3, -45, 5, 6}));
    BOOST_CHECK((numbers(table.samples.targets) == std::vector<float>{10, 20, 30}));
  }
  const auto two = file.read<float>(content, {.labels = {"height", "width"}});
  BOOST_CHECK((two.samples.targets.shape() == Shape{3, 2}));
  BOOST_CHECK((numbers(two.samples.targets) == std::vector<float>{2, 1, -45, 3, 6, 5}));
  file.refuses<ConfigError>(content, {.labels = {"prize"}}, "label", "id, width, price, height", "prize");
  file.refuses<ConfigError>(content, {.ignore = {"4"}}, "ignore", "\"4\"");
  file.refuses<ConfigError>("a,a,b\n1,2,3\n", {.labels = {"a"}}, "several");
  BOOST_CHECK_THROW(file.classes(content, {.labels = {"id", "price"}}), ConfigError);
}

BOOST_AUTO_TEST_CASE(headers) {
  const File file;
  const auto rows = [&](const std::string& content, CsvHeader header = CsvHeader::automatic) {
    return file.classes(content, {.header = header}).samples.inputs.extent(0);
  };
  BOOST_TEST(rows("a,b,c\n1,2,x\n") == 1);
  BOOST_TEST(rows("5.1,3.5,setosa\n4.9,3.0,setosa\n") == 2);
  BOOST_TEST(rows("5.1,?,setosa\n4.9,3.0,setosa\n5,5,x\n", CsvHeader::yes) == 2);
  BOOST_TEST(rows("0,1,label\n1,2,3\n") == 1);  // as pandas names columns
  BOOST_TEST(rows("1,2,3\n1,2,3\n") == 2);
  BOOST_TEST(rows("1,2,3\n1,2,3\n", CsvHeader::yes) == 1);
  BOOST_TEST(rows("1,2,3\n", CsvHeader::no) == 1);
  BOOST_TEST(rows("1,2,3\n") == 1);
  BOOST_CHECK((file.classes("1,2,3\n").columns == Names{"0", "1"}));
  file.refuses<DataError>("a,b\n1,2\n", {.header = CsvHeader::no}, "line 1", "\"0\"", "\"a\"");
  file.refuses<DataError>("a,b,c\n", {}, "after the header", "none");
  file.refuses<DataError>("", {}, "found none");
  file.refuses<DataError>("a;b\n1;2\n", {}, "delimited by ','");
}

BOOST_AUTO_TEST_CASE(classes_are_in_order) {
  const File file;
  const auto words = file.classes("1,dog\n2,cat\n3, dog \n4,\"emu\"\n");
  BOOST_CHECK((words.samples.class_names == Names{"cat", "dog", "emu"}));
  BOOST_CHECK((numbers(words.samples.targets) == std::vector<std::int32_t>{1, 0, 1, 2}));
  BOOST_TEST(words.samples.classes == 3);
  const auto whole = file.classes("1,10\n2,9\n3,-1\n4,10\n");
  BOOST_CHECK((whole.samples.class_names == Names{"-1", "9", "10"}));
  BOOST_CHECK((numbers(whole.samples.targets) == std::vector<std::int32_t>{2, 1, 0, 2}));
  BOOST_TEST(TensorDataset(words.samples).classes() == 3);
  std::string prices = "x,price\n";
  for (int i = 0; i < 30; ++i) prices += "1," + std::to_string(i) + ".5\n";
  BOOST_CHECK_EXCEPTION(file.classes(prices), DataError, speaks_of("\"price\"", "30 different", "to predict"));
  BOOST_CHECK_EXCEPTION(file.classes("1,a\n2,\n"), DataError, speaks_of("line 2", "\"1\"", "class"));
}

BOOST_AUTO_TEST_CASE(a_test_part_is_read_as_the_training_part) {
  const File file;
  const CsvOptions options{.missing = Missing::mean};
  const auto train = file.read<std::int32_t>("w,h,kind\n1,10,dog\n3,,cat\n,20,cow\n", options);
  BOOST_CHECK((numbers(train.samples.inputs) == std::vector<float>{1, 10, 3, 15, 2, 20}));
  const auto test = file.read("w,h,kind\n5,,dog\n,7,dog\n", options, &train);
  BOOST_CHECK((numbers(test.samples.inputs) == std::vector<float>{5, 15, 2, 7}));
  BOOST_CHECK((numbers(test.samples.targets) == std::vector<std::int32_t>{2, 2}));
  BOOST_TEST(test.samples.classes == 3);
  BOOST_CHECK_EXCEPTION(file.read("w,h,kind\n5,1,dog\n\n6,2,emu\n", options, &train), DataError,
                        speaks_of("line 4", "\"kind\"", "cat, cow, dog", "emu"));
  BOOST_CHECK_EXCEPTION(file.read("h,w,kind\n5,1,dog\n", options, &train), DataError,
                        speaks_of("columns w, h", "found h, w"));
}

BOOST_AUTO_TEST_CASE(missing_values) {
  const File file;
  for (const std::string mark : {"", "NA", "n/a", "NaN", "null", " None ", "?"}) {
    const std::string content = "a,b,y\n1,2,3\n4," + mark + ",6\n";
    file.refuses<DataError>(content, {}, "line 3", "\"b\"", "missing=mean");
    BOOST_TEST(file.read<float>(content, {.missing = Missing::mean}).samples.inputs.data()[3] == 2.f);
    BOOST_TEST(file.read<float>(content, {.missing = Missing::value, .missing_value = -7.f}).samples.inputs.data()[3] ==
               -7.f);
    BOOST_TEST(std::isnan(file.read<float>(content, {.missing = Missing::keep}).samples.inputs.data()[3]));
    const std::string label = "a,y\n1,2\n4," + mark + "\n";
    file.refuses<DataError>(label, {.missing = Missing::mean}, "line 3", "\"y\"", "predict");
  }
  file.refuses<DataError>("a,b,y\n1,?,3\n4,,6\n", {.missing = Missing::mean, .missing_value = 0}, "\"b\"", "some row");
}

BOOST_AUTO_TEST_CASE(fields_that_are_no_numbers) {
  const File file;
  for (const std::string field : {"red", "1,5", "0x10", "1e99", "inf", "1 2", "--1", "1.2.3"}) {
    file.refuses<DataError>("a,b,y\n1,2,3\n4,\"" + field + "\",6\n", {}, "line 3", "\"b\"", field, "ignore=b");
  }
  file.refuses<DataError>("a,b,y\n1,2,3\n4,5\n", {}, "line 3", "3 fields", "found 2");
  file.refuses<DataError>("a,b,y\n1,2,3\n4,5,6,7\n", {}, "line 3", "found 4");
  file.refuses<DataError>("a,b,y\n1,\"2\n\n\",3\n4,5,x\n", {.ignore = {"b"}}, "line 5", "\"y\"");
}

BOOST_AUTO_TEST_SUITE_END()
