#include <canopy/experiments/language/pretraining/masked_token_score.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <canopy/autograd/softmax.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/nn/routed/routing_trace.hpp>

namespace canopy::language {
namespace {

std::int64_t correct(const Tensor& logits, const Indices& labels) {
  std::int64_t count = 0;
  for (std::int64_t row = 0; row < labels.size(); ++row) {
    const float* first = logits.data() + row * logits.extent(1);
    count += std::max_element(first, first + logits.extent(1)) - first == labels.data()[row];
  }
  return count;
}

}  // namespace

double MaskedTokenScore::perplexity() const { return std::exp(loss); }

std::int64_t MaskedTokenScore::least_leaves_used() const {
  std::int64_t least = routing.empty() ? 0 : std::numeric_limits<std::int64_t>::max();
  for (const nn::RoutingLoad& load : routing) least = std::min(least, load.used());
  return least;
}

MaskedTokenScore evaluate_masked_tokens(const nn::CrammedBert& model, const MaskedText& text, std::int64_t sequences,
                                        std::int64_t batch) {
  const NoRecord pause;
  nn::RoutingLoads loads(model);
  MaskedTokenScore score;
  double sum = 0;
  std::int64_t hits = 0;
  const std::int64_t count = std::min(sequences, text.size());
  for (std::int64_t first = 0; first < count; first += batch) {
    std::vector<std::int64_t> indices(static_cast<std::size_t>(std::min(batch, count - first)));
    for (std::size_t i = 0; i < indices.size(); ++i) {
      indices[i] = (first + static_cast<std::int64_t>(i)) * text.size() / count;
    }
    const auto [ids, targets] = text.batch(indices);
    const nn::RoutingTrace trace;
    const Variable logits = model.predict(nn::Tokens::padded(ids), targets.positions);
    sum += cross_entropy(logits, targets.labels, {.reduction = Reduction::sum}).value().item();
    hits += correct(logits.value(), targets.labels);
    score.tokens += targets.labels.size();
    loads.add(trace);
  }
  const auto tokens = static_cast<double>(score.tokens);
  score.loss = sum / tokens;
  score.accuracy = 100 * static_cast<double>(hits) / tokens;
  score.routing = loads.layers();
  return score;
}

}  // namespace canopy::language
