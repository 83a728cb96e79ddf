#include <canopy/datasets/text/glue.hpp>

#include <map>

#include <canopy/core/error.hpp>

#include <datasets/files.hpp>
#include <support/environment.hpp>
#include <support/errors.hpp>
#include <support/temporary_folder.hpp>

using namespace canopy;
using namespace canopy::test;
using namespace canopy::datasets;

BOOST_AUTO_TEST_SUITE(glue)

namespace {

using Texts = std::vector<std::string>;
using Labels = std::vector<std::int32_t>;

/// A root with one task's file in it.
struct Root {
  TemporaryFolder folder;

  GlueData operator()(const char* task, const char* split, const std::string& content, const char* suffix = "") const {
    const std::filesystem::path in = folder / "glue" / task;
    std::filesystem::create_directories(in);
    write_plain(in / (std::string(split) + ".tsv" + suffix), content);
    return load_glue(glue_task(task), parse_glue_split(split), folder.path());
  }
  template <class... Parts>
  void refuses(const char* task, const char* split, const std::string& content, Parts... parts) const {
    BOOST_CHECK_EXCEPTION((*this)(task, split, content), DataError, speaks_of(split, parts...));
  }
};

void check(const GlueData& data, const Texts& first, const Texts& second, const Labels& labels,
           const std::vector<float>& scores = {}) {
  BOOST_TEST(data.first == first, boost::test_tools::per_element());
  BOOST_TEST(data.second == second, boost::test_tools::per_element());
  BOOST_TEST(data.labels == labels, boost::test_tools::per_element());
  BOOST_TEST(data.scores == scores, boost::test_tools::per_element());
  BOOST_TEST(data.size() == std::ssize(first));
}

}  // namespace

BOOST_AUTO_TEST_CASE(names) {
  BOOST_TEST(parse_glue_name("glue:STS-B").name == "STS-B");
  BOOST_TEST(parse_glue_name("glue:cola").name == "CoLA");
  BOOST_TEST(glue_task("sst-2").name == "SST-2");
  BOOST_TEST(glue_task("STS-B").is_regression());
  BOOST_TEST(!glue_task("RTE").is_regression());
  BOOST_CHECK_EXCEPTION(parse_glue_name("STS-B"), ConfigError, says("data set STS-B: expected glue:TASK"));
  BOOST_CHECK_EXCEPTION(parse_glue_name("glue:"), ConfigError, speaks_of("CoLA, SST-2, MRPC", "not ''"));
  BOOST_TEST(glue_task("mnli-mm").name == "MNLI-mm");
  BOOST_CHECK_EXCEPTION(glue_task("SNLI"), ConfigError, speaks_of("MNLI, MNLI-mm", "WNLI", "not 'SNLI'"));
  for (const GlueSplit split : {GlueSplit::train, GlueSplit::dev, GlueSplit::test}) {
    BOOST_CHECK(parse_glue_split(to_string(split)) == split);
  }
  BOOST_CHECK_EXCEPTION(parse_glue_split("validation"), ConfigError, speaks_of("train, dev or test", "'validation'"));
}

// Each as the first lines of its files, with other words.
BOOST_AUTO_TEST_CASE(every_task_has_its_columns) {
  const Root root;
  check(root("CoLA", "train", "gj04\t1\t\tIt rains.\ngj04\t0\t*\tRains it.\n"), {"It rains.", "Rains it."}, {}, {1, 0});
  check(root("CoLA", "dev", "gj04\t1\t\tIt rains."), {"It rains."}, {}, {1});
  check(root("CoLA", "test", "index\tsentence\n0\tIt rains.\n"), {"It rains."}, {}, {});
  check(root("SST-2", "dev", "sentence\tlabel\nfine \t1\n"), {"fine "}, {}, {1});
  check(root("SST-2", "test", "index\tsentence\n0\tfine .\n"), {"fine ."}, {}, {});
  check(root("MRPC", "dev", "\xef\xbb\xbfQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n0\t7\t8\tHe said \" a\tb \"\n"),
        {"He said \" a"}, {"b \""}, {0});
  check(root("MRPC", "test", "index\t#1 ID\t#2 ID\t#1 String\t#2 String\n0\t7\t8\ta\tb\n"), {"a"}, {"b"}, {});
  check(root("STS-B", "train",
             "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n"
             "0\tm\tv\t2012test\t0001\tnone\tnone\ta\tb\t4.250\n1\tm\tv\t2012test\t0004\tnone\tnone\tc\td\t0\n"),
        {"a", "c"}, {"b", "d"}, {}, {4.25f, 0.f});
  check(root("STS-B", "test",
             "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\n"
             "0\tm\tv\t2012test\t0024\tnone\tnone\ta\tb\n"),
        {"a"}, {"b"}, {}, {});
  check(root("RTE", "train", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tnot_entailment\n1\tc\td\tentailment\n"),
        {"a", "c"}, {"b", "d"}, {1, 0});
  check(root("QNLI", "dev", "index\tquestion\tsentence\tlabel\r\n0\ta?\tb\tentailment\r\n"), {"a?"}, {"b"}, {0});
  check(root("WNLI", "dev", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\t1\n"), {"a"}, {"b"}, {1});
}

// The training data is one; dev and test sets are of the same genres, or of others.
BOOST_AUTO_TEST_CASE(mnli_has_two_dev_sets) {
  const Root root;
  const std::string columns =
      "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\t"
      "sentence2_parse\tsentence1\tsentence2";
  const std::string line = "0\t3\t3n\tfiction\t( a )\t( b )\t(ROOT a)\t(ROOT b)\t";
  const std::string five = "\tlabel1\tlabel2\tlabel3\tlabel4\tlabel5\tgold_label\n";
  const auto write = [&](const std::string& split, const std::string& content) {
    write_plain(root.folder / "glue/MNLI" / (split + ".tsv"), content);
  };
  std::filesystem::create_directories(root.folder / "glue/MNLI");
  write("train", columns + "\tlabel1\tgold_label\n" + line + "a\tb\tneutral\tcontradiction\n");
  write("dev_matched", columns + five + line + "c\td\tneutral\tneutral\tneutral\tneutral\tentailment\tneutral\n");
  write("dev_mismatched", columns + five + line + "e\tf\tneutral\tentailment\tneutral\t\t\tentailment\n");
  write("test_matched", columns + "\n" + line + "g\th\n");
  write("test_mismatched", columns + "\n" + line + "i\t\"j\" k\n");
  const auto load = [&](const char* task, GlueSplit split) {
    return load_glue(glue_task(task), split, root.folder.path());
  };
  for (const char* task : {"MNLI", "MNLI-mm"}) check(load(task, GlueSplit::train), {"a"}, {"b"}, {2});
  check(load("MNLI", GlueSplit::dev), {"c"}, {"d"}, {1});
  check(load("MNLI-mm", GlueSplit::dev), {"e"}, {"f"}, {0});
  check(load("MNLI", GlueSplit::test), {"g"}, {"h"}, {});
  check(load("MNLI-mm", GlueSplit::test), {"i"}, {"\"j\" k"}, {});
  write("dev_matched", columns + five + line + "c\td\tneutral\t\t\t\t\t-\n");  // undecided: in MNLI, not in GLUE
  BOOST_CHECK_EXCEPTION(load("MNLI", GlueSplit::dev), DataError,
                        speaks_of("dev_matched.tsv", "line 2", "entailment, neutral, contradiction", "'-'"));
  std::filesystem::remove(root.folder / "glue/MNLI/dev_mismatched.tsv");
  BOOST_CHECK_EXCEPTION(load("MNLI-mm", GlueSplit::dev), DataError, speaks_of("dev_mismatched.tsv", "No such file"));
}

// A question with a line break in it is two lines, neither of which is a sample.
BOOST_AUTO_TEST_CASE(qqp_has_broken_lines) {
  const Root root;
  const std::string columns = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n";
  const GlueData train =
      root("QQP", "train", columns + "1\t2\t3\ta?\tb?\t1\n4\t5\t6\t\"c\n\"\td?\t0\n\n7\t8\t9\t\"e\" ?\tf?\t0\n");
  check(train, {"a?", "\"e\" ?"}, {"b?", "f?"}, {1, 0});
  BOOST_TEST(train.broken_lines == 3);
  check(root("QQP", "test", "id\tquestion1\tquestion2\n0\ta?\tb?\n"), {"a?"}, {"b?"}, {});
  root.refuses("QQP", "dev", columns + "1\t2\t3\ta?\tb?\tc?\t1\n", "line 2", "expected 6 fields", "found 7");
  root.refuses("QQP", "dev", columns + "1\t2\t3\ta?\tb?\tyes\n", "line 2", "one of 0, 1", "'yes'");
}

BOOST_AUTO_TEST_CASE(empty_and_compressed_files) {
  const Root root;
  check(root("SST-2", "train", "sentence\tlabel\n"), {}, {}, {});
  check(root("CoLA", "train", ""), {}, {}, {});
  check(root("WNLI", "dev", test::gzip("index\tsentence1\tsentence2\tlabel\n0\ta\tb\t1\n"), ".gz"), {"a"}, {"b"}, {1});
}

BOOST_AUTO_TEST_CASE(errors_name_file_and_line) {
  const Root root;
  root.refuses("SST-2", "dev", "", "dev.tsv", "columns' names");
  root.refuses("SST-2", "dev", "sentence\n", "line 1", "'label'", "'sentence'");
  root.refuses("SST-2", "dev", "sentence\tlabel\na\t1\nb\n", "line 3", "expected 2 fields", "found 1");
  root.refuses("SST-2", "dev", "sentence\tlabel\na\t1\n\n", "line 3", "expected 2 fields", "found 1");
  root.refuses("SST-2", "dev", "sentence\tlabel\na\tb\t1\n", "line 2", "expected 2 fields", "found 3");
  root.refuses("SST-2", "dev", "sentence\tlabel\na\t2\n", "line 2", "one of 0, 1", "'2'");
  root.refuses("RTE", "dev", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\t1\n", "line 2",
               "entailment, not_entailment");
  root.refuses("CoLA", "train", "gj04\t1\tIt rains.\n", "line 1", "expected 4 fields", "found 3");
  for (const std::string score : {"", "x", "nan", "-0.5", "5.01", "1e99", "4 "}) {
    root.refuses("STS-B", "dev", "sentence1\tsentence2\tscore\na\tb\t" + score + "\n", "line 2", "from 0 to 5",
                 "'" + score + "'");
  }
  BOOST_CHECK_EXCEPTION(load_glue(glue_task("QNLI"), GlueSplit::train, root.folder.path()), DataError,
                        speaks_of("glue/QNLI/train.tsv", "No such file"));
  const Environment no_data("CANOPY_DATA", nullptr), no_home("HOME", nullptr);
  BOOST_CHECK_EXCEPTION(load_glue(glue_task("QNLI"), GlueSplit::train), DataError,
                        speaks_of("glue:QNLI", "CANOPY_DATA"));
}

BOOST_AUTO_TEST_CASE(the_real_tasks) {
  const std::filesystem::path root = real_data("glue");
  if (root.empty()) return;
  const std::map<std::string, std::vector<std::int64_t>> sizes = {
      {"CoLA", {8551, 1043, 1063}},  {"SST-2", {67349, 872, 1821}}, {"MRPC", {3668, 408, 1725}},
      {"STS-B", {5749, 1500, 1379}}, {"RTE", {2490, 277, 3000}},    {"QNLI", {-1, 5463, 5463}},
      {"WNLI", {635, 71, 146}}};
  for (const GlueTask& task : glue_tasks()) {
    if (!sizes.contains(std::string(task.name))) continue;  // MNLI and QQP are not in the folder
    for (const GlueSplit split : {GlueSplit::train, GlueSplit::dev, GlueSplit::test}) {
      const std::int64_t size = sizes.at(std::string(task.name))[static_cast<std::size_t>(split)];
      if (size < 0) continue;  // the folder has none
      const GlueData data = load_glue(task, split, root);
      BOOST_TEST_CONTEXT(task.name << " " << to_string(split)) {
        BOOST_TEST(data.size() == size);
        BOOST_TEST(std::ssize(data.second) == (task.is_paired ? size : 0));
        const bool labelled = split != GlueSplit::test;
        BOOST_TEST(std::ssize(data.labels) == (labelled && !task.is_regression() ? size : 0));
        BOOST_TEST(std::ssize(data.scores) == (labelled && task.is_regression() ? size : 0));
      }
    }
  }
  const GlueData mrpc = load_glue(glue_task("MRPC"), GlueSplit::dev, root);  // 68.4 % are paraphrases
  BOOST_TEST(std::ranges::count(mrpc.labels, 1) == 279);
  const GlueData rte = load_glue(glue_task("RTE"), GlueSplit::dev, root);  // 52.7 % are entailed
  BOOST_TEST(std::ranges::count(rte.labels, 0) == 146);
}

BOOST_AUTO_TEST_SUITE_END()
