#include <canopy/datasets/text/corpus/packing.hpp>

#include <algorithm>
#include <cstring>
#include <random>

#include <canopy/core/error.hpp>
#include <canopy/core/file.hpp>
#include <canopy/core/file_lock.hpp>
#include <canopy/core/safetensors.hpp>
#include <canopy/core/threads.hpp>
#include <canopy/datasets/data_loader.hpp>

#include <datasets/files.hpp>
#include <datasets/packed.hpp>
#include <support/errors.hpp>
#include <support/file_size_limit.hpp>
#include <support/temporary_folder.hpp>

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace canopy;
using namespace canopy::test;
using namespace canopy::datasets;
namespace fs = std::filesystem;

BOOST_AUTO_TEST_SUITE(packing)

namespace {

using Ids = std::vector<std::int32_t>;

/// A text and where it is packed to.
struct Corpus {
  TemporaryFolder folder;
  fs::path text = folder / "text.txt", out = folder / "packed";
  BertTokenizer tokenizer = letters_tokenizer();

  explicit Corpus(const std::string& content) { write_plain(text, content); }

  PackingOutcome pack(const PackingOptions& options, const OnPacked& on_packed = {}) const {
    return pack_text({&text, 1}, tokenizer, out, options, on_packed);
  }
  std::string bytes(const PackingOptions& options) const {
    BOOST_CHECK(pack(options) == PackingOutcome::packed);
    std::string content = read_file(out);
    fs::remove(out);
    return content;
  }
  template <class... Parts>
  void refuses_config(const PackingOptions& options, Parts... parts) const {
    BOOST_CHECK_EXCEPTION(pack(options), ConfigError, speaks_of(parts...));
  }
  template <class... Parts>
  void refuses_data(const PackingOptions& options, Parts... parts) const {
    BOOST_CHECK_EXCEPTION(pack(options), DataError, speaks_of(parts...));
  }
};

Ids ids_of(const PackedSequences& sequences) {
  const Indices ids = whole_batch(sequences);
  return {ids.elements().begin(), ids.elements().end()};
}

/// Documents one after another, each with [SEP] behind it.
Ids stream(const BertTokenizer& tokenizer, const std::vector<std::string>& documents) {
  Ids ids;
  for (const std::string& document : documents) {
    tokenizer.append(document, ids);
    ids.push_back(tokenizer.special().separate);
  }
  return ids;
}

const PackingOptions small{.length = 16, .held_out = 0.2, .batch_bytes = 1000};

}  // namespace

BOOST_AUTO_TEST_CASE(framed_sequences_are_runs_of_the_stream) {
  const Corpus corpus("ab c\nd\n\nefg\n\nh i j k");
  BOOST_CHECK(corpus.pack({.length = 6, .held_out = 0}) == PackingOutcome::packed);
  const PackedText text(corpus.out);
  const Ids all = stream(corpus.tokenizer, {"ab c d", "efg", "h i j k"});
  BOOST_TEST(all.size() == 14u);
  Ids expected;
  for (std::size_t i = 0; i + 4 <= all.size(); i += 4) {
    expected.push_back(2);
    expected.insert(expected.end(), all.begin() + static_cast<std::ptrdiff_t>(i),
                    all.begin() + static_cast<std::ptrdiff_t>(i) + 4);
    expected.push_back(3);
  }
  BOOST_TEST(ids_of(text.training()) == expected, boost::test_tools::per_element());
  BOOST_TEST(text.training().size() == 3);
  BOOST_TEST(text.training().length() == 6);
  BOOST_TEST(text.training().vocabulary_size() == 57);
  BOOST_TEST(text.training().special().mask == 4);
  BOOST_TEST(text.held_out().size() == 0);
  BOOST_TEST(text.metadata().at("training_documents") == "3");
  BOOST_TEST(corpus.folder.entries() == 2);
}

BOOST_AUTO_TEST_CASE(continuous_sequences_are_the_stream_itself) {
  const Corpus corpus("ab c\nd\n\nefg\n\nh i j k");
  corpus.pack({.length = 5, .layout = SequenceLayout::continuous, .documents = DocumentEnd::line, .held_out = 0});
  Ids expected = stream(corpus.tokenizer, {"ab c", "d", "efg", "h i j k"});
  expected.resize(expected.size() / 5 * 5);
  BOOST_TEST(ids_of(PackedText(corpus.out).training()) == expected, boost::test_tools::per_element());
  for (const SequenceLayout layout : {SequenceLayout::framed, SequenceLayout::continuous}) {
    BOOST_CHECK(parse_sequence_layout(to_string(layout)) == layout);
  }
  BOOST_CHECK_EXCEPTION(parse_sequence_layout("x"), ConfigError, speaks_of("framed or continuous", "'x'"));
}

BOOST_AUTO_TEST_CASE(large_vocabularies_take_32_bits) {
  for (const std::int64_t size : {65536, 65537}) {
    std::vector<std::string> tokens(special_token_names.begin(), special_token_names.end());
    while (std::ssize(tokens) < size) tokens.push_back(fmt::format("w{}", tokens.size()));
    const TemporaryFolder folder;
    write_plain(folder / "text", fmt::format("w65535 w6 w{}", size - 1));
    const fs::path input = folder / "text";
    const BertTokenizer tokenizer{Vocabulary(std::move(tokens))};
    pack_text({&input, 1}, tokenizer, folder / "out",
              {.length = 3, .layout = SequenceLayout::continuous, .held_out = 0});
    const PackedText text(folder / "out");
    BOOST_TEST(ids_of(text.training()) == (Ids{65535, 6, static_cast<std::int32_t>(size - 1)}),
               boost::test_tools::per_element());
    // As anyone's library for this format reads it.
    BOOST_TEST(read_safetensors(folder / "out").indices.at("training").data()[0] == 65535);
    text.require(tokenizer.vocabulary());
    BOOST_CHECK_EXCEPTION(text.require(letters_tokenizer().vocabulary()), DataError,
                          speaks_of("out", "another vocabulary", "found 57"));
  }
}

BOOST_AUTO_TEST_CASE(each_document_decides_on_which_side_it_is) {
  const auto held_out = [](const std::string& text, double share) {
    const Corpus corpus(text);
    corpus.pack({.length = 3, .held_out = share});
    const PackedText packed(corpus.out);
    const std::int64_t training = std::stoll(packed.metadata().at("training_documents"));
    const std::int64_t out = std::stoll(packed.metadata().at("held_out_documents"));
    BOOST_TEST(training + out == std::ranges::count(text, '\n') / 2);
    BOOST_TEST(packed.training().size() + packed.held_out().size() == 3 * (training + out));
    return std::pair(out, ids_of(packed.held_out()));
  };
  std::string text;
  const auto add = [&](int number) {
    text +=
        std::string(1, static_cast<char>('a' + number / 26 % 26)) + " " + static_cast<char>('a' + number % 26) + "\n\n";
  };
  for (int i = 0; i < 600; ++i) add(i);
  const auto [count, ids] = held_out(text, 0.1);
  BOOST_TEST(count > 35);
  BOOST_TEST(count < 90);
  // The same again, twice: what comes later changes nothing, and equal documents are on one side.
  const auto [twice, both] = held_out(text + text, 0.1);
  BOOST_TEST(twice == 2 * count);
  Ids repeated = ids;
  repeated.insert(repeated.end(), ids.begin(), ids.end());
  BOOST_TEST(both == repeated, boost::test_tools::per_element());
  // A larger share holds out these and others.
  BOOST_TEST(held_out(text, 0.3).first > count);
  BOOST_TEST(held_out(text, 0).first == 0);
}

BOOST_AUTO_TEST_CASE(the_same_bytes_on_any_threads_and_in_any_batches) {
  const Corpus corpus(documents(60));
  const std::string expected = corpus.bytes(small);
  for (const int threads : {1, 2, 3}) {
    const ThreadGuard guard(threads);
    for (const std::int64_t batch : {300, 1 << 20}) {
      PackingOptions options = small;
      options.batch_bytes = batch;
      BOOST_TEST((corpus.bytes(options) == expected));
    }
  }
  write_plain(corpus.folder / "text.txt", test::gzip(documents(60)));
  BOOST_TEST(corpus.bytes(small).size() == expected.size());  // of another text_sha256
}

BOOST_AUTO_TEST_CASE(the_same_bytes_wherever_it_was_stopped) {
  const Corpus corpus(documents(60));
  const std::string expected = corpus.bytes(small);
  for (int after = 1;; ++after) {
    int batches = 0;
    const PackingOutcome outcome = corpus.pack(small, [&](std::int64_t) { return ++batches != after; });
    if (outcome == PackingOutcome::packed) {
      BOOST_TEST(after > 5);
      break;
    }
    BOOST_CHECK(outcome == PackingOutcome::stopped);
    BOOST_TEST(!fs::exists(corpus.out));
    BOOST_TEST((corpus.bytes(small) == expected));
    BOOST_TEST(corpus.folder.entries() == 1);
  }
}

// Whatever it is doing: reading, writing rows, the journal, the file itself.
BOOST_AUTO_TEST_CASE(the_same_bytes_after_kills_at_random_moments) {
  const Corpus corpus(documents(300));
  const std::string expected = corpus.bytes(small);
  std::mt19937 random(0);
  int killed = 0;
  for (int attempt = 0; killed < 20 && attempt < 400; ++attempt) {
    const pid_t child = fork();
    if (child == 0) {
      corpus.pack(small);
      _exit(0);
    }
    ::usleep(static_cast<useconds_t>(random() % 20'000));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    killed += WIFSIGNALED(status) ? 1 : 0;
    if (!fs::exists(corpus.out)) continue;
    BOOST_TEST((read_file(corpus.out) == expected));
    BOOST_CHECK(corpus.pack(small) == PackingOutcome::already_packed);
    BOOST_TEST(!fs::exists(corpus.folder / "packed.part"));
    fs::remove(corpus.out);
  }
  BOOST_TEST(killed == 20);
  BOOST_TEST((corpus.bytes(small) == expected));
}

BOOST_AUTO_TEST_CASE(a_full_disk_loses_nothing) {
  const Corpus corpus(documents(60));
  const std::string expected = corpus.bytes(small);
  for (const rlim_t most : {100u, 700u, 2000u, 5000u}) {
    const FileSizeLimit limit(most);
    BOOST_CHECK_EXCEPTION(corpus.pack(small), Error, speaks_of("packed", "File too large"));
  }
  BOOST_TEST((corpus.bytes(small) == expected));
}

BOOST_AUTO_TEST_CASE(packed_once) {
  const Corpus corpus(documents(20));
  corpus.pack(small);
  const std::string before = read_file(corpus.out);
  BOOST_CHECK(corpus.pack(small) == PackingOutcome::already_packed);
  const auto other = [&](auto change, const char* name) {
    PackingOptions options = small;
    change(options);
    corpus.refuses_config(options, "packed", name, "choose another file");
  };
  other([](PackingOptions& options) { options.length = 17; }, "sequence_length 16, not 17");
  other([](PackingOptions& options) { options.held_out = 0.25; }, "held_out_share 0.2, not 0.25");
  other([](PackingOptions& options) { options.layout = SequenceLayout::continuous; }, "layout framed, not continuous");
  other([](PackingOptions& options) { options.documents = DocumentEnd::file; }, "documents_end blank-line, not file");
  const BertTokenizer cased(corpus.tokenizer.vocabulary(), {.cased = true});
  BOOST_CHECK_EXCEPTION(pack_text({&corpus.text, 1}, cased, corpus.out, small), ConfigError,
                        speaks_of("cased false, not true"));
  write_plain(corpus.text, documents(21));
  corpus.refuses_config(small, "text_sha256");
  BOOST_TEST((read_file(corpus.out) == before));
}

BOOST_AUTO_TEST_CASE(a_flipped_bit_in_any_byte_is_found) {
  const Corpus corpus("ab c\nd\n\nefg\n\nh i j k");
  corpus.pack({.length = 6, .held_out = 0.3});
  const std::string good = read_file(corpus.out);
  const auto refused = [&](const std::string& content) {
    write_plain(corpus.out, content);
    BOOST_CHECK_EXCEPTION(PackedText(corpus.out), DataError, speaks_of("packed"));
  };
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string damaged = good;
    damaged[i] = static_cast<char>(damaged[i] ^ 1 << (i + i / 8) % 8);
    refused(damaged);
  }
  for (std::size_t size = 0; size < good.size(); size += 7) refused(good.substr(0, size));
  refused(good + "x");
}

BOOST_AUTO_TEST_CASE(files_of_other_kinds_are_refused_and_stay) {
  const Corpus corpus("ab c\nd\n\nefg\n\nh i j k");
  for (const std::string content : {"", "some notes", "{}"}) {
    write_plain(corpus.out, content);
    corpus.refuses_data(small, "packed");
    BOOST_TEST(read_file(corpus.out) == content);
  }
  write_safetensors(corpus.out, {.indices = {{"training", Indices({1, 2}, {3, 4})}}});
  corpus.refuses_data(small, "packed", "expected text as canopy packs it");
  write_safetensors(corpus.out, {.metadata = {{"format", "canopy packed text"}, {"version", "2"}},
                                 .indices = {{"training", Indices({1, 2}, {3, 4})}}});
  corpus.refuses_data(small, "packed", "version 1, found version 2");
  write_safetensors(corpus.out, {.metadata = {{"format", "canopy packed text"}, {"version", "1"}},
                                 .indices = {{"training", Indices({1, 2}, {3, 4})}}});
  corpus.refuses_data(small, "packed", "sequence_length");
  fs::remove(corpus.out);
  BOOST_CHECK_EXCEPTION(PackedText(corpus.out), DataError, speaks_of("packed", "No such file"));
}

BOOST_AUTO_TEST_CASE(what_is_unfinished_is_checked) {
  const Corpus corpus(documents(60));
  const auto stop = [&] {
    fs::remove_all(corpus.folder / "packed.part");
    BOOST_CHECK(corpus.pack(small, [](std::int64_t bytes) { return bytes < 3000; }) == PackingOutcome::stopped);
  };
  stop();
  PackingOptions longer = small;
  longer.length = 32;
  corpus.refuses_config(longer, "packed.part", "sequence_length 16, not 32");
  write_plain(corpus.folder / "packed.part/training", "short");
  corpus.refuses_data(small, "packed.part/training", "found 5");
  for (const char* journal : {"", "{}", "[]", "{\"settings\": 3}"}) {
    stop();
    write_plain(corpus.folder / "packed.part/journal.json", journal);
    corpus.refuses_data(small, "journal.json");
  }
  stop();
  const FileLock lock(corpus.folder / "packed.part/lock");
  corpus.refuses_config(small, "packed.part/lock", "another process");
}

BOOST_AUTO_TEST_CASE(misuse_and_too_little_text) {
  const Corpus corpus("a b\n\nc d e");
  corpus.refuses_config({.length = 2}, "length from 3", "found 2");
  corpus.refuses_config({.length = 0, .layout = SequenceLayout::continuous}, "length from 1", "found 0");
  corpus.refuses_config({.held_out = 1}, "held-out share", "found 1");
  corpus.refuses_config({.held_out = NAN}, "held-out share", "found nan");
  corpus.refuses_config({.batch_bytes = 0}, "batches", "found 0");
  corpus.refuses_data({.length = 10, .held_out = 0}, "packed", "one sequence of 10 tokens", "found 7 tokens");
  BOOST_TEST(corpus.folder.entries() == 1);
  BOOST_CHECK(corpus.pack({.length = 9, .held_out = 0}) == PackingOutcome::packed);
  fs::remove(corpus.out);
  write_plain(corpus.text, std::string("a\0b", 3));
  corpus.refuses_data({.held_out = 0}, "text.txt", "zero byte");
  fs::remove(corpus.text);
  corpus.refuses_data({.held_out = 0}, "text.txt", "no such file");
}

BOOST_AUTO_TEST_CASE(sequences_are_a_data_set) {
  const Corpus corpus(documents(60));
  corpus.pack(small);
  const PackedSequences training = PackedText(corpus.out).training();  // which outlives the text
  const Ids all = ids_of(training);
  std::int64_t seen = 0;
  for (const Indices& ids : DataLoader(training, {.batch_size = 7, .prefetch = 2})) {
    for (const std::int32_t id : ids.elements()) BOOST_REQUIRE(id == all[static_cast<std::size_t>(seen++)]);
  }
  BOOST_TEST(seen == std::ssize(all));
  for (const std::int64_t index : {std::int64_t{-1}, training.size()}) {
    BOOST_CHECK_EXCEPTION(training.batch({&index, 1}), Error,
                          speaks_of("expected a sequence from 0", std::to_string(index)));
  }
}

BOOST_AUTO_TEST_SUITE_END()
