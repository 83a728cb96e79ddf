#include <canopy/datasets/text/bert_tokenizer.hpp>

#include <map>
#include <thread>

#include <canopy/core/error.hpp>
#include <canopy/datasets/base64.hpp>
#include <canopy/datasets/digest.hpp>
#include <canopy/datasets/gzip.hpp>
#include <canopy/datasets/text/characters.hpp>
#include <canopy/datasets/text/lines.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <datasets/files.hpp>
#include <datasets/naive_tokenizer.hpp>
#include <support/errors.hpp>
#include <support/random_case.hpp>
#include <support/reference_lines.hpp>

using namespace canopy;
using namespace canopy::test;
using nlohmann::json;

BOOST_AUTO_TEST_SUITE(bert_tokenizer)

namespace {

using Ids = std::vector<std::int32_t>;

const Vocabulary& english() {
  static const Vocabulary vocabulary = read_vocabulary(reference_file("tokenizer/vocab.txt"));
  return vocabulary;
}

const BertTokenizer& uncased() {
  static const BertTokenizer tokenizer(english());
  return tokenizer;
}

TokenizerOptions options_in(const json& options) {
  TokenizerOptions result{.cased = !options.at("do_lower_case").get<bool>()};
  if (options.contains("strip_accents")) result.strip_accents = options["strip_accents"].get<bool>();
  result.split_ideographs = options.value("tokenize_chinese_chars", true);
  return result;
}

void check_ids(const Ids& found, const json& expected) {
  BOOST_TEST(found == expected.get<Ids>(), boost::test_tools::per_element());
}

}  // namespace

BOOST_AUTO_TEST_CASE(published_ids) {
  for (const char* file : {"tokenizer/cases.jsonl", "tokenizer/fuzz.jsonl", "tokenizer/disagreements.jsonl"}) {
    for_each_line(file, [](const json& line) {
      check_ids(uncased().encode(line.at("text").get<std::string>()).ids, line.at("ids"));
    });
  }
}

BOOST_AUTO_TEST_CASE(published_ids_with_options) {
  std::map<std::string, BertTokenizer> tokenizers;
  for (const char* file : {"tokenizer/options.jsonl", "tokenizer/options_disagreements.jsonl"}) {
    for_each_line(file, [&](const json& line) {
      const json& options = line.at("options");
      const auto [tokenizer, added] = tokenizers.try_emplace(options.dump(), english(), options_in(options));
      check_ids(tokenizer->second.encode(line.at("text").get<std::string>()).ids, line.at("ids"));
    });
  }
}

BOOST_AUTO_TEST_CASE(published_ids_of_pairs) {
  for (const char* file : {"tokenizer/pairs.jsonl", "tokenizer/pairs_disagreements.jsonl"}) {
    for_each_line(file, [](const json& line) {
      const auto first = line.at("a").get<std::string>(), second = line.at("b").get<std::string>();
      const Encoding found = uncased().encode(first, second, line.at("max_length").get<std::int64_t>());
      // An empty second text is one to the package `tokenizers`; what wraps it in Python drops it.
      const bool dropped = second.empty() && line.contains("slow_input_ids");
      check_ids(found.ids, line.at(dropped ? "slow_input_ids" : "input_ids"));
      if (!dropped) check_ids(found.types, line.at("token_type_ids"));
    });
  }
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_utf8_vanish) {
  for_each_line("tokenizer/invalid_utf8.jsonl", [](const json& line) {
    const auto bytes = datasets::decode_base64(line.at("base64").get<std::string>());
    BOOST_TEST_REQUIRE(bytes.has_value());
    check_ids(uncased().encode(*bytes).ids, line.at("ids"));
  });
}

// Lines of the corpora, by the digests of their ids.
BOOST_AUTO_TEST_CASE(published_ids_of_corpora) {
  const std::filesystem::path root = real_data("text");
  if (root.empty()) return;
  std::map<std::string, std::string> contents;
  const json samples = reference_json("tokenizer/samples.json");
  for (const json& group : samples.at("groups")) {
    const auto file = group.at("file").get<std::string>();
    if (!std::filesystem::exists(root / file)) {
      BOOST_TEST_MESSAGE("SKIPPED: no " << file << " in " << root);
      continue;
    }
    auto [content, added] = contents.try_emplace(file);
    if (added) content->second = datasets::read_plain_or_gzip(root / file);
    datasets::Lines lines(content->second);
    std::string text;
    for (const std::int64_t number : group.at("lines")) {
      while (lines.number() <= number) BOOST_TEST_REQUIRE(lines.next());
      text += fmt::format("{}\n", fmt::join(uncased().encode(lines.line()).ids, " "));
    }
    BOOST_TEST(datasets::digest(datasets::DigestKind::sha256, text) == group.at("sha256").get<std::string>(), file);
  }
}

BOOST_AUTO_TEST_CASE(the_same_as_a_naive_one) {
  std::vector<std::string> tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
  for (const char* token :
       {"a",    "b",    "ab",   "abc",        "bca",  "A",   "ß",   "é",    "e",          "i",   "σ",
        "中",   "一",   "か",   "-",          ".",    "[",   "]",   "mask", "ᄒ",         "ǆ",   "ʼn",
        "1",    "aé",   "##a",  "##b",        "##ca", "##A", "##e", "##é",  "##\xcc\x81", "##σ", "##中",
        "##か", "##ᅡ", "##ᆫ", "##\xcc\x87", "##n",  "##x", "##",  "#"}) {
    tokens.emplace_back(token);
  }
  const Vocabulary vocabulary(tokens);
  for_each_case("tokenizer", 3000, [&](RandomCase& draw) {
    TokenizerOptions options;
    options.cased = draw.coin("cased");
    if (draw.coin("accents named")) options.strip_accents = draw.coin("strip accents");
    options.split_ideographs = draw.coin("split ideographs");
    const std::string text = random_text(draw);
    const BertTokenizer tokenizer(vocabulary, options);
    Ids ids;
    tokenizer.append(text, ids);
    BOOST_TEST_CONTEXT(draw.description()
                       << " text " << json(text).dump(-1, ' ', true, json::error_handler_t::replace)) {
      BOOST_TEST(ids == naive_ids(text, vocabulary, options), boost::test_tools::per_element());
    }
  });
}

BOOST_AUTO_TEST_CASE(the_same_as_a_naive_one_on_english) {
  for_each_case("english tokenizer", 1000, [](RandomCase& draw) {
    const std::string text = random_text(draw);
    Ids ids;
    uncased().append(text, ids);
    BOOST_TEST_CONTEXT(draw.description()) {
      BOOST_TEST(ids == naive_ids(text, english(), {}), boost::test_tools::per_element());
    }
  });
}

BOOST_AUTO_TEST_CASE(any_bytes_give_ids_of_the_vocabulary) {
  for_each_case("tokenizer of bytes", 2000, [](RandomCase& draw) {
    std::string text(static_cast<std::size_t>(draw.between("bytes", 0, 300)), '\0');
    const bool high = draw.coin("high");
    for (char& byte : text)
      byte = static_cast<char>(high ? draw.stream()() % 64 + 192 - draw.stream()() % 64 : draw.stream()());
    const std::int64_t most = draw.between("most", 3, 40);
    BOOST_TEST_CONTEXT(draw.description()) {
      const Encoding encoding = uncased().encode(text, text, most);
      BOOST_TEST(std::ssize(encoding.ids) <= most);
      BOOST_TEST(encoding.types.size() == encoding.ids.size());
      BOOST_TEST(encoding.ids.front() == uncased().special().classify);
      BOOST_TEST(encoding.ids.back() == uncased().special().separate);
      for (const std::int32_t id : encoding.ids) BOOST_TEST((id >= 0 && id < english().size()));
      BOOST_TEST(std::ranges::is_sorted(encoding.types));
    }
  });
}

BOOST_AUTO_TEST_CASE(lengths) {
  const Ids whole = uncased().encode("a b c").ids;
  BOOST_TEST(whole.size() == 5u);
  BOOST_TEST(uncased().encode("a b c", 5).ids == whole, boost::test_tools::per_element());
  const Ids cut = {101, 1037, 102}, none = {101, 102}, pair = {101, 102, 102};
  BOOST_TEST(uncased().encode("a b c", 3).ids == cut, boost::test_tools::per_element());
  BOOST_TEST(uncased().encode("a b c", 2).ids == none, boost::test_tools::per_element());
  BOOST_TEST(uncased().encode("", "").ids == pair, boost::test_tools::per_element());
  BOOST_TEST(uncased().encode("a", "b", 3).ids == pair, boost::test_tools::per_element());
  BOOST_CHECK_EXCEPTION(uncased().encode("a", 1), ConfigError, speaks_of("max_length", "at least 2", "not 1"));
  BOOST_CHECK_EXCEPTION(uncased().encode("a", "b", 2), ConfigError, speaks_of("max_length", "at least 3", "not 2"));
}

// A word of any length costs no more than its text.
BOOST_AUTO_TEST_CASE(long_texts) {
  const Ids unknown = {100}, none = {};
  for (const std::string piece : {"a", "\xc3\xa9", "e\xcc\x81"}) {
    std::string text;
    while (text.size() < 3'000'000) text += piece;
    Ids ids;
    uncased().append(text, ids);
    BOOST_TEST(ids == unknown, boost::test_tools::per_element());
  }
  Ids ids;
  uncased().append(std::string(3'000'000, '['), ids);
  BOOST_TEST(ids.size() == 3'000'000u);
}

BOOST_AUTO_TEST_CASE(back_to_text) {
  const auto text = [](std::string_view of) { return uncased().decode(uncased().encode(of).ids); };
  BOOST_TEST(text("Unaffable embeddings, [MASK]!") == "unaffable embeddings , [MASK] !");
  BOOST_TEST(text("") == "");
  BOOST_TEST(text("Caf\xc3\xa9 ## \xe4\xba\x80") == "cafe # # [UNK]");
  BOOST_TEST(uncased().decode(uncased().encode("a", "b").ids) == "a b");
  BOOST_TEST(uncased().decode(Ids{0, 0}) == "");
  BOOST_CHECK_EXCEPTION(uncased().decode(Ids{30522}), Error, speaks_of("vocab.txt", "30521", "found 30522"));
  BOOST_TEST(uncased().vocabulary().token(uncased().special().mask) == "[MASK]");
}

BOOST_AUTO_TEST_CASE(many_threads_at_once) {
  const std::string text = "The Caf\xc3\xa9 of \xe4\xb8\xad\xe6\x96\x87 [MASK] tokenization isn't trivial.";
  const Ids expected = uncased().encode(text).ids;
  std::vector<int> equal(4);
  {
    std::vector<std::jthread> threads;
    for (int& count : equal) {
      threads.emplace_back([&] {
        for (int i = 0; i < 500; ++i) count += uncased().encode(text).ids == expected ? 1 : 0;
      });
    }
  }
  for (const int count : equal) BOOST_TEST(count == 500);
}

BOOST_AUTO_TEST_SUITE_END()
