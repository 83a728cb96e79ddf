// The master leaf of paper 3 beside the tree, in every way the layer computes.
#include <canopy/nn/routed/master_leaf.hpp>

#include <cmath>
#include <vector>

#include <canopy/autograd/gradcheck.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/checkpoints/checkpoint.hpp>
#include <canopy/nn/routed/fff.hpp>

#include "support/normal.hpp"
#include "support/temporary_folder.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::normal;

BOOST_AUTO_TEST_SUITE(master_leaf)

namespace {

constexpr std::int64_t inputs = 9, outputs = 4, width = 5, batch = 31;

nn::FFFOptions options(std::int64_t master, nn::MasterMix mix = nn::MasterMix::tree) {
  return {.inputs = inputs,
          .outputs = outputs,
          .depth = 2,
          .leaf_width = 3,
          .master_leaf_width = master,
          .master_mix = mix};
}

// The tree of `model` without its master leaf.
void copy_tree(const nn::FFF& model, nn::FFF& tree) {
  nn::StateDict state = model.state_dict();
  std::erase_if(state, [](const auto& named) { return named.first.starts_with("master_"); });
  tree.load_state_dict(state);
}

// k tree + (1 - k) master, or the other way round, a number at a time.
void check_mixture(const nn::StateDict& state, const Tensor& x, const Tensor& tree, const Tensor& y,
                   nn::MasterMix mix) {
  const auto at = [&](const char* name, std::int64_t i) { return static_cast<double>(state.at(name).data()[i]); };
  const double sigmoid = 1 / (1 + std::exp(-at("master_mix_logit", 0)));
  const double k = mix == nn::MasterMix::tree ? sigmoid : 1 - sigmoid;
  for (std::int64_t b = 0; b < x.extent(0); ++b) {
    for (std::int64_t o = 0; o < outputs; ++o) {
      double master = at("master_b2", o);
      for (std::int64_t j = 0; j < width; ++j) {
        double hidden = at("master_b1", j);
        for (std::int64_t i = 0; i < inputs; ++i) hidden += x.data()[b * inputs + i] * at("master_w1", i * width + j);
        master += std::max(hidden, 0.) * at("master_w2", j * outputs + o);
      }
      const double expected = k * tree.data()[b * outputs + o] + (1 - k) * master;
      BOOST_TEST(std::abs(y.data()[b * outputs + o] - expected) < 1e-5);
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_routing_mixes_the_tree_with_the_master) {
  for (const nn::MasterMix mix : {nn::MasterMix::tree, nn::MasterMix::master}) {
    manual_seed(1);
    nn::FFF model(options(width, mix)), tree(options(0));
    copy_tree(model, tree);
    const Tensor x = normal({batch, inputs});
    const nn::StateDict state = model.state_dict();
    for (const nn::Routing routing : {nn::Routing::soft, nn::Routing::hard, nn::Routing::straight_through}) {
      model.set_routing(routing);
      tree.set_routing(routing);
      check_mixture(state, x, tree(x).value(), model(x).value(), mix);
    }
    check_mixture(state, x, tree.forward_soft(x).value(), model.forward_soft(x).value(), mix);
    model.eval();
    tree.eval();
    check_mixture(state, x, tree(x).value(), model(x).value(), mix);
    check_mixture(state, x, tree.infer(x).y, model.infer(x).y, mix);
  }
}

BOOST_AUTO_TEST_CASE(gradients_reach_the_master_and_the_mixture) {
  for (const nn::MasterMix mix : {nn::MasterMix::tree, nn::MasterMix::master}) {
    manual_seed(2);
    nn::FFFOptions smooth = options(width, mix);
    smooth.activation = Activation::tanh;
    nn::FFF model(smooth);
    const Variable x = Variable::parameter(normal({5, inputs}), "x");
    std::vector<Variable> all = model.parameters();
    all.push_back(x);
    const GradcheckResult result = gradcheck([&] { return model(x); }, all);
    BOOST_TEST(result.passed, result.message);
  }
}

BOOST_AUTO_TEST_CASE(begins_as_released) {
  manual_seed(3);
  nn::FFF model({.inputs = 100, .outputs = 50, .depth = 1, .leaf_width = 4, .master_leaf_width = 64});
  const auto largest = [&, state = model.state_dict()](const char* name) {
    float most = 0;
    for (const float v : state.at(name).elements()) most = std::max(most, std::abs(v));
    return most;
  };
  for (const char* name : {"master_w1", "master_b1"})
    BOOST_TEST((largest(name) <= 0.1f && largest(name) > 0.07f), name);
  // Of the leaf width, 4, not of the master's own, 64.
  for (const char* name : {"master_w2", "master_b2"})
    BOOST_TEST((largest(name) <= 0.5f && largest(name) > 0.35f), name);
  BOOST_TEST(model.state_dict().at("master_mix_logit").item() == 0.5f);
}

BOOST_AUTO_TEST_CASE(checkpoints_keep_width_and_order_and_fold_centring) {
  const canopy::test::TemporaryFolder folder;
  for (const nn::MasterMix mix : {nn::MasterMix::tree, nn::MasterMix::master}) {
    manual_seed(4);
    nn::FFF model(options(width, mix));
    model.eval();
    const Tensor offset = normal({inputs}, "offset"), x = normal({batch, inputs});
    Tensor centred = x.clone();
    for (std::int64_t i = 0; i < x.size(); ++i) centred.mutable_data()[i] -= offset.data()[i % inputs];
    save(model, folder / "model.safetensors",
         {.dataset = "mnist", .input_normalisation = "x/255", .input = {.offset = offset}});
    const LoadedModel loaded = load_model(folder / "model.safetensors");
    BOOST_TEST(loaded.metadata.at("master_leaf_width") == std::to_string(width));
    const Tensor expected = model(centred).value(), found = loaded.model->forward(x).value();
    for (std::int64_t i = 0; i < expected.size(); ++i) {
      BOOST_TEST(std::abs(expected.data()[i] - found.data()[i]) < 1e-4);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_negative_width_is_refused) { BOOST_CHECK_THROW(nn::FFF(options(-1)), ConfigError); }

BOOST_AUTO_TEST_SUITE_END()
