// `requires_grad` counts as it was when an operation was recorded, whatever is frozen or thawed before backward.
#include <canopy/autograd/tape.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <canopy/core/error.hpp>

#include <boost/test/unit_test.hpp>

#include "operations.hpp"
#include "support/same_bits.hpp"

using namespace canopy;

BOOST_AUTO_TEST_SUITE(requires_grad)

namespace {

using Gradients = std::vector<std::optional<Tensor>>;

// The gradients of an operation's inputs, where input k is frozen at forward, at backward, both or neither.
Gradients gradients(const test::Operation& operation, std::size_t k, bool frozen_at_forward, bool frozen_at_backward) {
  std::vector<Variable> inputs = operation.parameters();
  const Variable other = Variable::parameter(Tensor::scalar(1.f));  // there is always something to walk for
  Tape tape;
  inputs[k].set_requires_grad(!frozen_at_forward);
  const Variable loss = sum(square(operation.apply(inputs))) + other;
  inputs[k].set_requires_grad(!frozen_at_backward);
  tape.backward(loss);
  Gradients result;
  for (const Variable& input : inputs) {
    result.push_back(input.has_grad() ? std::optional(input.grad()) : std::nullopt);
  }
  return result;
}

bool equal(const Gradients& a, const Gradients& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) {
    return x.has_value() == y.has_value() && (!x || test::same_bits(*x, *y));
  });
}

}  // namespace

BOOST_AUTO_TEST_CASE(thawing_before_backward_changes_nothing) {
  for (const test::Operation& operation : test::operations()) {
    for (std::size_t k = 0; k < operation.inputs.size(); ++k) {
      const Gradients found = gradients(operation, k, true, false);
      BOOST_TEST(equal(found, gradients(operation, k, true, true)), operation.name << ", input " << k);
      for (std::size_t i = 0; i < found.size(); ++i) {
        BOOST_TEST(found[i].has_value() == (i != k), operation.name << ", input " << k << ", gradient " << i);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(freezing_before_backward_changes_nothing) {
  for (const test::Operation& operation : test::operations()) {
    for (std::size_t k = 0; k < operation.inputs.size(); ++k) {
      const Gradients found = gradients(operation, k, false, true);
      BOOST_TEST(equal(found, gradients(operation, k, false, false)), operation.name << ", input " << k);
      for (const auto& gradient : found) BOOST_TEST(gradient.has_value(), operation.name << ", input " << k);
    }
  }
}

// An operation whose closure holds Variables, as programs of one's own have them.
BOOST_AUTO_TEST_CASE(closures_that_hold_variables_see_what_was_wanted_at_forward) {
  for (const bool thaw : {true, false}) {
    Variable a = Variable::parameter(Tensor::scalar(2.f)), b = Variable::parameter(Tensor::scalar(3.f));
    a.set_requires_grad(!thaw);
    Tape tape;
    const Variable y = record("product", {a, b}, Tensor::scalar(6.f), [=](const Tensor& dy) {
      BOOST_TEST(a.requires_grad() == !thaw);
      BOOST_TEST(b.requires_grad());
      a.accumulate(Tensor::scalar(dy.item() * b.value().item()));
      b.accumulate(Tensor::scalar(dy.item() * a.value().item()));
    });
    a.set_requires_grad(thaw);
    tape.backward(y);
    BOOST_TEST(a.has_grad() == !thaw);
    BOOST_TEST(a.requires_grad() == thaw);  // outside of the closure it is what it is
    BOOST_TEST(b.grad().item() == 2.f);
  }
}

// Frozen for one operation, not for another: each counts for itself.
BOOST_AUTO_TEST_CASE(the_same_parameter_frozen_for_some_operations) {
  Variable a = Variable::parameter(Tensor::scalar(2.f)), b = Variable::parameter(Tensor::scalar(3.f));
  Tape tape;
  const Variable first = a * b;
  a.set_requires_grad(false);
  const Variable second = 10.f * (a * b);
  tape.backward(first + second);
  BOOST_TEST(a.grad().item() == 3.f);
  BOOST_TEST(b.grad().item() == 22.f);
}

BOOST_AUTO_TEST_CASE(freezing_drops_what_was_there_before_and_no_more) {
  Variable a = Variable::parameter(Tensor::scalar(2.f));
  a.accumulate(Tensor::scalar(100.f));
  Tape tape;
  const Variable y = square(a);
  a.set_requires_grad(false);
  BOOST_TEST(!a.has_grad());
  tape.backward(y);
  BOOST_TEST(a.grad().item() == 4.f);
  a.accumulate(Tensor::scalar(100.f));  // from elsewhere nothing comes to it
  BOOST_TEST(a.grad().item() == 4.f);
}

// What makes the tables above say "every operation".
BOOST_AUTO_TEST_CASE(no_operation_is_missing) {
  std::set<std::string> known = {"gradcheck"};  // the check's own loss
  for (const test::Operation& operation : test::operations()) known.insert(operation.name);
  const std::string here = __FILE__;
  const std::regex recorded("(?:record(?:_sum|_loss)?|choose)\\(\\s*\"(\\w+)\"");
  int found = 0;
  for (const auto& file : std::filesystem::directory_iterator(here.substr(0, here.rfind("tests/")) + "autograd")) {
    if (file.path().extension() != ".cpp") continue;
    std::ifstream in(file.path());
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    for (auto match = std::sregex_iterator(text.begin(), text.end(), recorded); match != std::sregex_iterator();
         ++match) {
      ++found;
      BOOST_TEST(known.contains((*match)[1].str()), "the table lacks " << (*match)[1]);
    }
  }
  BOOST_TEST(found > 40);
}

BOOST_AUTO_TEST_SUITE_END()
