// Agreement with Hugging Face's BERT, with paper 2's released crammedBERT and with a vision transformer in PyTorch that
// has timm's names: values, losses and every gradient, under the names of the published checkpoints.
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/losses.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/shaping.hpp>
#include <canopy/autograd/softmax.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/nn/feed_forward.hpp>
#include <canopy/nn/routed/fff.hpp>
#include <canopy/nn/routed/routing_losses.hpp>
#include <canopy/nn/routed/tree_fff.hpp>
#include <canopy/nn/transformers/published_names.hpp>
#include <canopy/nn/transformers/token_model.hpp>
#include <canopy/nn/transformers/vit.hpp>

#include "support/reference.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

using namespace canopy;
using namespace canopy::test;
using Json = nlohmann::json;

BOOST_AUTO_TEST_SUITE(reference_transformers)

namespace {

// One file and what a model makes of it.
class Reference {
 public:
  Reference(const Safetensors& file, std::string name) : file_(file), name_(std::move(name)) {}

  const Tensor& tensor(const std::string& key) const { return file_.tensors.at(key); }
  const Indices& indices(const std::string& key) const { return file_.indices.at(key); }
  bool has(const std::string& key) const { return file_.tensors.contains(key) || file_.indices.contains(key); }
  std::string text(const char* key) const { return file_.metadata.at(key); }
  std::int64_t number(const char* key) const { return std::stoll(text(key)); }

  void check(const Tensor& found, const std::string& key) const {
    check_close(found, tensor(key), 1e-5, name_ + " " + key);
  }
  // Values now, gradients in check_gradients().
  void check_hidden(const std::vector<Variable>& hidden) {
    hidden_ = hidden;
    for (std::size_t i = 0; i < hidden.size(); ++i) {
      check(hidden[i].value(), "hidden." + std::to_string(i));
      hidden_[i].retain_grad();
    }
    BOOST_TEST(!has("hidden." + std::to_string(hidden.size())), name_);
  }
  void load(nn::Module& model, const std::vector<Rename>& names) const {
    load_weights(model, reference_folder() / (name_ + ".safetensors"),
                 {.rename = names,
                  .ignore = {"grad.*", "hidden.*", "logits", "loss", "pooler_output", "labels", "masked.*", "paths.*",
                             "input_ids", "attention_mask", "token_type_ids", "images", "pooled", "entropies.*",
                             "seq_relationship_logits", "next_sentence_label"}});
  }
  // Every gradient of the file. That of a key's bias is 0 but for rounding: it is judged by the file's largest.
  void check_gradients(const nn::Module& model, const std::vector<Rename>& names) const {
    std::map<std::string, Variable> parameters;
    for (const nn::NamedVariable& each : model.named_parameters()) parameters.emplace(each.name, each.variable);
    double largest = 0;
    for (const auto& [key, value] : file_.tensors) {
      if (!key.starts_with("grad.")) continue;
      for (const float v : value.elements()) largest = std::max(largest, std::abs(double{v}));
    }
    for (std::size_t i = 0; i < hidden_.size(); ++i) check(hidden_[i].grad(), "grad.hidden." + std::to_string(i));
    std::size_t checked = 0;
    for (const auto& [key, expected] : file_.tensors) {
      if (!key.starts_with("grad.") || key.starts_with("grad.hidden.") || key == "grad.images") continue;
      const std::string own = renamed(key.substr(5), names);
      BOOST_TEST_REQUIRE(parameters.contains(own), name_ << ": " << key << " would be of " << own);
      const Variable& parameter = parameters.at(own);
      BOOST_TEST_REQUIRE(parameter.has_grad(), name_ << ": no gradient of " << own);
      ++checked;
      if (own.find("key.bias") != std::string::npos) {
        for (const float v : parameter.grad().elements()) BOOST_TEST(std::abs(v) < 1e-6 * largest, name_ << " " << key);
      } else {
        check_close(in_file_layout(parameter.grad(), expected.shape()), expected, 1e-5, name_ + " " + key);
      }
    }
    BOOST_TEST(checked == parameters.size(), name_);
  }

 private:
  // Matrices that canopy holds the other way round.
  static Tensor in_file_layout(const Tensor& gradient, const Shape& shape) {
    if (gradient.shape() == shape || gradient.rank() < 2) return gradient;
    const Variable swapped = gradient;
    if (gradient.rank() == 2) return transpose(swapped).value();
    Tensor result(shape);  // [leaves, rows, columns]
    const std::int64_t rows = shape[1], columns = shape[2];
    for (std::int64_t i = 0; i < result.size(); ++i) {
      const std::int64_t leaf = i / (rows * columns), r = i / columns % rows, c = i % columns;
      result.mutable_data()[i] = gradient.data()[(leaf * columns + c) * rows + r];
    }
    return result;
  }

  const Safetensors& file_;
  std::string name_;
  std::vector<Variable> hidden_;
};

// A model of text with whichever heads the file has.
struct TextModel : nn::Module {
  TextModel(const nn::TokenModelOptions& options, const nn::MakeFeedForward& feedforward) : bert(options, feedforward) {
    add_module("bert", bert);
  }
  void add_head(const nn::MaskedTokenHeadOptions& options) {
    add_module("head", head.emplace(bert.word_vectors(), options));
  }
  void add_pooler(std::int64_t outputs) {
    add_module("pooler", pooler.emplace(nn::PoolerOptions{.inputs = bert.width(), .outputs = outputs}));
  }
  void add_linear(const char* name, std::int64_t inputs, std::int64_t outputs) {
    add_module(name, linear.emplace(nn::LinearOptions{.inputs = inputs, .outputs = outputs}));
  }

  nn::TokenModel bert;
  std::optional<nn::MaskedTokenHead> head;
  std::optional<nn::Pooler> pooler;
  std::optional<nn::Linear> linear;
};

nn::Tokens tokens_of(const Reference& file) {
  const auto given = [&](const char* key) { return file.has(key) ? file.indices(key) : Indices(); };
  return nn::Tokens::padded(file.indices("input_ids"), given("attention_mask"), given("token_type_ids"));
}

Variable flat(const Variable& x) { return reshape(x, {x.size()}); }

// Cross-entropy of classes, or the squared error of one number.
Variable score_loss(const Reference& file, const Variable& logits) {
  if (file.text("loss").starts_with("mean squared")) return mean_squared_error(flat(logits), file.tensor("labels"));
  return cross_entropy(logits, file.indices("labels"));
}

}  // namespace

BOOST_AUTO_TEST_CASE(berts) {
  for_each_reference("bert_", [](const Safetensors& tensors, const std::string& name) {
    Reference file(tensors, name);
    const Json config = Json::parse(file.text("config"));
    const std::int64_t width = config.at("hidden_size");
    const Activation activation = config.at("hidden_act") == "gelu" ? Activation::gelu : Activation::gelu_tanh;
    const float epsilon = config.at("layer_norm_eps");
    const nn::TokenModelOptions options{.embeddings = {.vocabulary = config.at("vocab_size"),
                                                       .width = width,
                                                       .positions = config.at("max_position_embeddings"),
                                                       .types = config.at("type_vocab_size"),
                                                       .padding = config.at("pad_token_id").get<std::int32_t>(),
                                                       .epsilon = epsilon},
                                        .encoder = {.blocks = config.at("num_hidden_layers"),
                                                    .block = {.width = width,
                                                              .heads = config.at("num_attention_heads"),
                                                              .norm = nn::NormPlace::behind,
                                                              .epsilon = epsilon,
                                                              .projections = nn::Projections::separate}}};
    TextModel model(options, [&](std::int64_t) -> std::unique_ptr<nn::Layer> {
      return std::make_unique<nn::FeedForward>(nn::FeedForwardOptions{
          .inputs = width, .width = config.at("intermediate_size"), .outputs = width, .activation = activation});
    });
    if (file.has("cls.predictions.bias")) model.add_head({.activation = activation, .epsilon = epsilon});
    if (file.has("bert.pooler.dense.weight")) model.add_pooler(width);
    if (file.has("cls.seq_relationship.weight")) model.add_linear("next_sentence", width, 2);
    if (file.has("classifier.weight"))
      model.add_linear("classifier", width, file.tensor("classifier.weight").extent(0));
    file.load(model, nn::bert_names());

    const nn::Tokens tokens = tokens_of(file);
    Tape tape;
    const std::vector<Variable> hidden = model.bert.hidden(tokens);
    file.check_hidden(hidden);
    Variable loss, pooled;
    if (model.pooler) {
      pooled = (*model.pooler)(hidden.back(), tokens.sequences);
      file.check(pooled.value(), "pooler_output");
    }
    if (model.head) {
      const Variable logits = (*model.head)(hidden.back());
      file.check(logits.value(), "logits");
      const Indices& labels = file.indices("labels");
      loss = cross_entropy(logits, labels.reshape({labels.size()}), {.ignore_index = -100});
    }
    if (file.has("next_sentence_label")) {
      const Variable logits = (*model.linear)(pooled);
      file.check(logits.value(), "seq_relationship_logits");
      loss = loss + cross_entropy(logits, file.indices("next_sentence_label"));
    } else if (model.linear) {
      const Variable logits = (*model.linear)(pooled);
      file.check(logits.value(), "logits");
      loss = score_loss(file, logits);
    }
    file.check(loss.value(), "loss");
    tape.backward(loss);
    file.check_gradients(model, nn::bert_names());
  });
}

BOOST_AUTO_TEST_CASE(crammed_berts) {
  for_each_reference("crammed_", [](const Safetensors& tensors, const std::string& name) {
    Reference file(tensors, name);
    const std::int64_t width = file.number("hidden_size");
    const float epsilon = std::stof(file.text("layer_norm_eps"));
    const nn::TokenModelOptions options{
        .embeddings = {.vocabulary = file.number("vocab_size"), .width = width, .padding = 0, .epsilon = epsilon},
        .encoder = {.blocks = file.number("layers"),
                    .block = {.width = width,
                              .heads = file.number("heads"),
                              .epsilon = epsilon,
                              .projections = nn::Projections::head_major,
                              .bias = false},
                    .final_norm = true}};
    const bool dense = file.text("feedforward") == "dense";
    TextModel model(options, [&](std::int64_t) -> std::unique_ptr<nn::Layer> {
      if (dense) {
        return std::make_unique<nn::FeedForward>(nn::FeedForwardOptions{.inputs = width,
                                                                        .width = file.number("intermediate_size"),
                                                                        .outputs = width,
                                                                        .activation = Activation::gelu,
                                                                        .bias = false});
      }
      return std::make_unique<nn::TreeFFF>(nn::TreeFFFOptions{.inputs = width,
                                                              .outputs = width,
                                                              .trees = static_cast<int>(file.number("trees")),
                                                              .depth = static_cast<int>(file.number("depth"))});
    });
    const bool predicts = file.has("masked.logits");
    if (predicts) {
      model.add_head({.transform = false, .bias = false});
    } else {
      const Shape& head = file.tensor("head.weight").shape();
      model.add_pooler(head[1]);
      model.add_linear("classifier", head[1], head[0]);
    }
    file.load(model, nn::crammed_bert_names());

    const nn::Tokens tokens = tokens_of(file);
    Tape tape;
    const nn::RoutingTrace trace;
    const std::vector<Variable> hidden = model.bert.hidden(tokens);
    file.check_hidden(hidden);
    for (std::size_t i = 0; i < trace.decisions().size(); ++i) {
      const Indices& bottom = std::get<nn::ForestDecisions>(trace.decisions()[i].how).bottom;
      const Indices& paths = file.indices("paths." + std::to_string(i));  // [batch, tokens, trees, levels]
      const std::int64_t levels = paths.extent(3), trees = paths.extent(2), rows = tokens.sequences.rows();
      for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t t = 0; t < trees; ++t) {
          const std::int32_t last = paths.data()[(r * trees + t) * levels + levels - 1];
          BOOST_TEST(bottom.data()[t * rows + r] == last - ((1 << (levels - 1)) - 1), name);
        }
      }
    }
    BOOST_TEST(trace.decisions().size() == (dense ? 0u : static_cast<std::size_t>(file.number("layers"))));
    Variable loss;
    if (predicts) {
      const Indices& rows = file.indices("masked.index");
      const Variable logits = (*model.head)(hidden.back(), rows);
      file.check(logits.value(), "masked.logits");
      Indices labels({rows.size()});
      for (std::int64_t i = 0; i < rows.size(); ++i) {
        labels.mutable_data()[i] = file.indices("labels").data()[rows.data()[i]];
      }
      loss = cross_entropy(logits, labels);
    } else {
      const Variable pooled = (*model.pooler)(hidden.back(), tokens.sequences);
      file.check(pooled.value(), "pooler_output");
      const Variable logits = (*model.linear)(pooled);
      file.check(logits.value(), "logits");
      loss = score_loss(file, logits);
    }
    file.check(loss.value(), "loss");
    tape.backward(loss);
    file.check_gradients(model, nn::crammed_bert_names());
  });
}

BOOST_AUTO_TEST_CASE(vision_transformers) {
  for_each_reference("vit_", [](const Safetensors& tensors, const std::string& name) {
    Reference file(tensors, name);
    const std::int64_t width = file.number("width");
    const Activation activation = file.text("activation") == "ReLU" ? Activation::relu : Activation::gelu;
    const nn::ViTOptions options{
        .image = {.height = 16, .width = 16, .channels = 3},
        .patch = file.number("patch"),
        .classes = file.number("classes"),
        .pooling = file.text("pool") == "cls" ? nn::ImagePooling::class_token : nn::ImagePooling::mean,
        .encoder = {
            .blocks = file.number("layers"),
            .block = {.width = width, .heads = file.number("heads"), .epsilon = std::stof(file.text("layer_norm_eps"))},
            .final_norm = true}};
    nn::ViT model(options, [&](std::int64_t) -> std::unique_ptr<nn::Layer> {
      if (file.text("feedforward") == "ff") {
        return std::make_unique<nn::FeedForward>(nn::FeedForwardOptions{
            .inputs = width, .width = file.number("intermediate_size"), .outputs = width, .activation = activation});
      }
      return std::make_unique<nn::FFF>(nn::FFFOptions{.inputs = width,
                                                      .outputs = width,
                                                      .depth = static_cast<int>(file.number("depth")),
                                                      .leaf_width = file.number("leaf_width"),
                                                      .activation = activation});
    });
    file.load(model, nn::vit_names());

    const Variable images = Variable::parameter(file.tensor("images"), "images");
    Tape tape;
    const nn::RoutingTrace trace;
    std::vector<Variable> hidden = model.hidden(images);
    const Variable pooled = model.pooled(hidden.back());
    hidden.pop_back();  // of the norm
    file.check_hidden(hidden);
    file.check(pooled.value(), "pooled");
    const Variable logits = model.classified(pooled);
    file.check(logits.value(), "logits");
    Variable loss = cross_entropy(logits, file.indices("labels"));
    if (file.text("feedforward") == "fff")
      loss = loss + std::stof(file.text("hardening")) *
                        nn::hardening_loss(trace, {.weighting = nn::EntropyWeighting::node_sum});
    file.check(loss.value(), "loss");
    tape.backward(loss);
    file.check(images.grad(), "grad.images");
    file.check_gradients(model, nn::vit_names());
  });
}

BOOST_AUTO_TEST_SUITE_END()
