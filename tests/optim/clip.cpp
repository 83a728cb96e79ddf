#include <canopy/optim/clip.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <canopy/core/error.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;
using optim::clip_grad_norm;

BOOST_AUTO_TEST_SUITE(clip)

BOOST_AUTO_TEST_CASE(scales_all_gradients_to_the_norm) {
  Variable p = Variable::parameter(Tensor({2}, 0.f));
  Variable q = Variable::parameter(Tensor({1}, 0.f));
  Variable without = Variable::parameter(Tensor({1}, 0.f));
  p.accumulate(Tensor({2}, {3.f, 0.f}));
  q.accumulate(Tensor({1}, -4.f));
  BOOST_TEST(clip_grad_norm({p, q, without}, 10) == 5);
  BOOST_TEST(p.grad().data()[0] == 3.f);
  BOOST_TEST(clip_grad_norm({p, q, without}, 1) == 5);
  BOOST_TEST(p.grad().data()[0] == 0.6f, boost::test_tools::tolerance(1e-6f));
  BOOST_TEST(q.grad().data()[0] == -0.8f, boost::test_tools::tolerance(1e-6f));
  BOOST_TEST(!without.has_grad());
  BOOST_TEST(clip_grad_norm({}, 1) == 0);
}

// Whose squares are no floats.
BOOST_AUTO_TEST_CASE(gradients_near_the_ends_of_the_range) {
  for (const float size : {1e30f, 1e-30f}) {
    Variable p = Variable::parameter(Tensor({2}, 0.f));
    p.accumulate(Tensor({2}, {3.f * size, -4.f * size}));
    const double norm = 5. * size;
    BOOST_TEST(clip_grad_norm({p}, norm / 10) == norm, boost::test_tools::tolerance(1e-6));
    BOOST_TEST(p.grad().data()[0] == 0.3f * size, boost::test_tools::tolerance(1e-6f));
    BOOST_TEST(p.grad().data()[1] == -0.4f * size, boost::test_tools::tolerance(1e-6f));
  }
}

// Two parameters may have been handed one gradient.
BOOST_AUTO_TEST_CASE(shared_gradients_are_scaled_once) {
  Variable p = Variable::parameter(Tensor({1}, 0.f));
  Variable q = Variable::parameter(Tensor({1}, 0.f));
  const Tensor grad({1}, 8.f);
  p.accumulate(grad);
  q.accumulate(grad);
  const double norm = clip_grad_norm({p, q}, 1);
  BOOST_TEST(norm == std::sqrt(128.), boost::test_tools::tolerance(1e-12));
  BOOST_TEST(p.grad().item() == static_cast<float>(std::sqrt(0.5)), boost::test_tools::tolerance(1e-6f));
  BOOST_TEST(q.grad().item() == p.grad().item());
  BOOST_TEST(grad.item() == 8.f);
}

// A tied parameter is listed by every module that it belongs to.
BOOST_AUTO_TEST_CASE(a_parameter_that_is_listed_twice_counts_once) {
  Variable p = Variable::parameter(Tensor({1}, 0.f)), q = Variable::parameter(Tensor({1}, 0.f));
  p.accumulate(Tensor({1}, 3.f));
  q.accumulate(Tensor({1}, 4.f));
  BOOST_TEST(clip_grad_norm({p, q, p, p}, 2.5) == 5);
  BOOST_TEST(p.grad().item() == 1.5f);
  BOOST_TEST(q.grad().item() == 2.f);
}

// From the smallest to the largest finite numbers, dense and in rows: the norm is that of the numbers, and clipping
// gives the direction with the norm asked for.
BOOST_AUTO_TEST_CASE(no_finite_gradient_overflows) {
  for (const float largest : {1e-37f, 1e-30f, 1e-3f, 1e19f, 1e30f, std::numeric_limits<float>::max()}) {
    for (const bool in_rows : {false, true}) {
      const std::int64_t n = 1000;
      Variable p = Variable::parameter(Tensor({n, 1}, 0.f));
      Tensor values({n, 1}, largest);
      values.mutable_data()[1] = -largest / 2;
      Indices rows({n});
      for (std::int32_t i = 0; i < n; ++i) rows.mutable_data()[i] = i;
      in_rows ? p.accumulate(RowGradient{rows, values}) : p.accumulate(values);
      const double norm = static_cast<double>(largest) * std::sqrt(static_cast<double>(n) - 0.75);
      const double max_norm = std::min(1., norm / 4);
      BOOST_TEST(clip_grad_norm({p}, max_norm) == norm, boost::test_tools::tolerance(1e-12));
      const double share = max_norm / norm * static_cast<double>(largest);
      BOOST_TEST(static_cast<double>(p.grad().data()[0]) == share, boost::test_tools::tolerance(1e-6));
      BOOST_TEST(static_cast<double>(p.grad().data()[1]) == -share / 2, boost::test_tools::tolerance(1e-6));
    }
  }
}

BOOST_AUTO_TEST_CASE(divergence_is_seen) {
  Variable p = Variable::parameter(Tensor({2}, 0.f));
  p.accumulate(Tensor({2}, {1.f, std::numeric_limits<float>::infinity()}));
  BOOST_TEST(!std::isfinite(clip_grad_norm({p}, 1)));
  BOOST_TEST(std::isnan(p.grad().data()[0]));
  BOOST_CHECK_THROW(clip_grad_norm({p}, 0), ConfigError);
}

BOOST_AUTO_TEST_SUITE_END()
