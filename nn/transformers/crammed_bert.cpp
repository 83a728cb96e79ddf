#include <canopy/nn/transformers/crammed_bert.hpp>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/failures.hpp>
#include <canopy/core/safetensors_reader.hpp>
#include <canopy/nn/checkpoints/weights.hpp>
#include <canopy/nn/feed_forward.hpp>
#include <canopy/nn/initialise.hpp>
#include <canopy/nn/routed/tree_fff.hpp>
#include <canopy/nn/transformers/published_names.hpp>

#include <fmt/format.h>

namespace canopy::nn {
namespace {

constexpr float epsilon = 1e-12f, deviation = 0.02f;
constexpr std::int64_t most_neurons = std::int64_t{1} << (deepest_tree + 1);
constexpr const char* name = "crammed-bert";
constexpr const char* word_vectors = "encoder.embedding.word_embedding.weight";

std::unique_ptr<Layer> make_feedforward(const CrammedBertOptions& options) {
  const CrammedFeedForward& part = options.feedforward;
  if (part.trees > 0) {
    return std::make_unique<TreeFFF>(TreeFFFOptions{.inputs = options.width,
                                                    .outputs = options.width,
                                                    .trees = static_cast<int>(part.trees),
                                                    .depth = static_cast<int>(part.depth),
                                                    .activation = options.activation});
  }
  if (part.width == 0) return nullptr;
  return std::make_unique<FeedForward>(FeedForwardOptions{.inputs = options.width,
                                                          .width = part.width,
                                                          .outputs = options.width,
                                                          .activation = options.activation,
                                                          .bias = false});
}

TokenModelOptions token_model(const CrammedBertOptions& options) {
  return {.embeddings = {.vocabulary = options.vocabulary,
                         .width = options.width,
                         .padding = options.padding,
                         .epsilon = epsilon,
                         .deviation = deviation},
          .encoder = {.blocks = options.blocks,
                      .block = {.width = options.width,
                                .heads = options.heads,
                                .epsilon = epsilon,
                                .projections = Projections::head_major,
                                .bias = false},
                      .final_norm = true}};
}

// From canopy's names to the released ones.
std::vector<Rename> released_names() {
  std::vector<Rename> rules = crammed_bert_names();
  for (Rename& rule : rules) std::swap(rule.from, rule.to);
  return rules;
}

// A whole number from 1 to `most` without a sign or a leading 0; 0 for any other text.
std::int64_t whole(std::string_view text, std::int64_t most) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool good = error == std::errc{} && end == text.data() + text.size() && !text.starts_with('0') && number >= 1;
  return good && number <= most ? number : 0;
}

const std::string& entry(const SafetensorsReader& file, const std::string& key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) throw CheckpointError(fmt::format("the metadata '{}' is missing", key));
  return found->second;
}

std::int64_t number(const SafetensorsReader& file, const std::string& key) {
  const std::string& text = entry(file, key);
  const std::int64_t found = whole(text, 1'000'000);
  if (found == 0) throw CheckpointError(fmt::format("the metadata '{}' must be a whole number, not '{}'", key, text));
  return found;
}

void require_shape(const SafetensorsReader& file, const std::string& tensor, const Shape& expected) {
  const auto found = file.entries().find(tensor);
  if (found != file.entries().end() && found->second.shape == expected) return;
  throw CheckpointError(fmt::format("the tensor '{}' is {} where the metadata ask for {}", tensor,
                                    found == file.entries().end() ? "missing" : found->second.shape.to_string(),
                                    expected.to_string()));
}

// Before memory is taken for what the metadata claim: the file must hold tensors of these sizes, of every block.
CrammedBertOptions options_of(const SafetensorsReader& file) {
  if (entry(file, "architecture") != name) {
    throw CheckpointError(fmt::format("the architecture is '{}', not '{}'", entry(file, "architecture"), name));
  }
  const auto table = file.entries().find(word_vectors);
  if (table == file.entries().end() || table->second.shape.rank() != 2) {
    throw CheckpointError(fmt::format("there is no tensor '{}' [vocabulary, width]", word_vectors));
  }
  CrammedBertOptions options{.vocabulary = table->second.shape[0],
                             .width = table->second.shape[1],
                             .blocks = number(file, "blocks"),
                             .heads = number(file, "heads"),
                             .feedforward = crammed_feedforward(entry(file, "feedforward")),
                             .activation = activation_from_string(entry(file, "activation"))};
  const char* first = options.feedforward.trees > 0 ? "ffn.linear_in" : "ffn.dense_in";
  for (std::int64_t i = 0; i < options.blocks; ++i) {
    require_shape(file, fmt::format("encoder.layers.{}.norm1.weight", i), {options.width});
    if (options.feedforward == CrammedFeedForward{}) continue;
    require_shape(file, fmt::format("encoder.layers.{}.{}.weight", i, first),
                  {options.feedforward.neurons(), options.width});
  }
  return options;
}

}  // namespace

std::int64_t CrammedFeedForward::neurons() const {
  return trees > 0 ? trees * ((std::int64_t{2} << depth) - 1) : width;
}

std::string to_string(const CrammedFeedForward& feedforward) {
  if (feedforward.trees > 0) return fmt::format("{}x{}", feedforward.trees, feedforward.depth);
  return feedforward.width > 0 ? fmt::format("dense{}", feedforward.width) : "none";
}

CrammedFeedForward crammed_feedforward(std::string_view text) {
  CrammedFeedForward found;
  if (text == "none") return found;
  constexpr std::string_view dense = "dense";
  if (text.starts_with(dense)) {
    found.width = whole(text.substr(dense.size()), most_neurons);
    if (found.width > 0) return found;
  } else if (const auto x = text.find('x'); x != std::string_view::npos) {
    const std::string_view depth = text.substr(x + 1);
    found.trees = whole(text.substr(0, x), most_neurons);
    found.depth = whole(depth, deepest_tree);
    if (found.trees > 0 && (found.depth > 0 || depth == "0")) return found;
  }
  throw ConfigError(
      fmt::format("'{}' is no feedforward part: denseN of N neurons (up to {}), KxD of K trees of depth D (up to {}), "
                  "or none",
                  text, most_neurons, deepest_tree));
}

double parameter_count(const CrammedBertOptions& options) {
  const auto width = static_cast<double>(options.width), neurons = static_cast<double>(options.feedforward.neurons());
  const double norm = 2 * width, bias = options.feedforward.trees > 0 ? neurons : 0;
  const double feedforward = neurons > 0 ? 2 * neurons * width + bias + norm : 0;
  const double block = 4 * width * width + norm + feedforward;
  // Behind the word vectors the scale of the sinusoids, the embeddings' norm and the last one.
  return static_cast<double>(options.vocabulary) * width + 1 + 2 * norm + static_cast<double>(options.blocks) * block;
}

CrammedBert::CrammedBert(const CrammedBertOptions& options)
    : options_(options),
      bert_(token_model(options), [&](std::int64_t) { return make_feedforward(options); }),
      head_(bert_.word_vectors(), {.transform = false, .bias = false}) {
  add_module("bert", bert_);
  add_module("head", head_);
  for (NamedVariable& each : named_parameters()) {
    Variable& parameter = each.variable;
    if (each.name.ends_with(".bias")) std::ranges::fill(parameter.mutable_value().mutable_elements(), 0.f);
    if (parameter.shape().rank() != 2 || parameter.is_same(bert_.word_vectors())) continue;
    const Tensor values = normal(parameter.shape(), deviation);
    std::ranges::copy(values.elements(), parameter.mutable_value().mutable_elements().begin());
  }
}

Safetensors to_safetensors(const CrammedBert& bert) {
  const CrammedBertOptions& options = bert.options();
  Safetensors content{.metadata = {{"architecture", name},
                                   {"blocks", fmt::to_string(options.blocks)},
                                   {"heads", fmt::to_string(options.heads)},
                                   {"feedforward", to_string(options.feedforward)},
                                   {"activation", std::string(to_string(options.activation))}}};
  const std::vector<Rename> names = released_names();
  for (const auto& [own, value] : bert.state_dict()) content.tensors.emplace(renamed(own, names), value);
  return content;
}

std::unique_ptr<CrammedBert> load_crammed_bert(const std::filesystem::path& file) {
  const SafetensorsReader reader(file);
  std::unique_ptr<CrammedBert> bert;
  try {
    bert = std::make_unique<CrammedBert>(options_of(reader));
  } catch (const std::exception&) {
    throw CheckpointError(fmt::format("{}: {}", file.string(), describe_failure()));
  }
  load_weights(*bert, reader, {.rename = crammed_bert_names()});
  bert->eval();
  return bert;
}

}  // namespace canopy::nn
