#include <canopy/datasets/text/bert_tokenizer.hpp>

#include <algorithm>
#include <utility>

#include <canopy/core/error.hpp>
#include <canopy/core/failures.hpp>
#include <canopy/datasets/text/truncation.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

SpecialTokens special_tokens(const Vocabulary& vocabulary) {
  const auto& [padding, unknown, classify, separate, mask] = special_token_names;
  return {.padding = vocabulary.id(padding),
          .unknown = vocabulary.id(unknown),
          .classify = vocabulary.id(classify),
          .separate = vocabulary.id(separate),
          .mask = vocabulary.id(mask)};
}

/// The name of a special token that a text begins with; empty if none.
std::string_view special_at(std::string_view text) {
  for (const std::string_view name : special_token_names) {
    if (text.starts_with(name)) return name;
  }
  return {};
}

/// How many tokens of the texts fit besides `special` ones.
std::size_t room(std::int64_t max_length, std::int64_t special) {
  if (max_length < special) {
    throw ConfigError(fmt::format("BertTokenizer: max_length of at least {} is needed for [CLS] and [SEP], not {}",
                                  special, max_length));
  }
  return static_cast<std::size_t>(max_length - special);
}

}  // namespace

BertTokenizer::BertTokenizer(Vocabulary vocabulary, const TokenizerOptions& options)
    : vocabulary_(std::move(vocabulary)),
      options_(options),
      special_(special_tokens(vocabulary_)),
      basic_(options),
      pieces_(vocabulary_, special_.unknown) {}

Encoding BertTokenizer::encode(std::string_view text, std::int64_t max_length) const {
  const std::size_t most = room(max_length, 2);
  Encoding encoding;
  encoding.ids.push_back(special_.classify);
  append(text, encoding.ids);
  encoding.ids.resize(std::min(encoding.ids.size(), most + 1));
  encoding.ids.push_back(special_.separate);
  encoding.types.resize(encoding.ids.size());
  return encoding;
}

Encoding BertTokenizer::encode(std::string_view text, std::string_view pair, std::int64_t max_length) const {
  const std::size_t most = room(max_length, 3);
  Encoding encoding;
  std::vector<std::int32_t> second;
  encoding.ids.push_back(special_.classify);
  append(text, encoding.ids);
  append(pair, second);
  const auto [first_size, second_size] = datasets::truncated(encoding.ids.size() - 1, second.size(), most);
  encoding.ids.resize(first_size + 1);
  encoding.ids.push_back(special_.separate);
  encoding.types.resize(encoding.ids.size());
  encoding.ids.insert(encoding.ids.end(), second.begin(), second.begin() + static_cast<std::ptrdiff_t>(second_size));
  encoding.ids.push_back(special_.separate);
  encoding.types.resize(encoding.ids.size(), 1);
  return encoding;
}

void BertTokenizer::append(std::string_view text, std::vector<std::int32_t>& ids) const {
  std::size_t begin = 0;  // of what is not yet tokenized
  for (std::size_t i = 0; (i = text.find('[', i)) != std::string_view::npos;) {
    const std::string_view name = special_at(text.substr(i));
    if (name.empty()) {
      ++i;
      continue;
    }
    append_words(text.substr(begin, i - begin), ids);
    ids.push_back(vocabulary_.id(name));
    begin = i += name.size();
  }
  append_words(text.substr(begin), ids);
}

void BertTokenizer::append_words(std::string_view text, std::vector<std::int32_t>& ids) const {
  const datasets::Words words = basic_.words(text);
  for (std::size_t i = 0; i < words.size(); ++i) pieces_.append(words[i], ids);
}

std::string BertTokenizer::decode(std::span<const std::int32_t> ids) const {
  std::string text;
  for (const std::int32_t id : ids) {
    std::string_view token = vocabulary_.token(id);
    if (id == special_.padding || id == special_.classify || id == special_.separate) continue;
    constexpr std::string_view continued = datasets::WordPieces::continued;
    if (token.size() > continued.size() && token.starts_with(continued)) {
      token.remove_prefix(continued.size());
    } else if (!text.empty()) {
      text += ' ';
    }
    text += token;
  }
  return text;
}

BertTokenizer load_tokenizer(const std::filesystem::path& path) {
  return load_tokenizer(path, read_tokenizer_options(path));
}

BertTokenizer load_tokenizer(const std::filesystem::path& path, const TokenizerOptions& options) {
  const auto file =
      failing_as<DataError>(path, [&] { return std::filesystem::is_directory(path) ? path / "vocab.txt" : path; });
  return BertTokenizer(read_vocabulary(file), options);
}

}  // namespace canopy
