#include <canopy/datasets/text/tokenizer_options.hpp>

#include <canopy/core/error.hpp>
#include <canopy/datasets/text/bert_tokenizer.hpp>

#include <datasets/files.hpp>
#include <support/errors.hpp>
#include <support/temporary_folder.hpp>

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(tokenizer_options)

namespace {

/// A folder of Hugging Face's; an empty text is no file.
struct Folder {
  TemporaryFolder folder;

  void write(const std::string& config, const std::string& tokenizer) const {
    for (const auto& [name, content] : {std::pair("tokenizer_config.json", config), {"tokenizer.json", tokenizer}}) {
      std::filesystem::remove(folder / name);
      if (!content.empty()) write_plain(folder / name, content);
    }
  }
  TokenizerOptions operator()(const std::string& config, const std::string& tokenizer) const {
    write(config, tokenizer);
    return read_tokenizer_options(folder.path());
  }
  template <class... Parts>
  void refuses(const std::string& config, const std::string& tokenizer, Parts... parts) const {
    write(config, tokenizer);
    BOOST_CHECK_EXCEPTION(read_tokenizer_options(folder.path()), DataError, speaks_of(parts...));
  }
};

void check(const TokenizerOptions& found, bool cased, bool strips, bool splits) {
  BOOST_TEST(found.cased == cased);
  BOOST_TEST(found.strips_accents() == strips);
  BOOST_TEST(found.split_ideographs == splits);
}

/// As the published all-MiniLM-L6-v2 has it.
std::string normalizer(const char* strip_accents, const char* lowercase, const char* ideographs = "true") {
  return std::string(R"({"model": {"type": "WordPiece"}, "normalizer": {"type": "BertNormalizer", "strip_accents": )") +
         strip_accents + R"(, "lowercase": )" + lowercase + R"(, "handle_chinese_chars": )" + ideographs + "}}";
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_configuration_goes_before_the_normalizer) {
  const Folder folder;
  check(folder("", ""), false, true, true);
  check(folder("{}", "{}"), false, true, true);
  check(folder(R"({"do_lower_case": true, "strip_accents": null, "tokenize_chinese_chars": true})",
               normalizer("null", "true")),
        false, true, true);
  check(folder(R"({"do_lower_case": false})", ""), true, false, true);
  check(folder("", normalizer("null", "false")), true, false, true);
  check(folder("", normalizer("true", "false", "false")), true, true, false);
  check(folder(R"({"do_lower_case": true})", normalizer("null", "false")), false, true, true);
  check(folder(R"({"strip_accents": false, "tokenize_chinese_chars": false})", normalizer("true", "true")), false,
        false, false);
  check(folder("", R"({"model": null, "normalizer": null})"), false, true, true);
}

BOOST_AUTO_TEST_CASE(errors_name_file_and_field) {
  const Folder folder;
  folder.refuses(R"({"do_lower_case": 1})", "", "tokenizer_config.json", "do_lower_case", "true, false or null",
                 "number");
  folder.refuses("", normalizer("\"yes\"", "true"), "tokenizer.json", "strip_accents", "string");
  folder.refuses("[]", "", "tokenizer_config.json", "expected an object, found array");
  folder.refuses("{", "", "tokenizer_config.json");
  folder.refuses("", R"({"model": {"type": "BPE"}})", "tokenizer.json", "model", "\"WordPiece\"", "\"BPE\"");
  folder.refuses("", R"({"model": 3})", "tokenizer.json", "model", "\"WordPiece\"", "3");
  folder.refuses("", R"({"normalizer": {}})", "tokenizer.json", "normalizer", "\"BertNormalizer\"", "null");
}

BOOST_AUTO_TEST_CASE(a_folder_is_a_tokenizer) {
  const Folder folder;
  folder.write(R"({"do_lower_case": false})", "");
  BOOST_CHECK_EXCEPTION(load_tokenizer(folder.folder.path()), DataError, speaks_of("vocab.txt", "No such file"));
  write_plain(folder.folder / "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nA\na\n");
  const std::vector<std::int32_t> cased = {2, 5, 3}, lowered = {2, 6, 3};
  BOOST_CHECK(load_tokenizer(folder.folder.path()).encode("A").ids == cased);
  BOOST_CHECK(load_tokenizer(folder.folder / "vocab.txt").encode("A").ids == lowered);
  BOOST_CHECK(load_tokenizer(folder.folder.path(), {.cased = false}).encode("A").ids == lowered);
}

BOOST_AUTO_TEST_SUITE_END()
