#include <canopy/nn/transformers/bert_config.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include <canopy/core/error.hpp>
#include <canopy/core/failures.hpp>
#include <canopy/core/file.hpp>

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

std::string published_name(Activation activation) {
  const auto* known = std::ranges::find(activations, activation, [](const auto& each) { return each.second; });
  if (known != activations.end()) return std::string(known->first);
  throw ConfigError(fmt::format("a BERT of Hugging Face's has no activation '{}'", to_string(activation)));
}

}  // namespace canopy::nn
