// canopy text pack: text as sequences of tokens in one file, for training on it.
#include <memory>
#include <optional>

#include <canopy/core/threads.hpp>
#include <canopy/datasets/text/corpus/packing.hpp>
#include <canopy/experiments/cli/commands.hpp>
#include <canopy/experiments/cli/text_display.hpp>
#include <canopy/experiments/harness/json.hpp>
#include <canopy/experiments/harness/stop_signals.hpp>
#include <canopy/experiments/harness/terminal.hpp>

#include <fmt/format.h>

namespace canopy::cli {
namespace {

using datasets::PackingOutcome;

struct PackCommand {
  std::vector<std::filesystem::path> inputs;
  std::filesystem::path vocabulary, out;
  int length = 128;
  double held_out = 0.01;
  std::string layout = "framed", documents = "blank-line";
  bool cased = false, json = false;
  int threads = hardware_threads();
};

PackingOutcome pack(const PackCommand& command, const BertTokenizer& tokenizer) {
  const harness::StopSignals signals;
  TextDisplay display;
  return datasets::pack_text(command.inputs, tokenizer, command.out,
                             {.length = command.length,
                              .layout = datasets::parse_sequence_layout(command.layout),
                              .documents = datasets::parse_document_end(command.documents),
                              .held_out = command.held_out},
                             [&](std::int64_t bytes) {
                               display.show(bytes);
                               return signals.count() == 0;
                             });
}

void print(const PackCommand& command, bool was_there) {
  const PackedText text(command.out);
  const auto documents = [&](const char* name) { return std::stoll(text.metadata().at(name)); };
  const harness::Json json = {{"file", command.out.string()},
                              {"already_packed", was_there},
                              {"sequence_length", text.training().length()},
                              {"vocabulary_size", text.training().vocabulary_size()},
                              {"training_sequences", text.training().size()},
                              {"training_documents", documents("training_documents")},
                              {"held_out_sequences", text.held_out().size()},
                              {"held_out_documents", documents("held_out_documents")}};
  if (command.json) return harness::print(harness::to_text(json, 2) + "\n");
  harness::print(fmt::format(
      "{}: {}{} sequences of {} tokens from {} documents for training, {} from {} documents held out\n",
      command.out.string(), was_there ? "already packed: " : "", text.training().size(), text.training().length(),
      documents("training_documents"), text.held_out().size(), documents("held_out_documents")));
}

void run(const PackCommand& command) {
  const ThreadGuard guard(command.threads);
  const BertTokenizer tokenizer = tokenizer_of(command.vocabulary, command.cased);
  const PackingOutcome outcome = pack(command, tokenizer);
  if (outcome == PackingOutcome::stopped) {
    throw Failed("interrupted, what is packed is kept; the same command continues", 130);
  }
  print(command, outcome == PackingOutcome::already_packed);
}

}  // namespace

void add_text_pack(CLI::App& text) {
  CLI::App* command = text.add_subcommand(
      "pack", "Make sequences of tokens of a text, once, for trainings: one file, of any size, resumed after a stop");
  const auto options = std::make_shared<PackCommand>();
  command->add_option("INPUT", options->inputs, "Text, plain or gzipped, or folders with .txt and .gz files")
      ->required();
  command
      ->add_option("--vocabulary", options->vocabulary,
                   "A vocab.txt, or a folder with it and the settings of Hugging Face")
      ->required();
  command->add_option("--out", options->out, "The file to write")->required();
  command->add_option("--length", options->length, "Tokens of a sequence")
      ->capture_default_str()
      ->check(whole_number(1, 1 << 20));
  command
      ->add_option("--held-out", options->held_out,
                   "The share of the documents that is held out from training, which each decides by itself")
      ->capture_default_str();
  command
      ->add_option("--layout", options->layout,
                   "framed: each sequence between [CLS] and [SEP]; continuous: without. [SEP] ends every document")
      ->capture_default_str();
  command->add_option("--documents", options->documents, "A document ends at each blank-line, line or file")
      ->capture_default_str();
  command->add_flag("--cased", options->cased, "Keep capital letters, and accents unless the folder says otherwise");
  command->add_option("--threads", options->threads, "Threads")
      ->capture_default_str()
      ->check(whole_number(1, most_threads));
  command->add_flag("--json", options->json, "Print one JSON value");
  command->footer("Example: canopy text pack novels.txt.gz wikipedia/ --vocabulary vocab.txt --out corpus.tokens");
  command->callback([options] { run(*options); });
}

}  // namespace canopy::cli
