#include <canopy/datasets/text/corpus/packing_settings.hpp>

#include <string>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::datasets::packed {

void check(const PackingOptions& options) {
  const std::int64_t least = options.layout == SequenceLayout::framed ? 3 : 1;
  constexpr std::int64_t most = 1 << 20;
  if (options.length < least || options.length > most) {
    throw ConfigError(
        fmt::format("packing: expected a length from {} to {} tokens, found {}", least, most, options.length));
  }
  if (!(options.held_out >= 0 && options.held_out < 1)) {
    throw ConfigError(
        fmt::format("packing: expected a held-out share of at least 0 and below 1, found {}", options.held_out));
  }
  if (options.batch_bytes < 1) {
    throw ConfigError(fmt::format("packing: expected batches of at least 1 byte, found {}", options.batch_bytes));
  }
}

Metadata settings_of(std::span<const std::filesystem::path> files, const BertTokenizer& tokenizer,
                     const PackingOptions& options) {
  const TokenizerOptions& letters = tokenizer.options();
  const SpecialTokens& special = tokenizer.special();
  const auto number = [](std::int64_t value) { return std::to_string(value); };
  const auto flag = [](bool value) { return std::string(value ? "true" : "false"); };
  return {{"format", format_name},
          {"version", format_version},
          {"vocabulary_sha256", vocabulary_digest(tokenizer.vocabulary())},
          {"vocabulary_size", number(tokenizer.vocabulary().size())},
          {"padding_id", number(special.padding)},
          {"unknown_id", number(special.unknown)},
          {"classify_id", number(special.classify)},
          {"separate_id", number(special.separate)},
          {"mask_id", number(special.mask)},
          {"cased", flag(letters.cased)},
          {"strip_accents", flag(letters.strips_accents())},
          {"split_ideographs", flag(letters.split_ideographs)},
          {"sequence_length", number(options.length)},
          {"layout", std::string(to_string(options.layout))},
          {"documents_end", std::string(to_string(options.documents))},
          {"held_out_share", fmt::format("{}", options.held_out)},
          {"text_sha256", corpus_digest(files)}};
}

void require_same(const std::filesystem::path& file, const Metadata& wanted, const Metadata& found) {
  for (const auto& [name, text] : wanted) {
    const auto other = found.find(name);
    if (other != found.end() && other->second == text) continue;
    throw ConfigError(fmt::format("{}: holds text packed with the {} {}, not {}; choose another file, or remove it",
                                  file.string(), name, other == found.end() ? "unknown" : other->second, text));
  }
}

}  // namespace canopy::datasets::packed
