#include <canopy/nn/transformers/bert.hpp>

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include <canopy/core/error.hpp>
#include <canopy/core/file.hpp>
#include <canopy/core/random.hpp>
#include <canopy/core/safetensors.hpp>

#include "support/errors.hpp"
#include "support/same_bits.hpp"
#include "support/temporary_folder.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

namespace fs = std::filesystem;
using namespace canopy;
using test::same_bits;
using test::speaks_of;

BOOST_AUTO_TEST_SUITE(bert_folder)

namespace {

nn::BertConfig small() {
  return {.vocab_size = 13,
          .hidden_size = 8,
          .num_hidden_layers = 2,
          .num_attention_heads = 2,
          .intermediate_size = 12,
          .max_position_embeddings = 6};
}

nn::Tokens some_tokens() {
  return nn::Tokens::padded(Indices({2, 4}, {2, 5, 7, 3, 2, 9, 3, 0}), Indices({2, 4}, {1, 1, 1, 1, 1, 1, 1, 0}));
}

// A folder with a small BERT, and what it answers.
struct Saved {
  explicit Saved(const nn::BertHeads& heads = {}) {
    manual_seed(5);
    nn::Bert bert(small(), heads);
    bert.eval();
    hidden = bert(some_tokens()).value();
    pooled = bert.pooled(hidden, some_tokens().sequences).value();
    if (heads.next_sentence) next_sentence = bert.next_sentence(hidden, some_tokens().sequences).value();
    if (heads.classes) classified = bert.classified(hidden, some_tokens().sequences).value();
    nn::save_bert(bert, path());
  }
  fs::path path() const { return folder / "bert"; }
  void change_config(const std::function<void(nlohmann::json&)>& change) const {
    nlohmann::json config = nlohmann::json::parse(read_file(path() / "config.json"));
    change(config);
    write_file(path() / "config.json", config.dump());
  }
  void change_weights(const std::function<void(std::map<std::string, Tensor>&)>& change) const {
    Safetensors content = read_safetensors(path() / "model.safetensors");
    change(content.tensors);
    write_safetensors(path() / "model.safetensors", content);
  }
  Tensor loaded() const { return (*nn::load_bert(path()))(some_tokens()).value(); }

  test::TemporaryFolder folder;
  Tensor hidden, pooled, next_sentence, classified;
};

}  // namespace

BOOST_AUTO_TEST_CASE(is_read_as_it_was_written) {
  for (const nn::BertHeads& heads :
       {nn::BertHeads{}, nn::BertHeads{.pooler = true}, nn::BertHeads{.masked_tokens = true},
        nn::BertHeads{.pooler = true, .masked_tokens = true, .next_sentence = true},
        nn::BertHeads{.pooler = true, .classes = 3}}) {
    const Saved saved(heads);
    const auto bert = nn::load_bert(saved.path());
    BOOST_TEST(!bert->is_training());
    BOOST_TEST(same_bits((*bert)(some_tokens()).value(), saved.hidden));
    const Sequences sequences = some_tokens().sequences;
    BOOST_TEST(same_bits(bert->pooled(saved.hidden, sequences).value(), saved.pooled));
    if (heads.next_sentence) {
      BOOST_TEST(same_bits(bert->next_sentence(saved.hidden, sequences).value(), saved.next_sentence));
    } else {
      BOOST_CHECK_THROW(bert->next_sentence(saved.hidden, sequences), ConfigError);
    }
    if (heads.classes) {
      BOOST_TEST(same_bits(bert->classified(saved.hidden, sequences).value(), saved.classified));
    } else {
      BOOST_CHECK_THROW(bert->classified(saved.hidden, sequences), ConfigError);
    }
    BOOST_TEST(bert->heads().pooler == heads.pooler);
    BOOST_TEST((bert->masked_tokens() != nullptr) == heads.masked_tokens);
    BOOST_TEST(bert->heads().next_sentence == heads.next_sentence);
    BOOST_TEST(bert->heads().classes.value_or(0) == heads.classes.value_or(0));
    const nn::BertConfig& config = bert->config();
    BOOST_TEST(config.num_attention_heads == 2);
    BOOST_TEST(config.layer_norm_eps == 1e-12f);
  }
}

// The names of those libraries, whichever heads there are.
BOOST_AUTO_TEST_CASE(is_written_under_the_published_names) {
  const Saved alone({.pooler = true}), whole({.pooler = true, .masked_tokens = true, .next_sentence = true});
  const auto names = [](const Saved& saved) { return read_safetensors(saved.path() / "model.safetensors").tensors; };
  for (const char* name :
       {"embeddings.word_embeddings.weight", "embeddings.LayerNorm.bias", "pooler.dense.weight",
        "encoder.layer.1.attention.self.query.bias", "encoder.layer.0.attention.output.dense.weight",
        "encoder.layer.0.attention.output.LayerNorm.weight", "encoder.layer.1.intermediate.dense.weight",
        "encoder.layer.1.output.dense.bias", "encoder.layer.1.output.LayerNorm.bias"}) {
    BOOST_TEST(names(alone).contains(name), name);
    BOOST_TEST(names(whole).contains(std::string("bert.") + name), name);
  }
  for (const char* name :
       {"cls.predictions.bias", "cls.predictions.transform.LayerNorm.weight", "cls.seq_relationship.weight"}) {
    BOOST_TEST(names(whole).contains(name), name);
  }
  BOOST_TEST(names(alone).size() == 5u + 2 * 16 + 2);
}

BOOST_AUTO_TEST_CASE(what_other_programs_write_is_read) {
  const Saved saved;
  saved.change_weights([](std::map<std::string, Tensor>& tensors) {  // the oldest names, and a buffer
    std::map<std::string, Tensor> old;
    for (const auto& [name, value] : tensors) {
      std::string published = "bert." + name;
      const auto replace = [&](const std::string& from, const std::string& to) {
        if (published.ends_with(from)) published.replace(published.size() - from.size(), from.size(), to);
      };
      replace("LayerNorm.weight", "LayerNorm.gamma");
      replace("LayerNorm.bias", "LayerNorm.beta");
      old.emplace(published, value);
    }
    old.emplace("bert.embeddings.position_ids", Tensor({1, 6}));
    old.emplace("cls.predictions.decoder.weight", Tensor({13, 8}));
    tensors = old;
  });
  saved.change_config([](nlohmann::json& config) { config["an entry that nobody knows"] = {1, 2}; });
  BOOST_TEST(same_bits(saved.loaded(), saved.hidden));

  // Shards with an index.
  const Safetensors content = read_safetensors(saved.path() / "model.safetensors");
  fs::remove(saved.path() / "model.safetensors");
  write_safetensors_shards(saved.path(), content, 600);
  BOOST_TEST(same_bits(saved.loaded(), saved.hidden));
}

BOOST_AUTO_TEST_CASE(configurations_that_are_none) {
  const auto refused = [](const char* key, const nlohmann::json& value) {
    const Saved saved;
    saved.change_config([&](nlohmann::json& config) { config[key] = value; });
    BOOST_CHECK_EXCEPTION(saved.loaded(), CheckpointError, speaks_of("config.json", key, value.dump()));
  };
  refused("model_type", "roberta");
  refused("position_embedding_type", "relative_key");
  refused("is_decoder", true);
  refused("hidden_act", "silu");
  refused("hidden_size", 0);
  refused("hidden_size", "8");
  refused("num_hidden_layers", 2.5);
  refused("layer_norm_eps", -1);
  refused("hidden_dropout_prob", 1);
  refused("pad_token_id", 13);
  const Saved saved;
  saved.change_config([](nlohmann::json& config) { config["num_attention_heads"] = 3; });
  BOOST_CHECK_EXCEPTION(saved.loaded(), Error, speaks_of("multiple of the heads, 3"));
  write_file(saved.path() / "config.json", "{\"hidden_size\": ");
  BOOST_CHECK_EXCEPTION(saved.loaded(), CheckpointError, speaks_of("config.json", "JSON"));
  write_file(saved.path() / "config.json", "[]");
  BOOST_CHECK_EXCEPTION(saved.loaded(), CheckpointError, speaks_of("config.json", "an object"));
  fs::remove(saved.path() / "config.json");
  BOOST_CHECK_EXCEPTION(saved.loaded(), Error, speaks_of("config.json"));
}

BOOST_AUTO_TEST_CASE(weights_that_do_not_fit) {
  const char* query = "encoder.layer.1.attention.self.query.weight";
  const auto refused = [](const std::function<void(std::map<std::string, Tensor>&)>& change, const char* says) {
    const Saved saved;
    saved.change_weights(change);
    BOOST_CHECK_EXCEPTION(saved.loaded(), CheckpointError, speaks_of(says));
  };
  refused([&](auto& tensors) { tensors.erase(query); }, "bert.encoder.1.attention.query.weight");
  refused([&](auto& tensors) { tensors[query] = Tensor({8, 7}, 0.f); }, "[8, 7]");
  refused([&](auto& tensors) { tensors["extra"] = Tensor({1}, 0.f); }, "extra");
  refused([&](auto& tensors) { tensors["embeddings.word_embeddings.weight"] = Tensor({12, 8}, 0.f); }, "[13, 8]");
  // No memory is taken for sizes that only the configuration claims.
  for (const char* key : {"vocab_size", "max_position_embeddings", "intermediate_size", "num_hidden_layers"}) {
    const Saved saved;
    saved.change_config([&](nlohmann::json& config) { config[key] = 2'000'000'000; });
    BOOST_CHECK_EXCEPTION(saved.loaded(), CheckpointError, speaks_of("config.json asks for"));
  }
}

BOOST_AUTO_TEST_SUITE_END()
