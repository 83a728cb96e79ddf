#include <canopy/experiments/benchmark/pretraining_step.hpp>

#include <cmath>
#include <memory>
#include <vector>

#include <canopy/canopy.hpp>
#include <canopy/datasets/permutation.hpp>

#include <fmt/format.h>

namespace canopy::benchmark {
namespace {

// Below the vocabulary.
Indices random_ids(const Shape& shape, std::int64_t vocabulary, RandomStream& random) {
  Indices ids(shape);
  for (std::int32_t& id : ids.mutable_elements()) {
    id = static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(vocabulary));
  }
  return ids;
}

}  // namespace

std::string PretrainingSize::name() const {
  const std::string part = depth == 0 ? "dense" : fmt::format("tree 1x{} masked", depth);
  return fmt::format("bert pretraining {}x{} heads {} ff {} {} batch {} tokens {} vocabulary {}", blocks, width, heads,
                     hidden, part, batch, tokens, vocabulary);
}

std::function<void()> pretraining_step(const PretrainingSize& size) {
  RandomStream random(0, "benchmark tokens");
  const nn::Tokens tokens = nn::Tokens::padded(random_ids({size.batch, size.tokens}, size.vocabulary, random));
  const std::int64_t rows = size.batch * size.tokens;
  const std::int64_t masked = std::llround(.15 * static_cast<double>(rows));
  const std::vector<std::int64_t> order = datasets::permutation(rows, random);
  Indices at({masked});
  for (std::int64_t i = 0; i < masked; ++i) {
    at.mutable_data()[i] = static_cast<std::int32_t>(order[static_cast<std::size_t>(i)]);
  }
  const Indices truth = random_ids({masked}, size.vocabulary, random);
  auto model = std::make_shared<nn::CrammedBert>(
      nn::CrammedBertOptions{.vocabulary = size.vocabulary,
                             .width = size.width,
                             .blocks = size.blocks,
                             .heads = size.heads,
                             .feedforward = size.depth > 0 ? nn::CrammedFeedForward{.trees = 1, .depth = size.depth}
                                                           : nn::CrammedFeedForward{.width = size.hidden}});
  auto optimizer = std::make_shared<optim::AdamW>(
      model->parameters(), optim::AdamWOptions{.learning_rate = 1e-3, .beta2 = 0.98, .epsilon = 1e-12});
  return [=] {
    Tape tape;
    tape.backward(cross_entropy(model->predict(tokens, at), truth));
    optim::clip_grad_norm(model->parameters(), 0.5);
    optimizer->step();
    optimizer->zero_grad();
  };
}

}  // namespace canopy::benchmark
