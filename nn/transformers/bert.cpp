#include <canopy/nn/transformers/bert.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/failures.hpp>
#include <canopy/core/file.hpp>
#include <canopy/core/safetensors.hpp>
#include <canopy/core/safetensors_reader.hpp>
#include <canopy/nn/feed_forward.hpp>
#include <canopy/nn/transformers/published_names.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace canopy::nn {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

TokenModelOptions options_of(const BertConfig& config) {
  return {.embeddings = {.vocabulary = config.vocab_size,
                         .width = config.hidden_size,
                         .positions = config.max_position_embeddings,
                         .types = config.type_vocab_size,
                         .padding = config.pad_token_id,
                         .epsilon = config.layer_norm_eps,
                         .dropout = config.hidden_dropout_prob},
          .encoder = {.blocks = config.num_hidden_layers,
                      .block = {.width = config.hidden_size,
                                .heads = config.num_attention_heads,
                                .norm = NormPlace::behind,
                                .epsilon = config.layer_norm_eps,
                                .projections = Projections::separate,
                                .dropout = config.hidden_dropout_prob,
                                .attention_dropout = config.attention_probs_dropout_prob}}};
}

MakeFeedForward feedforward_of(const BertConfig& config) {
  return [config](std::int64_t) {
    return std::make_unique<FeedForward>(FeedForwardOptions{.inputs = config.hidden_size,
                                                            .width = config.intermediate_size,
                                                            .outputs = config.hidden_size,
                                                            .activation = config.hidden_act});
  };
}

const std::vector<std::string> copies = {"*embeddings.position_ids", "cls.predictions.decoder.*"};

BertHeads heads_in(const SafetensorsReader& file) {
  BertHeads heads;
  for (const auto& [name, entry] : file.entries()) {
    const std::string own = renamed(name, bert_names());
    if (own == "pooler.dense.weight") heads.pooler = true;
    if (own == "head.bias") heads.masked_tokens = true;
    if (own == "next_sentence.weight") heads.next_sentence = true;
    if (own == "classifier.weight" && entry.shape.rank() == 2) heads.classes = entry.shape[0];
  }
  return heads;
}

// From canopy's names to theirs.
std::vector<Rename> published_names() {
  std::vector<Rename> rules = bert_names();
  std::erase_if(rules, [](const Rename& rule) { return rule.from == "bert.*" || rule.from.starts_with("*."); });
  std::ranges::reverse(rules);
  for (Rename& rule : rules) std::swap(rule.from, rule.to);
  return rules;
}

// Before memory is taken for what the configuration claims: the file must hold tensors of these sizes, of every block.
void require_sizes(const fs::path& folder, const BertConfig& config, const SafetensorsReader& file) {
  std::map<std::string, Shape> wanted = {
      {"bert.embeddings.word.weight", {config.vocab_size, config.hidden_size}},
      {"bert.embeddings.position.weight", {config.max_position_embeddings, config.hidden_size}},
      {"bert.embeddings.type.weight", {config.type_vocab_size, config.hidden_size}}};
  const std::int64_t blocks = std::min(config.num_hidden_layers, std::ssize(file.entries()));
  for (std::int64_t i = 0; i < blocks; ++i) {
    wanted.emplace(fmt::format("bert.encoder.{}.feedforward.0.weight", i),
                   Shape{config.intermediate_size, config.hidden_size});
  }
  std::map<std::string, std::pair<std::string, Shape>> found;  // by canopy's names
  for (const auto& [name, entry] : file.entries())
    found.emplace(renamed(name, bert_names()), std::pair(name, entry.shape));
  for (const auto& [name, shape] : wanted) {
    const auto tensor = found.find(name);
    if (tensor == found.end()) {
      throw CheckpointError(
          fmt::format("{}: config.json asks for the tensor '{}' of shape {}, which the weights do not hold",
                      folder.string(), renamed(name, published_names()), shape.to_string()));
    }
    const auto& [published, own] = tensor->second;
    if (own != shape) {
      throw CheckpointError(fmt::format("{}: the tensor '{}' has the shape {} where config.json asks for {}",
                                        folder.string(), published, own.to_string(), shape.to_string()));
    }
  }
}

Json to_json(const BertConfig& config, const BertHeads& heads) {
  const char* architecture = heads.classes         ? "BertForSequenceClassification"
                             : heads.next_sentence ? "BertForPreTraining"
                             : heads.masked_tokens ? "BertForMaskedLM"
                                                   : "BertModel";
  Json json = {{"architectures", {architecture}},
               {"model_type", "bert"},
               {"vocab_size", config.vocab_size},
               {"hidden_size", config.hidden_size},
               {"num_hidden_layers", config.num_hidden_layers},
               {"num_attention_heads", config.num_attention_heads},
               {"intermediate_size", config.intermediate_size},
               {"max_position_embeddings", config.max_position_embeddings},
               {"type_vocab_size", config.type_vocab_size},
               {"hidden_act", published_name(config.hidden_act)},
               {"layer_norm_eps", config.layer_norm_eps},
               {"hidden_dropout_prob", config.hidden_dropout_prob},
               {"attention_probs_dropout_prob", config.attention_probs_dropout_prob},
               {"pad_token_id", nullptr}};
  if (config.pad_token_id) json["pad_token_id"] = *config.pad_token_id;
  if (heads.classes) json["num_labels"] = *heads.classes;
  return json;
}

}  // namespace

Bert::Bert(const BertConfig& config, const BertHeads& heads)
    : config_(config), heads_(heads), model_(options_of(config), feedforward_of(config)) {
  add_module("bert", model_);
  if (heads.pooler) {
    add_module("pooler", pooler_.emplace(PoolerOptions{.inputs = config.hidden_size, .outputs = config.hidden_size}));
  }
  if (heads.masked_tokens) {
    const MaskedTokenHeadOptions options{.activation = config.hidden_act, .epsilon = config.layer_norm_eps};
    add_module("head", head_.emplace(model_.word_vectors(), options));
  }
  if (heads.next_sentence) {
    add_module("next_sentence", next_sentence_.emplace(LinearOptions{.inputs = config.hidden_size, .outputs = 2}));
  }
  if (heads.classes) {
    add_module("classifier",
               classifier_.emplace(LinearOptions{.inputs = config.hidden_size, .outputs = *heads.classes}));
  }
}

Variable Bert::pooled(const Variable& hidden, const Sequences& sequences) const {
  return pooler_ ? (*pooler_)(hidden, sequences) : first_tokens(hidden, sequences);
}

Variable Bert::classified(const Variable& hidden, const Sequences& sequences) const {
  if (!classifier_) throw ConfigError("Bert: there is no classifier");
  return (*classifier_)(pooled(hidden, sequences));
}

Variable Bert::next_sentence(const Variable& hidden, const Sequences& sequences) const {
  if (!next_sentence_) throw ConfigError("Bert: there is no head for the next sentence");
  return (*next_sentence_)(pooled(hidden, sequences));
}

std::unique_ptr<Bert> load_bert(const fs::path& folder) {
  const BertConfig config = read_bert_config(folder / "config.json");
  const SafetensorsReader file(folder);
  require_sizes(folder, config, file);
  auto bert = failing_as<CheckpointError>(folder, [&] { return std::make_unique<Bert>(config, heads_in(file)); });
  load_weights(*bert, file, {.rename = bert_names(), .ignore = copies});
  bert->eval();
  return bert;
}

void save_bert(const Bert& bert, const fs::path& folder) {
  const BertHeads& heads = bert.heads();
  const bool is_part = heads.masked_tokens || heads.next_sentence || heads.classes;  // of a larger model: "bert."
  Safetensors content{.metadata = {{"format", "pt"}}};
  for (const auto& [name, value] : bert.state_dict()) {
    std::string published = renamed(name, published_names());
    const bool is_head = published.starts_with("cls.") || published.starts_with("classifier.");
    content.tensors.emplace(is_part && !is_head ? "bert." + published : published, value);
  }
  make_folder(folder);
  write_safetensors(folder / "model.safetensors", content);
  write_file(folder / "config.json", to_json(bert.config(), heads).dump(2) + "\n");
}

}  // namespace canopy::nn
