// Optimizers over row-sparse gradients: exactly as over the dense ones, or lazily.
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <canopy/core/random.hpp>
#include <canopy/core/threads.hpp>
#include <canopy/optim/adam.hpp>
#include <canopy/optim/clip.hpp>
#include <canopy/optim/sgd.hpp>

#include <boost/test/unit_test.hpp>

#include "support/normal.hpp"

using namespace canopy;
using test::normal;

BOOST_AUTO_TEST_SUITE(row_gradients)

namespace {

constexpr std::int64_t rows = 97, width = 37;

// Other rows at every step; none at the second.
RowGradient gradient_of_step(int step) {
  std::vector<std::int32_t> named;
  for (std::int32_t row = step; row < rows && step != 1; row += 3 + step) named.push_back(row);
  const auto n = static_cast<std::int64_t>(named.size());
  return {Indices({n}, named), normal({n, width}, "gradient " + std::to_string(step))};
}

Tensor dense(const RowGradient& grad) {
  Tensor all = Tensor::zeros({rows, width});
  for (std::int64_t i = 0; i < grad.rows.size(); ++i) {
    std::copy_n(grad.values.data() + i * width, width, all.mutable_data() + grad.rows.data()[i] * width);
  }
  return all;
}

using Make = std::function<std::unique_ptr<optim::Optimizer>(const Variable&, bool lazy)>;

struct Case {
  std::string name;
  Make make;
};

template <class Optimizer, class Options>
Case make_case(std::string name, Options options) {
  return {std::move(name), [options](const Variable& p, bool lazy) {
            Options own = options;
            own.lazy_rows = lazy;
            return std::make_unique<Optimizer>(std::vector{p}, own);
          }};
}

std::vector<Case> cases() {
  using optim::AdamOptions, optim::AdamWOptions, optim::SGDOptions;
  return {
      make_case<optim::SGD>("plain SGD", SGDOptions{.learning_rate = 0.1}),
      make_case<optim::SGD>("SGD with decay", SGDOptions{.learning_rate = 0.1, .weight_decay = 0.01}),
      make_case<optim::SGD>("SGD with momentum", SGDOptions{.learning_rate = 0.1, .momentum = 0.9}),
      make_case<optim::SGD>("SGD with all",
                            SGDOptions{.learning_rate = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.01}),
      make_case<optim::Adam>("Adam", AdamOptions{.learning_rate = 0.1}),
      make_case<optim::Adam>("Adam with decay", AdamOptions{.learning_rate = 0.1, .weight_decay = 0.01}),
      make_case<optim::AdamW>("AdamW", AdamWOptions{.learning_rate = 0.1, .weight_decay = 0.1})};
}

void check_equal(const Tensor& a, const Tensor& b, const std::string& what) {
  BOOST_TEST(std::equal(a.data(), a.data() + a.size(), b.data(), b.data() + b.size()), what);
}

}  // namespace

BOOST_AUTO_TEST_CASE(rows_give_the_bits_of_the_dense_gradient) {
  for (const Case& each : cases()) {
    for (const int threads : {1, 2, 3}) {
      const ThreadGuard guard(threads);
      Variable p = Variable::parameter(normal({rows, width}, "p"), "p");
      Variable twin = Variable::parameter(p.value().clone(), "p");
      const auto optimizer = each.make(p, false), twin_optimizer = each.make(twin, false);
      for (int step = 0; step < 6; ++step) {
        p.accumulate(gradient_of_step(step));
        twin.accumulate(dense(gradient_of_step(step)));
        optimizer->step();
        twin_optimizer->step();
        BOOST_TEST(p.has_row_grad(), each.name << " made the gradient dense");
        optimizer->zero_grad();
        twin_optimizer->zero_grad();
      }
      check_equal(p.value(), twin.value(), each.name);
      for (const auto& [key, state] : optimizer->state().tensors) {
        check_equal(state, twin_optimizer->state().tensors.at(key), key);
      }
    }
  }
}

// Lazily, a row with a gradient is updated as a parameter of its own would be, at the parameter's step count.
BOOST_AUTO_TEST_CASE(lazy_updates_touch_only_rows_with_a_gradient) {
  for (const Case& each : cases()) {
    Variable p = Variable::parameter(normal({rows, width}, "p"), "p");
    const auto optimizer = each.make(p, true);
    for (int step = 0; step < 6; ++step) {
      const Tensor before = p.value().clone();
      const auto state = optimizer->state();
      const RowGradient grad = gradient_of_step(step);
      // The dense update from the same state says what the rows with a gradient become.
      Variable twin = Variable::parameter(before.clone(), "p");
      const auto twin_optimizer = each.make(twin, false);
      twin_optimizer->load_state(state);
      p.accumulate(grad);
      twin.accumulate(dense(grad));
      optimizer->step();
      twin_optimizer->step();
      optimizer->zero_grad();
      const std::set<std::int32_t> touched(grad.rows.data(), grad.rows.data() + grad.rows.size());
      for (std::int32_t row = 0; row < rows; ++row) {
        const Tensor& expected = touched.contains(row) ? twin.value() : before;
        BOOST_TEST(std::equal(p.value().data() + row * width, p.value().data() + (row + 1) * width,
                              expected.data() + row * width),
                   each.name << ", step " << step << ", row " << row);
        for (const auto& [key, after] : optimizer->state().tensors) {
          const bool was_there = state.tensors.contains(key);
          if (touched.contains(row) || !was_there) continue;
          BOOST_TEST(std::equal(after.data() + row * width, after.data() + (row + 1) * width,
                                state.tensors.at(key).data() + row * width),
                     key);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(looking_at_a_gradient_changes_no_step) {
  for (const Case& each : cases()) {
    for (const bool lazy : {false, true}) {
      std::vector<Tensor> results;
      for (const bool look : {false, true}) {
        Variable p = Variable::parameter(normal({rows, width}, "start"), "p");
        const auto optimizer = each.make(p, lazy);
        for (int step = 0; step < 4; ++step) {
          optimizer->zero_grad();
          p.accumulate(gradient_of_step(step));
          if (look) BOOST_TEST(p.grad().size() == p.size());
          optim::clip_grad_norm({p}, 1.0);
          optimizer->step();
        }
        results.push_back(p.value());
      }
      check_equal(results[0], results[1], each.name + (lazy ? ", lazy" : ""));
    }
  }
}

BOOST_AUTO_TEST_CASE(clipping_scales_the_rows) {
  Variable p = Variable::parameter(Tensor({rows, width}, 0.f), "p");
  Variable twin = Variable::parameter(Tensor({rows, width}, 0.f), "twin");
  const RowGradient grad = gradient_of_step(0);
  const Tensor untouched = grad.values.clone();
  p.accumulate(grad);
  twin.accumulate(dense(grad));
  const double norm = optim::clip_grad_norm({p}, 0.5);
  // The zeros between the rows move the others to other lanes.
  BOOST_TEST(norm == optim::clip_grad_norm({twin}, 0.5), boost::test_tools::tolerance(1e-12));
  BOOST_TEST(p.has_row_grad());
  check_equal(grad.values, untouched, "the caller's gradient");
  for (std::int64_t i = 0; i < p.size(); ++i) {
    BOOST_TEST(p.grad().data()[i] == twin.grad().data()[i], boost::test_tools::tolerance(1e-6f));
  }
}

BOOST_AUTO_TEST_SUITE_END()
