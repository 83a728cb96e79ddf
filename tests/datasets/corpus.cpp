#include <canopy/datasets/text/corpus/corpus.hpp>

#include <algorithm>
#include <cctype>

#include <canopy/core/error.hpp>
#include <canopy/core/threads.hpp>
#include <canopy/datasets/text/corpus/word_counts.hpp>

#include <datasets/files.hpp>
#include <support/errors.hpp>
#include <support/temporary_folder.hpp>

#include <fmt/format.h>

using namespace canopy;
using namespace canopy::test;
using namespace canopy::datasets;
namespace fs = std::filesystem;

BOOST_AUTO_TEST_SUITE(corpus)

namespace {

using Texts = std::vector<std::string>;
using Paths = std::vector<fs::path>;

Paths files_of(const Paths& inputs) { return corpus_files(inputs); }

std::vector<TextPiece> pieces_of(const Paths& inputs, DocumentEnd end = DocumentEnd::blank_line) {
  CorpusReader reader(files_of(inputs), end);
  std::vector<TextPiece> pieces;
  while (std::optional<TextPiece> piece = reader.next()) pieces.push_back(std::move(*piece));
  return pieces;
}

Texts documents_of(const Paths& inputs, DocumentEnd end = DocumentEnd::blank_line) {
  Texts documents;
  for (const TextPiece& piece : pieces_of(inputs, end)) {
    if (piece.begins_document) documents.emplace_back();
    documents.back() += piece.text;
  }
  return documents;
}

void check(const Texts& found, const Texts& expected) {
  BOOST_TEST(found == expected, boost::test_tools::per_element());
}

}  // namespace

BOOST_AUTO_TEST_CASE(folders_give_their_texts_in_order) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "a/b");
  for (const char* file : {"b.txt", "a/z.txt", "a/b/c.txt.gz", "a/table.tsv", "a/.x.tmp", "odd"}) {
    write_plain(folder / file, "");
  }
  fs::create_directories(folder / "a/folder.txt");
  fs::create_directory_symlink(folder / "a", folder / "a/circle");
  BOOST_TEST((files_of({folder.path()}) == Paths{folder / "a/b/c.txt.gz", folder / "a/z.txt", folder / "b.txt"}));
  BOOST_TEST((files_of({folder / "odd", folder / "b.txt", folder / "odd"}) ==
              Paths{folder / "odd", folder / "b.txt", folder / "odd"}));
  BOOST_CHECK_EXCEPTION(files_of({folder / "none"}), DataError, speaks_of("/none", "no such file"));
  BOOST_CHECK_EXCEPTION(files_of({folder / "a/folder.txt"}), DataError, speaks_of("folder.txt", ".txt or .gz"));
}

BOOST_AUTO_TEST_CASE(documents_end_where_the_option_says) {
  const TemporaryFolder folder;
  write_plain(folder / "a", "\n \t\none\n two\r\n\r\nthree\n\n\n  \n\nfour");
  write_plain(folder / "b.gz", test::gzip("five\n"));
  write_plain(folder / "c", " \n\n");
  const Paths all = {folder / "a", folder / "b.gz", folder / "c"};
  check(documents_of(all), {"one\n two\r\n", "three\n", "four\n", "five\n"});
  check(documents_of(all, DocumentEnd::line), {"one\n", " two\r\n", "three\n", "four\n", "five\n"});
  check(documents_of(all, DocumentEnd::file), {"one\n two\r\nthree\nfour\n", "five\n"});
  check(documents_of({folder / "c"}), {});
  check(documents_of({}), {});
  for (const DocumentEnd end : {DocumentEnd::blank_line, DocumentEnd::line, DocumentEnd::file}) {
    BOOST_CHECK(parse_document_end(to_string(end)) == end);
  }
  BOOST_CHECK_EXCEPTION(parse_document_end("page"), ConfigError, speaks_of("blank-line, line or file", "'page'"));
}

// Lines around the size of a piece, with and without white space in them: no text is lost, and no word is cut that
// has white space around it.
BOOST_AUTO_TEST_CASE(long_documents_come_in_pieces) {
  const TemporaryFolder folder;
  constexpr std::size_t full = CorpusReader::piece_bytes;
  std::string words;
  while (words.size() < 3 * full) words += fmt::format("word{}{}", words.size(), words.size() % 3 == 0 ? "  " : " ");
  for (const std::size_t size : {full - 1, full, full + 1, 2 * full, 3 * full}) {
    for (const std::string& line : {words.substr(0, size - 1) + "x", std::string(size, 'x')}) {
      write_plain(folder / "a", line + "\nmore\n\nlast");
      const std::vector<TextPiece> pieces = pieces_of({folder / "a"});
      std::string document;
      for (std::size_t i = 0; i + 1 < pieces.size(); ++i) {
        BOOST_TEST(pieces[i].begins_document == (i == 0));
        BOOST_TEST(pieces[i].text.size() < 2 * full);
        if (line.find(' ') != std::string::npos && i + 2 < pieces.size())
          BOOST_TEST(std::isspace(pieces[i].text.back()));
        document += pieces[i].text;
      }
      BOOST_TEST((document == line + "\nmore\n"));
      BOOST_TEST(pieces.back().text == "last\n");
      BOOST_TEST(pieces.back().begins_document);
    }
  }
  // Characters of three bytes, cut where none is.
  std::string ideographs = "x";
  while (ideographs.size() < 2 * full) ideographs += "\xe4\xb8\x80";
  write_plain(folder / "a", ideographs);
  const std::vector<TextPiece> pieces = pieces_of({folder / "a"}, DocumentEnd::line);
  BOOST_TEST(pieces.size() == 2u);
  for (const TextPiece& piece : pieces) BOOST_TEST((static_cast<unsigned char>(piece.text[0]) & 0xc0) != 0x80);
}

BOOST_AUTO_TEST_CASE(batches_are_the_same_pieces) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 100; ++i) text += fmt::format("document {}\n\n", i);
  write_plain(folder / "a", text);
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{50}, std::size_t{1} << 20}) {
    CorpusReader reader({folder / "a"}, DocumentEnd::blank_line);
    Texts found;
    for (;;) {
      const std::vector<TextPiece> batch = reader.next(bytes);
      if (batch.empty()) break;
      for (const TextPiece& piece : batch) found.push_back(piece.text);
    }
    check(found, documents_of({folder / "a"}));
    BOOST_TEST(reader.bytes() == 100 * 12 - 10);
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_text_is_refused) {
  const TemporaryFolder folder;
  write_plain(folder / "utf16", std::string("good\na\0b\0", 9));
  BOOST_CHECK_EXCEPTION(pieces_of({folder / "utf16"}), DataError, speaks_of("utf16", "at byte 6", "zero byte"));
  const std::string packed = test::gzip(std::string(5000, 'x'));
  write_plain(folder / "a.gz", packed.substr(0, packed.size() - 3));
  BOOST_CHECK_EXCEPTION(pieces_of({folder / "a.gz"}), DataError, speaks_of("a.gz", "truncated"));
  write_plain(folder / "b.gz", "plain");
  BOOST_CHECK_EXCEPTION(pieces_of({folder / "b.gz"}), DataError, speaks_of("b.gz", "1f 8b"));
}

BOOST_AUTO_TEST_CASE(digests_tell_texts_apart) {
  const TemporaryFolder folder;
  write_plain(folder / "a", "ab");
  write_plain(folder / "b", "c");
  write_plain(folder / "c", "a");
  write_plain(folder / "d", "bc");
  const auto digest = [&](const Paths& files) { return corpus_digest(files); };
  BOOST_TEST(digest({folder / "a", folder / "b"}) == digest({folder / "a", folder / "b"}));
  BOOST_TEST(digest({folder / "a", folder / "b"}) != digest({folder / "b", folder / "a"}));
  BOOST_TEST(digest({folder / "a", folder / "b"}) != digest({folder / "c", folder / "d"}));
  BOOST_CHECK_EXCEPTION(digest({folder / "none"}), DataError, speaks_of("/none", "No such file"));
}

BOOST_AUTO_TEST_CASE(words_are_counted_as_the_tokenizer_sees_them) {
  const TemporaryFolder folder;
  const std::string long_word(101, 'x'), word(100, 'y');
  write_plain(folder / "a", "A caf\xc3\xa9, a Caf\xc3\xa9.\n" + long_word + " " + word + "\n\na");
  const WordCounts lowered = count_words({{folder / "a"}, DocumentEnd::file}, {});
  BOOST_TEST((lowered == WordCounts{{"a", 3}, {"cafe", 2}, {",", 1}, {".", 1}, {word, 1}}));
  const WordCounts cased = count_words({{folder / "a"}, DocumentEnd::file}, {.cased = true});
  BOOST_TEST(
      (cased == WordCounts{{"A", 1}, {"a", 2}, {"caf\xc3\xa9", 1}, {"Caf\xc3\xa9", 1}, {",", 1}, {".", 1}, {word, 1}}));
}

BOOST_AUTO_TEST_CASE(the_same_counts_on_any_number_of_threads) {
  const TemporaryFolder folder;
  std::string text;
  for (std::int64_t i = 0; i < 300'000; ++i) text += fmt::format("word{} ", i * i % 1013);
  write_plain(folder / "a", text);
  const auto counts_on = [&](int threads) {
    const ThreadGuard guard(threads);
    std::int64_t bytes = 0;
    WordCounts counts =
        count_words({{folder / "a", folder / "a"}, DocumentEnd::file}, {}, [&](std::int64_t read) { bytes = read; });
    BOOST_TEST(bytes == 2 * (std::ssize(text) + 1));
    return counts;
  };
  const WordCounts one = counts_on(1);
  BOOST_TEST((counts_on(2) == one));
  BOOST_TEST((counts_on(3) == one));
}

BOOST_AUTO_TEST_SUITE_END()
