#include <canopy/core/kernels/tree.hpp>

#include <cmath>
#include <vector>

#include <canopy/core/array.hpp>
#include <canopy/core/random.hpp>
#include <canopy/core/threads.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(tree)

namespace {

Tensor random(const Shape& shape, const char* purpose) {
  Tensor x(shape);
  RandomStream(7, purpose).fill_uniform(x.mutable_elements(), -2.f, 2.f);
  return x;
}

// The product of the choices on the way to heap node `k`, leaves counted on from the nodes.
double reach_of(const float* choice, std::int64_t k) {
  if (k == 0) return 1;
  const std::int64_t parent = (k - 1) / 2;
  const double c = choice[parent];
  return reach_of(choice, parent) * (k % 2 == 0 ? c : 1 - c);
}

double entropy(double z) {
  const double p = 1 / (1 + std::exp(-z));
  return p <= 0 || p >= 1 ? 0 : -p * std::log(p) - (1 - p) * std::log1p(-p);
}

}  // namespace

BOOST_AUTO_TEST_CASE(paths_are_products_of_choices) {
  for (const int depth : {0, 1, 2, 3, 4, 5, 6, 7}) {
    for (const std::int64_t batch : {0, 1, 3, 65}) {
      const std::int64_t leaves = std::int64_t{1} << depth;
      const std::int64_t nodes = leaves - 1;
      Tensor choice({batch, nodes});
      RandomStream(1, "choice").fill_uniform(choice.mutable_elements(), 0.f, 1.f);
      Tensor reach({batch, nodes});
      Tensor path({batch, leaves});
      kernels::tree_paths(choice.data(), batch, depth, reach.mutable_data(), path.mutable_data());
      for (std::int64_t b = 0; b < batch; ++b) {
        const float* c = choice.data() + b * nodes;
        for (std::int64_t k = 0; k < nodes; ++k)
          BOOST_TEST(std::abs(reach.data()[b * nodes + k] - reach_of(c, k)) < 1e-6);
        for (std::int64_t i = 0; i < leaves; ++i) {
          BOOST_TEST(std::abs(path.data()[b * leaves + i] - reach_of(c, nodes + i)) < 1e-6);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(backward_is_the_bottom_up_recursion) {
  for (const int depth : {1, 2, 4, 5, 6}) {
    const std::int64_t batch = 67;
    const std::int64_t leaves = std::int64_t{1} << depth;
    const std::int64_t nodes = leaves - 1;
    Tensor p({batch, nodes});
    RandomStream(2, "p").fill_uniform(p.mutable_elements(), 0.f, 1.f);
    const Tensor dpath = random({batch, leaves}, "dpath");
    Tensor reach({batch, nodes});
    Tensor path({batch, leaves});
    Tensor dz({batch, nodes});
    kernels::tree_paths(p.data(), batch, depth, reach.mutable_data(), path.mutable_data());
    kernels::tree_paths_backward(p.data(), reach.data(), p.data(), dpath.data(), batch, depth, dz.mutable_data());
    for (std::int64_t b = 0; b < batch; ++b) {
      std::vector<double> d(static_cast<std::size_t>(nodes + leaves));
      for (std::int64_t i = 0; i < leaves; ++i) d[static_cast<std::size_t>(nodes + i)] = dpath.data()[b * leaves + i];
      for (std::int64_t k = nodes - 1; k >= 0; --k) {
        const double c = p.data()[b * nodes + k];
        const double left = d[static_cast<std::size_t>(2 * k + 1)];
        const double right = d[static_cast<std::size_t>(2 * k + 2)];
        d[static_cast<std::size_t>(k)] = (1 - c) * left + c * right;
        const double expected = reach_of(p.data() + b * nodes, k) * (right - left) * c * (1 - c);
        BOOST_TEST(std::abs(dz.data()[b * nodes + k] - expected) < 1e-6);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(hard_decisions_go_right_from_zero_on) {
  const Tensor z({5}, {-1.f, -0.f, 0.f, 1e-30f, -1e-30f});
  Tensor choice({5});
  kernels::hard_decisions(z.data(), z.size(), choice.mutable_data());
  const std::vector<float> expected = {0.f, 1.f, 1.f, 1.f, 0.f};
  BOOST_TEST(choice.data()[0] == expected[0]);
  BOOST_TEST(choice.data()[1] == expected[1]);
  BOOST_TEST(choice.data()[2] == expected[2]);
}

BOOST_AUTO_TEST_CASE(entropy_and_its_slope) {
  for (const std::int64_t n : {0, 1, 15, 16, 17, 33, 1000, 70000}) {
    Tensor z({n});
    RandomStream(3, "z").fill_uniform(z.mutable_elements(), -20.f, 20.f);
    Tensor weight({n});
    RandomStream(3, "w").fill_uniform(weight.mutable_elements(), 0.f, 2.f);
    double sum = 0;
    double weighted = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      sum += entropy(z.data()[i]);
      weighted += weight.data()[i] * entropy(z.data()[i]);
    }
    BOOST_TEST(std::abs(kernels::node_entropy(z.data(), nullptr, n) - sum) <= 1e-5 * sum);
    BOOST_TEST(std::abs(kernels::node_entropy(z.data(), weight.data(), n) - weighted) <= 1e-5 * weighted);
    Tensor dz({n});
    Tensor each({n});
    kernels::node_entropy_backward(z.data(), weight.data(), 0.5f, n, dz.mutable_data());
    kernels::node_entropies(z.data(), n, each.mutable_data());
    for (std::int64_t i = 0; i < n; ++i) {
      const double v = z.data()[i];
      const double p = 1 / (1 + std::exp(-v));
      BOOST_TEST(std::abs(dz.data()[i] + 0.5 * weight.data()[i] * v * p * (1 - p)) < 2e-6);
      BOOST_TEST(std::abs(each.data()[i] - entropy(v)) < 2e-6);
    }
  }
}

BOOST_AUTO_TEST_CASE(weighing_leaves) {
  for (const std::int64_t width : {1, 2, 3, 4, 7, 8, 16, 17, 33}) {
    for (const std::int64_t paths : {0, 1, 5, 37, 1025}) {
      const Tensor path = random({paths}, "path");
      const Tensor hidden = random({paths, width}, "hidden");
      const Tensor dweighted = random({paths, width}, "dweighted");
      Tensor weighted({paths, width});
      Tensor dpath = random({paths}, "dpath");
      const Tensor dpath_before = dpath.clone();
      Tensor dhidden({paths, width});
      kernels::weigh_leaves(path.data(), hidden.data(), paths, width, weighted.mutable_data());
      kernels::weigh_leaves_backward(path.data(), hidden.data(), dweighted.data(), paths, width, dpath.mutable_data(),
                                     dhidden.mutable_data());
      for (std::int64_t i = 0; i < paths; ++i) {
        double sum = dpath_before.data()[i];
        for (std::int64_t j = i * width; j < (i + 1) * width; ++j) {
          BOOST_TEST(weighted.data()[j] == path.data()[i] * hidden.data()[j]);
          BOOST_TEST(dhidden.data()[j] == path.data()[i] * dweighted.data()[j]);
          sum += static_cast<double>(hidden.data()[j]) * dweighted.data()[j];
        }
        BOOST_TEST(std::abs(dpath.data()[i] - sum) < 1e-5 * static_cast<double>(width));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  const int depth = 7;
  const std::int64_t batch = 3001;
  const Tensor z = random({batch, 127}, "z");
  double sums[2];
  Tensor paths[2];
  for (const int count : {1, 2}) {
    const ThreadGuard guard(count);
    Tensor reach({batch, 127});
    paths[count - 1] = Tensor({batch, 128});
    kernels::tree_paths(z.data(), batch, depth, reach.mutable_data(), paths[count - 1].mutable_data());
    sums[count - 1] = kernels::node_entropy(z.data(), nullptr, z.size());
  }
  BOOST_TEST(sums[0] == sums[1]);
  BOOST_CHECK(std::ranges::equal(paths[0].elements(), paths[1].elements()));
}

BOOST_AUTO_TEST_SUITE_END()
