// canopy text vocabulary and canopy text pack: from text to what is trained on.
#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <set>
#include <thread>

#include <canopy/datasets/text/bert_tokenizer.hpp>
#include <canopy/datasets/text/corpus/packed_text.hpp>
#include <canopy/experiments/harness/json.hpp>

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

#include "datasets/files.hpp"
#include "programs/program.hpp"

using program::Outcome;
namespace fs = std::filesystem;
using namespace canopy;
using harness::Json;

BOOST_AUTO_TEST_SUITE(text_corpus)

namespace {

/// Documents of made-up words, the frequent ones of which differ from letter to letter.
std::string novel(int documents, unsigned seed = 0) {
  std::mt19937 random(seed);
  std::string text;
  for (int i = 0; i < documents; ++i) {
    for (int j = 0; j < 200; ++j) {
      for (unsigned k = 1 + random() % 4; k > 0; --k) {
        text += std::array{"ba", "na", "to", "ri", "se", "lin", "est"}[random() % 7 * (random() % 7) / 6];
      }
      text += j % 20 == 19 ? ".\n" : " ";
    }
    text += "\n";
  }
  return text;
}

struct Library {
  program::Folder folder;

  Library() {
    fs::create_directories(folder / "texts");
    canopy::test::write_plain(folder / "texts/a.txt", novel(30));
    canopy::test::write_plain(folder / "texts/b.txt.gz", canopy::test::gzip(novel(30, 1)));
  }
  std::string at(const char* name) const { return (folder / name).string(); }
  Outcome run(std::vector<std::string> words) const {
    words.insert(words.begin(), "text");
    return program::run(CANOPY_DRIVER, words);
  }
  Outcome train(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words = {"vocabulary", at("texts"), "--out", at("vocab.txt")};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }
  Outcome pack(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words = {"pack", at("texts"), "--vocabulary", at("vocab.txt"), "--out", at("packed")};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }
};

void check_error(const Outcome& outcome, int exit_code, const std::string& says) {
  BOOST_TEST(outcome.exit_code == exit_code, outcome.err);
  BOOST_TEST(outcome.err.starts_with("canopy: "), outcome.err);
  BOOST_TEST(outcome.err.find(says) != std::string::npos, outcome.err);
  BOOST_TEST(std::ranges::count(outcome.err, '\n') == 1, outcome.err);
  BOOST_TEST(outcome.out.empty());
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_vocabulary_and_sequences) {
  const Library library;
  const Outcome trained = library.train({"--size", "60"});
  BOOST_TEST(trained.exit_code == 0, trained.err);
  BOOST_TEST(trained.out.find("60 tokens") != std::string::npos, trained.out);
  const std::string vocabulary = program::content(library.folder / "vocab.txt");
  BOOST_TEST(load_tokenizer(library.folder / "vocab.txt").vocabulary().size() == 60);
  for (const char* threads : {"1", "2"}) {
    const Outcome again = library.train({"--size", "60", "--threads", threads, "--json"});
    BOOST_TEST(Json::parse(again.out).at("tokens") == 60);
    BOOST_TEST((program::content(library.folder / "vocab.txt") == vocabulary));
  }
  const Outcome packed = library.pack({"--length", "32", "--held-out", "0.2", "--json"});
  BOOST_TEST(packed.exit_code == 0, packed.err);
  const Json json = Json::parse(packed.out);
  const PackedText text(library.folder / "packed");
  BOOST_TEST(json.at("already_packed") == false);
  BOOST_TEST(json.at("sequence_length") == 32);
  BOOST_TEST(json.at("vocabulary_size") == 60);
  BOOST_TEST(json.at("training_sequences") == text.training().size());
  BOOST_TEST(json.at("held_out_sequences") == text.held_out().size());
  BOOST_TEST(json.at("training_documents").get<int>() + json.at("held_out_documents").get<int>() == 60);
  BOOST_TEST(text.held_out().size() > 0);
  const Outcome again = library.pack({"--length", "32", "--held-out", "0.2"});
  BOOST_TEST(again.exit_code == 0, again.err);
  BOOST_TEST(again.out.find("already packed: ") != std::string::npos, again.out);
  // All words are known, and their pieces are fewer than their characters.
  const PackedSequences& training = text.training();
  std::set<std::int32_t> seen;
  std::vector<std::int32_t> ids(32);
  for (std::int64_t i = 0; i < training.size(); ++i) {
    training.read(i, ids);
    seen.insert(ids.begin(), ids.end());
  }
  BOOST_TEST(!seen.contains(training.special().unknown));
  BOOST_TEST(seen.size() > 20u);
}

BOOST_AUTO_TEST_CASE(fewer_tokens_where_no_pair_is_left) {
  const Library library;
  const Outcome outcome = library.train({"--size", "1000000"});
  BOOST_TEST(outcome.exit_code == 0, outcome.err);
  BOOST_TEST(outcome.out.find("all that come often enough") != std::string::npos, outcome.out);
  BOOST_TEST(load_tokenizer(library.folder / "vocab.txt").vocabulary().size() < 100'000);
}

BOOST_AUTO_TEST_CASE(options_reach_the_file) {
  const Library library;
  library.train({"--size", "60"});
  const auto metadata = [&](const std::vector<std::string>& more) {
    fs::remove(library.folder / "packed");
    const Outcome outcome = library.pack(more);
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    return PackedText(library.folder / "packed").metadata();
  };
  BOOST_TEST(metadata({}).at("layout") == "framed");
  BOOST_TEST(metadata({}).at("sequence_length") == "128");
  BOOST_TEST(metadata({"--layout", "continuous"}).at("layout") == "continuous");
  BOOST_TEST(metadata({"--documents", "line"}).at("documents_end") == "line");
  BOOST_TEST(metadata({"--cased"}).at("cased") == "true");
}

BOOST_AUTO_TEST_CASE(wrong_usage_and_bad_files) {
  const Library library;
  check_error(library.train(), 2, "--size");
  check_error(library.train({"--size", "0"}), 2, "at least 1, not 0");
  check_error(library.train({"--size", "6"}), 2, "expected a size of at least");
  check_error(library.train({"--size", "60", "--characters", "0"}), 2, "at least 1, not 0");
  check_error(library.run({"vocabulary", "/nowhere", "--size", "60", "--out", library.at("v")}), 3,
              "/nowhere: no such");
  check_error(library.run({"vocabulary", "/dev/null", "--size", "60", "--out", library.at("v")}), 3, "words");
  check_error(library.run({"vocabulary", library.at("texts"), "--size", "60", "--out", library.at("no/v")}), 1, "no/v");
  check_error(library.pack(), 3, "vocab.txt");
  library.train({"--size", "60"});
  check_error(library.pack({"--length", "2"}), 2, "length from 3");
  check_error(library.pack({"--held-out", "1"}), 2, "held-out share");
  check_error(library.pack({"--held-out", "x"}), 2, "--held-out");
  check_error(library.pack({"--layout", "x"}), 2, "framed or continuous");
  check_error(library.pack({"--documents", "x"}), 2, "blank-line, line or file");
  check_error(library.pack({"--length", "1000000"}), 3, "at least one sequence");
  BOOST_TEST(library.pack().exit_code == 0);
  check_error(library.pack({"--length", "64"}), 2, "sequence_length 128, not 64");
  canopy::test::write_plain(library.folder / "packed", "notes");
  check_error(library.pack(), 3, "packed");
  BOOST_TEST(program::content(library.folder / "packed") == "notes");
}

BOOST_AUTO_TEST_CASE(help_has_an_example) {
  for (const char* command : {"vocabulary", "pack"}) {
    const Outcome outcome = program::run(CANOPY_DRIVER, {"text", command, "--help"});
    BOOST_TEST(outcome.exit_code == 0);
    BOOST_TEST(outcome.out.find(fmt::format("Example: canopy text {} ", command)) != std::string::npos, outcome.out);
  }
}

// Of some megabytes, so that batches are seen.
BOOST_AUTO_TEST_CASE(the_same_bytes_after_signals_at_random_moments) {
  const Library library;
  canopy::test::write_plain(library.folder / "texts/c.txt", novel(7'000));
  library.train({"--size", "60"});
  const auto begin = std::chrono::steady_clock::now();
  library.pack({"--threads", "1"});
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
  const std::string expected = program::content(library.folder / "packed");
  fs::remove(library.folder / "packed");
  std::mt19937 random(0);
  std::map<int, int> ended;
  for (int attempt = 0; attempt < 100 && ended[-SIGKILL] + ended[130] < 8; ++attempt) {
    const int signal = std::array{SIGKILL, SIGTERM, SIGINT}[static_cast<std::size_t>(attempt % 3)];
    const program::Folder output;
    const pid_t process = program::start(CANOPY_DRIVER,
                                         {"text", "pack", library.at("texts"), "--vocabulary", library.at("vocab.txt"),
                                          "--out", library.at("packed"), "--threads", "1"},
                                         output);
    std::this_thread::sleep_for(whole * (random() % 1024u) / 1024);
    ::kill(process, signal);
    const Outcome outcome = program::wait(process, output);
    ++ended[outcome.exit_code];
    if (outcome.exit_code == 130) BOOST_TEST(outcome.err.find("the same command continues") != std::string::npos);
    if (outcome.exit_code != 0) continue;
    BOOST_TEST((program::content(library.folder / "packed") == expected));
    fs::remove(library.folder / "packed");
  }
  BOOST_TEST(ended[-SIGKILL] > 0);
  BOOST_TEST(ended[-SIGKILL] + ended[130] >= 8);
  BOOST_TEST(library.pack().exit_code == 0);
  BOOST_TEST((program::content(library.folder / "packed") == expected));
}

BOOST_AUTO_TEST_SUITE_END()
