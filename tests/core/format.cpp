// The expectations are NumPy's layout (numpy.array2string with precision=4), written down by hand.
#include <canopy/core/format.hpp>

#include <limits>
#include <numeric>
#include <sstream>
#include <string>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(format)

namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

Tensor range(const Shape& shape) {
  Tensor result(shape);
  std::iota(result.mutable_elements().begin(), result.mutable_elements().end(), 0.f);
  return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(columns_are_aligned) {
  BOOST_TEST(to_string(Tensor({2, 2}, {1.f, 2.5f, 3.f, 4.f})) ==
             "Tensor([[1. , 2.5],\n"
             "        [3. , 4. ]], shape=[2, 2])");
  BOOST_TEST(to_string(Tensor({3}, {-1.f, 10.25f, 0.f})) == "Tensor([-1.  , 10.25,  0.  ], shape=[3])");
  BOOST_TEST(to_string(Indices({2, 3}, {1, -20, 3, 4, 5, 600})) ==
             "Indices([[  1, -20,   3],\n"
             "         [  4,   5, 600]], shape=[2, 3])");
  BOOST_TEST(to_string(Bytes({3}, {1, 2, 255})) == "Bytes([  1,   2, 255], shape=[3])");
}

BOOST_AUTO_TEST_CASE(four_digits_behind_the_point) {
  BOOST_TEST(to_string(Tensor({3}, {1.f / 3.f, 0.5f, 2.f})) == "Tensor([0.3333, 0.5   , 2.    ], shape=[3])");
  BOOST_TEST(to_string(Tensor({2}, {0.1f, 9.99996f})) == "Tensor([ 0.1, 10. ], shape=[2])");
  BOOST_TEST(to_string(Tensor({1}, -0.f)) == "Tensor([-0.], shape=[1])");
  BOOST_TEST(to_string(Tensor({2}, {16777216.f, 12345678.f})) == "Tensor([16777216., 12345678.], shape=[2])");
}

BOOST_AUTO_TEST_CASE(exponents_where_sizes_differ_too_much) {
  BOOST_TEST(to_string(Tensor({3}, {1e-3f, 100.f, 0.f})) == "Tensor([1.e-03, 1.e+02, 0.e+00], shape=[3])");
  BOOST_TEST(to_string(Tensor({2}, {1e10f, -1.23456f})) == "Tensor([ 1.0000e+10, -1.2346e+00], shape=[2])");
  BOOST_TEST(to_string(Tensor({2}, {0.25f, 250.f})) == "Tensor([  0.25, 250.  ], shape=[2])");  // a thousand is not
  BOOST_TEST(to_string(Tensor({1}, 5e-5f)) == "Tensor([5.e-05], shape=[1])");
  BOOST_TEST(to_string(Tensor({1}, 2e-38f)) == "Tensor([2.e-38], shape=[1])");
}

BOOST_AUTO_TEST_CASE(what_is_not_finite) {
  BOOST_TEST(to_string(Tensor({4}, {nan, infinity, -infinity, 1.f})) == "Tensor([ nan,  inf, -inf,   1.], shape=[4])");
  BOOST_TEST(to_string(Tensor({2}, {nan, 1.25f})) == "Tensor([ nan, 1.25], shape=[2])");
  BOOST_TEST(to_string(Tensor({2}, {-infinity, 1e10f})) == "Tensor([  -inf, 1.e+10], shape=[2])");
  BOOST_TEST(to_string(Tensor({2}, {nan, infinity})) == "Tensor([nan, inf], shape=[2])");
}

BOOST_AUTO_TEST_CASE(numbers_and_arrays_without_elements) {
  BOOST_TEST(to_string(Tensor::scalar(0.693147f)) == "Tensor(0.6931)");
  BOOST_TEST(to_string(Indices::scalar(-3)) == "Indices(-3)");
  BOOST_TEST(to_string(Tensor()) == "Tensor([], shape=[0])");
  BOOST_TEST(to_string(Tensor({0, 5})) == "Tensor([], shape=[0, 5])");
  BOOST_TEST(to_string(Tensor({5, 0, 2})) == "Tensor([], shape=[5, 0, 2])");
}

BOOST_AUTO_TEST_CASE(every_further_axis_is_a_further_empty_line) {
  BOOST_TEST(to_string(range({2, 1, 2})) ==
             "Tensor([[[0., 1.]],\n"
             "\n"
             "        [[2., 3.]]], shape=[2, 1, 2])");
  BOOST_TEST(to_string(range({1, 1, 1, 2, 2, 1})) ==
             "Tensor([[[[[[0.],\n"
             "            [1.]],\n"
             "\n"
             "           [[2.],\n"
             "            [3.]]]]]], shape=[1, 1, 1, 2, 2, 1])");
  BOOST_TEST(to_string(range({2, 1, 1, 1})) ==
             "Tensor([[[[0.]]],\n"
             "\n"
             "\n"
             "        [[[1.]]]], shape=[2, 1, 1, 1])");
}

BOOST_AUTO_TEST_CASE(long_rows_are_wrapped) {
  BOOST_TEST(to_string(range({40})) ==
             "Tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12.,\n"
             "        13., 14., 15., 16., 17., 18., 19., 20., 21., 22., 23., 24., 25.,\n"
             "        26., 27., 28., 29., 30., 31., 32., 33., 34., 35., 36., 37., 38.,\n"
             "        39.], shape=[40])");
}

BOOST_AUTO_TEST_CASE(beyond_a_thousand_elements_the_edges_are_shown) {
  BOOST_TEST(to_string(Indices({1001}, 7)) == "Indices([7, 7, 7, ..., 7, 7, 7], shape=[1001])");
  BOOST_TEST(to_string(Indices({1000}, 7)).find("...") == std::string::npos);
  // Widths are those of what is shown.
  Tensor matrix({4, 300}, 1.f);
  matrix.mutable_data()[150] = 12345.678f;
  BOOST_TEST(to_string(matrix) ==
             "Tensor([[1., 1., 1., ..., 1., 1., 1.],\n"
             "        [1., 1., 1., ..., 1., 1., 1.],\n"
             "        [1., 1., 1., ..., 1., 1., 1.],\n"
             "        [1., 1., 1., ..., 1., 1., 1.]], shape=[4, 300])");
  BOOST_TEST(to_string(Bytes({300, 1, 4}, std::uint8_t{9})) ==
             "Bytes([[[9, 9, 9, 9]],\n"
             "\n"
             "       [[9, 9, 9, 9]],\n"
             "\n"
             "       [[9, 9, 9, 9]],\n"
             "\n"
             "       ...,\n"
             "\n"
             "       [[9, 9, 9, 9]],\n"
             "\n"
             "       [[9, 9, 9, 9]],\n"
             "\n"
             "       [[9, 9, 9, 9]]], shape=[300, 1, 4])");
  BOOST_TEST(to_string(range({2000})) ==
             "Tensor([0.000e+00, 1.000e+00, 2.000e+00, ..., 1.997e+03, 1.998e+03,\n"
             "        1.999e+03], shape=[2000])");
}

BOOST_AUTO_TEST_CASE(through_fmt_and_streams) {
  const Tensor x({2}, {1.f, 2.f});
  std::ostringstream out;
  out << x << ' ' << Indices({1}, 3) << ' ' << Bytes({1}, std::uint8_t{4});
  BOOST_TEST(out.str() == "Tensor([1., 2.], shape=[2]) Indices([3], shape=[1]) Bytes([4], shape=[1])");
  BOOST_TEST(fmt::format("x = {}, {}", x, Indices({1}, 3)) ==
             "x = Tensor([1., 2.], shape=[2]), Indices([3], shape=[1])");
  BOOST_TEST(fmt::format("{}", Bytes({1}, std::uint8_t{4})) == "Bytes([4], shape=[1])");
}

BOOST_AUTO_TEST_SUITE_END()
