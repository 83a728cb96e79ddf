#include <canopy/datasets/text/vocabulary.hpp>

#include <canopy/core/error.hpp>
#include <canopy/datasets/text/bert_tokenizer.hpp>

#include <datasets/files.hpp>
#include <support/errors.hpp>
#include <support/temporary_folder.hpp>

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(vocabulary)

namespace {

struct File {
  TemporaryFolder folder;
  std::filesystem::path path = folder / "vocab.txt";

  Vocabulary operator()(const std::string& content) const {
    write_plain(path, content);
    return read_vocabulary(path);
  }
  template <class... Parts>
  void refuses(const std::string& content, Parts... parts) const {
    write_plain(path, content);
    BOOST_CHECK_EXCEPTION(load_tokenizer(path), DataError, speaks_of("vocab.txt", parts...));
  }
};

const std::string special = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";

}  // namespace

BOOST_AUTO_TEST_CASE(a_token_a_line) {
  const File file;
  for (const char* content : {"a\nb c\n\xc3\xa9", "a\nb c\n\xc3\xa9\n", "a\r\nb c\r\n\xc3\xa9\r\n"}) {
    const Vocabulary tokens = file(content);
    BOOST_TEST(tokens.tokens() == (std::vector<std::string>{"a", "b c", "\xc3\xa9"}), boost::test_tools::per_element());
    BOOST_TEST(tokens.size() == 3);
    BOOST_TEST(tokens.token(1) == "b c");
    BOOST_TEST(tokens.find("\xc3\xa9").value() == 2);
    BOOST_TEST(tokens.id("a") == 0);
    BOOST_TEST(!tokens.find("b").has_value());
  }
  BOOST_TEST(file("a\xe2\x80\xa8\nb\n").size() == 2);  // U+2028 ends no line
  BOOST_TEST(file(test::gzip("a\nb\n")).size() == 2);
}

BOOST_AUTO_TEST_CASE(survives_copies_and_moves) {
  Vocabulary first({"a", "b"});
  const Vocabulary copy = first;
  const Vocabulary moved = std::move(first);
  BOOST_TEST(copy.id("b") == 1);
  BOOST_TEST(moved.token(0) == "a");
}

BOOST_AUTO_TEST_CASE(errors_name_file_and_line) {
  const File file;
  file.refuses("", "expected tokens", "none");
  file.refuses(special + "\na\n", "line 6", "expected a token", "empty line");
  file.refuses(special + "a\nb\n[CLS]\n", "line 8", "'[CLS]'", "line 3");
  file.refuses(special + "a\n\xff\n", "line 7", "UTF-8");
  file.refuses("a\nb\n", "expected a line '[PAD]'");
  file.refuses("[PAD]\n[UNK]\n[CLS]\n[SEP]\n", "expected a line '[MASK]'");
  BOOST_CHECK_EXCEPTION(read_vocabulary(file.folder / "no.txt"), DataError, speaks_of("no.txt", "No such file"));
  BOOST_CHECK_EXCEPTION(load_tokenizer(file.folder / "no"), DataError, speaks_of("no", "No such file"));
}

BOOST_AUTO_TEST_CASE(ids_out_of_range) {
  const Vocabulary tokens({"a", "b"}, "two.txt");
  BOOST_CHECK_EXCEPTION(tokens.token(2), Error, says("two.txt: expected an id from 0 to 1, found 2"));
  BOOST_CHECK_EXCEPTION(tokens.token(-1), Error, says("two.txt: expected an id from 0 to 1, found -1"));
}

BOOST_AUTO_TEST_SUITE_END()
