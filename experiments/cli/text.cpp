// canopy text: what a language model reads.
#include <limits>
#include <memory>

#include <canopy/core/failures.hpp>
#include <canopy/datasets/base64.hpp>
#include <canopy/datasets/text/bert_tokenizer.hpp>
#include <canopy/experiments/cli/commands.hpp>
#include <canopy/experiments/harness/json.hpp>
#include <canopy/experiments/harness/line_input.hpp>
#include <canopy/experiments/harness/terminal.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::cli {
namespace {

using harness::Json;

struct TokenizeCommand {
  std::filesystem::path tokenizer;
  bool cased = false;
  int max_length = 0;  // 0: unlimited
};

/// The text in a field; none where there is no such field.
std::optional<std::string> text_in(const Json& line, const char* field) {
  const auto found = line.find(field);
  if (found == line.end()) return std::nullopt;
  if (found->is_string()) return found->get<std::string>();
  throw DataError(fmt::format("{}: expected text, found {}", field, found->type_name()));
}

/// The text of a line, or its bytes.
std::string bytes_in(const Json& line) {
  const std::optional<std::string> text = text_in(line, "text"), base64 = text_in(line, "base64");
  if (text.has_value() == base64.has_value()) {
    throw DataError(fmt::format("expected a field text, or base64 in its place, found {}", text ? "both" : "neither"));
  }
  if (text) return *text;
  if (const std::optional<std::string> bytes = datasets::decode_base64(*base64)) return *bytes;
  throw DataError("base64: expected base64 with its padding, found other text");
}

Json parsed(const std::string& line) {
  if (line.empty()) throw DataError("expected an object, found an empty line");
  Json json = Json::parse(line);
  if (!json.is_object()) throw DataError(fmt::format("expected an object, found {}", json.type_name()));
  return json;
}

std::string encoded(const BertTokenizer& tokenizer, const std::string& line, std::int64_t max_length) {
  const Json json = parsed(line);
  const std::string text = bytes_in(json);
  const std::optional<std::string> pair = text_in(json, "pair");
  const Encoding encoding = pair ? tokenizer.encode(text, *pair, max_length) : tokenizer.encode(text, max_length);
  return fmt::format("{{\"ids\":[{}],\"types\":[{}]}}\n", fmt::join(encoding.ids, ","), fmt::join(encoding.types, ","));
}

void tokenize(const TokenizeCommand& command) {
  const BertTokenizer tokenizer = tokenizer_of(command.tokenizer, command.cased);
  const std::int64_t max_length = command.max_length > 0 ? command.max_length : BertTokenizer::unlimited;
  constexpr std::size_t enough = 1 << 16;
  harness::LineInput input;
  std::string line, answers;
  const auto print_answers = [&] {
    harness::print(answers);
    answers.clear();
  };
  while (input.next(line)) {
    try {
      answers += encoded(tokenizer, line, max_length);
    } catch (const ConfigError& error) {
      print_answers();
      throw ConfigError(fmt::format("standard input: line {}: {}", input.number(), error.what()));
    } catch (const std::exception&) {
      print_answers();
      throw DataError(fmt::format("standard input: line {}: {}", input.number(), describe_failure()));
    }
    if (answers.size() >= enough || !input.is_ready()) print_answers();
  }
  print_answers();
}

}  // namespace

BertTokenizer tokenizer_of(const std::filesystem::path& vocabulary, bool cased) {
  TokenizerOptions options = read_tokenizer_options(vocabulary);
  if (cased) options.cased = true;
  return load_tokenizer(vocabulary, options);
}

void add_text(CLI::App& app) {
  CLI::App* command = app.add_subcommand("text", "Text as language models read it");
  command->require_subcommand(1);
  const auto options = std::make_shared<TokenizeCommand>();
  CLI::App* tokenizing = command->add_subcommand(
      "tokenize",
      "Ids by BERT's tokenizer of each line of stdin: {\"text\" or \"base64\", and \"pair\" if there is one}");
  tokenizing
      ->add_option("TOKENIZER", options->tokenizer, "A vocab.txt, or a folder with it and the settings of Hugging Face")
      ->required();
  tokenizing->add_flag("--cased", options->cased, "Keep capital letters, and accents unless the folder says otherwise");
  tokenizing->add_option("--max-length", options->max_length, "Cut each answer to so many tokens")
      ->check(whole_number(2, std::numeric_limits<int>::max()));
  tokenizing->callback([options] { tokenize(*options); });
  add_text_vocabulary(*command);
  add_text_pack(*command);
}

}  // namespace canopy::cli
