// Paper 2's encoder, and how it is saved.
//
//   nn::CrammedBert bert({.vocabulary = 32768, .width = 768, .blocks = 16, .heads = 12,
//                         .feedforward = {.trees = 1, .depth = 11}});
//   write_safetensors("bert.safetensors", nn::to_safetensors(bert));
//   const auto same = nn::load_crammed_bert("bert.safetensors");
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <canopy/core/safetensors.hpp>
#include <canopy/nn/transformers/token_model.hpp>

namespace canopy::nn {

/// The feedforward part of each block: a dense layer without biases, trees of neurons (TreeFFF), or nothing, which
/// leaves blocks of attention alone.
struct CrammedFeedForward {
  std::int64_t width = 0;  ///< neurons of a dense layer
  std::int64_t trees = 0;  ///< K of paper 2's "KxD", in place of a dense layer
  std::int64_t depth = 0;  ///< and D, edges from root to bottom

  /// In each block: K (2^(D + 1) - 1) of trees.
  std::int64_t neurons() const;
  /// That a token is computed by: K (D + 1) of trees.
  std::int64_t neurons_used() const { return trees > 0 ? trees * (depth + 1) : width; }

  bool operator==(const CrammedFeedForward&) const = default;
};

/// "dense3072", "8x6", "none"
std::string to_string(const CrammedFeedForward& feedforward);
/// The inverse. Throws ConfigError for any other text, and for trees deeper than any machine holds.
CrammedFeedForward crammed_feedforward(std::string_view text);

struct CrammedBertOptions {
  std::int64_t vocabulary = 0;
  std::int64_t width = 0;
  std::int64_t blocks = 0;
  std::int64_t heads = 1;
  CrammedFeedForward feedforward = {};
  Activation activation = Activation::gelu;
  std::optional<std::int32_t> padding = {};  ///< a token whose vector starts at 0
};

/// Numbers that a model of these options trains.
double parameter_count(const CrammedBertOptions& options);

/// crammedBERT (Geiping and Goldstein 2022, https://arxiv.org/abs/2212.14034) as paper 2 released it: norms before each
/// part and behind the last block, with an epsilon of 1e-12, scaled sinusoids, a norm of the embeddings, no biases in
/// attention, dense layers and decoder, whose weights are the word vectors. All matrices start normal with deviation
/// 0.02, biases at 0. Submodules "bert" (a TokenModel) and "head".
class CrammedBert : public Module {
 public:
  /// Throws ConfigError as its parts do.
  explicit CrammedBert(const CrammedBertOptions& options);

  /// [rows, width]
  Variable operator()(const Tokens& tokens) const { return bert_(tokens); }
  /// Logits over the vocabulary of some rows alone (sparse prediction): [number of rows, vocabulary].
  Variable predict(const Tokens& tokens, const Indices& rows) const { return head_(bert_(tokens), rows); }

  const CrammedBertOptions& options() const { return options_; }
  const TokenModel& model() const { return bert_; }

 private:
  CrammedBertOptions options_;
  TokenModel bert_;
  MaskedTokenHead head_;
};

/// The model under the names of the released checkpoints; what its tensors do not show stands in the metadata, with
/// `architecture` = "crammed-bert".
Safetensors to_safetensors(const CrammedBert& bert);
/// A model that was saved so, also as the selected one of a training's checkpoint; in evaluation mode. Throws
/// CheckpointError, with the file, for anything else and for a file that is damaged.
std::unique_ptr<CrammedBert> load_crammed_bert(const std::filesystem::path& file);

}  // namespace canopy::nn
