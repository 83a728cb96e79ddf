// Trees of neurons against their naive twins, which take a row, a node and a product at a time.
#include <canopy/core/kernels/neuron_tree.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

#include <canopy/core/array.hpp>
#include <canopy/core/kernels/grouping.hpp>
#include <canopy/core/random.hpp>
#include <canopy/core/threads.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(neuron_tree)

namespace {

Tensor normal(const Shape& shape, const char* purpose) {
  Tensor x(shape);
  RandomStream(static_cast<std::uint64_t>(shape.size()), purpose).fill_normal(x.mutable_elements(), 0.f, 1.f);
  return x;
}

struct Problem {
  std::int64_t batch, width;
  int depth;
  bool skewed = false;  // nearly all rows take one path

  std::int64_t nodes() const { return (std::int64_t{2} << depth) - 1; }
  std::int64_t levels() const { return depth + 1; }
  Tensor x = normal({batch, width}, "x"), w = normal({nodes(), width}, "w"), bias = normal({nodes()}, "bias");

  Problem(std::int64_t batch_, std::int64_t width_, int depth_, bool skewed_)
      : batch(batch_), width(width_), depth(depth_), skewed(skewed_) {
    if (!skewed) return;
    for (std::int64_t b = 0; b < batch; b += b % 50 == 0 ? 2 : 1) {
      std::copy_n(x.data(), width, x.mutable_data() + b * width);
    }
  }
};

std::vector<Problem> problems() {
  std::vector<Problem> all;
  for (const int depth : {0, 1, 2, 3, 5, 6, 8}) {
    for (const std::int64_t batch : {1, 3, 4, 17, 64, 65, 700}) {
      for (const std::int64_t width : {1, 7, 16, 33, 100}) all.emplace_back(batch, width, depth, false);
    }
  }
  all.emplace_back(3000, 40, 9, false);
  all.emplace_back(1000, 40, 7, true);
  return all;
}

double dot(const float* a, const float* b, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

std::int64_t node_at(std::int32_t bottom, int depth, std::int64_t level) {
  std::int64_t node = (std::int64_t{1} << depth) - 1 + bottom;
  for (std::int64_t l = depth; l > level; --l) node = (node - 1) / 2;
  return node;
}

// A batch's paths, sorted.
struct Sorted {
  std::vector<std::int32_t> bottom;
  kernels::PathOrder paths;

  explicit Sorted(const Problem& p) : bottom(static_cast<std::size_t>(p.batch)), paths{p.depth, {}} {
    std::vector<float> z(static_cast<std::size_t>(p.batch * p.levels()));
    kernels::descend({p.width, p.depth, p.w.data(), p.bias.data()}, p.x.data(), p.batch, bottom.data(), z.data());
    paths.rows = kernels::group_items(bottom.data(), p.batch, std::int64_t{1} << p.depth);
  }
};

void check_near(float found, double expected, double scale, const char* what) {
  if (std::abs(found - expected) <= 1e-5 * scale) return;
  BOOST_ERROR(what << ": " << found << " where " << expected << " is expected");
}

}  // namespace

BOOST_AUTO_TEST_CASE(rows_descend_by_their_logits) {
  for (const Problem& p : problems()) {
    for (const bool with_bias : {false, true}) {
      const kernels::NeuronTree tree{p.width, p.depth, p.w.data(), with_bias ? p.bias.data() : nullptr};
      std::vector<std::int32_t> bottom(static_cast<std::size_t>(p.batch));
      Tensor z({p.batch, p.levels()});
      kernels::descend(tree, p.x.data(), p.batch, bottom.data(), z.mutable_data());
      for (std::int64_t b = 0; b < p.batch; ++b) {
        std::int64_t node = 0;
        for (std::int64_t level = 0; level < p.levels(); ++level) {
          const float logit = z.data()[b * p.levels() + level];
          const double expected = dot(p.x.data() + b * p.width, p.w.data() + node * p.width, p.width) +
                                  (with_bias ? p.bias.data()[node] : 0.f);
          check_near(logit, expected, static_cast<double>(p.width), "logit");
          if (level == p.depth)
            BOOST_REQUIRE(node == (std::int64_t{1} << p.depth) - 1 + bottom[static_cast<std::size_t>(b)]);
          node = 2 * node + 1 + (logit > 0.f ? 1 : 0);
        }
      }
    }
  }
}

// The same bits for a row alone, in any batch, on any number of threads.
BOOST_AUTO_TEST_CASE(a_row_s_result_does_not_depend_on_its_neighbours) {
  const Problem p(900, 70, 8, false);
  const kernels::NeuronTree tree{p.width, p.depth, p.w.data(), p.bias.data()};
  std::vector<std::int32_t> alone(static_cast<std::size_t>(p.batch));
  Tensor z_alone({p.batch, p.levels()});
  for (std::int64_t b = 0; b < p.batch; ++b) {
    kernels::descend(tree, p.x.data() + b * p.width, 1, alone.data() + b, z_alone.mutable_data() + b * p.levels());
  }
  for (const int threads : {1, 2, 4}) {
    const ThreadGuard guard(threads);
    for (const std::int64_t batch : {2, 5, 63, 200, 900}) {
      std::vector<std::int32_t> bottom(static_cast<std::size_t>(batch));
      Tensor z({batch, p.levels()});
      kernels::descend(tree, p.x.data(), batch, bottom.data(), z.mutable_data());
      BOOST_TEST(std::equal(bottom.begin(), bottom.end(), alone.begin()));
      BOOST_TEST(std::equal(z.data(), z.data() + z.size(), z_alone.data()));
    }
  }
}

BOOST_AUTO_TEST_CASE(sums_and_dots_along_the_paths) {
  for (const Problem& p : problems()) {
    const Sorted rows(p);
    const Tensor coefficient = normal({p.batch, p.levels()}, "coefficient");
    Tensor y({p.batch, p.width}, 0.5f), added({p.batch, p.width}, 0.5f), single({p.width}), dots({p.batch, p.levels()});
    kernels::path_sums(rows.paths, coefficient.data(), p.w.data(), p.width, false, y.mutable_data());
    kernels::path_sums(rows.paths, coefficient.data(), p.w.data(), p.width, true, added.mutable_data());
    kernels::path_dots(rows.paths, p.x.data(), p.w.data(), p.width, dots.mutable_data());
    for (std::int64_t b = 0; b < p.batch; ++b) {
      const std::int32_t bottom = rows.bottom[static_cast<std::size_t>(b)];
      std::vector<double> expected(static_cast<std::size_t>(p.width));
      for (std::int64_t level = 0; level < p.levels(); ++level) {
        const float* w = p.w.data() + node_at(bottom, p.depth, level) * p.width;
        const double a = coefficient.data()[b * p.levels() + level];
        for (std::int64_t i = 0; i < p.width; ++i) expected[static_cast<std::size_t>(i)] += a * w[i];
        check_near(dots.data()[b * p.levels() + level], dot(p.x.data() + b * p.width, w, p.width),
                   static_cast<double>(p.width), "dot");
      }
      kernels::path_sum(p.depth, bottom, coefficient.data() + b * p.levels(), p.w.data(), p.width, false,
                        single.mutable_data());
      for (std::int64_t i = 0; i < p.width; ++i) {
        check_near(y.data()[b * p.width + i], expected[static_cast<std::size_t>(i)], 10, "sum");
        check_near(added.data()[b * p.width + i], expected[static_cast<std::size_t>(i)] + 0.5, 10, "added sum");
        BOOST_REQUIRE(single.data()[i] == y.data()[b * p.width + i]);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(gradients_of_the_nodes_that_rows_pass) {
  for (const Problem& p : problems()) {
    const Sorted rows(p);
    const std::vector<std::int32_t> nodes = kernels::visited_nodes(rows.paths);
    const Tensor coefficient = normal({p.batch, p.levels()}, "coefficient");
    std::vector<double> expected(static_cast<std::size_t>(p.nodes() * p.width));
    std::vector<bool> visited(static_cast<std::size_t>(p.nodes()));
    for (std::int64_t b = 0; b < p.batch; ++b) {
      for (std::int64_t level = 0; level < p.levels(); ++level) {
        const std::int64_t node = node_at(rows.bottom[static_cast<std::size_t>(b)], p.depth, level);
        visited[static_cast<std::size_t>(node)] = true;
        const double a = coefficient.data()[b * p.levels() + level];
        for (std::int64_t i = 0; i < p.width; ++i) {
          expected[static_cast<std::size_t>(node * p.width + i)] += a * p.x.data()[b * p.width + i];
        }
      }
    }
    BOOST_TEST(std::ranges::is_sorted(nodes));
    BOOST_TEST(static_cast<std::int64_t>(nodes.size()) == std::ranges::count(visited, true));
    const auto n = static_cast<std::int64_t>(nodes.size());
    Tensor gradient({n, p.width}), twin({n, p.width});
    {
      const ThreadGuard guard(1);
      kernels::path_gradients(rows.paths, coefficient.data(), p.x.data(), p.width, nodes.data(), n,
                              gradient.mutable_data());
    }
    {
      const ThreadGuard guard(3);
      kernels::path_gradients(rows.paths, coefficient.data(), p.x.data(), p.width, nodes.data(), n,
                              twin.mutable_data());
    }
    BOOST_TEST(std::equal(gradient.data(), gradient.data() + gradient.size(), twin.data()));
    for (std::int64_t k = 0; k < n; ++k) {
      const std::int32_t node = nodes[static_cast<std::size_t>(k)];
      BOOST_REQUIRE(visited[static_cast<std::size_t>(node)]);
      for (std::int64_t i = 0; i < p.width; ++i) {
        check_near(gradient.data()[k * p.width + i], expected[static_cast<std::size_t>(node * p.width + i)],
                   std::sqrt(static_cast<double>(p.batch)) * 10, "gradient");
      }
    }
  }
}

// Outputs too large for the cache are written past it.
BOOST_AUTO_TEST_CASE(large_outputs_are_whole) {
  const Problem p(4500, 512, 3, false);
  const Sorted rows(p);
  const Tensor coefficient = normal({p.batch, p.levels()}, "coefficient");
  Tensor y({p.batch, p.width}), one({p.width});
  kernels::path_sums(rows.paths, coefficient.data(), p.w.data(), p.width, false, y.mutable_data());
  for (std::int64_t b = 0; b < p.batch; ++b) {
    kernels::path_sum(p.depth, rows.bottom[static_cast<std::size_t>(b)], coefficient.data() + b * p.levels(),
                      p.w.data(), p.width, false, one.mutable_data());
    BOOST_REQUIRE(std::equal(one.data(), one.data() + p.width, y.data() + b * p.width));
  }
}

BOOST_AUTO_TEST_SUITE_END()
