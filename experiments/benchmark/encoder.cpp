#include <canopy/experiments/benchmark/encoder.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <canopy/canopy.hpp>
#include <canopy/experiments/benchmark/data.hpp>

#include <fmt/format.h>

namespace canopy::benchmark {
namespace {

// What stands in a block behind the attention: a dense layer, or K trees of depth D.
struct FeedForwardPart {
  int trees = 0, depth = 0;  // none: dense
  std::int64_t neurons, neurons_used;

  static FeedForwardPart dense(std::int64_t neurons) { return {0, 0, neurons, neurons}; }
  static FeedForwardPart tree(int trees, int depth) {
    return {trees, depth, trees * ((std::int64_t{2} << depth) - 1), trees * (depth + 1)};
  }
  bool is_dense() const { return trees == 0; }
};

struct Size {
  std::int64_t blocks, width, heads;
  std::vector<FeedForwardPart> parts;  // the dense one first, which the others have about as many neurons as

  std::string name(const FeedForwardPart& part) const {
    const std::string encoder = fmt::format("encoder {}x{} heads {}", blocks, width, heads);
    return part.is_dense() ? fmt::format("{} ff {}", encoder, part.neurons)
                           : fmt::format("{} tree {}x{}", encoder, part.trees, part.depth);
  }
};

std::vector<Size> sizes() {
  constexpr auto dense = FeedForwardPart::dense;
  constexpr auto tree = FeedForwardPart::tree;
  return {{4, 256, 4, {dense(1024), tree(1, 9)}},
          {12, 384, 12, {dense(1536), tree(1, 10)}},
          {12, 768, 12, {dense(3072), tree(1, 11), tree(3, 9), tree(12, 7), tree(48, 5)}}};
}

constexpr std::int64_t vocabulary = 30522;

std::unique_ptr<nn::Layer> feedforward(const Size& size, const FeedForwardPart& part) {
  if (part.is_dense()) {
    return std::make_unique<nn::FeedForward>(nn::FeedForwardOptions{
        .inputs = size.width, .width = part.neurons, .outputs = size.width, .activation = Activation::gelu});
  }
  return std::make_unique<nn::TreeFFF>(
      nn::TreeFFFOptions{.inputs = size.width, .outputs = size.width, .trees = part.trees, .depth = part.depth});
}

std::unique_ptr<nn::TokenModel> bert(const Size& size, const FeedForwardPart& part) {
  const nn::TokenModelOptions options{
      .embeddings = {.vocabulary = vocabulary, .width = size.width, .positions = 512, .types = 2},
      .encoder = {.blocks = size.blocks,
                  .block = {.width = size.width,
                            .heads = size.heads,
                            .norm = nn::NormPlace::behind,
                            .epsilon = 1e-12f,
                            .projections = nn::Projections::separate}}};
  auto model = std::make_unique<nn::TokenModel>(options, [&](std::int64_t) { return feedforward(size, part); });
  model->eval();
  nn::pack_weights(*model);
  return model;
}

nn::Tokens random_tokens(std::int64_t batch, std::int64_t tokens) {
  Indices ids({batch, tokens});
  RandomStream random(0, "benchmark tokens");
  for (std::int32_t& id : ids.mutable_elements()) id = static_cast<std::int32_t>(random() % vocabulary);
  return nn::Tokens::padded(ids);
}

// Of the products: those with weights, of what is computed alone, and those of attention.
double gflop(const Size& size, const FeedForwardPart& part, std::int64_t batch, std::int64_t tokens) {
  const auto width = static_cast<double>(size.width), hidden = static_cast<double>(part.neurons_used);
  const double a_token = 2 * (4 * width * width + 2 * width * hidden) + 4 * static_cast<double>(tokens) * width;
  return static_cast<double>(batch * tokens * size.blocks) * a_token / 1e9;
}

struct Input {
  std::int64_t batch, tokens;
};
constexpr Input inputs[] = {{1, 16}, {1, 128}, {32, 128}};

void add_encoders(std::vector<Row>& rows, const BenchOptions& options, const Size& size) {
  const auto name = [&](const FeedForwardPart& part, const Input& input) {
    return fmt::format("{} batch {} tokens {}", size.name(part), input.batch, input.tokens);
  };
  std::vector<std::unique_ptr<nn::TokenModel>> models(size.parts.size());  // made when they are needed
  const auto model = [&](std::size_t i) -> const nn::TokenModel& {
    manual_seed(i);
    if (!models[i]) models[i] = bert(size, size.parts[i]);
    return *models[i];
  };
  for (const Input& input : inputs) {
    std::vector<std::size_t> chosen;
    for (std::size_t i = 0; i < size.parts.size(); ++i) {
      if (options.selects(name(size.parts[i], input))) chosen.push_back(i);
    }
    if (chosen.empty()) continue;
    if (chosen.front() != 0) chosen.insert(chosen.begin(), 0);  // the dense one is the trees' baseline
    const nn::Tokens tokens = random_tokens(input.batch, input.tokens);
    std::vector<Candidate> candidates;
    for (const std::size_t i : chosen) {
      candidates.push_back({name(size.parts[i], input), [&tokens, &one = model(i)] { one(tokens); }});
    }
    const std::vector<Timing> timings = time_alternately(candidates, options.timer(input.batch == 1 ? 25 : 5));
    for (std::size_t k = 0; k < chosen.size(); ++k) {
      const FeedForwardPart& part = size.parts[chosen[k]];
      if (!options.selects(candidates[k].name)) continue;
      rows.push_back({.name = candidates[k].name,
                      .batch = input.batch,
                      .timing = timings[k],
                      .baseline = part.is_dense() ? std::optional<Timing>() : timings[0],
                      .more = {{"tokens", input.tokens},
                               {"gflop", rounded(gflop(size, part, input.batch, input.tokens), 3)},
                               {"neurons", part.neurons},
                               {"neurons_used", part.neurons_used}}});
    }
  }
}

// One sequence, its gradient included; `peak_mb` is what a step takes at most beside its input.
void add_attention(std::vector<Row>& rows, const BenchOptions& options, std::int64_t tokens) {
  constexpr std::int64_t heads = 4, width = 256;
  const std::string name =
      fmt::format("attention heads {} width {} tokens {} forward and backward", heads, width, tokens);
  if (!options.selects(name)) return;
  const Variable qkv = Variable::parameter(normal({tokens, 3 * width}, "benchmark data"), "qkv");
  const Sequences sequences = Sequences::equal(1, tokens);
  const auto step = [&] {
    Variable input = qkv;
    Tape tape;
    tape.backward(sum(attention(input, sequences, {.heads = heads})));
    input.zero_grad();
  };
  step();
  memory::reset_peak();
  const std::size_t before = memory::counters().live;
  step();
  const double peak = static_cast<double>(memory::counters().peak - before) / 1e6;
  const Timing timing = time_alternately({{name, step}}, options.timer(15)).front();
  rows.push_back({.name = name,
                  .batch = 1,
                  .timing = timing,
                  .more = {{"tokens", tokens},
                           {"gflop", rounded(14. * static_cast<double>(tokens * tokens * width) / 1e9, 3)},
                           {"peak_mb", rounded(peak, 2)}}});
}

std::vector<Row> run(const BenchOptions& options) {
  std::vector<Row> rows;
  for (const Size& size : sizes()) add_encoders(rows, options, size);
  for (const std::int64_t tokens : {128, 512, 2048}) add_attention(rows, options, tokens);
  return rows;
}

}  // namespace

Benchmark encoder() {
  return {.name = "encoder",
          .description = "inference of whole BERT encoders, dense and with trees; attention over long sequences",
          .run = run};
}

}  // namespace canopy::benchmark
