// canopy text vocabulary: a vocabulary of word pieces that suits a text.
#include <limits>
#include <memory>

#include <canopy/core/threads.hpp>
#include <canopy/datasets/text/corpus/vocabulary_training.hpp>
#include <canopy/experiments/cli/commands.hpp>
#include <canopy/experiments/cli/text_display.hpp>
#include <canopy/experiments/harness/json.hpp>
#include <canopy/experiments/harness/terminal.hpp>

#include <fmt/format.h>

namespace canopy::cli {
namespace {

struct VocabularyCommand {
  std::vector<std::filesystem::path> inputs;
  std::filesystem::path out;
  int size = 0, characters = 1000, least_count = 2;
  bool cased = false, json = false;
  int threads = hardware_threads();
};

datasets::WordCounts words_in(const VocabularyCommand& command) {
  TextDisplay display;
  return datasets::count_words({datasets::corpus_files(command.inputs), datasets::DocumentEnd::file},
                               {.cased = command.cased}, [&](std::int64_t bytes) { display.show(bytes); });
}

void train(const VocabularyCommand& command) {
  const ThreadGuard guard(command.threads);
  const datasets::WordCounts words = words_in(command);
  const Vocabulary vocabulary = datasets::train_vocabulary(
      words, {.size = command.size, .characters = command.characters, .least_count = command.least_count});
  datasets::write_vocabulary(command.out, vocabulary);
  if (command.json) {
    return harness::print(harness::to_text(harness::Json{{"file", command.out.string()},
                                                         {"tokens", vocabulary.size()},
                                                         {"different_words", words.size()}},
                                           2) +
                          "\n");
  }
  harness::print(fmt::format("{}: {} tokens for {} different words{}\n", command.out.string(), vocabulary.size(),
                             words.size(), vocabulary.size() < command.size ? ", all that come often enough" : ""));
}

}  // namespace

void add_text_vocabulary(CLI::App& text) {
  CLI::App* command = text.add_subcommand("vocabulary", "Find word pieces (WordPiece) that suit a text: a vocab.txt");
  const auto options = std::make_shared<VocabularyCommand>();
  command->add_option("INPUT", options->inputs, "Text, plain or gzipped, or folders with .txt and .gz files")
      ->required();
  command->add_option("--size", options->size, "Tokens, at most, the five special ones among them")
      ->required()
      ->check(whole_number(1, std::numeric_limits<int>::max()));
  command->add_option("--out", options->out, "The file to write, a token a line")->required();
  command->add_flag("--cased", options->cased, "Keep capital letters and accents");
  command
      ->add_option("--characters", options->characters,
                   "Characters that get tokens, the most frequent ones; words with others are [UNK]")
      ->capture_default_str()
      ->check(whole_number(1, 1 << 21));
  command->add_option("--least-count", options->least_count, "Join no pieces that stand together less often")
      ->capture_default_str()
      ->check(whole_number(1, std::numeric_limits<int>::max()));
  command->add_option("--threads", options->threads, "Threads")
      ->capture_default_str()
      ->check(whole_number(1, most_threads));
  command->add_flag("--json", options->json, "Print one JSON value");
  command->footer("Example: canopy text vocabulary novels.txt.gz wikipedia/ --size 8192 --out vocab.txt");
  command->callback([options] { train(*options); });
}

}  // namespace canopy::cli
