// canopy embed: sentences as vectors.
#include <memory>
#include <optional>

#include <canopy/core/threads.hpp>
#include <canopy/experiments/cli/commands.hpp>
#include <canopy/experiments/harness/json.hpp>
#include <canopy/experiments/harness/line_input.hpp>
#include <canopy/experiments/harness/terminal.hpp>
#include <canopy/experiments/language/bert_text.hpp>

namespace canopy::cli {
namespace {

using harness::Json;

struct EmbedCommand {
  std::filesystem::path folder;
  std::vector<std::string> texts;
  std::optional<int> max_length = {};
  bool raw = false;
  int threads = hardware_threads();
};

void print_embeddings(const language::BertText& bert, const EmbedCommand& options, std::span<const std::string> texts) {
  const std::vector<Encoding> encodings = language::encode(bert, texts, {}, options.max_length);
  const Tensor embeddings = language::sentence_embeddings(bert, encodings, !options.raw);
  const auto width = static_cast<std::size_t>(embeddings.extent(1));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::span<const float> vector = embeddings.elements().subspan(i * width, width);
    harness::print(
        harness::to_text(Json{{"text", texts[i]}, {"embedding", std::vector(vector.begin(), vector.end())}}) + "\n");
  }
}

void embed(const EmbedCommand& options) {
  const ThreadGuard guard(options.threads);
  const language::BertText bert = language::load_bert_text(options.folder);
  if (!options.texts.empty()) return print_embeddings(bert, options, options.texts);
  constexpr std::size_t enough = 256;
  harness::LineInput input;
  std::vector<std::string> lines;
  for (std::string line; input.next(line);) {
    lines.push_back(line);
    if (lines.size() < enough && input.is_ready()) continue;
    print_embeddings(bert, options, lines);
    lines.clear();
  }
  print_embeddings(bert, options, lines);
}

}  // namespace

void add_embed(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "embed", "Sentences as vectors, the mean over their tokens: a JSON line {\"text\", \"embedding\"} for each");
  const auto options = std::make_shared<EmbedCommand>();
  command->add_option("FOLDER", options->folder, "A BERT of Hugging Face's: config.json, weights, vocab.txt")
      ->required();
  command->add_option("TEXT", options->texts, "Sentences; without one, the lines of stdin");
  command
      ->add_option("--max-length", options->max_length,
                   "Cut each sentence to so many tokens (128, or what the model has positions for)")
      ->check(whole_number(2, 1 << 20));
  command->add_flag("--raw", options->raw, "Do not divide by the vectors' lengths");
  command->add_option("--threads", options->threads, "Threads")
      ->capture_default_str()
      ->check(whole_number(1, most_threads));
  command->callback([options] { embed(*options); });
}

}  // namespace canopy::cli
