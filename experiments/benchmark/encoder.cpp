#include <canopy/experiments/benchmark/encoder.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <canopy/canopy.hpp>
#include <canopy/experiments/benchmark/data.hpp>

#include <fmt/format.h>

namespace canopy::benchmark {
namespace {

struct Size {
  std::int64_t blocks, width, heads, hidden;
  std::vector<std::pair<int, int>> trees;  // K x D with about `hidden` neurons

  std::string name() const { return fmt::format("encoder {}x{} heads {}", blocks, width, heads); }
};

// A K x D of so many neurons computes K (D + 1) of them.
const std::vector<Size> sizes = {{4, 256, 4, 1024, {{1, 9}}},
                                 {12, 384, 12, 1536, {{1, 10}}},
                                 {12, 768, 12, 3072, {{1, 11}, {3, 9}, {12, 7}, {48, 5}}}};

constexpr std::int64_t vocabulary = 30522;

using MakeLayer = std::function<std::unique_ptr<nn::Layer>()>;

std::unique_ptr<nn::TokenModel> bert(const Size& size, const MakeLayer& feedforward) {
  const nn::TokenModelOptions options{
      .embeddings = {.vocabulary = vocabulary, .width = size.width, .positions = 512, .types = 2},
      .encoder = {.blocks = size.blocks,
                  .block = {.width = size.width,
                            .heads = size.heads,
                            .norm = nn::NormPlace::behind,
                            .epsilon = 1e-12f,
                            .projections = nn::Projections::separate}}};
  auto model = std::make_unique<nn::TokenModel>(options, [&](std::int64_t) { return feedforward(); });
  model->eval();
  return model;
}

nn::Tokens random_tokens(std::int64_t batch, std::int64_t tokens) {
  Indices ids({batch, tokens});
  RandomStream random(0, "benchmark tokens");
  for (std::int32_t& id : ids.mutable_elements()) id = static_cast<std::int32_t>(random() % vocabulary);
  return nn::Tokens::padded(ids);
}

struct Variant {
  std::string name;
  std::unique_ptr<nn::TokenModel> model;
  int trees = 0, depth = 0;
};

std::vector<Variant> variants(const Size& size) {
  std::vector<Variant> all;
  all.push_back(
      {fmt::format("{} ff {}", size.name(), size.hidden), bert(size, [&]() -> std::unique_ptr<nn::Layer> {
         return std::make_unique<nn::FeedForward>(nn::FeedForwardOptions{
             .inputs = size.width, .width = size.hidden, .outputs = size.width, .activation = Activation::gelu});
       })});
  for (const auto& [trees, depth] : size.trees) {
    const nn::TreeFFFOptions options{.inputs = size.width, .outputs = size.width, .trees = trees, .depth = depth};
    all.push_back({fmt::format("{} tree {}x{}", size.name(), trees, depth),
                   bert(size, [&] { return std::make_unique<nn::TreeFFF>(options); }), trees, depth});
  }
  return all;
}

double gflop(const Size& size, std::int64_t batch, std::int64_t tokens) {
  const auto width = static_cast<double>(size.width), hidden = static_cast<double>(size.hidden);
  const double a_token = 2 * (4 * width * width + 2 * width * hidden) + 4 * static_cast<double>(tokens) * width;
  return static_cast<double>(batch * tokens * size.blocks) * a_token / 1e9;
}

void add_encoders(std::vector<Row>& rows, const BenchOptions& options, const Size& size) {
  const auto row_name = [](const Variant& variant, std::int64_t batch, std::int64_t tokens) {
    return fmt::format("{} batch {} tokens {}", variant.name, batch, tokens);
  };
  std::vector<Variant> models;
  for (const auto& [batch, tokens] : std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 16}, {1, 128}, {32, 128}}) {
    if (models.empty()) {
      manual_seed(0);
      models = variants(size);
    }
    const nn::Tokens input = random_tokens(batch, tokens);
    std::vector<Candidate> contenders;
    std::vector<const Variant*> timed;
    for (const Variant& variant : models) {
      // The dense one is the trees' baseline.
      if (!options.selects(row_name(variant, batch, tokens)) && &variant != &models.front()) continue;
      timed.push_back(&variant);
      contenders.push_back({row_name(variant, batch, tokens), [&] { (*variant.model)(input); }});
    }
    if (contenders.size() == 1 && !options.selects(contenders.front().name)) continue;
    const std::vector<Timing> timings = time_alternately(contenders, options.timer(batch == 1 ? 25 : 5));
    for (std::size_t i = 0; i < timings.size(); ++i) {
      if (!options.selects(contenders[i].name)) continue;
      const Variant& variant = *timed[i];
      Json more = {{"tokens", tokens}, {"gflop", rounded(gflop(size, batch, tokens), 3)}};
      more["neurons"] = variant.trees == 0 ? size.hidden : variant.trees * ((std::int64_t{2} << variant.depth) - 1);
      more["neurons_used"] = variant.trees == 0 ? size.hidden : variant.trees * (variant.depth + 1);
      rows.push_back({.name = contenders[i].name,
                      .batch = batch,
                      .timing = timings[i],
                      .baseline = i == 0 ? std::optional<Timing>() : timings[0],
                      .more = std::move(more)});
    }
  }
}

// One sequence, its gradient included; `peak_mb` is what it takes beside its input, its result and their gradients.
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
  for (const Size& size : sizes) add_encoders(rows, options, size);
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
