#include <canopy/nn/transformers/bert.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <string>
#include <string_view>
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

constexpr std::array<std::pair<std::string_view, Activation>, 4> activations{
    {{"gelu", Activation::gelu},
     {"gelu_new", Activation::gelu_tanh},
     {"gelu_pytorch_tanh", Activation::gelu_tanh},
     {"relu", Activation::relu}}};

// The entries of a config.json.
class ConfigFile {
 public:
  explicit ConfigFile(const fs::path& file)
      : file_(file), json_(failing_as<CheckpointError>(file, [&] { return Json::parse(read_file(file)); })) {
    if (!json_.is_object()) fail("an object", json_);
  }

  void require(const char* key, const Json& wanted) const {
    if (json_.contains(key) && !json_[key].is_null() && json_[key] != wanted) {
      fail(fmt::format("'{}' to be {}", key, wanted.dump()), json_[key]);
    }
  }
  void read(const char* key, std::int64_t& number) const {
    constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
    if (!json_.contains(key)) return;
    const Json& found = json_[key];
    if (!found.is_number_integer() || found < 1 || found > most) {
      fail(fmt::format("'{}' to be a whole number from 1 to {}", key, most), found);
    }
    number = found;
  }
  void read(const char* key, float& number, float below) const {
    if (!json_.contains(key)) return;
    const Json& found = json_[key];
    if (!found.is_number() || !(found >= 0.) || !(found < below)) {
      fail(fmt::format("'{}' to be a number from 0 to below {}", key, below), found);
    }
    number = found;
  }
  void read(const char* key, std::optional<std::int32_t>& index, std::int64_t count) const {
    if (!json_.contains(key)) return;
    const Json& found = json_[key];
    if (found.is_null()) {
      index.reset();
    } else if (!found.is_number_integer() || found < 0 || found >= count) {
      fail(fmt::format("'{}' to be null or a whole number from 0 to {}", key, count - 1), found);
    } else {
      index = found.get<std::int32_t>();
    }
  }
  void read(const char* key, Activation& activation) const {
    if (!json_.contains(key)) return;
    const auto* known = std::ranges::find_if(activations, [&](const auto& each) { return json_[key] == each.first; });
    if (known == activations.end())
      fail(fmt::format("'{}' to be gelu, gelu_new, gelu_pytorch_tanh or relu", key), json_[key]);
    activation = known->second;
  }
  [[noreturn]] void fail(const std::string& wanted, const Json& found) const {
    throw CheckpointError(fmt::format("{}: expected {}, found {}", file_.string(), wanted,
                                      found.dump(-1, ' ', true, Json::error_handler_t::replace)));
  }

 private:
  fs::path file_;
  Json json_;
};

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
  const auto* activation =
      std::ranges::find_if(activations, [&](const auto& each) { return each.second == config.hidden_act; });
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
               {"hidden_act", activation->first},
               {"layer_norm_eps", config.layer_norm_eps},
               {"hidden_dropout_prob", config.hidden_dropout_prob},
               {"attention_probs_dropout_prob", config.attention_probs_dropout_prob},
               {"pad_token_id", nullptr}};
  if (config.pad_token_id) json["pad_token_id"] = *config.pad_token_id;
  if (heads.classes) json["num_labels"] = *heads.classes;
  return json;
}

}  // namespace

BertConfig read_bert_config(const fs::path& file) {
  const ConfigFile json(file);
  json.require("model_type", "bert");
  json.require("position_embedding_type", "absolute");
  json.require("is_decoder", false);
  BertConfig config;
  json.read("vocab_size", config.vocab_size);
  json.read("hidden_size", config.hidden_size);
  json.read("num_hidden_layers", config.num_hidden_layers);
  json.read("num_attention_heads", config.num_attention_heads);
  json.read("intermediate_size", config.intermediate_size);
  json.read("max_position_embeddings", config.max_position_embeddings);
  json.read("type_vocab_size", config.type_vocab_size);
  json.read("hidden_act", config.hidden_act);
  json.read("layer_norm_eps", config.layer_norm_eps, 1.f);
  json.read("hidden_dropout_prob", config.hidden_dropout_prob, 1.f);
  json.read("attention_probs_dropout_prob", config.attention_probs_dropout_prob, 1.f);
  json.read("pad_token_id", config.pad_token_id, config.vocab_size);
  return config;
}

Bert::Bert(const BertConfig& config, const BertHeads& heads)
    : config_(config), heads_(heads), model_(options_of(config), feedforward_of(config)) {
  add_module("bert", model_);
  if (heads.pooler) {
    add_module("pooler", pooler_.emplace(PoolerOptions{.inputs = config.hidden_size, .outputs = config.hidden_size}));
  }
  if (heads.masked_tokens) {
    const MaskedTokenHeadOptions options{.activation = config.hidden_act, .epsilon = config.layer_norm_eps};
    add_module("head", head_.emplace(model_, options));
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
