#include <canopy/core/kernels/routing.hpp>

#include <cmath>
#include <vector>

#include <canopy/core/array.hpp>
#include <canopy/core/random.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(routing)

namespace {

Tensor normal(const Shape& shape, const char* purpose) {
  Tensor x(shape);
  RandomStream(5, purpose).fill_normal(x.mutable_elements(), 0.f, 1.f);
  return x;
}

std::vector<float> signs(std::int64_t n) {
  std::vector<float> sign(static_cast<std::size_t>(n));
  RandomStream random(6, "signs");
  for (float& s : sign) s = random() % 3 == 0 ? -1.f : 1.f;
  return sign;
}

}  // namespace

BOOST_AUTO_TEST_CASE(rows_go_as_their_dot_products_say) {
  for (const int depth : {0, 1, 2, 6}) {
    for (const std::int64_t inputs : {1, 7, 16, 100}) {
      for (const bool leaking : {false, true}) {
        const std::int64_t batch = 71, nodes = (std::int64_t{1} << depth) - 1;
        const Tensor x = normal({batch, inputs}, "x"), w = normal({nodes, inputs}, "w"), b = normal({nodes}, "b");
        const std::vector<float> sign = signs(batch * depth);
        const std::int64_t others = std::int64_t{depth} * (depth - 1) / 2;
        const std::vector<float> other_sign = signs(batch * others);
        const auto naive = [&](std::int64_t row, std::int64_t node) {
          double z = b.data()[node];
          for (std::int64_t i = 0; i < inputs; ++i) {
            z += static_cast<double>(x.data()[row * inputs + i]) * w.data()[node * inputs + i];
          }
          return z;
        };
        const kernels::DecisionTree tree{inputs, depth, w.data(), b.data()};
        std::vector<std::int32_t> leaf(static_cast<std::size_t>(batch));
        std::vector<std::int32_t> other(static_cast<std::size_t>(batch * depth));
        std::vector<float> logits(other.size());
        kernels::route(tree, x.data(), batch, leaf.data(), leaking ? sign.data() : nullptr, logits.data());
        kernels::route_others(tree, x.data(), batch, leaf.data(), leaking ? other_sign.data() : nullptr, other.data());

        for (std::int64_t row = 0; row < batch; ++row) {
          std::int64_t node = 0, at = row * others;
          for (int level = 0; level < depth; ++level) {
            const std::int64_t i = row * depth + level;
            const double z = naive(row, node) * (leaking ? sign[static_cast<std::size_t>(i)] : 1);
            BOOST_TEST(std::abs(z - logits[static_cast<std::size_t>(i)]) < 1e-4);
            const bool right = logits[static_cast<std::size_t>(i)] >= 0;
            std::int64_t side = 2 * node + (right ? 1 : 2);
            node = 2 * node + (right ? 2 : 1);
            for (int below = level + 1; below < depth; ++below, ++at) {
              const double turn = leaking ? other_sign[static_cast<std::size_t>(at)] : 1;
              side = 2 * side + (naive(row, side) * turn >= 0 ? 2 : 1);
            }
            BOOST_TEST(other[static_cast<std::size_t>(i)] == side - nodes);
          }
          BOOST_TEST(leaf[static_cast<std::size_t>(row)] == node - nodes);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(logits_of_all_nodes_lead_to_the_same_leaves) {
  const int depth = 5;
  const std::int64_t batch = 40, nodes = 31, inputs = 12;
  const Tensor x = normal({batch, inputs}, "x"), w = normal({nodes, inputs}, "w"), b = normal({nodes}, "b");
  const kernels::DecisionTree tree{inputs, depth, w.data(), b.data()};
  std::vector<float> all;
  for (std::int64_t row = 0; row < batch; ++row) {
    for (std::int64_t node = 0; node < nodes; ++node) {
      double z = b.data()[node];
      for (std::int64_t i = 0; i < inputs; ++i) z += x.data()[row * inputs + i] * w.data()[node * inputs + i];
      all.push_back(static_cast<float>(z));
    }
  }
  std::vector<std::int32_t> leaf(batch), twin_leaf(batch), other(batch * depth), twin_other(batch * depth);
  std::vector<float> logits(batch * depth);
  kernels::route(tree, x.data(), batch, leaf.data());
  kernels::route_others(tree, x.data(), batch, leaf.data(), nullptr, other.data());
  kernels::route_by_logits(all.data(), batch, depth, twin_leaf.data(), logits.data());
  kernels::route_others_by_logits(all.data(), batch, depth, twin_leaf.data(), twin_other.data());
  BOOST_TEST(leaf == twin_leaf);
  BOOST_TEST(other == twin_other);
}

BOOST_AUTO_TEST_SUITE_END()
