// Every layer in configurations drawn at random, values and gradients, against twins in double: plain loops.
#include <algorithm>
#include <memory>
#include <numeric>
#include <span>

#include <canopy/nn/activation.hpp>
#include <canopy/nn/embedding.hpp>
#include <canopy/nn/feed_forward.hpp>
#include <canopy/nn/layer_norm.hpp>
#include <canopy/nn/linear.hpp>
#include <canopy/nn/residual.hpp>
#include <canopy/nn/routed/fff.hpp>
#include <canopy/nn/routed/moe.hpp>
#include <canopy/nn/routed/tree_fff.hpp>
#include <canopy/nn/sequential.hpp>

#include "support/twin.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(random_layers)

using test::activate;
using test::check_against_twin;
using test::check_cases;
using test::dot;
using test::In;
using test::RandomCase;
using test::Real;
using test::Reals;
using test::to_size;

namespace {

// [..., inputs], of rank 1 to 4, with no row, one or up to `most`.
Variable rows(RandomCase& each, std::int64_t inputs, std::int64_t most) {
  const auto rank = static_cast<int>(each.between("rank", 1, 4));
  return Variable::parameter(each.normal(each.shape("extent", rank, 0, most).with(-1, inputs)));
}

// x and then the parameters, all of them normal numbers: initial values are too small for decisions to differ.
std::vector<Variable> with_parameters(RandomCase& each, const Variable& x, const nn::Module& model) {
  std::vector<Variable> all = {x};
  for (Variable& parameter : model.parameters()) {
    const Tensor value = each.normal(parameter.shape(), 0.f, 0.7f);
    std::ranges::copy(value.elements(), parameter.mutable_value().mutable_data());
    all.push_back(parameter);
  }
  return all;
}

// y = activation(x W^T + b): W [outputs, inputs].
Reals linear(std::span<const Real> x, std::span<const Real> w, std::span<const Real> b, Activation activation) {
  Reals y;
  const std::size_t outputs = w.size() / x.size();
  for (std::size_t o = 0; o < outputs; ++o) {
    const Real z = dot(x.data(), &w[o * x.size()], x.size());
    y.push_back(activate(activation, b.empty() ? z : z + b[o]));
  }
  return y;
}

// y = h W + b: W [inputs, outputs].
Reals back_to_outputs(const Reals& h, std::span<const Real> w, std::span<const Real> b) {
  Reals y(b.begin(), b.end());
  for (std::size_t j = 0; j < h.size(); ++j) {
    for (std::size_t o = 0; o < y.size(); ++o) y[o] += h[j] * w[j * y.size() + o];
  }
  return y;
}

std::span<const Real> part(const Reals& of, std::size_t index, std::size_t size) {
  return std::span(of).subspan(index * size, size);
}

// The twin of a layer from that of a row.
Reals by_rows(const Reals& x, std::int64_t inputs, const std::function<Reals(std::span<const Real>)>& row) {
  Reals y;
  for (std::size_t r = 0; r * to_size(inputs) < x.size(); ++r) {
    const Reals answer = row(part(x, r, to_size(inputs)));
    y.insert(y.end(), answer.begin(), answer.end());
  }
  return y;
}

}  // namespace

BOOST_AUTO_TEST_CASE(fast_feedforward_layers) {
  check_cases("FFF", 400, [](RandomCase& each) {
    const auto depth = static_cast<int>(each.between("depth", 0, 4));
    const std::int64_t leaves = std::int64_t{1} << depth, nodes = leaves - 1;
    const std::int64_t inputs = each.extent("inputs", 1, 33), outputs = each.extent("outputs", 1, 33);
    const std::int64_t width = each.extent("leaf width", 1, std::max<std::int64_t>(33 >> depth, 3));
    const std::int64_t master = each.one_of<std::int64_t>("master", {0, 0, 1, 5, 8});
    const nn::MasterMix mix = each.one_of("mix", {nn::MasterMix::tree, nn::MasterMix::master});
    const Activation activation = each.one_of("activation", test::every_activation);
    const nn::LossNodes seen = each.one_of("nodes", {nn::LossNodes::path, nn::LossNodes::all});
    const Routing routing = each.one_of(
        "routing", {Routing::soft, Routing::hard, Routing::straight_through, Routing::sparse_straight_through});
    const bool training = each.coin("training");
    nn::FFF model({.inputs = inputs,
                   .outputs = outputs,
                   .depth = depth,
                   .leaf_width = width,
                   .activation = activation,
                   .loss_nodes = seen,
                   .master_leaf_width = master,
                   .master_mix = mix});
    model.set_routing(routing);
    if (!training) model.eval();
    const std::int64_t most = std::max<std::int64_t>(40'000 / (leaves * width * (inputs + outputs)), 2);
    const Variable x = rows(each, inputs, most);
    const std::vector<Variable> all = with_parameters(each, x, model);
    const bool soft = training && routing == Routing::soft, hard = !training || routing == Routing::hard;
    const std::size_t n = to_size(inputs), m = to_size(outputs), w = to_size(width);
    const auto row_of = [&](In in, std::span<const Real> row) {
      Reals reach = {Real(1.)};
      for (std::size_t node = 0; node < to_size(nodes); ++node) {
        const Real z = dot(row.data(), &in[1][node * n], n) + in[2][node];
        Real right = soft ? sigmoid(z) : Real(z.is_positive() ? 1. : 0.);
        if (!soft && !hard) right = Real::straight_through(right, sigmoid(z));
        reach.push_back(reach[node] * (1 - right));
        reach.push_back(reach[node] * right);
      }
      Reals y(m);
      for (std::size_t leaf = 0; leaf < to_size(leaves); ++leaf) {
        const Reals h = linear(row, part(in[3], leaf, w * n), part(in[4], leaf, w), activation);
        const Reals answer = back_to_outputs(h, part(in[5], leaf, w * m), part(in[6], leaf, m));
        for (std::size_t o = 0; o < m; ++o) y[o] += reach[to_size(nodes) + leaf] * answer[o];
      }
      if (master == 0) return y;
      const Reals common = linear(linear(row, in[7], in[8], activation), in[9], in[10], Activation::identity);
      const Real k = sigmoid(in[11][0]);
      for (std::size_t o = 0; o < m; ++o) {
        y[o] = mix == nn::MasterMix::tree ? k * y[o] + (1 - k) * common[o] : k * common[o] + (1 - k) * y[o];
      }
      return y;
    };
    const bool checked = check_against_twin(
        each, all, [&] { return model(x); },
        [&](In in) { return by_rows(in[0], inputs, [&](std::span<const Real> row) { return row_of(in, row); }); });
    if (checked && !training) {
      // Without a tape, by another way.
      test::ScalarTape scalars;
      std::vector<Reals> constants;
      for (const Variable& each_one : all) {
        constants.emplace_back(each_one.value().elements().begin(), each_one.value().elements().end());
      }
      std::vector<test::Uncertain> expected;
      for (const Real& y : by_rows(constants[0], inputs, [&](auto row) { return row_of(constants, row); })) {
        expected.push_back(y.number());
      }
      const std::string wrong = test::disagreement(model.infer(x.value()).y, expected);
      BOOST_TEST(wrong.empty(), each.description() << " inference: " << wrong);
    }
    return checked;
  });
}

BOOST_AUTO_TEST_CASE(trees_of_neurons) {
  check_cases("TreeFFF", 250, [](RandomCase& each) {
    const auto depth = static_cast<int>(each.between("depth", 0, 6)),
               trees = static_cast<int>(each.between("trees", 1, 3));
    const std::int64_t inputs = each.extent("inputs", 1, 33), outputs = each.extent("outputs", 1, 33);
    const Activation activation = each.one_of("activation", test::every_activation);
    const bool bias = each.coin("bias"), training = each.coin("training");
    nn::TreeFFF model(
        {.inputs = inputs, .outputs = outputs, .trees = trees, .depth = depth, .activation = activation, .bias = bias});
    if (!training) model.eval();
    const Variable x = rows(each, inputs, 40);
    const std::vector<Variable> all = with_parameters(each, x, model);
    const std::size_t n = to_size(inputs), m = to_size(outputs), nodes = to_size(model.nodes());
    return check_against_twin(
        each, all, [&] { return model(x); },
        [&](In in) {
          const Reals& w_out = in[bias ? 3 : 2];
          return by_rows(in[0], inputs, [&](std::span<const Real> row) {
            Reals y(m);
            for (std::size_t tree = 0; tree < to_size(trees); ++tree) {
              std::size_t node = 0;
              for (int level = 0; level <= depth; ++level) {
                const std::size_t neuron = tree * nodes + node;
                Real z = dot(row.data(), &in[1][neuron * n], n);
                if (bias) z += in[2][neuron];
                const Real a = activate(activation, z);
                for (std::size_t o = 0; o < m; ++o) y[o] += a * w_out[neuron * m + o];
                if (level < depth) node = 2 * node + (z.is_positive() ? 2 : 1);
              }
            }
            return y;
          });
        });
  });
}

BOOST_AUTO_TEST_CASE(mixtures_of_experts) {
  check_cases("MoE", 250, [](RandomCase& each) {
    const std::int64_t inputs = each.extent("inputs", 1, 33), outputs = each.extent("outputs", 1, 17);
    const std::int64_t experts = each.extent("experts", 1, 17), width = each.extent("width", 1, 9);
    const std::int64_t k = each.between("k", 1, std::min<std::int64_t>(experts, 4));
    const Activation activation = each.one_of("activation", test::every_activation);
    const bool noise = each.coin("noise"), gate_bias = each.coin("gate bias"), training = each.coin("training");
    nn::MoE model({.inputs = inputs,
                   .outputs = outputs,
                   .experts = experts,
                   .expert_width = width,
                   .k = k,
                   .activation = activation,
                   .noise = noise,
                   .gate_bias = gate_bias});
    if (!training) model.eval();
    const Variable x = rows(each, inputs, 17);
    const std::vector<Variable> all = with_parameters(each, x, model);
    const Tensor drawn = noise ? each.normal({x.size() / inputs, experts}) : Tensor();
    std::size_t next = 1;
    const auto take = [&](bool there) { return there ? next++ : 0; };
    const std::size_t w_gate = take(true), b_gate = take(gate_bias), w_noise = take(noise),
                      b_noise = take(noise && gate_bias), w1 = take(true), b1 = take(true), w2 = take(true),
                      b2 = take(true);
    const std::size_t n = to_size(inputs), m = to_size(outputs), w = to_size(width);
    return check_against_twin(
        each, all, [&] { return training ? model.forward(x, drawn) : model(x); },
        [&](In in) {
          const auto bias = [&](std::size_t index) {
            return index ? std::span<const Real>(in[index]) : std::span<const Real>();
          };
          std::size_t r = 0;
          return by_rows(in[0], inputs, [&](std::span<const Real> row) {
            Reals logits = linear(row, in[w_gate], bias(b_gate), Activation::identity);
            if (training && noise) {
              const Reals deviation = linear(row, in[w_noise], bias(b_noise), Activation::softplus);
              for (std::size_t e = 0; e < logits.size(); ++e) {
                logits[e] += (deviation[e] + double{1e-2f}) * drawn.data()[r * logits.size() + e];
              }
            }
            ++r;
            std::vector<std::size_t> order(logits.size());
            std::iota(order.begin(), order.end(), std::size_t{0});
            std::ranges::sort(order, std::greater(), [&](std::size_t e) { return logits[e].value(); });
            // Whether the order is certain, down to the first that is not chosen.
            for (std::size_t i = 0; i + 1 < order.size() && i < to_size(k); ++i) {
              (logits[order[i]] - logits[order[i + 1]]).is_positive();
            }
            Real sum = 0;
            Reals gates, y(m);
            for (std::size_t i = 0; i < to_size(k); ++i) {
              gates.push_back(exp(logits[order[i]] - logits[order[0]].value()));
              sum += gates.back();
            }
            for (std::size_t i = 0; i < to_size(k); ++i) {
              const std::size_t e = order[i];
              const Reals h = linear(row, part(in[w1], e, w * n), part(in[b1], e, w), activation);
              const Reals answer = back_to_outputs(h, part(in[w2], e, w * m), part(in[b2], e, m));
              for (std::size_t o = 0; o < m; ++o) y[o] += k == 1 ? answer[o] : gates[i] / sum * answer[o];
            }
            return y;
          });
        });
  });
}

namespace {

Reals normalised(std::span<const Real> x, const Reals& weight, const Reals* bias) {
  const auto n = static_cast<double>(x.size());
  Real mean = 0, variance = 0;
  for (const Real& v : x) mean += v / n;
  for (const Real& v : x) variance += square(v - mean) / n;
  Reals y;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Real z = (x[i] - mean) / sqrt(variance + double{1e-5f}) * weight[i];
    y.push_back(bias ? z + (*bias)[i] : z);
  }
  return y;
}

}  // namespace

BOOST_AUTO_TEST_CASE(dense_layers) {
  check_cases("dense", 300, [](RandomCase& each) {
    const auto kind = each.between("layer", 0, 5);
    const std::int64_t inputs = each.extent("inputs", 2, 65), outputs = each.extent("outputs", 1, 65);
    const std::int64_t width = each.extent("width", 1, 33);
    const Activation activation = each.one_of("activation", test::every_activation);
    const bool bias = each.coin("bias");
    std::unique_ptr<nn::Layer> model;
    const nn::LinearOptions square{.inputs = inputs, .outputs = inputs, .bias = bias, .activation = activation};
    if (kind == 0) {
      model = std::make_unique<nn::Linear>(
          nn::LinearOptions{.inputs = inputs, .outputs = outputs, .bias = bias, .activation = activation});
    } else if (kind == 1) {
      model = std::make_unique<nn::FeedForward>(
          nn::FeedForwardOptions{.inputs = inputs, .width = width, .outputs = outputs, .activation = activation});
    } else if (kind == 2) {
      model = std::make_unique<nn::LayerNorm>(nn::LayerNormOptions{.width = inputs, .bias = bias});
    } else if (kind == 3) {
      model = std::make_unique<nn::ActivationLayer>(activation);
    } else if (kind == 4) {
      model = std::make_unique<nn::Residual>(std::make_unique<nn::Linear>(square));
    } else {
      auto chain = std::make_unique<nn::Sequential>();
      chain->add<nn::LayerNorm>({.width = inputs, .bias = bias});
      chain->add<nn::Linear>(square);
      model = std::move(chain);
    }
    if (each.coin("evaluation")) model->eval();
    const Variable x = rows(each, inputs, std::max<std::int64_t>(20'000 / (inputs * std::max(outputs, inputs)), 2));
    const std::vector<Variable> all = with_parameters(each, x, *model);
    return check_against_twin(
        each, all, [&] { return (*model)(x); },
        [&](In in) {
          return by_rows(in[0], inputs, [&](std::span<const Real> row) -> Reals {
            const auto optional = [&](std::size_t at) {
              return bias ? std::span<const Real>(in[at]) : std::span<const Real>();
            };
            if (kind == 0) return linear(row, in[1], optional(2), activation);
            if (kind == 1) {
              return linear(linear(row, in[1], in[2], activation), in[3], in[4], Activation::identity);
            }
            if (kind == 2) return normalised(row, in[1], bias ? &in[2] : nullptr);
            if (kind == 3) {
              Reals y;
              for (const Real& v : row) y.push_back(activate(activation, v));
              return y;
            }
            if (kind == 4) {
              Reals y = linear(row, in[1], optional(2), activation);
              for (std::size_t i = 0; i < y.size(); ++i) y[i] += row[i];
              return y;
            }
            const Reals z = normalised(row, in[1], bias ? &in[2] : nullptr);
            return linear(z, in[bias ? 3 : 2], optional(bias ? 4 : 3), activation);
          });
        });
  });
}

BOOST_AUTO_TEST_CASE(embeddings) {
  check_cases("Embedding", 60, [](RandomCase& each) {
    const std::int64_t count = each.extent("count", 1, 33), width = each.extent("width", 1, 33);
    const nn::Embedding table({.count = count, .width = width});
    const Indices indices =
        each.indices(each.shape("extent", static_cast<int>(each.between("rank", 0, 3)), 0, 65), count);
    return check_against_twin(
        each, {table.weight()}, [&] { return table(indices); },
        [&](In in) {
          Reals y;
          for (const std::int32_t index : indices.elements()) {
            for (std::int64_t j = 0; j < width; ++j) y.push_back(in[0][to_size(index * width + j)]);
          }
          return y;
        });
  });
}

BOOST_AUTO_TEST_SUITE_END()
