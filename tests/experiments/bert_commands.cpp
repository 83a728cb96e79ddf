// canopy embed, fill-mask and eval on the folder of a small BERT.
#include <algorithm>
#include <cmath>
#include <sstream>

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>
#include <canopy/core/file.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/transformers/bert.hpp>

#include "datasets/files.hpp"
#include "programs/program.hpp"

#include <nlohmann/json.hpp>

using program::Outcome;
namespace fs = std::filesystem;
using namespace canopy;
using nlohmann::json;

BOOST_AUTO_TEST_SUITE(bert_commands)

namespace {

constexpr const char* words = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nman\ndog\neats\nsleeps\n.\n";

struct SavedBert {
  explicit SavedBert(const nn::BertHeads& heads = {}) {
    manual_seed(9);
    nn::save_bert(nn::Bert({.vocab_size = 12,  // one more than the vocabulary names
                            .hidden_size = 8,
                            .num_hidden_layers = 1,
                            .num_attention_heads = 2,
                            .intermediate_size = 12,
                            .max_position_embeddings = 16},
                           heads),
                  path());
    write_file(path() / "vocab.txt", words);
    make_folder(folder / "data" / "glue" / "STS-B");
    make_folder(folder / "data" / "glue" / "MRPC");
  }
  fs::path path() const { return folder / "bert"; }
  Outcome run(std::vector<std::string> arguments) const { return program::run(CANOPY_DRIVER, arguments); }

  program::Folder folder;
};

std::vector<json> lines_of(const std::string& text) {
  std::vector<json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(json::parse(line));
  return lines;
}

void check_refused(const Outcome& outcome, int exit_code, const std::string& says) {
  BOOST_TEST(outcome.exit_code == exit_code, outcome.err);
  BOOST_TEST(outcome.err.find("canopy: ") != std::string::npos, outcome.err);
  BOOST_TEST(outcome.err.find(says) != std::string::npos, outcome.err);
}

}  // namespace

BOOST_AUTO_TEST_CASE(sentences_become_unit_vectors) {
  const SavedBert bert;
  const Outcome outcome = bert.run({"embed", bert.path(), "A man eats.", "a dog sleeps", "A man eats."});
  BOOST_TEST(outcome.exit_code == 0, outcome.err);
  const std::vector<json> lines = lines_of(outcome.out);
  BOOST_TEST_REQUIRE(lines.size() == 3u);
  for (const json& line : lines) {
    double squares = 0;
    for (const double v : line.at("embedding")) squares += v * v;
    BOOST_TEST(std::abs(squares - 1) < 1e-6);
  }
  BOOST_TEST(lines[1].at("text") == "a dog sleeps");
  const auto distance = [&](std::size_t a, std::size_t b) {
    double largest = 0;
    for (std::size_t j = 0; j < 8; ++j) {
      const double x = lines[a].at("embedding").at(j), y = lines[b].at("embedding").at(j);
      largest = std::max(largest, std::abs(x - y));
    }
    return largest;
  };
  BOOST_TEST(distance(0, 2) < 1e-6);
  BOOST_TEST(distance(0, 1) > 1e-3);
  const Outcome from_stdin =
      program::run("/bin/sh", {"-c", fmt::format("printf 'A man eats.\\na dog sleeps\\n' | {} embed '{}'",
                                                 CANOPY_DRIVER, bert.path().string())});
  BOOST_TEST(lines_of(from_stdin.out).size() == 2u, from_stdin.err);
  check_refused(bert.run({"embed", bert.path(), "x", "--max-length", "17"}), 2, "positions for 16 tokens");
  check_refused(bert.run({"embed", bert.folder / "nowhere", "x"}), 3, "config.json");
}

BOOST_AUTO_TEST_CASE(masks_are_filled) {
  const SavedBert bert({.masked_tokens = true});
  const Outcome outcome = bert.run({"fill-mask", bert.path(), "A [MASK] eats [MASK]", "--top", "20", "--json"});
  BOOST_TEST(outcome.exit_code == 0, outcome.err);
  const json answer = json::parse(outcome.out);
  BOOST_TEST_REQUIRE(answer.at("masks").size() == 2u);
  for (const json& guesses : answer.at("masks")) {
    BOOST_TEST(guesses.size() == 11u);  // of the vocabulary alone
    double last = 1, sum = 0;
    for (const json& guess : guesses) {
      const double probability = guess.at("probability");
      BOOST_TEST(probability <= last);
      last = probability;
      sum += probability;
    }
    BOOST_TEST(sum < 1);
    BOOST_TEST(sum > 0.5);
  }
  const Outcome table = bert.run({"fill-mask", bert.path(), "A [MASK] eats", "--top", "2"});
  BOOST_TEST(std::ranges::count(table.out, '\n') == 2, table.out);
  check_refused(bert.run({"fill-mask", bert.path(), "A man eats"}), 2, "no [MASK]");
  const SavedBert headless;
  check_refused(headless.run({"fill-mask", headless.path(), "[MASK]"}), 2, "no head");
}

BOOST_AUTO_TEST_CASE(tasks_of_glue_are_scored) {
  const SavedBert bert;
  const fs::path data = bert.folder / "data";
  write_file(data / "glue" / "STS-B" / "dev.tsv",
             "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n"
             "0\tg\tf\ty\t0\ts\ts\tA man eats.\tA man eats.\t5.000\n"
             "1\tg\tf\ty\t1\ts\ts\tA man eats.\tA dog eats.\t3.000\n"
             "2\tg\tf\ty\t2\ts\ts\tA dog sleeps\t.\t0.000\n");
  const std::vector<std::string> eval{"eval", bert.path(), "--dataset", "glue:STS-B", "--data", data};
  std::vector<std::string> in_json = eval;
  in_json.push_back("--json");
  const Outcome outcome = bert.run(in_json);
  BOOST_TEST(outcome.exit_code == 0, outcome.err);
  const json result = json::parse(outcome.out);
  BOOST_TEST(result.at("samples") == 3);
  BOOST_TEST(result.at("split") == "dev");
  BOOST_TEST(std::abs(result.at("pearson").get<double>()) <= 100);
  BOOST_TEST(std::abs(result.at("spearman").get<double>()) <= 100);
  std::vector<std::string> expecting = eval;
  expecting.insert(expecting.end(), {"--expect", "pearson>=101"});
  BOOST_TEST(bert.run(expecting).exit_code == 4);
  expecting.back() = "accuracy>=0";
  check_refused(bert.run(expecting), 2, "accuracy");

  check_refused(bert.run({"eval", bert.path(), "--dataset", "glue:STS-B", "--split", "test", "--data", data}), 2,
                "no labels");
  check_refused(bert.run({"eval", bert.path(), "--dataset", "glue:MRPC", "--data", data}), 2,
                "classifier of 2 outputs");
  check_refused(bert.run({"eval", bert.path(), "--dataset", "glue:nothing", "--data", data}), 2, "STS-B");
  check_refused(bert.run({"eval", bert.path(), "--dataset", "glue:STS-B", "--split", "train", "--data", data}), 3,
                "train.tsv");

  const SavedBert classifier({.pooler = true, .classes = 2});
  write_file(classifier.folder / "data" / "glue" / "MRPC" / "dev.tsv",
             "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t1\t2\tA man eats\tA dog eats\n0\t3\t4\tA\t.\n");
  const Outcome scored = classifier.run(
      {"eval", classifier.path(), "--dataset", "glue:MRPC", "--data", classifier.folder / "data", "--json"});
  BOOST_TEST(scored.exit_code == 0, scored.err);
  BOOST_TEST(json::parse(scored.out).at("answers") == "classifier");
  BOOST_TEST(json::parse(scored.out).at("accuracy").get<double>() <= 100);
}

BOOST_AUTO_TEST_SUITE_END()
