#include <canopy/core/kernels/attention.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <canopy/core/kernels/dropout.hpp>
#include <canopy/core/memory.hpp>

#include "support/same_bits.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

using namespace canopy;
using kernels::AttentionLayout;
using kernels::AttentionOptions;

BOOST_AUTO_TEST_SUITE(attention_kernel)

namespace {

struct Case {
  std::string name;
  Sequences sequences;
  AttentionLayout layout;
  AttentionOptions options;

  std::int64_t width() const { return layout.heads * layout.width; }
  Tensor normal(std::int64_t columns, const char* purpose) const {
    Tensor x({sequences.rows(), columns});
    RandomStream(7, purpose).fill_normal(x.mutable_elements(), 0.f, 1.f);
    return x;
  }
  Tensor qkv() const { return normal(layout.row(), "qkv"); }
  Tensor dout() const { return normal(width(), "dout"); }
};

struct Results {
  std::vector<double> out, dqkv;
};

// Row by row, with all probabilities of a row in memory, in double.
Results naive(const Case& c) {
  const Tensor qkv_floats = c.qkv(), dout_floats = c.dout();
  const auto qkv = [&](std::int64_t row, std::int64_t column) -> double {
    return qkv_floats.data()[row * c.layout.row() + column];
  };
  Results results{std::vector<double>(static_cast<std::size_t>(c.sequences.rows() * c.width())),
                  std::vector<double>(static_cast<std::size_t>(c.sequences.rows() * c.layout.row()))};
  const auto out = [&](std::int64_t row, std::int64_t column) -> double& {
    return results.out[static_cast<std::size_t>(row * c.width() + column)];
  };
  const auto dqkv = [&](std::int64_t row, std::int64_t column) -> double& {
    return results.dqkv[static_cast<std::size_t>(row * c.layout.row() + column)];
  };
  const std::int64_t width = c.layout.width;
  for (std::int64_t s = 0; s < c.sequences.count(); ++s) {
    std::vector<std::int64_t> keys;
    for (std::int64_t i = 0; i < c.sequences.tokens(s) && c.sequences.all_valid(); ++i) keys.push_back(i);
    for (const std::int32_t key : c.sequences.keys(s)) keys.push_back(key);
    for (std::int64_t h = 0; h < c.layout.heads; ++h) {
      for (std::int64_t token = 0; token < c.sequences.tokens(s); ++token) {
        const std::int64_t row = c.sequences.begin(s) + token;
        std::vector<std::int64_t> rows;
        for (const std::int64_t key : keys) {
          if (!c.options.causal || key <= token) rows.push_back(c.sequences.begin(s) + key);
        }
        const std::size_t n = rows.size();
        Tensor factors({static_cast<std::int64_t>(n)}, 1.f);
        if (c.options.dropout > 0.f) {
          RandomStream stream = c.options.stream;
          const std::int64_t blocks = (c.sequences.longest() + 3) / 4;
          stream.seek(stream.position() + static_cast<std::uint64_t>((row * c.layout.heads + h) * blocks));
          kernels::dropout_mask(stream, c.options.dropout, factors.mutable_data(), factors.size());
        }
        std::vector<double> p(n), dp(n);
        double total = 0, largest = -std::numeric_limits<double>::infinity();
        for (std::size_t j = 0; j < n; ++j) {
          for (std::int64_t d = 0; d < width; ++d) {
            p[j] += c.options.scale * qkv(row, c.layout.query(h) + d) * qkv(rows[j], c.layout.key(h) + d);
          }
          largest = std::max(largest, p[j]);
        }
        for (double& probability : p) total += probability = std::exp(probability - largest);
        for (double& probability : p) probability /= total;
        double mean = 0;
        for (std::size_t j = 0; j < n; ++j) {
          const double factor = factors.data()[j];
          for (std::int64_t d = 0; d < width; ++d) {
            const double dy = dout_floats.data()[row * c.width() + h * width + d];
            out(row, h * width + d) += p[j] * factor * qkv(rows[j], c.layout.value(h) + d);
            dqkv(rows[j], c.layout.value(h) + d) += p[j] * factor * dy;
            dp[j] += factor * dy * qkv(rows[j], c.layout.value(h) + d);
          }
          mean += p[j] * dp[j];
        }
        for (std::size_t j = 0; j < n; ++j) {
          const double ds = c.options.scale * p[j] * (dp[j] - mean);
          for (std::int64_t d = 0; d < width; ++d) {
            dqkv(row, c.layout.query(h) + d) += ds * qkv(rows[j], c.layout.key(h) + d);
            dqkv(rows[j], c.layout.key(h) + d) += ds * qkv(row, c.layout.query(h) + d);
          }
        }
      }
    }
  }
  return results;
}

struct Found {
  Tensor out, log_sums, dqkv;
};

Found run(const Case& c, const Tensor& qkv) {
  Found found{Tensor({c.sequences.rows(), c.width()}, 99.f), Tensor({c.sequences.rows(), c.layout.heads}),
              Tensor(qkv.shape(), 99.f)};
  kernels::attention(c.sequences, c.layout, c.options, qkv.data(), found.out.mutable_data(),
                     found.log_sums.mutable_data());
  const Tensor dout = c.dout();
  kernels::attention_backward(c.sequences, c.layout, c.options, qkv.data(), found.out.data(), found.log_sums.data(),
                              dout.data(), found.dqkv.mutable_data());
  return found;
}

double worst(const Tensor& found, const std::vector<double>& expected) {
  double difference = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double error = std::abs(found.data()[i] - expected[i]);
    difference = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(difference, error);
  }
  return difference;
}

// Lengths around a register, a tile of registers and a tile of scores; heads of every odd width.
std::vector<Case> cases() {
  std::vector<Case> all;
  const std::vector<std::int64_t> lengths = {0, 1, 2, 7, 15, 16, 17, 33, 48, 191, 192, 193, 400};
  for (const std::int64_t width : {1, 5, 16, 24, 64}) {
    for (const bool causal : {false, true}) {
      for (const float dropout : {0.f, 0.3f}) {
        const AttentionOptions options{.scale = 1.f / std::sqrt(static_cast<float>(width)),
                                       .causal = causal,
                                       .dropout = dropout,
                                       .stream = RandomStream(5, "dropout")};
        const auto add = [&](const char* name, const Sequences& sequences, std::int64_t heads, bool head_major) {
          all.push_back({fmt::format("{}, {} heads of {}{}{}, dropout {}", name, heads, width,
                                     head_major ? ", head-major" : "", causal ? ", causal" : "", dropout),
                         sequences,
                         {heads, width, head_major},
                         options});
        };
        add("packed", Sequences::packed(lengths), width == 64 ? 1 : 2, false);
        add("equal", Sequences::equal(3, 20), 3, true);
        add("padded", Sequences::padded(std::vector<std::int64_t>{0, 1, 30, 17}, 30), 2, true);
        Indices mask({3, 210}, 1);  // a hole, nothing at all, a beginning that is missing
        for (std::int64_t i = 40; i < 60; ++i) mask.mutable_data()[i] = 0;
        for (std::int64_t i = 210; i < 420 + 5; ++i) mask.mutable_data()[i] = 0;
        add("masked", Sequences::masked(mask), 1, false);
      }
    }
  }
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(agrees_with_its_naive_twin) {
  for (const Case& c : cases()) {
    const Results expected = naive(c);
    const Found found = run(c, c.qkv());
    BOOST_TEST(worst(found.out, expected.out) < 2e-6, c.name);
    BOOST_TEST(worst(found.dqkv, expected.dqkv) < 2e-5, c.name << ": gradient");
  }
}

BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  for (const Case& c : cases()) {
    if (c.layout.width != 24) continue;
    test::same_bits_on_any_threads([&] {
      const Found found = run(c, c.qkv());
      return std::vector<Tensor>{found.out, found.log_sums, found.dqkv};
    });
  }
}

BOOST_AUTO_TEST_CASE(a_row_that_sees_no_key_gives_zeros) {
  const Case c{"nothing", Sequences::masked(Indices({2, 9}, 0)), {2, 4}, {.scale = 0.5f}};
  const Found found = run(c, c.qkv());
  for (const Tensor& zeros : {found.out, found.dqkv}) {
    for (const float v : zeros.elements()) BOOST_TEST(v == 0.f);
  }
  for (const float v : found.log_sums.elements()) BOOST_TEST(v == std::numeric_limits<float>::infinity());
}

BOOST_AUTO_TEST_CASE(scores_of_any_size_do_not_overflow) {
  const Case c{"large", Sequences::equal(2, 230), {1, 8}, {.scale = 1.f}};
  Tensor qkv = c.qkv();
  for (float& v : qkv.mutable_elements()) v *= 1000.f;
  const Found found = run(c, qkv);
  for (const Tensor& finite : {found.out, found.log_sums, found.dqkv}) {
    for (const float v : finite.elements()) BOOST_TEST_REQUIRE(std::isfinite(v));
  }
}

// What is masked may hold anything.
BOOST_AUTO_TEST_CASE(padding_is_not_read_as_key) {
  const Case c{"padded", Sequences::padded(std::vector<std::int64_t>{5, 9}, 12), {2, 4}, {.scale = 0.5f}};
  const Tensor qkv = c.qkv();
  Tensor spoiled = qkv.clone();
  for (std::int64_t row = 0; row < 24; ++row) {
    if (row % 12 < (row < 12 ? 5 : 9)) continue;
    std::fill_n(spoiled.mutable_data() + row * 24 + 8, 16, std::numeric_limits<float>::quiet_NaN());
  }
  const Found expected = run(c, qkv), found = run(c, spoiled);
  BOOST_TEST(test::same_bits(found.out, expected.out));
  BOOST_TEST(test::same_bits(found.dqkv, expected.dqkv));
}

BOOST_AUTO_TEST_CASE(a_number_that_is_none_is_not_hidden) {
  const Case c{"NaN", Sequences::equal(1, 20), {1, 8}, {.scale = 1.f}};
  Tensor qkv = c.qkv();
  qkv.mutable_data()[3 * 24 + 8] = std::numeric_limits<float>::quiet_NaN();  // of one key
  const Found found = run(c, qkv);
  for (const float v : found.out.elements()) BOOST_TEST(std::isnan(v));
}

BOOST_AUTO_TEST_CASE(memory_grows_linearly_in_tokens) {
  const auto extra = [](std::int64_t tokens) {
    const ThreadGuard one(1);
    const Case c{"memory", Sequences::equal(1, tokens), {2, 16}, {.scale = 0.25f}};
    const Tensor qkv = c.qkv(), dout = c.dout();
    memory::reset_peak();
    const std::size_t before = memory::counters().live;
    run(c, qkv);
    return static_cast<double>(memory::counters().peak - before);
  };
  const double base = extra(512), longer = extra(2048), longest = extra(8192);
  BOOST_TEST((longest - longer) / (longer - base) < 4.5);
  BOOST_TEST(longest < 8192. * 8192);  // bytes: a quarter of one array of scores
}

BOOST_AUTO_TEST_SUITE_END()
