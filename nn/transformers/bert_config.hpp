// The configuration of a BERT as Hugging Face's libraries write it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include <canopy/core/activation.hpp>

namespace canopy::nn {

/// What `config.json` says, by its own names; the defaults are theirs.
struct BertConfig {
  std::int64_t vocab_size = 30522;
  std::int64_t hidden_size = 768;
  std::int64_t num_hidden_layers = 12;
  std::int64_t num_attention_heads = 12;
  std::int64_t intermediate_size = 3072;
  std::int64_t max_position_embeddings = 512;
  std::int64_t type_vocab_size = 2;
  Activation hidden_act = Activation::gelu;  ///< "gelu", "gelu_new" and "gelu_pytorch_tanh" (gelu_tanh), "relu"
  float layer_norm_eps = 1e-12f;
  float hidden_dropout_prob = 0.1f;
  float attention_probs_dropout_prob = 0.1f;
  std::optional<std::int32_t> pad_token_id = 0;
};

/// Throws CheckpointError, with the file and the key, for what is no such configuration: another `model_type`,
/// positions that are not absolute, a decoder, an unknown `hidden_act`, numbers that are none or out of range.
BertConfig read_bert_config(const std::filesystem::path& file);

/// The name that `hidden_act` has there. Throws ConfigError for an activation that has none.
std::string published_name(Activation activation);

}  // namespace canopy::nn
