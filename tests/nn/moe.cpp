#include <canopy/nn/routed/moe.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/gradcheck.hpp>
#include <canopy/autograd/losses.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/softmax.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/checkpoints/checkpoint.hpp>
#include <canopy/nn/classifier_score.hpp>
#include <canopy/nn/routed/routing_losses.hpp>
#include <canopy/nn/routed/tree_fff.hpp>
#include <canopy/optim/adam.hpp>

#include "support/normal.hpp"
#include "support/reference.hpp"
#include "support/routing.hpp"
#include "support/same_bits.hpp"
#include "support/temporary_folder.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(moe)

namespace {

// w_noise starts with 0, where its gradient alone is of interest.
void randomise(const nn::MoE& model) {
  for (nn::NamedVariable& entry : model.named_parameters()) {
    RandomStream(1, entry.name).fill_normal(entry.variable.mutable_value().mutable_elements(), 0.f, 0.5f);
  }
}

// All experts of every row, and those that count: the gates are 0 for all others.
Tensor twin(const nn::MoE& model, const Tensor& x, const Tensor& noise, bool noisy) {
  const nn::StateDict state = model.state_dict();
  const nn::MoEOptions& o = model.options();
  const auto at = [&](const char* name, std::int64_t i) -> double { return state.at(name).data()[i]; };
  Tensor y({x.extent(0), o.outputs});
  for (std::int64_t r = 0; r < x.extent(0); ++r) {
    const float* row = x.data() + r * o.inputs;
    std::vector<double> logits;
    for (std::int64_t e = 0; e < o.experts; ++e) {
      double clean = o.gate_bias ? at("b_gate", e) : 0, deviation = o.gate_bias && noisy ? at("b_noise", e) : 0;
      for (std::int64_t i = 0; i < o.inputs; ++i) {
        clean += row[i] * at("w_gate", i * o.experts + e);
        if (noisy) deviation += row[i] * at("w_noise", i * o.experts + e);
      }
      if (noisy) clean += noise.data()[r * o.experts + e] * (std::log1p(std::exp(deviation)) + 1e-2);
      logits.push_back(clean);
    }
    std::vector<double> sorted = logits;
    std::ranges::sort(sorted, std::greater<>());
    const double least = sorted[static_cast<std::size_t>(o.k - 1)];
    double total = 0;
    for (const double z : logits) total += z >= least ? std::exp(z) : 0;
    std::vector<double> sum(static_cast<std::size_t>(o.outputs));
    for (std::int64_t e = 0; e < o.experts; ++e) {
      const double z = logits[static_cast<std::size_t>(e)];
      if (z < least) continue;
      std::vector<double> hidden;
      for (std::int64_t j = 0; j < o.expert_width; ++j) {
        double h = at("b1", e * o.expert_width + j);
        for (std::int64_t i = 0; i < o.inputs; ++i) h += row[i] * at("w1", (e * o.inputs + i) * o.expert_width + j);
        hidden.push_back(std::max(h, 0.));
      }
      for (std::int64_t c = 0; c < o.outputs; ++c) {
        double v = at("b2", e * o.outputs + c);
        for (std::int64_t j = 0; j < o.expert_width; ++j) {
          v += hidden[static_cast<std::size_t>(j)] * at("w2", (e * o.expert_width + j) * o.outputs + c);
        }
        sum[static_cast<std::size_t>(c)] += std::exp(z) / total * v;
      }
    }
    std::ranges::copy(sum, y.mutable_data() + r * o.outputs);
  }
  return y;
}

}  // namespace

BOOST_AUTO_TEST_CASE(is_the_mixture_of_all_experts_with_gates_of_0) {
  for (const std::int64_t experts : {1, 2, 5, 40}) {
    for (const std::int64_t k : {std::int64_t{1}, std::int64_t{2}, experts}) {
      for (const bool gate_bias : {false, true}) {
        if (k > experts) continue;
        nn::MoE model(
            {.inputs = 9, .outputs = 7, .experts = experts, .expert_width = 3, .k = k, .gate_bias = gate_bias});
        randomise(model);
        for (const std::int64_t batch : {1, 30}) {
          const Tensor x = normal({batch, 9}), noise = normal({batch, experts}, "noise");
          check_close(model.forward(x, noise).value(), twin(model, x, noise, true), 1e-4, "noisy y");
          model.eval();
          const nn::MoE::Inference inferred = model.infer(x);
          check_close(inferred.y, twin(model, x, noise, false), 1e-4, "inferred y");
          BOOST_TEST(inferred.experts.shape() == (Shape{batch, k}));
          const Variable input = Variable::parameter(x, "x");
          Tape tape;
          BOOST_TEST(same_bits(model(input).value(), inferred.y));
          model.train();
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(noise_is_for_training_only) {
  manual_seed(1);
  nn::MoE model({.inputs = 6, .outputs = 3, .experts = 16, .expert_width = 4, .k = 2});
  const Tensor x = normal({50, 6});
  const Tensor first = model(x).value();
  BOOST_TEST(!same_bits(model(x).value(), first));
  manual_seed(1);
  Tensor noise({50, 16});
  random_stream("gate noise").fill_normal(noise.mutable_elements(), 0.f, 1.f);
  BOOST_TEST(same_bits(model.forward(x, noise).value(), first));
  const auto before = random_positions();
  model.eval();
  BOOST_TEST(same_bits(model(x).value(), model(x).value()));
  BOOST_TEST((random_positions() == before));
  nn::MoE silent({.inputs = 6, .outputs = 3, .experts = 16, .expert_width = 4, .k = 2, .noise = false});
  const Tensor y = silent(x).value();
  BOOST_TEST(same_bits(silent(x).value(), y));
  silent.eval();
  BOOST_TEST(same_bits(silent(x).value(), y));
}

BOOST_AUTO_TEST_CASE(gradients_are_those_of_the_function) {
  for (const std::int64_t k : {1, 2, 4}) {
    for (const bool gate_bias : {false, true}) {
      nn::MoE model({.inputs = 5,
                     .outputs = 4,
                     .experts = 4,
                     .expert_width = 3,
                     .k = k,
                     .activation = Activation::gelu,
                     .gate_bias = gate_bias});
      randomise(model);
      const Variable x = Variable::parameter(normal({6, 5}), "x");
      const Tensor noise = normal({6, 4}, "gate");  // with which no threshold of the load is about to change
      std::vector<Variable> inputs = model.parameters();
      inputs.push_back(x);
      const auto check = [&](const char* what, const auto& result_of) {
        const GradcheckResult result = gradcheck(
            [&] {
              const nn::RoutingTrace trace;
              const Variable y = model.forward(x, noise);
              return Variable(result_of(y, trace));
            },
            inputs);
        BOOST_TEST(result.passed, what << ", k " << k << ": " << result.message);
      };
      check("output", [](const Variable& y, const nn::RoutingTrace&) { return y; });
      if (k > 1) {
        check("importance", [](const Variable&, const nn::RoutingTrace& trace) { return nn::importance_loss(trace); });
      }
      if (k < 4) check("load", [](const Variable&, const nn::RoutingTrace& trace) { return nn::load_loss(trace); });
      // In evaluation on a tape.
      model.eval();
      const GradcheckResult clean = gradcheck([&] { return model(x); }, inputs);
      BOOST_TEST(clean.passed, "k " << k << ": " << clean.message);
    }
  }
}

BOOST_AUTO_TEST_CASE(experts_without_rows_have_no_gradient) {
  manual_seed(4);
  nn::MoE model({.inputs = 8, .outputs = 5, .experts = 1000, .expert_width = 4, .k = 2});
  Tape tape;
  tape.backward(sum(model(normal({10, 8}))));
  for (const nn::NamedVariable& entry : model.named_parameters()) {
    if (entry.name.starts_with("w_")) continue;
    BOOST_REQUIRE(entry.variable.has_row_grad());
    BOOST_TEST(entry.variable.row_grad().rows.size() <= 20);
  }
}

BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  for (const std::int64_t k : {1, 3}) {
    nn::MoE model({.inputs = 50, .outputs = 70, .experts = 40, .expert_width = 20, .k = k});
    randomise(model);
    const Tensor input = normal({900, 50}), noise = normal({900, 40}, "noise"), upstream = normal({900, 70}, "dy");
    same_bits_on_any_threads([&] {
      const Variable x = Variable::parameter(input, "x");
      model.zero_grad();
      Tape tape;
      const nn::RoutingTrace trace;
      const Variable y = model.forward(x, noise);
      const Variable importance = nn::importance_loss(trace), load = nn::load_loss(trace);
      tape.backward(mean(y * upstream) + importance + load);
      std::vector<Tensor> all = {y.value(), importance.value(), load.value(), model.infer(input).y, x.grad()};
      for (const Variable& p : model.parameters()) all.push_back(p.grad());
      return all;
    });
  }
}

BOOST_AUTO_TEST_CASE(many_threads_infer_with_one_model) {
  manual_seed(5);
  nn::MoE model({.inputs = 30, .outputs = 30, .experts = 50, .expert_width = 8, .k = 2});
  model.eval();
  const Tensor x = normal({40, 30});
  const Tensor expected = model(x).value();
  std::vector<Tensor> found(4);
  std::vector<std::thread> threads;
  for (Tensor& y : found) threads.emplace_back([&] { y = model(x).value(); });
  for (std::thread& thread : threads) thread.join();
  for (const Tensor& y : found) BOOST_TEST(same_bits(y, expected));
}

BOOST_AUTO_TEST_CASE(training_spreads_samples_over_the_experts) {
  manual_seed(6);
  nn::MoE model({.inputs = 10, .outputs = 3, .experts = 8, .expert_width = 8});
  nn::TreeFFF teacher({.inputs = 10, .outputs = 3, .depth = 3});
  // A common part of all inputs sends them to few experts at first.
  Tensor x = normal({600, 10});
  for (float& v : x.mutable_elements()) v += 1.5f;
  const Tensor target = teacher.infer(x).y;
  optim::Adam optimizer(model.parameters(), {.learning_rate = 1e-2f});
  float first = 0, last = 0, first_load = 0, last_load = 0;
  for (int step = 0; step < 150; ++step) {
    Tape tape;
    const nn::RoutingTrace trace;
    const Variable error = mean_squared_error(model(x), target);
    const Variable load = nn::load_loss(trace);
    (step == 0 ? first : last) = error.value().item();
    (step == 0 ? first_load : last_load) = load.value().item();
    tape.backward(error + 0.1f * nn::importance_loss(trace) + 0.1f * load);
    optimizer.step();
    optimizer.zero_grad();
  }
  BOOST_TEST(last < 0.3f * first);
  BOOST_TEST(last_load < 0.3f * first_load);
}

BOOST_AUTO_TEST_CASE(checkpoints_keep_layout_and_answers) {
  const TemporaryFolder folder;
  const auto path = folder / "moe.safetensors";
  for (const bool noise : {false, true}) {
    for (const bool gate_bias : {false, true}) {
      manual_seed(7);
      nn::MoE model({.inputs = 6,
                     .outputs = 4,
                     .experts = 5,
                     .expert_width = 3,
                     .k = 2,
                     .activation = Activation::gelu,
                     .noise = noise,
                     .gate_bias = gate_bias});
      BOOST_TEST(model.state_dict().at("w_gate").shape() == (Shape{6, 5}));
      BOOST_TEST(model.state_dict().at("w1").shape() == (Shape{5, 6, 3}));
      BOOST_TEST(model.state_dict().at("w2").shape() == (Shape{5, 3, 4}));
      save(model, path);
      const LoadedModel loaded = load_model(path);
      const Tensor x = normal({20, 6}), given = noise ? normal({20, 5}, "noise") : Tensor();
      const auto& same = dynamic_cast<const nn::MoE&>(*loaded.model);
      BOOST_TEST(same_bits(same.infer(x).y, model.infer(x).y));
      BOOST_TEST(same_bits(same.forward(x, given).value(), model.forward(x, given).value()));
    }
  }
  nn::MoE model({.inputs = 6, .outputs = 4, .experts = 5, .expert_width = 3});
  Safetensors file{.metadata = nn::to_metadata(model.architecture()), .tensors = model.state_dict(), .indices = {}};
  for (const char* k : {"", "two", "0", "6", "-1"}) {
    file.metadata.insert_or_assign("k", std::string(k));
    write_safetensors(path, file);
    BOOST_CHECK_THROW(load_model(path), CheckpointError);
  }
}

BOOST_AUTO_TEST_CASE(centred_inputs_are_folded_into_biases_made_for_them) {
  const TemporaryFolder folder;
  const auto path = folder / "moe.safetensors";
  const Tensor raw = normal({30, 6}), mean = normal({6}, "mean");
  Tensor centred = raw.clone();
  for (std::int64_t i = 0; i < centred.size(); ++i) {
    centred.mutable_data()[i] = 1.7f * (raw.data()[i] - mean.data()[i % 6]);
  }
  const Tensor noise = normal({30, 5}, "noise");
  for (const bool gate_bias : {false, true}) {
    nn::MoE model({.inputs = 6, .outputs = 4, .experts = 5, .expert_width = 3, .k = 2, .gate_bias = gate_bias});
    randomise(model);
    save(model, path, {.input = {.offset = mean, .scale = Tensor::scalar(1.7f)}});
    const LoadedModel loaded = load_model(path);
    const auto& same = dynamic_cast<const nn::MoE&>(*loaded.model);
    check_close(same.infer(raw).y, model.infer(centred).y, 1e-5, "inferred y");
    check_close(same.forward(raw, noise).value(), model.forward(centred, noise).value(), 1e-5, "noisy y");
  }
  nn::TreeFFF tree({.inputs = 6, .outputs = 4, .depth = 3, .bias = false});
  save(tree, path, {.input = {.offset = mean, .scale = Tensor::scalar(1.7f)}});
  check_close(load_model(path).model->forward(raw).value(), tree(centred).value(), 1e-5, "tree");
}

BOOST_AUTO_TEST_CASE(scores_count_the_experts_with_the_largest_gates) {
  manual_seed(8);
  nn::MoE model({.inputs = 12, .outputs = 5, .experts = 6, .expert_width = 2, .k = 2});
  model.eval();
  const Tensor x = normal({200, 12});
  const nn::MoE::Inference inferred = model.infer(x);
  ClassifierScorer scorer(model);
  scorer.add(x, argmax(inferred.y));
  const ClassifierScore score = scorer.score();
  BOOST_TEST(score.accuracy == 100);
  BOOST_TEST(score.leaves == 6);
  std::vector<std::int64_t> load(6);
  for (std::int64_t r = 0; r < 200; ++r) ++load[static_cast<std::size_t>(inferred.experts.data()[2 * r])];
  BOOST_TEST(score.routing.at(0).branches == load, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(wrong_options_and_inputs_are_refused) {
  const nn::MoEOptions good{.inputs = 6, .outputs = 4, .experts = 5, .expert_width = 3, .k = 2};
  for (std::int64_t nn::MoEOptions::*size :
       {&nn::MoEOptions::inputs, &nn::MoEOptions::outputs, &nn::MoEOptions::experts, &nn::MoEOptions::expert_width,
        &nn::MoEOptions::k}) {
    for (const std::int64_t wrong : {0, -1}) {
      nn::MoEOptions options = good;
      options.*size = wrong;
      BOOST_CHECK_THROW(nn::MoE{options}, ConfigError);
    }
  }
  nn::MoEOptions options = good;
  options.k = 6;
  BOOST_CHECK_THROW(nn::MoE{options}, ConfigError);
  nn::MoE model(good);
  BOOST_CHECK_THROW(model(normal({2, 5})), ShapeError);
  BOOST_CHECK_THROW(model.infer(normal({2, 5})), ShapeError);
  BOOST_CHECK_THROW(model.forward(normal({2, 5}), normal({2, 5})), ShapeError);
  BOOST_CHECK_THROW(model.forward(normal({2, 6}), normal({3, 5})), ShapeError);
  BOOST_CHECK_THROW(model.forward(normal({2, 6}), Tensor()), ShapeError);
  options = good;
  options.noise = false;
  BOOST_CHECK_THROW(nn::MoE(options).forward(normal({2, 6}), normal({2, 5})), ShapeError);
  const Tensor none({0, 6});
  const nn::RoutingTrace trace;
  BOOST_TEST(model(none).shape() == (Shape{0, 4}));
  BOOST_TEST(nn::importance_loss(trace).value().item() == 0);
  BOOST_TEST(nn::load_loss(trace).value().item() == 0);
  BOOST_TEST(model.infer(none).y.shape() == (Shape{0, 4}));
}

BOOST_AUTO_TEST_CASE(a_nan_reaches_the_output) {
  manual_seed(9);
  nn::MoE model({.inputs = 6, .outputs = 4, .experts = 5, .expert_width = 3, .k = 2});
  Tensor x = normal({3, 6});
  x.mutable_data()[7] = std::nanf("");
  const Tensor y = model.infer(x).y;
  for (std::int64_t i = 0; i < y.size(); ++i) BOOST_TEST(std::isnan(y.data()[i]) == (i / 4 == 1));
}

BOOST_AUTO_TEST_SUITE_END()
