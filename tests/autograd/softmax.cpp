#include <canopy/autograd/softmax.hpp>

#include <cmath>

#include <canopy/autograd/gradcheck.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(softmax)

namespace {

Variable parameter(const Shape& shape) {
  Tensor value(shape);
  RandomStream(4, "x").fill_normal(value.mutable_elements(), 0.f, 1.f);
  return Variable::parameter(value, "x");
}

}  // namespace

BOOST_AUTO_TEST_CASE(gradients_of_rows) {
  for (const Shape& shape : {Shape{4, 5}, Shape{7}, Shape{2, 3, 4}, Shape{2, 20}}) {
    const Variable x = parameter(shape);
    const auto plain = gradcheck([&] { return canopy::softmax(x); }, {x});
    BOOST_TEST(plain.passed, shape.to_string() << ": " << plain.message);
    const auto logarithm = gradcheck([&] { return log_softmax(x); }, {x});
    BOOST_TEST(logarithm.passed, shape.to_string() << ": " << logarithm.message);
  }
}

BOOST_AUTO_TEST_CASE(rows_sum_to_one) {
  const Variable y = canopy::softmax(parameter({2, 3, 4}));
  for (std::int64_t r = 0; r < 6; ++r) {
    float sum = 0;
    for (std::int64_t c = 0; c < 4; ++c) sum += y.value().data()[4 * r + c];
    BOOST_TEST(sum == 1.f, boost::test_tools::tolerance(1e-6f));
  }
}

BOOST_AUTO_TEST_CASE(gradients_of_cross_entropy) {
  const Variable x = parameter({5, 4});
  const Indices labels({5}, {3, 0, -100, 1, 1});
  for (const float smoothing : {0.f, 0.2f, 1.f}) {
    for (const std::int32_t ignored : {-100, 1}) {
      Indices used = labels.clone();
      if (ignored == 1) used.mutable_data()[2] = 2;
      const CrossEntropyOptions options{.label_smoothing = smoothing, .ignore_index = ignored};
      const auto result = gradcheck([&] { return cross_entropy(x, used, options); }, {x});
      BOOST_TEST(result.passed, result.message);
    }
  }
}

BOOST_AUTO_TEST_CASE(losses_of_cross_entropy_summed_or_apart) {
  const Variable x = parameter({2, 3, 4});
  const Indices labels({2, 3}, {3, 0, -100, 1, 1, 2});
  for (const Reduction reduction : {Reduction::sum, Reduction::none}) {
    const CrossEntropyOptions options{.label_smoothing = 0.1f, .reduction = reduction};
    const auto result = gradcheck([&] { return cross_entropy(x, labels, options); }, {x});
    BOOST_TEST(result.passed, result.message);
  }
  const float mean = cross_entropy(x, labels).value().item();
  BOOST_TEST(cross_entropy(x, labels, {.reduction = Reduction::sum}).value().item() == 5 * mean,
             boost::test_tools::tolerance(1e-6f));
  const Tensor apart = cross_entropy(x, labels, {.reduction = Reduction::none}).value();
  BOOST_CHECK((apart.shape() == labels.shape()));
  BOOST_TEST(apart.data()[2] == 0.f);
  float sum = 0;
  for (const float loss : apart.elements()) sum += loss;
  BOOST_TEST(sum == 5 * mean, boost::test_tools::tolerance(1e-6f));
}

BOOST_AUTO_TEST_CASE(logits_of_any_rank) {
  const Variable x = parameter({2, 3, 4});
  const Indices labels({2, 3}, {0, 1, 2, 3, 0, 1});
  const float expected = cross_entropy(x.value().reshape({6, 4}), labels.reshape({6})).value().item();
  BOOST_TEST(cross_entropy(x, labels).value().item() == expected);
  const Variable single = Tensor({2}, {0.f, 0.f});
  BOOST_TEST(cross_entropy(single, Indices::scalar(1)).value().item() == std::log(2.f),
             boost::test_tools::tolerance(1e-6f));
}

BOOST_AUTO_TEST_CASE(a_batch_whose_labels_are_all_ignored_teaches_nothing) {
  const Variable x = parameter({2, 3});
  Tape tape;
  const Variable loss = cross_entropy(x, Indices({2}, {-100, -100}));
  BOOST_TEST(loss.value().item() == 0.f);
  tape.backward(loss);
  for (const float g : x.grad().elements()) BOOST_TEST(g == 0.f);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit) {
  const Variable x = parameter({2, 3});
  BOOST_CHECK_THROW(canopy::softmax(Variable(Tensor::scalar(1.f))), ShapeError);
  BOOST_CHECK_THROW(log_softmax(Variable(Tensor::scalar(1.f))), ShapeError);
  BOOST_CHECK_THROW(cross_entropy(Variable(Tensor::scalar(1.f)), Indices({1}, {0})), ShapeError);
  BOOST_CHECK_THROW(cross_entropy(x, Indices({3}, {0, 0, 0})), ShapeError);
  BOOST_CHECK_THROW(cross_entropy(x, Indices({2, 1}, {0, 0})), ShapeError);
  BOOST_CHECK_THROW(cross_entropy(x, Indices({2}, {0, 3})), DataError);
  BOOST_CHECK_THROW(cross_entropy(x, Indices({2}, {0, -100}), {.ignore_index = -1}), DataError);
  BOOST_CHECK_THROW(cross_entropy(x, Indices({2}, {0, 1}), {.label_smoothing = 1.5f}), ConfigError);
  BOOST_CHECK_THROW(cross_entropy(x, Indices({2}, {0, 1}), {.label_smoothing = std::nanf("")}), ConfigError);
}

BOOST_AUTO_TEST_SUITE_END()
