#include <canopy/optim/decay_groups.hpp>

#include <string>
#include <vector>

#include <canopy/optim/adam.hpp>
#include <canopy/optim/sgd.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(decay_groups)

namespace {

std::vector<std::string> names(const optim::ParameterGroup& group) {
  std::vector<std::string> all;
  for (const Variable& each : group.parameters) all.push_back(each.name());
  return all;
}

using Names = std::vector<std::string>;

struct Encoder {
  Variable embedding = Variable::parameter(Tensor({4, 2}, 1.f), "embedding.weight");
  Variable scale = Variable::parameter(Tensor({1}, 1.f), "position.scale");
  Variable norm = Variable::parameter(Tensor({2}, 1.f), "norm.weight");
  Variable biases = Variable::parameter(Tensor({3, 2}, 1.f), "leaves.bias");
  std::vector<Variable> parameters{embedding, scale, norm, biases};
};

}  // namespace

BOOST_AUTO_TEST_CASE(by_shape) {
  const auto groups = optim::decay_groups(Encoder().parameters, {.weight_decay = 0.1});
  BOOST_TEST_REQUIRE(groups.size() == 2u);
  BOOST_TEST(names(groups[0]) == (Names{"embedding.weight", "leaves.bias"}), boost::test_tools::per_element());
  BOOST_TEST(names(groups[1]) == (Names{"position.scale", "norm.weight"}), boost::test_tools::per_element());
  BOOST_TEST(groups[0].weight_decay.value() == 0.1);
  BOOST_TEST(groups[1].weight_decay.value() == 0);
}

BOOST_AUTO_TEST_CASE(by_name) {
  const auto groups = optim::decay_groups(Encoder().parameters, {.exempt = {"bias", "norm"}});
  BOOST_TEST_REQUIRE(groups.size() == 2u);
  BOOST_TEST(names(groups[0]) == (Names{"embedding.weight", "position.scale"}), boost::test_tools::per_element());
  BOOST_TEST(names(groups[1]) == (Names{"norm.weight", "leaves.bias"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(groups_without_parameters_are_left_out) {
  const Encoder encoder;
  BOOST_TEST(optim::decay_groups({}).empty());
  BOOST_TEST(optim::decay_groups({encoder.norm}).size() == 1u);
  const auto groups = optim::decay_groups({encoder.norm}, {.exempt = {"bias"}});
  BOOST_TEST_REQUIRE(groups.size() == 1u);
  BOOST_TEST(groups[0].weight_decay.value() == 1e-2);
}

BOOST_AUTO_TEST_CASE(only_the_first_group_shrinks) {
  Encoder encoder;
  optim::SGD optimizer(optim::decay_groups(encoder.parameters, {.weight_decay = 0.5}), {.learning_rate = 1});
  for (Variable& each : encoder.parameters) each.accumulate(Tensor::zeros(each.shape()));
  optimizer.step();
  BOOST_TEST(encoder.embedding.value().data()[0] == 0.5f);
  BOOST_TEST(encoder.norm.value().data()[0] == 1.f);
}

BOOST_AUTO_TEST_SUITE_END()
