#include <canopy/autograd/recompute.hpp>

#include <functional>
#include <optional>
#include <stdexcept>
#include <vector>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/dropout.hpp>
#include <canopy/autograd/linear.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/memory.hpp>
#include <canopy/core/random.hpp>

#include <boost/test/unit_test.hpp>

#include "operations.hpp"
#include "support/errors.hpp"
#include "support/parameter.hpp"
#include "support/same_bits.hpp"

using namespace canopy;

BOOST_AUTO_TEST_SUITE(recomputing)

namespace {

using test::parameter;
using test::speaks_of;
using Inputs = std::vector<Variable>;
using Block = std::function<Variable(const Inputs&)>;

// The loss and the gradients of all parameters; one without a gradient gets an empty array.
std::vector<Tensor> step(std::vector<Variable> parameters, const std::function<Variable()>& loss_of) {
  manual_seed(1);
  for (Variable& p : parameters) p.zero_grad();
  Tape tape;
  const Variable loss = loss_of();
  tape.backward(loss);
  std::vector<Tensor> results = {loss.value()};
  for (const Variable& p : parameters) results.push_back(p.has_grad() ? p.grad() : Tensor());
  // What the streams give next shows that they stand where they would.
  for (const char* purpose : {"dropout", "gate noise"}) {
    Tensor next({4});
    random_stream(purpose).fill_uniform(next.mutable_elements(), 0.f, 1.f);
    results.push_back(next);
  }
  return results;
}

void check_same(const std::vector<Tensor>& found, const std::vector<Tensor>& expected, const std::string& what = {}) {
  BOOST_TEST_REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    BOOST_TEST(test::same_bits(found[i], expected[i]), what << ", array " << i);
  }
}

Variable noisy(const Variable& x) { return dropout(x, 0.3f, random_stream("dropout")); }

}  // namespace

BOOST_AUTO_TEST_CASE(every_operation_has_the_bits_that_it_has_without) {
  for (const test::Operation& operation : test::operations()) {
    const std::vector<Variable> inputs = operation.parameters();
    const auto loss = [](const Variable& y) { return sum(square(y)); };
    const std::vector<Tensor> expected = step(inputs, [&] { return loss(operation.apply(inputs)); });
    check_same(step(inputs, [&] { return loss(recompute(operation.apply, inputs)); }), expected, operation.name);
    const auto captured = [&](const Inputs&) { return operation.apply(inputs); };
    check_same(step(inputs, [&] { return loss(recompute(captured, {})); }), expected, operation.name + ", captured");
  }
}

// Sums of three and more terms show the order of adding up.
BOOST_AUTO_TEST_CASE(gradients_are_added_up_in_the_same_order) {
  const Variable x = parameter({8, 6}, "x"), w = parameter({6, 6}, "w");
  const auto loss = [&](bool again) {
    const Variable before = canopy::linear(x, w, {}, Activation::tanh);
    const Block block = [before, w](const Inputs& in) {
      const Variable h = canopy::linear(in[0], w, {}, Activation::gelu);
      return noisy(canopy::linear(h, w, {}) * before + h + in[0]);
    };
    const Variable y = again ? recompute(block, {before}) : block({before});
    return sum(square(canopy::linear(y, w, {}) + y * before + canopy::linear(x, w, {})));
  };
  check_same(step({x, w}, [&] { return loss(true); }), step({x, w}, [&] { return loss(false); }));
}

BOOST_AUTO_TEST_CASE(calls_nest) {
  const Variable x = parameter({8, 6}, "x"), w = parameter({6, 6}, "w");
  const std::function<Variable(const Variable&, int, bool)> block = [&](const Variable& h, int depth, bool again) {
    const auto inner = [&block, &w, depth, again](const Variable& v) {
      const Variable y = noisy(canopy::linear(v, w, {}, Activation::gelu));
      return depth == 0 ? y : block(y, depth - 1, again) + v;
    };
    return again ? recompute(inner, h) : inner(h);
  };
  check_same(step({x, w}, [&] { return sum(square(block(x, 3, true))); }),
             step({x, w}, [&] { return sum(square(block(x, 3, false))); }));
}

BOOST_AUTO_TEST_CASE(several_outputs) {
  const Variable x = parameter({8, 6}, "x"), w = parameter({6, 6}, "w"), unused = parameter({6, 6}, "unused");
  const auto block = [&](const Inputs& in) {
    const Variable h = canopy::linear(in[0], w, {}, Activation::gelu);
    // A result twice, a loss on what is inside, one that nobody reads, the input itself, a constant.
    return std::vector<Variable>{h, sum(square(h)), h, canopy::linear(h, unused, {}), in[0], Tensor({6}, 2.f)};
  };
  const auto loss = [](const std::vector<Variable>& y) {
    return sum(square(y[0] * y[5])) + 0.5f * y[1] + sum(exp(y[2])) + sum(y[4] * y[4]) + sum(y[0]);
  };
  const std::vector<Variable> all = {x, w, unused};
  const std::vector<Tensor> expected = step(all, [&] { return loss(block({x})); });
  check_same(step(all, [&] { return loss(recompute(block, {x})); }), expected);

  Tape tape;
  const std::vector<Variable> y = recompute(block, {x});
  BOOST_TEST(tape.size() == 1);
  BOOST_TEST(y[0].is_same(y[2]));
  BOOST_TEST(y[4].is_same(x));
  BOOST_TEST(!y[5].requires_grad());
}

BOOST_AUTO_TEST_CASE(an_output_alone_that_is_not_the_first) {
  const Variable x = parameter({3}, "x"), w = parameter({3}, "w");
  const auto block = [&](const Inputs& in) { return std::vector<Variable>{exp(w), in[0] * 3.f}; };
  Tape tape;
  tape.backward(sum(recompute(block, {x})[1]));
  BOOST_TEST(x.grad().data()[0] == 3.f);
  BOOST_TEST(!w.has_grad());
}

BOOST_AUTO_TEST_CASE(rows_of_no_batch) {
  const Variable x = parameter({0, 4}, "x"), w = parameter({3, 4}, "w");
  const auto loss = [&](bool again) {
    const auto block = [&](const Variable& v) { return canopy::linear(v, w, {}); };
    return sum(again ? recompute(block, x) : block(x));
  };
  check_same(step({x, w}, [&] { return loss(true); }), step({x, w}, [&] { return loss(false); }));
  BOOST_TEST(w.has_grad());
}

BOOST_AUTO_TEST_CASE(outside_of_a_tape_and_where_nothing_is_wanted_it_is_a_call) {
  int calls = 0;
  const auto block = [&](const Variable& v) {
    ++calls;
    BOOST_TEST(!is_recomputing());
    return 2.f * v;
  };
  const Variable x = parameter({3}, "x");
  BOOST_TEST(!recompute(block, x).requires_grad());
  Tape tape;
  {
    const NoRecord pause;
    recompute(block, x);
  }
  BOOST_TEST(!recompute(block, Variable(Tensor({3}, 1.f))).requires_grad());
  BOOST_TEST(tape.size() == 0);
  BOOST_TEST(calls == 3);
}

BOOST_AUTO_TEST_CASE(the_second_call_knows_what_it_is) {
  std::vector<bool> second;
  const auto block = [&](const Variable& v) {
    second.push_back(is_recomputing());
    return 2.f * v;
  };
  Tape tape;
  tape.backward(sum(recompute(block, parameter({3}, "x"))));
  BOOST_TEST(second == std::vector<bool>({false, true}), boost::test_tools::per_element());
  BOOST_TEST(!is_recomputing());
}

// 24 layers that keep two arrays each: all at once, or those of one block of three layers at a time.
BOOST_AUTO_TEST_CASE(the_peak_is_lower) {
  const Variable x = parameter({256, 256}, "x"), w = parameter({256, 256}, "w");
  const auto peak = [&](bool again) {
    const auto block = [&](const Variable& v) {
      Variable h = v;
      for (int i = 0; i < 3; ++i) h = exp(-canopy::linear(h, w, {}, Activation::gelu));
      return h;
    };
    memory::reset_peak();
    const std::size_t before = memory::counters().live;
    Tape tape;
    Variable h = x;
    for (int i = 0; i < 8; ++i) h = again ? recompute(block, h) : block(h);
    const Variable loss = sum(h);
    const std::size_t after_forward = memory::counters().live - before;
    tape.backward(loss);
    Variable(x).zero_grad();
    Variable(w).zero_grad();
    return std::pair{after_forward, memory::counters().peak - before};
  };
  const auto [kept, highest] = peak(false);
  const auto [kept_again, highest_again] = peak(true);
  constexpr std::size_t array = 256 * 256 * sizeof(float);
  BOOST_TEST(kept >= 48 * array);
  BOOST_TEST(kept_again < 10 * array);
  BOOST_TEST(highest_again < highest / 2);
}

BOOST_AUTO_TEST_CASE(what_another_thread_draws_meanwhile_is_left_alone) {
  const Variable x = parameter({8}, "x");
  random_stream("order");
  Tape tape;
  const Variable y = recompute([&](const Variable& v) { return noisy(v); }, x);
  random_stream("order")();
  const std::uint64_t order = random_stream("order").position(), position = random_stream("dropout").position();
  random_stream("dropout")();
  tape.backward(sum(y));
  BOOST_TEST(random_stream("order").position() == order);
  BOOST_TEST(random_stream("dropout").position() == position + 1);
}

BOOST_AUTO_TEST_CASE(another_seed_between_forward_and_backward) {
  const Variable x = parameter({64}, "x");
  manual_seed(3);
  Tape tape;
  const Variable y = recompute([&](const Variable& v) { return noisy(v); }, x);
  manual_seed(4);
  const std::uint32_t next = RandomStream(4, "dropout")();
  tape.backward(sum(y));
  for (int i = 0; i < 64; ++i)
    BOOST_TEST(x.grad().data()[i] == y.value().data()[i] / x.value().data()[i], boost::test_tools::tolerance(1e-6f));
  BOOST_TEST(random_stream("dropout")() == next);
}

BOOST_AUTO_TEST_CASE(what_is_overwritten_or_drawn_elsewhere_is_noticed) {
  Variable x = parameter({64}, "x"), w = parameter({64}, "w");
  Tensor constant({64}, 1.f);
  RandomStream own(1, "own");
  bool twice = false;
  const auto block = [&](const Variable& v) { return v * w * constant * (twice ? 2.f : 1.f); };
  const auto backward = [&](const std::function<void()>& between, bool draws = false) {
    Tape tape;
    const Variable y = recompute([&](const Variable& v) { return draws ? dropout(v, 0.5f, own) : block(v); }, x);
    between();
    tape.backward(sum(y));
  };
  BOOST_CHECK_NO_THROW(backward([] {}));
  BOOST_CHECK_EXCEPTION(backward([&] { w.mutable_value().mutable_data(); }), TapeError, speaks_of("overwritten"));
  BOOST_CHECK_EXCEPTION(backward([&] { x.mutable_value().mutable_data(); }), TapeError, speaks_of("overwritten"));
  BOOST_CHECK_EXCEPTION(backward([&] { constant.mutable_data()[63] = 3.f; }), TapeError, speaks_of("other outputs"));
  BOOST_CHECK_EXCEPTION(backward([&] { twice = true; }), TapeError, speaks_of("other outputs"));
  BOOST_CHECK_EXCEPTION(backward([] {}, true), TapeError, speaks_of("other outputs"));
}

BOOST_AUTO_TEST_CASE(errors_inside) {
  const Variable x = parameter({3}, "x");
  int call = 0, failing = 1;
  const auto block = [&](const Variable& v) {
    Variable y = noisy(v);
    if (++call == failing) throw std::runtime_error("inside");
    return y;
  };
  {
    Tape tape;
    BOOST_CHECK_THROW(recompute(block, x), std::runtime_error);
    BOOST_TEST(is_recording());
    BOOST_TEST(tape.size() == 0);
    tape.backward(sum(square(x)));  // the tape goes on
  }
  call = 0, failing = 2;
  {
    Tape tape;
    const Variable loss = sum(recompute(block, x));
    const std::uint64_t position = random_stream("dropout").position();
    BOOST_CHECK_THROW(tape.backward(loss), std::runtime_error);
    BOOST_TEST(!is_recomputing());
    BOOST_TEST(random_stream("dropout").position() == position);
  }
  Tape next;
  BOOST_TEST(is_recording());
}

BOOST_AUTO_TEST_CASE(gradients_of_results_inside_on_request) {
  const Variable x = parameter({3}, "x");
  std::optional<Variable> inside;
  const auto block = [&](const Variable& v) {
    inside = 2.f * v;
    inside->retain_grad();
    return 5.f * *inside;
  };
  Tape tape;
  Variable y = recompute(block, x);
  y.retain_grad();
  tape.backward(sum(y));
  BOOST_TEST(y.grad().data()[0] == 1.f);
  BOOST_TEST(inside->grad().data()[0] == 5.f);  // that of the second call
}

BOOST_AUTO_TEST_SUITE_END()
