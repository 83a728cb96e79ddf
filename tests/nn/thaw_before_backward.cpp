// As a GAN does: the critic is frozen while the generator's loss is computed, and thawed before backward.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/nn/linear.hpp>
#include <canopy/nn/routed/fff.hpp>
#include <canopy/nn/routed/moe.hpp>
#include <canopy/nn/routed/tree_fff.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(thaw_before_backward)

namespace {

struct Critic {
  std::string name;
  std::unique_ptr<nn::Layer> layer;
};

std::vector<Critic> critics() {
  std::vector<Critic> all;
  for (const Activation f : {Activation::identity, Activation::relu, Activation::gelu}) {
    const nn::LinearOptions options{.inputs = 3, .outputs = 2, .activation = f};
    all.push_back({"Linear, " + std::string(to_string(f)), std::make_unique<nn::Linear>(options)});
  }
  for (const int routing : {0, 1, 2, 3}) {
    for (const std::int64_t master : {0, 2}) {
      auto fff = std::make_unique<nn::FFF>(
          nn::FFFOptions{.inputs = 3, .outputs = 2, .depth = 2, .leaf_width = 2, .master_leaf_width = master});
      fff->set_routing(static_cast<nn::Routing>(routing));
      all.push_back({"FFF, routing " + std::to_string(routing) + ", master " + std::to_string(master), std::move(fff)});
    }
  }
  for (const std::int64_t k : {1, 2}) {
    const nn::MoEOptions options{.inputs = 3, .outputs = 2, .experts = 4, .expert_width = 2, .k = k};
    all.push_back({"MoE, k = " + std::to_string(k), std::make_unique<nn::MoE>(options)});
  }
  for (const int depth : {1, 4}) {
    const nn::TreeFFFOptions options{.inputs = 3, .outputs = 2, .trees = 2, .depth = depth};
    all.push_back({"TreeFFF, depth " + std::to_string(depth), std::make_unique<nn::TreeFFF>(options)});
  }
  return all;
}

void set_requires_grad(const nn::Module& module, bool wanted) {
  for (Variable parameter : module.parameters()) parameter.set_requires_grad(wanted);
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_generator_learns_and_the_critic_does_not) {
  for (const Critic& critic : critics()) {
    for (const bool training : {true, false}) {
      training ? critic.layer->train() : critic.layer->eval();
      nn::Linear generator({.inputs = 2, .outputs = 3});
      Tape tape;
      set_requires_grad(*critic.layer, false);
      const Variable loss = sum((*critic.layer)(generator(Tensor({4, 2}, 1.f))));
      set_requires_grad(*critic.layer, true);
      tape.backward(loss);
      for (const Variable& p : generator.parameters()) BOOST_TEST(p.has_grad(), critic.name << ": " << p.name());
      for (const Variable& p : critic.layer->parameters()) BOOST_TEST(!p.has_grad(), critic.name << ": " << p.name());
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
