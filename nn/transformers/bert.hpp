// BERT in a folder as Hugging Face's libraries read and write it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <canopy/nn/transformers/bert_config.hpp>
#include <canopy/nn/transformers/token_model.hpp>

namespace canopy::nn {

/// Which heads a BERT has beside its encoder.
struct BertHeads {
  bool pooler = false;                       ///< tanh of a linear map of the first token
  bool masked_tokens = false;                ///< logits over the vocabulary
  bool next_sentence = false;                ///< two logits of what is pooled
  std::optional<std::int64_t> classes = {};  ///< logits, or one number, of what is pooled (or of the first token)
};

/// A BERT (Devlin et al. 2018) with its heads: post-norm blocks, learned positions. Submodules "bert", "pooler",
/// "head", "next_sentence", "classifier".
class Bert : public Module {
 public:
  /// Throws ConfigError as its parts do.
  Bert(const BertConfig& config, const BertHeads& heads = {});

  /// [rows, hidden_size]
  Variable operator()(const Tokens& tokens) const { return model_(tokens); }
  const TokenModel& model() const { return model_; }

  /// [sequences, hidden_size]: the pooler's, the first token's where there is none.
  Variable pooled(const Variable& hidden, const Sequences& sequences) const;
  /// [sequences, classes]. Throws ConfigError where there is no classifier.
  Variable classified(const Variable& hidden, const Sequences& sequences) const;
  /// [sequences, 2]: whether the second text of a pair follows the first, and whether it does not. Throws ConfigError
  /// where there is no head for it.
  Variable next_sentence(const Variable& hidden, const Sequences& sequences) const;
  /// Null where the checkpoint has none.
  const MaskedTokenHead* masked_tokens() const { return head_ ? &*head_ : nullptr; }

  const BertConfig& config() const { return config_; }
  const BertHeads& heads() const { return heads_; }

 private:
  BertConfig config_;
  BertHeads heads_;
  TokenModel model_;
  std::optional<Pooler> pooler_;
  std::optional<MaskedTokenHead> head_;
  std::optional<Linear> next_sentence_, classifier_;
};

/// Reads `config.json` and the weights beside it (`model.safetensors`, or shards with their index), with whichever
/// heads they hold, in evaluation mode. Names may have "bert." in front, and end in gamma and beta; a copy of the tied
/// decoder is left out. Throws CheckpointError for a folder that holds something else, and as load_weights.
std::unique_ptr<Bert> load_bert(const std::filesystem::path& folder);

/// Writes both as those libraries write them. Throws Error if a file cannot be written.
void save_bert(const Bert& bert, const std::filesystem::path& folder);

}  // namespace canopy::nn
