// canopy text: lines in, lines out.
#include <algorithm>
#include <sstream>

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

#include "datasets/files.hpp"
#include "programs/program.hpp"
#include "support/reference_lines.hpp"

using program::Outcome;
namespace fs = std::filesystem;
using namespace canopy;
using nlohmann::json;

BOOST_AUTO_TEST_SUITE(text)

namespace {

std::string quoted(const fs::path& path) { return fmt::format("'{}' ", path.string()); }

/// Runs `canopy text tokenize ARGUMENTS` on a text, through a shell that adds `redirection`.
Outcome tokenize(const std::string& arguments, const std::string& input, const std::string& redirection = "") {
  const program::Folder folder;
  test::write_plain(folder / "in", input);
  return program::run("/bin/sh",
                      {"-c", CANOPY_DRIVER " text tokenize " + arguments + " <" + quoted(folder / "in") + redirection});
}

std::string english() { return quoted(test::reference_file("tokenizer/vocab.txt")); }

std::vector<json> lines_of(const std::string& text) {
  std::vector<json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(json::parse(line));
  return lines;
}

void check_error(const Outcome& outcome, int exit_code, const std::string& says) {
  BOOST_TEST(outcome.exit_code == exit_code, outcome.err);
  BOOST_TEST(outcome.err.starts_with("canopy: "), outcome.err);
  BOOST_TEST(outcome.err.find(says) != std::string::npos, outcome.err);
  BOOST_TEST(std::ranges::count(outcome.err, '\n') == 1, outcome.err);
}

/// What a file of reference lines asks for, and the ids that it names.
struct Questions {
  std::string lines;
  std::vector<json> ids;

  explicit Questions(const std::string& file) {
    test::for_each_line(file, [&](const json& line) {
      lines += line.dump() + "\n";
      ids.push_back(line.at("ids"));
    });
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(one_answer_a_line) {
  for (const char* file : {"tokenizer/cases.jsonl", "tokenizer/fuzz.jsonl", "tokenizer/invalid_utf8.jsonl"}) {
    const Questions questions(file);
    const Outcome outcome = tokenize(english(), questions.lines);
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    BOOST_TEST(outcome.err.empty(), outcome.err);
    const std::vector<json> answers = lines_of(outcome.out);
    BOOST_TEST_REQUIRE(answers.size() == questions.ids.size());
    for (std::size_t i = 0; i < answers.size(); ++i) {
      BOOST_TEST(answers[i].at("ids") == questions.ids[i], file << " line " << i + 1);
      BOOST_TEST(answers[i].at("types") == json(std::vector<int>(questions.ids[i].size())));
    }
  }
}

BOOST_AUTO_TEST_CASE(pairs_lengths_and_case) {
  BOOST_TEST(tokenize(english(), R"({"text": "a", "pair": "b c"})").out ==
             "{\"ids\":[101,1037,102,1038,1039,102],\"types\":[0,0,0,1,1,1]}\n");
  BOOST_TEST(tokenize(english() + "--max-length 5", R"({"base64": "YQ==", "pair": "b c"})"
                                                    "\r\n")
                 .out == "{\"ids\":[101,1037,102,1038,102],\"types\":[0,0,0,1,1]}\n");
  BOOST_TEST(tokenize(english() + "--max-length 2", R"({"text": "a b"})").out ==
             "{\"ids\":[101,102],\"types\":[0,0]}\n");
  BOOST_TEST(tokenize(english() + "--cased", R"({"text": "a A"})").out ==
             "{\"ids\":[101,1037,100,102],\"types\":[0,0,0,0]}\n");
  BOOST_TEST(tokenize(english(), "").out.empty());
}

BOOST_AUTO_TEST_CASE(a_folder_says_how) {
  const program::Folder folder;
  fs::copy(test::reference_file("tokenizer/vocab.txt"), folder / "vocab.txt");
  test::write_plain(folder / "tokenizer_config.json", R"({"do_lower_case": false})");
  BOOST_TEST(tokenize(quoted(folder.path()), R"({"text": "a A"})").out ==
             "{\"ids\":[101,1037,100,102],\"types\":[0,0,0,0]}\n");
  test::write_plain(folder / "tokenizer_config.json", R"({"do_lower_case": "no"})");
  check_error(tokenize(quoted(folder.path()), ""), 3, "tokenizer_config.json: do_lower_case");
}

BOOST_AUTO_TEST_CASE(errors_name_the_line_after_the_answers_before_it) {
  const std::string good = R"({"text": "a"})"
                           "\n";
  for (const auto& [line, words] : {std::pair<std::string, std::string>{"", "found an empty line"},
                                    {"x", "not JSON"},
                                    {"{\"text\": \"\xff\"}", "not JSON"},
                                    {R"({"text": "\ud800"})", "not JSON"},
                                    {"[]", "expected an object, found array"},
                                    {"{}", "found neither"},
                                    {R"({"text": "a", "base64": "YQ=="})", "found both"},
                                    {R"({"text": 3})", "text: expected text, found number"},
                                    {R"({"text": "a", "pair": null})", "pair: expected text, found null"},
                                    {R"({"base64": "YQ"})", "base64"},
                                    {std::string(100'000, '['), "not JSON"}}) {
    const Outcome outcome = tokenize(english(), good + good + line + "\n" + good);
    check_error(outcome, 3, "standard input: line 3: ");
    BOOST_TEST(outcome.err.find(words) != std::string::npos, outcome.err);
    BOOST_TEST(lines_of(outcome.out).size() == 2u);
  }
  check_error(tokenize(english() + "--max-length 2", R"({"text": "a", "pair": "b"})"), 2, "standard input: line 1: ");
}

BOOST_AUTO_TEST_CASE(wrong_usage_and_missing_files) {
  check_error(tokenize("/nowhere", ""), 3, "/nowhere: ");
  check_error(tokenize("/dev/null", ""), 3, "/dev/null: expected tokens");
  check_error(tokenize("", ""), 2, "TOKENIZER");
  check_error(tokenize(english() + "--max-length 1", ""), 2, "at least 2, not 1");
  check_error(tokenize(english() + "--nosuch", ""), 2, "--nosuch");
  check_error(program::run(CANOPY_DRIVER, {"text"}), 2, "subcommand");
}

BOOST_AUTO_TEST_CASE(streams_that_fail) {
  const std::string many = [] {
    std::string lines;
    for (int i = 0; i < 5000; ++i)
      lines += R"({"text": "the same again and again"})"
               "\n";
    return lines;
  }();
  BOOST_TEST(lines_of(tokenize(english(), many).out).size() == 5000u);
  check_error(tokenize(english(), many, ">/dev/full"), 1, "standard output: No space left on device");
  check_error(tokenize(english(), many, ">&-"), 1, "standard output: ");
  check_error(tokenize(english(), many, "<&-"), 1, "standard input: ");
  check_error(tokenize(english(), many, "</"), 1, "standard input: Is a directory");
  const Outcome head = tokenize(english(), many, "| head -n 1");
  BOOST_TEST(head.exit_code == 0);
  BOOST_TEST(lines_of(head.out).size() == 1u);
}

// Whoever waits for an answer before asking on gets it.
BOOST_AUTO_TEST_CASE(answers_come_at_once) {
  const program::Folder folder;
  const std::string fifo = (folder / "fifo").string();
  const Outcome outcome = program::run(
      "/bin/sh", {"-c", "mkfifo " + fifo + "; exec 3<>" + fifo + "; " CANOPY_DRIVER " text tokenize " + english() +
                            "<" + fifo + " >" + (folder / "answers").string() +
                            " & printf '{\"text\": \"a\"}\\n' >&3; i=0; while [ $i -lt 300 ] && ! [ -s " +
                            (folder / "answers").string() + " ]; do sleep 0.1; i=$((i + 1)); done; kill $!"});
  BOOST_TEST(program::content(folder / "answers") == "{\"ids\":[101,1037,102],\"types\":[0,0,0]}\n", outcome.err);
}

BOOST_AUTO_TEST_SUITE_END()
