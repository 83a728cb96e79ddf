// canopy fill-mask: what a model puts in place of [MASK].
#include <memory>

#include <canopy/core/threads.hpp>
#include <canopy/experiments/cli/commands.hpp>
#include <canopy/experiments/harness/json.hpp>
#include <canopy/experiments/harness/terminal.hpp>
#include <canopy/experiments/language/bert_text.hpp>

#include <fmt/format.h>

namespace canopy::cli {
namespace {

using harness::Json;

struct FillMaskCommand {
  std::filesystem::path folder;
  std::string text;
  int top = 5;
  bool json = false;
  int threads = hardware_threads();
};

void fill_mask(const FillMaskCommand& options) {
  const ThreadGuard guard(options.threads);
  const language::BertText bert = language::load_bert_text(options.folder);
  const auto masks = language::fill_mask(bert, options.text, options.top);
  Json json = {{"text", options.text}, {"masks", Json::array()}};
  std::string table;
  for (const std::vector<language::Guess>& guesses : masks) {
    Json list = Json::array();
    for (const language::Guess& guess : guesses) {
      list.push_back({{"token", guess.token}, {"id", guess.id}, {"probability", guess.probability}});
      table += fmt::format("{:6.2f} %  {}\n", 100 * guess.probability, guess.token);
    }
    json["masks"].push_back(std::move(list));
    if (json["masks"].size() < masks.size()) table += "\n";
  }
  harness::print(options.json ? harness::to_text(json, 2) + "\n" : table);
}

}  // namespace

void add_fill_mask(CLI::App& app) {
  CLI::App* command = app.add_subcommand("fill-mask", "The likeliest tokens for each [MASK] of a text");
  const auto options = std::make_shared<FillMaskCommand>();
  command->add_option("FOLDER", options->folder, "A BERT of Hugging Face's: config.json, weights, vocab.txt")
      ->required();
  command->add_option("TEXT", options->text, "A text with [MASK] in it")->required();
  command->add_option("--top", options->top, "Tokens for each")->capture_default_str()->check(whole_number(1, 1 << 20));
  command->add_option("--threads", options->threads, "Threads")
      ->capture_default_str()
      ->check(whole_number(1, most_threads));
  command->add_flag("--json", options->json, "Print one JSON value");
  command->callback([options] { fill_mask(*options); });
}

}  // namespace canopy::cli
