#include <canopy/autograd/tape.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/memory.hpp>

#include "recorded_by_hand.hpp"
#include "support/errors.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(tape)

BOOST_AUTO_TEST_CASE(outside_of_a_tape_nothing_is_recorded) {
  BOOST_TEST(!is_recording());
  const Variable y = squared(number(3.f));
  BOOST_TEST(y.value().item() == 9.f);
  BOOST_TEST(!y.requires_grad());
  Tape later;
  BOOST_TEST(later.size() == 0);
  BOOST_CHECK_THROW(later.backward(y), TapeError);
}

BOOST_AUTO_TEST_CASE(gradients_of_a_chain_and_a_diamond) {
  const Variable x = number(3.f, "x"), unused = number(1.f, "unused");
  Tape tape;
  BOOST_TEST(is_recording());
  const Variable s = squared(x);
  const Variable loss = plus(times(s, 5.f), plus(s, x));  // 6 x^2 + x
  times(unused, 2.f);
  BOOST_TEST(tape.size() == 5);
  tape.backward(loss);
  BOOST_TEST(x.grad().item() == 37.f);
  BOOST_TEST(!unused.has_grad());
  BOOST_TEST(!s.has_grad());  // given back on the way
  BOOST_TEST(tape.size() == 0);
}

BOOST_AUTO_TEST_CASE(gradients_add_up_over_tapes_until_zeroed) {
  Variable x = number(3.f);
  for (int step = 1; step <= 2; ++step) {
    Tape tape;
    tape.backward(squared(x));
    BOOST_TEST(x.grad().item() == 6.f * static_cast<float>(step));
  }
  x.zero_grad();
  BOOST_TEST(!x.has_grad());
}

BOOST_AUTO_TEST_CASE(the_same_input_twice_and_shared_gradient_buffers) {
  const Variable x = number(3.f), y = number(4.f);
  Tape tape;
  const Variable sum = plus(x, y);  // gradients of x and y are one buffer
  tape.backward(plus(plus(sum, sum), plus(times(x, 10.f), x)));
  BOOST_TEST(x.grad().item() == 13.f);
  BOOST_TEST(y.grad().item() == 2.f);
}

BOOST_AUTO_TEST_CASE(a_closure_may_give_away_what_it_keeps) {
  const Variable x = number(3.f), y = number(4.f);
  const Tensor kept = Tensor::scalar(2.f);
  Tape tape;
  const auto twice = [&kept](const Variable& v) {
    return record("twice", {v}, scaled(v.value(), 2.f), keep(kept),
                  [dv = v.sink(), kept](const Tensor&) { dv.accumulate(kept); });
  };
  tape.backward(plus(plus(twice(x), twice(x)), twice(y)));
  BOOST_TEST(x.grad().item() == 4.f);
  BOOST_TEST(y.grad().item() == 2.f);
  BOOST_TEST(kept.item() == 2.f);
}

BOOST_AUTO_TEST_CASE(constants_are_not_recorded) {
  Variable frozen = number(2.f);
  frozen.set_requires_grad(false);
  Tape tape;
  BOOST_TEST(!squared(Tensor::scalar(2.f)).requires_grad());
  BOOST_TEST(!squared(frozen).requires_grad());
  BOOST_TEST(tape.size() == 0);
  const Variable x = number(1.f);
  tape.backward(plus(times(frozen, 3.f), x));
  BOOST_TEST(!frozen.has_grad());
}

BOOST_AUTO_TEST_CASE(tapes_do_not_nest) {
  const Variable x = number(3.f);
  Tape tape;
  BOOST_CHECK_THROW(Tape(), TapeError);
  tape.backward(squared(x));  // the outer one is not disturbed
  BOOST_TEST(x.grad().item() == 6.f);
  BOOST_CHECK_THROW(Tape(), TapeError);
}

// As recompute() does: what an operation needs for its gradient is computed and differentiated inside of its closure.
BOOST_AUTO_TEST_CASE(a_tape_inside_a_closure) {
  const Variable x = number(3.f), w = number(5.f);
  Tape tape;
  const Variable h = times(x, 2.f);
  const Variable y = record("cube", {h}, scaled(h.value(), 36.f), [=](const Tensor& dy) {
    const NoRecord pause;  // of the outer tape, which records no more
    Tape inner;
    BOOST_TEST(is_recording());
    {
      const NoRecord of_the_inner;
      BOOST_TEST(!is_recording());
    }
    BOOST_TEST(is_recording());
    const Variable inside = Variable::parameter(h.value());
    inner.backward(times(plus(squared(inside), times(w, 1.f)), dy.item()));
    BOOST_CHECK_THROW(Tape(), TapeError);
    h.accumulate(scaled(inside.grad(), 3.f));
    BOOST_TEST(!is_recording());
  });
  const Variable late = times(y, 1.f);
  tape.backward(late);
  BOOST_TEST(x.grad().item() == 3.f * 2.f * 6.f * 2.f);
  BOOST_TEST(w.grad().item() == 1.f);  // a leaf of the inner tape, though no input of the operation
  BOOST_TEST(!is_recording());
  BOOST_CHECK_THROW(Tape(), TapeError);  // nothing is walked any more
}

// What the outer tape recorded before the operation is reached through the inner one; what it recorded later has been
// walked already.
BOOST_AUTO_TEST_CASE(a_tape_inside_a_closure_leads_on_to_the_outer_one) {
  const Variable x = number(3.f);
  Tape tape;
  const Variable h = times(x, 2.f), other = times(x, 10.f);
  std::optional<Variable> late;
  const Variable y = identity(h, [&](const Tensor& dy) {
    Tape inner;
    BOOST_CHECK_EXCEPTION(times(*late, 1.f), TapeError, speaks_of("recorded on another tape"));
    inner.backward(times(plus(h, other), dy.item()));
  });
  late = times(y, 1.f);
  tape.backward(*late);
  BOOST_TEST(x.grad().item() == 12.f);
}

BOOST_AUTO_TEST_CASE(a_tape_inside_a_closure_that_throws) {
  const Variable x = number(3.f);
  {
    Tape tape;
    const Variable y = identity(x, [&](const Tensor&) {
      Tape inner;
      squared(x);
      throw std::runtime_error("inside");
    });
    BOOST_CHECK_THROW(tape.backward(y), std::runtime_error);
    BOOST_TEST(!is_recording());
  }
  Tape next;
  next.backward(squared(x));
  BOOST_TEST(x.grad().item() == 6.f);
}

BOOST_AUTO_TEST_CASE(a_tape_that_ends_on_another_thread) {
  const Variable x = number(3.f);
  auto tape = std::make_unique<Tape>();
  const Variable loss = squared(x);
  std::thread([&] {
    BOOST_TEST(!is_recording());
    BOOST_CHECK_EXCEPTION(tape->backward(loss), TapeError, speaks_of("another thread"));
    Tape own;
    tape.reset();
    BOOST_TEST(is_recording());
  }).join();
  BOOST_TEST(!is_recording());
  squared(x);
  Tape next;
  next.backward(squared(x));
  BOOST_TEST(x.grad().item() == 6.f);
}

BOOST_AUTO_TEST_CASE(a_tape_that_outlives_its_thread) {
  std::unique_ptr<Tape> tape;
  std::unique_ptr<NoRecord> pause;
  std::thread([&] {
    tape = std::make_unique<Tape>();
    pause = std::make_unique<NoRecord>();
  }).join();
  Tape own;
  pause.reset();
  BOOST_TEST(is_recording());
  tape.reset();
  BOOST_TEST(is_recording());
}

BOOST_AUTO_TEST_CASE(every_thread_has_its_own_tape) {
  const Variable x = number(3.f), y = number(5.f);
  Tape tape;
  const Variable loss = squared(x);
  std::thread([&] {
    BOOST_TEST(!is_recording());
    Tape own;
    const Variable other = squared(y);
    own.backward(other);
  }).join();
  BOOST_TEST(tape.size() == 1);
  tape.backward(loss);
  BOOST_TEST(x.grad().item() == 6.f);
  BOOST_TEST(y.grad().item() == 10.f);
}

BOOST_AUTO_TEST_CASE(no_record_pauses) {
  const Variable x = number(3.f);
  Tape tape;
  {
    const NoRecord pause;
    BOOST_TEST(!is_recording());
    {
      const NoRecord again;
      BOOST_TEST(NoRecord::alive() == 2);
    }
    BOOST_TEST(NoRecord::alive() == 1);
    BOOST_TEST(!is_recording());
    BOOST_TEST(!squared(x).requires_grad());
  }
  BOOST_TEST(is_recording());
  BOOST_TEST(tape.size() == 0);
}

BOOST_AUTO_TEST_CASE(a_second_backward_throws) {
  const Variable x = number(3.f);
  Tape tape;
  const Variable loss = squared(x);
  tape.backward(loss);
  BOOST_CHECK_EXCEPTION(tape.backward(loss), TapeError, speaks_of("walked already"));
  BOOST_TEST(x.grad().item() == 6.f);
}

BOOST_AUTO_TEST_CASE(after_backward_nothing_is_recorded) {
  const Variable x = number(3.f);
  Tape tape;
  const Variable h = times(x, 2.f);
  tape.backward(squared(h));
  BOOST_TEST(!is_recording());
  BOOST_TEST(squared(h).value().item() == 36.f);
  BOOST_TEST(!squared(x).requires_grad());
  BOOST_TEST(tape.size() == 0);
}

BOOST_AUTO_TEST_CASE(what_is_no_loss) {
  const Variable x = Variable::parameter(Tensor({2}, 1.f), "x");
  Tape tape;
  const Variable y = times(x, 2.f);
  BOOST_CHECK_EXCEPTION(tape.backward(y), ShapeError, speaks_of("[2]"));
  BOOST_CHECK_THROW(tape.backward(Tensor::scalar(1.f)), TapeError);
  BOOST_CHECK_THROW(tape.backward(number(1.f)), TapeError);
  BOOST_CHECK_THROW(tape.backward(Variable()), TapeError);
  // None of these walked the tape; one element of any rank is a number.
  const Variable one =
      record("first", {y}, Tensor({1, 1}, y.value().data()[0]), keep(), [dy = y.sink()](const Tensor& g) {
        dy.accumulate(Tensor({2}, {g.item(), 0.f}));
      });
  tape.backward(one);
  BOOST_TEST(x.grad().data()[0] == 2.f);
  BOOST_TEST(x.grad().data()[1] == 0.f);
}

BOOST_AUTO_TEST_CASE(a_kept_array_that_was_overwritten_is_noticed) {
  const Variable x = number(3.f);
  Tape tape;
  Variable h = times(x, 2.f);
  const Variable loss = times(squared(h), 1.f);
  h.mutable_value().mutable_data()[0] = 7.f;
  BOOST_CHECK_EXCEPTION(tape.backward(loss), TapeError, speaks_of("square needs an array that was overwritten"));
  BOOST_TEST(!x.has_grad());
  BOOST_TEST(tape.size() == 0);
}

BOOST_AUTO_TEST_CASE(an_array_that_nobody_keeps_may_be_overwritten) {
  Variable x = number(3.f);
  Tape tape;
  Variable h = times(x, 2.f);
  squared(h);  // keeps h, but the loss does not depend on it
  const Variable loss = times(h, 5.f);
  h.mutable_value().mutable_data()[0] = 7.f;
  x.mutable_value().mutable_data()[0] = 8.f;
  tape.backward(loss);
  BOOST_TEST(x.grad().item() == 10.f);
}

BOOST_AUTO_TEST_CASE(results_of_a_dead_tape_cannot_be_used_on_a_new_one) {
  const Variable x = number(3.f);
  std::optional<Variable> h;
  {
    Tape tape;
    h = times(x, 2.f);
  }
  BOOST_TEST(squared(*h).value().item() == 36.f);  // outside of a tape it is a number like any other
  Tape tape;
  BOOST_CHECK_EXCEPTION(plus(x, *h), TapeError, speaks_of("plus: input 1 was recorded on another tape"));
  BOOST_CHECK_EXCEPTION(tape.backward(*h), TapeError, speaks_of("not recorded on this tape"));
  BOOST_TEST(tape.size() == 0);
  tape.backward(plus(x, h->value()));  // as the message advises
  BOOST_TEST(x.grad().item() == 1.f);
}

BOOST_AUTO_TEST_CASE(an_exception_of_a_closure_comes_through_and_frees_the_tape) {
  Variable x = number(3.f, "x"), z = number(1.f, "z");
  const auto witness = std::make_shared<int>(0);
  {
    Tape tape;
    const Variable early = identity(x, [witness, dx = x.sink()](const Tensor& g) { dx.accumulate(g); });
    const Variable thrower = identity(early, [](const Tensor&) { throw std::runtime_error("from a closure"); });
    const Variable loss = plus(thrower, z);
    BOOST_TEST(witness.use_count() == 2);
    BOOST_CHECK_EXCEPTION(tape.backward(loss), std::runtime_error, speaks_of("from a closure"));
    BOOST_TEST(witness.use_count() == 1);
    BOOST_TEST(z.grad().item() == 1.f);  // came before
    BOOST_TEST(!x.has_grad());           // would have come after
    BOOST_TEST(!is_recording());
    BOOST_CHECK_THROW(tape.backward(loss), TapeError);
  }
  z.zero_grad();
  Tape tape;
  tape.backward(plus(squared(x), z));
  BOOST_TEST(x.grad().item() == 6.f);
  BOOST_TEST(z.grad().item() == 1.f);
}

BOOST_AUTO_TEST_CASE(a_gradient_of_a_wrong_shape_names_operation_and_parameter) {
  const Variable x = number(3.f, "weight");
  Tape tape;
  const Variable y = identity(
      x, [dx = x.sink()](const Tensor&) { dx.accumulate(Tensor({3}, 1.f)); }, "faulty");
  BOOST_CHECK_EXCEPTION(tape.backward(y), ShapeError,
                        speaks_of("backward of faulty: the gradient of weight has the shape [3], its value []"));
}

BOOST_AUTO_TEST_CASE(a_tape_that_dies_without_backward_leaves_nothing) {
  const Variable x = number(3.f);
  const auto witness = std::make_shared<int>(0);
  {
    Tape tape;
    identity(x, [witness](const Tensor&) {});
  }
  BOOST_TEST(witness.use_count() == 1);
  BOOST_TEST(!is_recording());
  Tape next;
  BOOST_TEST(is_recording());
}

// Each operation keeps a buffer; by the time that the first one's closure runs, all others have given theirs back.
BOOST_AUTO_TEST_CASE(records_are_freed_as_backward_goes) {
  constexpr int operations = 50;
  constexpr std::size_t buffer = 1 << 20;
  const Variable x = number(3.f);
  const std::size_t before = memory::counters().live;
  std::size_t at_first = 0, recorded = 0;
  {
    Tape tape;
    Variable h = identity(x, [&at_first, dx = x.sink()](const Tensor& g) {
      at_first = memory::counters().live;
      dx.accumulate(g);
    });
    for (int i = 0; i < operations; ++i) {
      const Tensor kept({buffer / sizeof(float)}, 1.f);
      h = record("keeper", {h}, h.value(), keep(kept),
                 [kept, dh = h.sink()](const Tensor& g) { dh.accumulate(scaled(g, kept.data()[7])); });
    }
    recorded = memory::counters().live;
    tape.backward(h);
  }
  BOOST_TEST(recorded >= before + operations * buffer);
  BOOST_TEST(at_first < before + buffer);
  BOOST_TEST(x.grad().item() == 1.f);
}

BOOST_AUTO_TEST_CASE(values_that_no_closure_holds_are_freed_after_forward) {
  const Variable x = Variable::parameter(Tensor({1 << 18}, 1.f), "x");
  Tape tape;
  const std::size_t before = memory::counters().live;
  Variable h = x;
  for (int i = 0; i < 20; ++i) h = times(h, 1.f);
  BOOST_TEST(memory::counters().live < before + 2 * (std::size_t{1} << 20));
}

BOOST_AUTO_TEST_CASE(a_long_chain_needs_no_stack) {
  const Variable x = number(1.f);
  {
    Tape tape;
    Variable h = x;
    for (int i = 0; i < 200000; ++i) h = times(h, 1.f);
    tape.backward(h);
  }
  BOOST_TEST(x.grad().item() == 1.f);
  Tape abandoned;
  Variable h = x;
  for (int i = 0; i < 200000; ++i) h = times(h, 1.f);
}

BOOST_AUTO_TEST_CASE(gradients_of_results_on_request) {
  Variable x = number(3.f), unused = number(1.f);
  Tape tape;
  Variable h = times(x, 2.f), other = times(x, 4.f), aside = times(unused, 1.f);
  Variable loss = plus(squared(h), plus(other, h));
  for (Variable* each : {&x, &h, &aside, &loss}) each->retain_grad();
  BOOST_CHECK_THROW(Variable(Tensor::scalar(1.f)).retain_grad(), TapeError);
  tape.backward(loss);
  BOOST_TEST(h.grad().item() == 13.f);
  BOOST_TEST(loss.grad().item() == 1.f);
  BOOST_TEST(x.grad().item() == 30.f);
  BOOST_TEST(!other.has_grad());  // was not asked for
  BOOST_TEST(!aside.has_grad());  // the loss does not depend on it
  h.zero_grad();
  BOOST_TEST(!h.has_grad());
}

BOOST_AUTO_TEST_SUITE_END()
