// Soft-max and every loss in configurations drawn at random, values and gradients, against twins in double: plain
// loops.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <canopy/autograd/losses.hpp>
#include <canopy/autograd/softmax.hpp>

#include "support/broadcasting.hpp"
#include "support/twin.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(random_losses)

using test::broadcasting;
using test::check_against_twin;
using test::check_cases;
using test::In;
using test::input;
using test::RandomCase;
using test::Real;
using test::Reals;
using test::sources;
using test::to_size;

namespace {

Reals log_softmax_of(const Real* x, std::size_t n) {
  double largest = -INFINITY;
  for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, x[i].value());
  Real sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += exp(x[i] - largest);
  Reals y;
  for (std::size_t i = 0; i < n; ++i) y.push_back((x[i] - largest) - log(sum));
  return y;
}

}  // namespace

BOOST_AUTO_TEST_CASE(soft_maxes) {
  check_cases("soft-max", 600, [](RandomCase& each) {
    const bool logarithm = each.coin("logarithm");
    const Shape shape = each.shape("extent", static_cast<int>(each.between("rank", 1, 4)), 1, 1500);
    const Shape extents = each.coin("no rows") && shape.rank() > 1 ? shape.with(0, 0) : shape;
    const float deviation = each.one_of("deviation", {0.1f, 1.f, 10.f});
    const Variable x = input(each.normal(extents, each.one_of("mean", {0.f, 50.f}), deviation));
    return check_against_twin(
        each, {x}, [&] { return logarithm ? log_softmax(x) : canopy::softmax(x); },
        [&](In in) {
          const std::size_t n = to_size(shape[-1]);
          Reals y;
          for (std::size_t r = 0; r < in[0].size(); r += n) {
            for (const Real& l : log_softmax_of(&in[0][r], n)) y.push_back(logarithm ? l : exp(l));
          }
          return y;
        });
  });
}

BOOST_AUTO_TEST_CASE(cross_entropies) {
  check_cases("cross-entropy", 450, [](RandomCase& each) {
    const std::int64_t rows = each.extent("rows", 1, 65), classes = each.extent("classes", 1, 33);
    const float smoothing = each.one_of("smoothing", {0.f, 0.125f, 1.f});
    const auto reduction = each.one_of("reduction", {Reduction::mean, Reduction::sum, Reduction::none});
    const Variable x = input(each.normal({rows, classes}, 0.f, 3.f));
    Indices labels = each.indices({rows}, classes);
    if (each.coin("some ignored")) {
      for (std::int64_t r = 0; r < rows; r += 2) labels.mutable_data()[r] = -100;
    }
    const auto f = [&] { return cross_entropy(x, labels, {.label_smoothing = smoothing, .reduction = reduction}); };
    return check_against_twin(each, {x}, f, [&](In in) {
      const std::size_t n = to_size(classes);
      Reals losses;
      double counted = 0;
      for (std::size_t r = 0; r < to_size(rows); ++r) {
        const std::int32_t label = labels.data()[r];
        Real loss = 0;
        if (label >= 0) {
          ++counted;
          const Reals l = log_softmax_of(&in[0][r * n], n);
          for (const Real& of_class : l) loss += of_class * (-smoothing / static_cast<double>(n));
          loss += l[to_size(label)] * (smoothing - 1.);
        }
        losses.push_back(loss);
      }
      if (reduction == Reduction::none) return losses;
      Real sum = 0;
      for (const Real& loss : losses) sum += loss;
      return Reals{reduction == Reduction::mean && counted > 0 ? sum / counted : sum};
    });
  });
}

BOOST_AUTO_TEST_CASE(losses_of_elements) {
  check_cases("loss", 600, [](RandomCase& each) {
    const auto op = each.between("loss", 0, 4);
    const Shape shape = each.shape("extent", static_cast<int>(each.between("rank", 0, 3)), 1, 1500);
    const auto reduction = each.one_of("reduction", {Reduction::mean, Reduction::sum, Reduction::none});
    const float delta = each.one_of("delta", {0.5f, 1.f, 2.f});
    Tensor weight, positive;
    if (each.coin("weighted")) weight = each.uniform(broadcasting(each, "weight", shape), 0.f, 2.f);
    if (each.coin("positive weight")) positive = each.uniform(broadcasting(each, "positive", shape), 0.5f, 4.f);
    const Variable x = input(op == 4 ? each.uniform(shape, 0.01f, 0.99f) : each.normal(shape, 0.f, 2.f));
    const Variable t = input(op >= 3 ? each.uniform(shape, 0.f, 1.f) : each.normal(shape, 0.f, 2.f));
    const auto f = [&]() -> Variable {
      const LossOptions options{.weight = weight, .reduction = reduction};
      switch (op) {
        case 0:
          return mean_squared_error(x, t, options);
        case 1:
          return mean_absolute_error(x, t, options);
        case 2:
          return huber_loss(x, t, {.delta = delta, .weight = weight, .reduction = reduction});
        case 3:
          return binary_cross_entropy_with_logits(
              x, t, {.positive_weight = positive, .weight = weight, .reduction = reduction});
        default:
          return binary_cross_entropy(x, t, options);
      }
    };
    return check_against_twin(each, {x, t}, f, [&](In in) {
      const auto iw = sources(weight.empty() ? Shape{} : weight.shape(), shape);
      const auto ip = sources(positive.empty() ? Shape{} : positive.shape(), shape);
      Reals losses;
      Real sum = 0;
      for (std::size_t i = 0; i < in[0].size(); ++i) {
        const Real &u = in[0][i], &v = in[1][i];
        const Real d = u - v;
        Real loss;
        switch (op) {
          case 0:
            loss = d * d;
            break;
          case 1:
            loss = abs(d);
            break;
          case 2:
            loss = (abs(d) - delta).is_positive() ? delta * (abs(d) - 0.5 * delta) : 0.5 * d * d;
            break;
          case 3:
            loss = (1 - v) * softplus(u) + (positive.empty() ? 1 : positive.data()[ip[i]]) * v * softplus(-u);
            break;
          default:
            loss = -(v * log(u) + (1 - v) * log1p(-u));
        }
        losses.push_back(loss * (weight.empty() ? 1 : weight.data()[iw[i]]));
        sum += losses.back();
      }
      if (reduction == Reduction::none) return losses;
      return Reals{reduction == Reduction::mean ? sum / static_cast<double>(shape.size()) : sum};
    });
  });
}

BOOST_AUTO_TEST_SUITE_END()
