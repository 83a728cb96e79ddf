#include <canopy/autograd/attention.hpp>

#include <algorithm>
#include <limits>
#include <vector>

#include <canopy/autograd/linear.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>

#include "support/errors.hpp"
#include "support/gradcheck.hpp"
#include "support/parameter.hpp"
#include "support/reference.hpp"
#include "support/same_bits.hpp"
#include "support/twin.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::check_gradient;
using test::In;
using test::parameter;
using test::RandomCase;
using test::Real;
using test::Reals;
using test::same_bits;
using test::speaks_of;
using test::to_size;

BOOST_AUTO_TEST_SUITE(attention)

namespace {

// Rows of 3 heads width numbers; of each row the scores with what it sees, their soft-max, and the mean of the values.
Reals twin(const Reals& qkv, const Sequences& sequences, std::size_t heads, std::size_t width, bool head_major,
           bool causal, double scale) {
  const std::size_t row = 3 * heads * width;
  const auto part = [&](std::int64_t r, std::size_t head, std::size_t which) {
    const std::size_t at = head_major ? 3 * head + which : which * heads + head;
    return &qkv[to_size(r) * row + at * width];
  };
  Reals out;
  for (std::int64_t s = 0; s < sequences.count(); ++s) {
    for (std::int64_t i = sequences.begin(s); i < sequences.end(s); ++i) {
      std::vector<std::int64_t> seen;
      for (std::int64_t j = sequences.begin(s); j < (causal ? i + 1 : sequences.end(s)); ++j) {
        const std::span<const std::int32_t> keys = sequences.keys(s);
        const auto key = static_cast<std::int32_t>(j - sequences.begin(s));
        if (sequences.all_valid() || std::ranges::find(keys, key) != keys.end()) seen.push_back(j);
      }
      for (std::size_t h = 0; h < heads; ++h) {
        Reals weights;
        double largest = -std::numeric_limits<double>::infinity();
        for (const std::int64_t j : seen) {
          weights.push_back(test::dot(part(i, h, 0), part(j, h, 1), width) * Real(scale));
          largest = std::max(largest, weights.back().value());
        }
        Real total = 0;
        for (Real& weight : weights) total += weight = exp(weight - Real(largest));
        for (std::size_t d = 0; d < width; ++d) {
          Real sum = 0;
          for (std::size_t k = 0; k < seen.size(); ++k) sum += weights[k] / total * part(seen[k], h, 2)[d];
          out.push_back(sum);
        }
      }
    }
  }
  return out;
}

Sequences random_sequences(RandomCase& each) {
  const std::int64_t count = each.between("sequences", 0, 3);
  const std::int64_t tokens = each.extent("tokens", 0, 17);
  std::vector<std::int64_t> lengths;
  for (std::int64_t s = 0; s < count; ++s) lengths.push_back(each.between("length", 0, tokens));
  switch (each.between("layout", 0, 3)) {
    case 0:
      return Sequences::packed(lengths);
    case 1:
      return Sequences::padded(lengths, tokens);
    case 2:
      return Sequences::masked(each.indices({count, tokens}, 2));
    default:
      return Sequences::equal(count, tokens);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(agrees_with_a_twin_in_double) {
  test::check_cases("attention", 300, [](RandomCase& each) {
    const Sequences sequences = random_sequences(each);
    const std::int64_t heads = each.between("heads", 1, 3), width = each.extent("width", 1, 17);
    const bool head_major = each.coin("head-major"), causal = each.coin("causal");
    const float scale = each.one_of("scale", {0.25f, 1.f});
    const Variable qkv = test::input(each.normal({sequences.rows(), 3 * heads * width}));
    const AttentionOptions options{.heads = heads, .head_major = head_major, .causal = causal, .scale = scale};
    return test::check_against_twin(
        each, {qkv}, [&] { return canopy::attention(qkv, sequences, options); },
        [&](In in) {
          return twin(in[0], sequences, to_size(heads), to_size(width), head_major, causal, double{scale});
        });
  });
}

BOOST_AUTO_TEST_CASE(has_the_right_gradient) {
  const Variable qkv = parameter({2, 5, 18}, "qkv");
  const Sequences sequences = Sequences::padded(std::vector<std::int64_t>{5, 2}, 5);
  for (const bool causal : {false, true}) {
    for (const float dropout : {0.f, 0.4f}) {
      check_gradient(
          [&] {
            RandomStream stream(3, "dropout");
            return canopy::attention(qkv, sequences, {.heads = 3, .causal = causal, .dropout = dropout}, stream);
          },
          {qkv}, fmt::format("causal {} dropout {}", causal, dropout));
    }
  }
}

BOOST_AUTO_TEST_CASE(agrees_with_pytorch) {
  test::for_each_reference("attention_", [](const Safetensors& file, const std::string& name) {
    const auto leaf = [&](const std::string& key) { return Variable::parameter(file.tensors.at(key), key); };
    const Variable x = leaf("x"), in_weight = leaf("in_proj.weight"), in_bias = leaf("in_proj.bias"),
                   out_weight = leaf("out_proj.weight"), out_bias = leaf("out_proj.bias");
    const Indices& found = file.indices.at("lengths");
    const std::vector<std::int64_t> lengths(found.elements().begin(), found.elements().end());
    const Sequences sequences = Sequences::padded(lengths, x.extent(1));
    const std::int64_t heads = std::stoll(file.metadata.at("heads"));
    Tape tape;
    const Variable mixed = canopy::attention(linear(x, in_weight, in_bias), sequences, {.heads = heads});
    const Variable y = linear(mixed, out_weight, out_bias);
    test::check_close(y.value(), file.tensors.at("y"), 1e-5, name);
    test::backward(tape, y, file.tensors.at("dy"));
    for (const Variable& parameter : {x, in_weight, in_bias, out_weight, out_bias}) {
      const Tensor& expected = file.tensors.at("grad." + parameter.name());
      test::check_close(parameter.grad(), expected, 1e-5, name + " gradient of " + parameter.name());
    }
  });
}

BOOST_AUTO_TEST_CASE(a_packed_batch_gives_the_valid_rows_of_a_padded_one) {
  const std::vector<std::int64_t> lengths{3, 0, 7, 1};
  const Sequences padded = Sequences::padded(lengths, 7);
  const Variable qkv = parameter({4, 7, 24}, "qkv");
  const Tensor expected = canopy::attention(qkv, padded, {.heads = 2}).value();
  const Indices valid = padded.valid_rows();
  Tensor rows({valid.size(), 24});
  for (std::int64_t i = 0; i < valid.size(); ++i) {
    std::copy_n(qkv.value().data() + valid.data()[i] * 24, 24, rows.mutable_data() + i * 24);
  }
  const Tensor found = canopy::attention(rows, padded.without_padding(), {.heads = 2}).value();
  for (std::int64_t i = 0; i < valid.size(); ++i) {
    BOOST_TEST(std::equal(found.data() + i * 8, found.data() + (i + 1) * 8, expected.data() + valid.data()[i] * 8));
  }
}

BOOST_AUTO_TEST_CASE(dropout_keeps_the_mean_and_moves_the_stream_on) {
  const Sequences sequences = Sequences::equal(1, 400);
  Tensor qkv({400, 6}, 0.f);
  for (std::int64_t i = 0; i < 400; ++i) std::fill_n(qkv.mutable_data() + i * 6 + 4, 2, 1.f);  // values of 1
  RandomStream stream(1, "dropout");
  const Tensor first = canopy::attention(qkv, sequences, {.heads = 2, .dropout = 0.25f}, stream).value();
  BOOST_TEST(stream.position() == 400u * 2 * 100);
  double mean = 0;
  for (const float v : first.elements()) mean += v / 800.;
  BOOST_TEST(std::abs(mean - 1) < 0.005);  // 320,000 draws
  const Tensor second = canopy::attention(qkv, sequences, {.heads = 2, .dropout = 0.25f}, stream).value();
  BOOST_TEST(!same_bits(first, second));
}

BOOST_AUTO_TEST_CASE(shapes_and_options_are_checked) {
  const Tensor qkv({2, 3, 12});
  const Sequences six = Sequences::equal(2, 3);
  BOOST_CHECK_EXCEPTION(canopy::attention(qkv, six, {.heads = 3}), ShapeError, speaks_of("multiple of 9"));
  BOOST_CHECK_EXCEPTION(canopy::attention(qkv, Sequences::equal(2, 4), {.heads = 2}), ShapeError,
                        speaks_of("qkv [2, 3, 12] has 6 rows, the sequences have 8"));
  BOOST_CHECK_THROW(canopy::attention(Tensor::scalar(1.f), six, {.heads = 2}), ShapeError);
  BOOST_CHECK_THROW(canopy::attention(qkv, six, {.heads = 0}), ConfigError);
  BOOST_CHECK_THROW(canopy::attention(qkv, six, {.heads = 2, .scale = 0.f}), ConfigError);
  BOOST_CHECK_EXCEPTION(canopy::attention(qkv, six, {.heads = 2, .dropout = 0.5f}), ConfigError, speaks_of("stream"));
  RandomStream stream(0, "dropout");
  BOOST_CHECK_THROW(canopy::attention(qkv, six, {.heads = 2, .dropout = 1.f}, stream), ConfigError);
}

BOOST_AUTO_TEST_SUITE_END()
