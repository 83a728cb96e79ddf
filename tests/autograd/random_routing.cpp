// Groups, trees and paths in configurations drawn at random, values and gradients, against twins in double: plain
// loops.
#include <algorithm>
#include <functional>
#include <map>
#include <numeric>

#include <canopy/autograd/decision_path.hpp>
#include <canopy/autograd/grouped.hpp>
#include <canopy/autograd/neuron_forest.hpp>
#include <canopy/autograd/tree.hpp>

#include "support/twin.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(random_routing)

using test::check_against_twin;
using test::check_cases;
using test::In;
using test::input;
using test::RandomCase;
using test::Real;
using test::Reals;
using test::to_size;

namespace {

// The items of a grouped array in its order: by group, within a group as they came.
std::vector<std::size_t> grouped_order(const Indices& chosen) {
  std::vector<std::size_t> order(to_size(chosen.size()));
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t item) { return chosen.data()[item]; });
  return order;
}

}  // namespace

BOOST_AUTO_TEST_CASE(rows_by_group) {
  check_cases("grouped", 600, [](RandomCase& each) {
    const std::int64_t rows = each.extent("rows", 0, 33), count = each.extent("groups", 1, 17);
    const std::int64_t k = each.between("k", 1, 3);
    const std::int64_t inputs = each.extent("inputs", 1, 33), outputs = each.extent("outputs", 1, 17);
    const Activation activation = each.one_of("activation", test::every_activation);
    const auto layout = each.one_of("layout", {GroupedWeights::outputs_by_inputs, GroupedWeights::inputs_by_outputs});
    const bool grouped_input = each.coin("grouped input"), with_bias = each.coin("bias");
    const bool given_output = k == 1 && each.coin("given output");
    const Indices chosen = each.indices({rows, k}, count);
    const Groups groups(chosen, count);
    const bool by_inputs = layout == GroupedWeights::outputs_by_inputs;
    const Variable x = input(each.normal({grouped_input ? rows * k : rows, inputs}));
    const Variable w = input(each.normal(by_inputs ? Shape{count, outputs, inputs} : Shape{count, inputs, outputs}));
    const Variable b = input(each.normal({count, outputs}));
    const GroupedLinearOptions options{.activation = activation,
                                       .weights = layout,
                                       .input = grouped_input ? RowOrder::grouped : RowOrder::given,
                                       .output = given_output ? RowOrder::given : RowOrder::grouped};
    std::vector<Variable> all = {x, w};
    if (with_bias) all.push_back(b);
    const std::vector<std::size_t> order = grouped_order(chosen);
    const auto f = [&] { return grouped_linear(x, groups, w, with_bias ? b : Variable(), options); };
    const std::size_t n = to_size(inputs), m = to_size(outputs);
    const bool product = check_against_twin(each, all, f, [&](In in) {
      Reals y(order.size() * m);
      for (std::size_t position = 0; position < order.size(); ++position) {
        const std::size_t item = order[position], group = to_size(chosen.data()[item]);
        const std::size_t row = grouped_input ? position : item / to_size(k);
        for (std::size_t o = 0; o < m; ++o) {
          Real z = with_bias ? in[2][group * m + o] : Real(0.);
          for (std::size_t i = 0; i < n; ++i) {
            z += in[0][row * n + i] * in[1][group * n * m + (by_inputs ? o * n + i : i * m + o)];
          }
          y[(given_output ? item : position) * m + o] = test::activate(activation, z);
        }
      }
      return y;
    });
    const Variable values = input(each.normal({rows * k, outputs})), gates = input(each.normal({rows, k}));
    const bool combined = check_against_twin(
        each, {values, gates}, [&] { return combine(values, groups, gates); },
        [&](In in) {
          Reals y(to_size(rows * outputs));
          for (std::size_t position = 0; position < order.size(); ++position) {
            const std::size_t item = order[position];
            for (std::size_t o = 0; o < m; ++o) {
              y[item / to_size(k) * m + o] += in[1][item] * in[0][position * m + o];
            }
          }
          return y;
        });
    return product && combined &&
           check_against_twin(
               each, {gates}, [&] { return sum_by_group(gates, groups); },
               [&](In in) {
                 Reals y(to_size(count));
                 for (std::size_t item = 0; item < in[0].size(); ++item) {
                   y[to_size(chosen.data()[item])] += in[0][item];
                 }
                 return y;
               });
  });
}

namespace {

// The nodes that a row passes, from the root on, and the leaf: right where `z` of the node is above 0.
std::vector<std::size_t> descend(int depth, const std::function<Real(std::size_t)>& z) {
  std::vector<std::size_t> nodes = {0};
  for (int level = 0; level < depth; ++level) {
    nodes.push_back(2 * nodes.back() + (z(nodes.back()).is_positive() ? 2 : 1));
  }
  return nodes;
}

}  // namespace

BOOST_AUTO_TEST_CASE(trees_of_decisions) {
  check_cases("tree", 600, [](RandomCase& each) {
    const auto depth = static_cast<int>(each.between("depth", 0, 4));
    const std::int64_t batch = each.extent("batch", 0, 17), leaves = std::int64_t{1} << depth, nodes = leaves - 1;
    const Routing routing = each.one_of("routing", {Routing::soft, Routing::straight_through});
    const Variable z = input(each.normal({batch, nodes}, 0.f, 2.f));
    const auto paths = [&](In in) {
      Reals y;
      for (std::int64_t b = 0; b < batch; ++b) {
        Reals reach = {Real(1.)};
        for (std::size_t node = 0; node < to_size(nodes); ++node) {
          const Real& logit = in[0][to_size(b * nodes) + node];
          Real right = sigmoid(logit);
          if (routing != Routing::soft) right = Real::straight_through(logit.is_positive() ? 1. : 0., right);
          reach.push_back(reach[node] * (1 - right));
          reach.push_back(reach[node] * right);
        }
        y.insert(y.end(), reach.begin() + nodes, reach.end());
      }
      return y;
    };
    bool checked = check_against_twin(
        each, {z}, [&] { return tree_paths(z, depth, routing).path; }, paths);

    checked &= check_against_twin(
        each, {z}, [&] { return path_probability(decision_path(z, depth).logits); },
        [&](In in) {
          Reals y;
          for (std::size_t b = 0; b < to_size(batch); ++b) {
            const Real* row = in[0].data() + b * to_size(nodes);
            Real probability = 1;
            const auto path = descend(depth, [&](std::size_t node) { return row[node]; });
            for (int level = 0; level < depth; ++level) {
              probability = probability * sigmoid(abs(row[path[to_size(level)]]));
            }
            y.push_back(probability);
          }
          return y;
        });

    const Tensor weight = each.uniform(z.shape(), 0.f, 1.f);
    checked &= check_against_twin(
        each, {z}, [&] { return node_entropy(z, weight, 0.5f); },
        [&](In in) {
          Real sum = 0;
          for (std::size_t i = 0; i < in[0].size(); ++i) {
            const Real magnitude = abs(in[0][i]);
            sum += (softplus(-magnitude) + magnitude * sigmoid(-magnitude)) * weight.data()[i];
          }
          return Reals{sum * 0.5};
        });

    const Variable loads = input(each.uniform({batch, leaves}, 0.1f, 1.f));
    if (batch > 0) {
      checked &= check_against_twin(
          each, {loads}, [&] { return negative_load_entropy(loads); },
          [&](In in) {
            Real sum = 0;
            for (std::size_t leaf = 0; leaf < to_size(leaves); ++leaf) {
              Real mean = 0;
              for (std::size_t b = 0; b < to_size(batch); ++b) mean += in[0][b * to_size(leaves) + leaf];
              mean = mean / static_cast<double>(batch);
              sum += mean * log(mean);
            }
            return Reals{sum};
          });
    }

    const std::int64_t width = each.extent("leaf width", 1, 9), outputs = each.extent("outputs", 1, 9);
    const Variable path = input(each.uniform({batch, leaves}, 0.f, 1.f));
    const Variable hidden = input(each.normal({batch, leaves * width}));
    const Variable w = input(each.normal({leaves, width, outputs})), b2 = input(each.normal({leaves, outputs}));
    const auto mixture = [&] { return leaf_mixture(path, hidden, w, b2); };
    return checked && check_against_twin(each, {path, hidden, w, b2}, mixture, [&](In in) {
             Reals y;
             for (std::int64_t b = 0; b < batch; ++b) {
               for (std::int64_t o = 0; o < outputs; ++o) {
                 Real sum = 0;
                 for (std::int64_t leaf = 0; leaf < leaves; ++leaf) {
                   Real answer = in[3][to_size(leaf * outputs + o)];
                   for (std::int64_t j = 0; j < width; ++j) {
                     answer += in[1][to_size((b * leaves + leaf) * width + j)] *
                               in[2][to_size((leaf * width + j) * outputs + o)];
                   }
                   sum += in[0][to_size(b * leaves + leaf)] * answer;
                 }
                 y.push_back(sum);
               }
             }
             return y;
           });
  });
}

BOOST_AUTO_TEST_CASE(paths_of_decisions) {
  check_cases("path", 450, [](RandomCase& each) {
    const auto depth = static_cast<int>(each.between("depth", 0, 6));
    const std::int64_t batch = each.extent("batch", 0, 17), inputs = each.extent("inputs", 1, 33);
    const std::int64_t outputs = each.extent("outputs", 1, 17), nodes = (std::int64_t{1} << depth) - 1;
    const Variable x = input(each.normal({batch, inputs})), w = input(each.normal({nodes, inputs}));
    const Variable bias = input(each.normal({nodes, 1}));
    Tensor sign({batch, depth}, 1.f);
    if (each.coin("exchanged")) {
      for (std::int64_t i = 0; i < sign.size(); i += 3) sign.mutable_data()[i] = -1.f;
    }
    bool checked = check_against_twin(
        each, {x, w, bias}, [&] { return decision_path(x, w, bias, depth, sign).logits; },
        [&](In in) {
          const std::size_t n = to_size(inputs);
          Reals y;
          for (std::size_t b = 0; b < to_size(batch); ++b) {
            std::size_t node = 0;
            for (std::size_t level = 0; level < to_size(depth); ++level) {
              const Real z = (test::dot(&in[0][b * n], &in[1][node * n], n) + in[2][node]) *
                             sign.data()[b * to_size(depth) + level];
              y.push_back(z);
              node = 2 * node + (z.is_positive() ? 2 : 1);
            }
          }
          return y;
        });
    // Any groups: what `others` are does not matter to the operation.
    const std::int64_t k = std::max(depth, 1);
    const Indices chosen = each.indices({batch, k}, 5);
    const Groups groups(chosen, 5);
    const std::vector<std::size_t> order = grouped_order(chosen);
    const Tensor others = each.normal({batch * k, outputs});
    const Variable answer = input(each.normal({batch, outputs})), logits = input(each.normal({batch, k}));
    checked &= check_against_twin(
        each, {answer, logits}, [&] { return straight_through(answer, logits, others, groups); },
        [&](In in) {
          Reals y = in[0];
          for (std::size_t position = 0; position < order.size(); ++position) {
            const std::size_t item = order[position];
            // How much more weight the side that the sample took would get: of value 0.
            const Real p = sigmoid(in[1][item]);
            const Real more = Real::straight_through(0., in[1][item].is_positive() ? p : -p);
            for (std::size_t o = 0; o < to_size(outputs); ++o) {
              const std::size_t at = item / to_size(k) * to_size(outputs) + o;
              y[at] += more * in[0][at].value() - more * others.data()[position * to_size(outputs) + o];
            }
          }
          return y;
        });
    return checked;
  });
}

BOOST_AUTO_TEST_CASE(trees_of_neurons) {
  check_cases("forest", 450, [](RandomCase& each) {
    const auto depth = static_cast<int>(each.between("depth", 0, 5));
    const auto trees = static_cast<int>(each.between("trees", 1, 3));
    const std::int64_t batch = each.extent("batch", 0, 33), inputs = each.extent("inputs", 1, 33);
    const std::int64_t outputs = each.extent("outputs", 1, 33);
    const ForestShape shape{trees, depth, each.one_of("activation", test::every_activation)};
    const bool with_bias = each.coin("bias");
    const std::int64_t neurons = trees * shape.nodes();
    const Variable x = input(each.normal({batch, inputs})), w_in = input(each.normal({neurons, inputs}));
    const Variable w_out = input(each.normal({neurons, outputs})), bias = input(each.normal({neurons}));
    const Variable given = with_bias ? bias : Variable();
    const std::size_t n = to_size(inputs), m = to_size(outputs);
    // The logits of a row at the nodes on its path through a tree.
    const auto on_path = [&](In in, std::size_t row, std::size_t tree) {
      const std::size_t first = tree * to_size(shape.nodes());
      std::map<std::size_t, Real> z;
      const auto path = descend(depth, [&](std::size_t node) {
        const Real logit = test::dot(&in[0][row * n], &in[1][(first + node) * n], n);
        return z[first + node] = with_bias ? logit + in[3][first + node] : logit;
      });
      const Real last = test::dot(&in[0][row * n], &in[1][(first + path.back()) * n], n);
      z[first + path.back()] = with_bias ? last + in[3][first + path.back()] : last;
      return z;
    };
    const std::vector<Variable> all = {x, w_in, w_out, bias};
    bool checked = check_against_twin(
        each, all, [&] { return canopy::neuron_forest(x, w_in, given, w_out, shape).y; },
        [&](In in) {
          Reals y(to_size(batch) * m);
          for (std::size_t row = 0; row < to_size(batch); ++row) {
            for (std::size_t tree = 0; tree < to_size(trees); ++tree) {
              for (const auto& [node, z] : on_path(in, row, tree)) {
                const Real a = test::activate(shape.activation, z);
                for (std::size_t o = 0; o < m; ++o) y[row * m + o] += a * in[2][node * m + o];
              }
            }
          }
          return y;
        });
    const Indices bottom =
        canopy::neuron_forest(x.value(), w_in.value(), given.is_defined() ? Variable(bias.value()) : given,
                              w_out.value(), shape)
            .bottom;
    checked &= check_against_twin(
        each, all, [&] { return path_logits(x, w_in, given, bottom, shape); },
        [&](In in) {
          Reals y;
          for (std::size_t tree = 0; tree < to_size(trees); ++tree) {
            for (std::size_t row = 0; row < to_size(batch); ++row) {
              for (const auto& [node, z] : on_path(in, row, tree)) y.push_back(z);
            }
          }
          return y;
        });
    const Variable logits = input(each.normal({batch, neurons}));
    return checked &&
           check_against_twin(
               each, {logits}, [&] { return path_activations(logits, shape).values; },
               [&](In in) {
                 Reals y(in[0].size());
                 for (std::size_t row = 0; row < to_size(batch); ++row) {
                   for (std::size_t tree = 0; tree < to_size(trees); ++tree) {
                     const std::size_t first = row * to_size(neurons) + tree * to_size(shape.nodes());
                     for (const std::size_t node : descend(depth, [&](std::size_t at) { return in[0][first + at]; })) {
                       y[first + node] = test::activate(shape.activation, in[0][first + node]);
                     }
                   }
                 }
                 return y;
               });
  });
}

BOOST_AUTO_TEST_SUITE_END()
