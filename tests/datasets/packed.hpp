// Small packed texts.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <canopy/datasets/text/corpus/packing.hpp>

namespace canopy::test {

/// The special tokens, the letters, and these inside of words.
inline BertTokenizer letters_tokenizer() {
  std::vector<std::string> tokens(special_token_names.begin(), special_token_names.end());
  for (char letter = 'a'; letter <= 'z'; ++letter) tokens.emplace_back(1, letter);
  for (char letter = 'a'; letter <= 'z'; ++letter) tokens.push_back("##" + std::string(1, letter));
  return BertTokenizer(Vocabulary(std::move(tokens)));
}

/// Documents of different words, some short, some of many sequences, with blank lines between.
inline std::string documents(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    for (int j = i * i % 97; j >= 0; --j)
      text += std::string(1, static_cast<char>('a' + (i + j) % 26)) + (j % 5 ? "xy " : "\n");
    text += "end\n\n";
  }
  return text;
}

}  // namespace canopy::test
