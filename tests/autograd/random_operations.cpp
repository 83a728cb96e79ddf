// Every operation in configurations drawn at random, values and gradients, against twins in double: plain loops.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <canopy/autograd/activations.hpp>
#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/embedding.hpp>
#include <canopy/autograd/layer_norm.hpp>
#include <canopy/autograd/linear.hpp>
#include <canopy/autograd/power.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/selection.hpp>
#include <canopy/autograd/shaping.hpp>
#include <canopy/autograd/top_k.hpp>

#include "support/broadcasting.hpp"
#include "support/twin.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(random_operations)

using test::broadcasting;
using test::check_against_twin;
using test::check_cases;
using test::In;
using test::input;
using test::RandomCase;
using test::Real;
using test::Reals;
using test::sources;
using test::to_size;

namespace {

struct Unary {
  const char* name;
  Variable (*f)(const Variable&);
  Real (*twin)(const Real&);
  float low, high;  // of the inputs
};

const std::vector<Unary> unary{
    {"exp", [](const Variable& x) { return exp(x); }, [](const Real& x) { return exp(x); }, -5, 5},
    {"expm1", [](const Variable& x) { return expm1(x); }, [](const Real& x) { return expm1(x); }, -5, 5},
    {"log", [](const Variable& x) { return log(x); }, [](const Real& x) { return log(x); }, 0.01f, 5},
    {"log1p", [](const Variable& x) { return log1p(x); }, [](const Real& x) { return log1p(x); }, -0.9f, 5},
    {"sqrt", [](const Variable& x) { return sqrt(x); }, [](const Real& x) { return sqrt(x); }, 0.01f, 5},
    {"square", [](const Variable& x) { return square(x); }, [](const Real& x) { return x * x; }, -5, 5},
    {"abs", [](const Variable& x) { return abs(x); }, [](const Real& x) { return abs(x); }, -5, 5},
    {"negate", [](const Variable& x) { return -x; }, [](const Real& x) { return -x; }, -5, 5},
    {"x + 2", [](const Variable& x) { return x + 2.f; }, [](const Real& x) { return x + 2; }, -5, 5},
    {"x - 2", [](const Variable& x) { return x - 2.f; }, [](const Real& x) { return x - 2; }, -5, 5},
    {"2 - x", [](const Variable& x) { return 2.f - x; }, [](const Real& x) { return 2 - x; }, -5, 5},
    {"x 3", [](const Variable& x) { return x * 3.f; }, [](const Real& x) { return x * 3; }, -5, 5},
    {"x / 3", [](const Variable& x) { return x / 3.f; }, [](const Real& x) { return x / 3; }, -5, 5},
    {"3 / x", [](const Variable& x) { return 3.f / x; }, [](const Real& x) { return 3 / x; }, 0.1f, 5},
    {"relu", [](const Variable& x) { return relu(x); }, [](const Real& x) { return relu(x); }, -5, 5},
    {"gelu", [](const Variable& x) { return gelu(x); }, [](const Real& x) { return x * normal_cdf(x); }, -5, 5},
    {"gelu_tanh", [](const Variable& x) { return gelu_tanh(x); },
     [](const Real& x) { return test::activate(Activation::gelu_tanh, x); }, -5, 5},
    {"sigmoid", [](const Variable& x) { return sigmoid(x); }, [](const Real& x) { return sigmoid(x); }, -20, 20},
    {"tanh", [](const Variable& x) { return canopy::tanh(x); }, [](const Real& x) { return tanh(x); }, -9, 9},
    {"softplus", [](const Variable& x) { return softplus(x); }, [](const Real& x) { return softplus(x); }, -20, 20},
    {"pow 1.5", [](const Variable& x) { return pow(x, 1.5f); }, [](const Real& x) { return pow(x, 1.5); }, 0.01f, 5},
    {"pow -2", [](const Variable& x) { return pow(x, -2.f); }, [](const Real& x) { return pow(x, -2.); }, 0.1f, 5},
    {"2^x", [](const Variable& x) { return pow(2.f, x); }, [](const Real& x) { return pow(Real(2.), x); }, -5, 5},
    {"clamp", [](const Variable& x) { return clamp(x, -1.f, 0.5f); },
     [](const Real& x) {
       if ((x - 0.5).is_positive()) return Real(0.5);
       return (x + 1).is_positive() ? x : Real(-1.);
     },
     -2, 2},
};

}  // namespace

BOOST_AUTO_TEST_CASE(of_one_operand) {
  check_cases("one operand", 1200, [](RandomCase& each) {
    const Unary& op = unary[to_size(each.between("operation", 0, std::ssize(unary) - 1))];
    const Shape shape = each.shape("extent", static_cast<int>(each.between("rank", 0, 4)), 0, 2000);
    const Variable x = input(each.uniform(shape, op.low, op.high));
    return check_against_twin(
        each, {x}, [&] { return op.f(x); },
        [&](In in) {
          Reals y;
          for (const Real& v : in[0]) y.push_back(op.twin(v));
          return y;
        });
  });
}

BOOST_AUTO_TEST_CASE(of_two_operands) {
  check_cases("two operands", 1200, [](RandomCase& each) {
    const auto op = each.between("operation", 0, 7);
    const Shape shape = each.shape("extent", static_cast<int>(each.between("rank", 0, 4)), 0, 2000);
    Shape sa = shape, sb = broadcasting(each, "kept", shape);
    if (each.coin("exchanged")) std::swap(sa, sb);
    const bool positive = op == 3 || op == 4;
    const auto draw = [&](const Shape& of) { return positive ? each.uniform(of, 0.2f, 3.f) : each.normal(of); };
    const Variable a = input(draw(sa)), b = input(draw(sb));
    Tensor condition = each.uniform(broadcasting(each, "condition", shape), -1.f, 1.f);
    for (float& c : condition.mutable_elements()) c = std::max(c, 0.f);
    const auto f = [&]() -> Variable {
      switch (op) {
        case 0:
          return a + b;
        case 1:
          return a - b;
        case 2:
          return a * b;
        case 3:
          return a / b;
        case 4:
          return pow(a, b);
        case 5:
          return maximum(a, b);
        case 6:
          return minimum(a, b);
        default:
          return where(condition, a, b);
      }
    };
    return check_against_twin(each, {a, b}, f, [&](In in) {
      const auto ia = sources(sa, shape), ib = sources(sb, shape), ic = sources(condition.shape(), shape);
      Reals y;
      for (std::size_t i = 0; i < to_size(shape.size()); ++i) {
        const Real &u = in[0][ia[i]], &v = in[1][ib[i]];
        switch (op) {
          case 0:
            y.push_back(u + v);
            break;
          case 1:
            y.push_back(u - v);
            break;
          case 2:
            y.push_back(u * v);
            break;
          case 3:
            y.push_back(u / v);
            break;
          case 4:
            y.push_back(pow(u, v));
            break;
          case 5:
            y.push_back((u - v).is_positive() ? u : v);
            break;
          case 6:
            y.push_back((u - v).is_positive() ? v : u);
            break;
          default:
            y.push_back(condition.data()[ic[i]] != 0.f ? u : v);
        }
      }
      return y;
    });
  });
}

BOOST_AUTO_TEST_CASE(of_an_axis) {
  check_cases("reduction", 600, [](RandomCase& each) {
    const auto op = each.between("operation", 0, 2);
    const auto rank = static_cast<int>(each.between("rank", 1, 4));
    const Shape shape = each.shape("extent", rank, op == 2 ? 1 : 0, 3000);
    const auto axis = static_cast<int>(each.between("axis", -1, rank - 1));  // -1: all
    const ReducedAxis reduced = each.coin("kept") ? ReducedAxis::keep : ReducedAxis::drop;
    Tensor values = each.normal(shape, 0.5f);
    // Ties: the first of equal maxima counts.
    if (each.coin("coarse")) {
      for (float& v : values.mutable_elements()) v = std::round(v);
    }
    const Variable x = input(values);
    std::int64_t outer = 1, n = shape.size(), inner = 1;
    const bool all = axis < 0 && op != 2;
    const int over = axis < 0 ? rank - 1 : axis;
    if (!all) {
      n = shape[over];
      for (int i = 0; i < over; ++i) outer *= shape[i];
      for (int i = over + 1; i < rank; ++i) inner *= shape[i];
    }
    if (op == 1 && n == 0) return true;  // the mean of nothing is NaN
    const auto f = [&]() -> Variable {
      if (op == 2) return max(x, over, reduced);
      if (all) return op == 0 ? sum(x) : mean(x);
      return op == 0 ? sum(x, over, reduced) : mean(x, over, reduced);
    };
    return check_against_twin(each, {x}, f, [&](In in) {
      Reals y;
      for (std::int64_t o = 0; o < outer; ++o) {
        for (std::int64_t i = 0; i < inner; ++i) {
          const auto at = [&](std::int64_t k) { return in[0][to_size((o * n + k) * inner + i)]; };
          Real result = op == 2 ? at(0) : Real(0.);
          for (std::int64_t k = 0; k < n; ++k) {
            if (op != 2) result += at(k);
            if (op == 2 && at(k).value() > result.value()) result = at(k);
          }
          y.push_back(op == 1 ? result / static_cast<double>(n) : result);
        }
      }
      return y;
    });
  });
}

BOOST_AUTO_TEST_CASE(products) {
  check_cases("product", 600, [](RandomCase& each) {
    const bool with_bias = each.coin("bias"), plain = each.coin("matmul");
    const Activation activation = each.one_of("activation", test::every_activation);
    const std::int64_t inputs = each.extent("inputs", 1, 65), outputs = each.extent("outputs", 1, 65);
    const std::int64_t most = std::max<std::int64_t>(40'000 / (inputs * outputs), 3);
    const auto rank = plain ? 2 : static_cast<int>(each.between("rank", 1, 4));
    Shape shape = each.shape("extent", rank, 0, most);
    shape = shape.with(-1, inputs);
    const Variable x = input(each.normal(shape));
    if (plain) {
      const Variable b = input(each.normal({inputs, outputs}));
      return check_against_twin(
          each, {x, b}, [&] { return matmul(x, b); },
          [&](In in) {
            Reals y;
            for (std::int64_t r = 0; r < shape[0]; ++r) {
              for (std::int64_t o = 0; o < outputs; ++o) {
                Real sum = 0;
                for (std::int64_t i = 0; i < inputs; ++i) {
                  sum += in[0][to_size(r * inputs + i)] * in[1][to_size(i * outputs + o)];
                }
                y.push_back(sum);
              }
            }
            return y;
          });
    }
    const Variable w = input(each.normal({outputs, inputs})), b = input(each.normal({outputs}));
    std::vector<Variable> all = {x, w};
    if (with_bias) all.push_back(b);
    return check_against_twin(
        each, all, [&] { return canopy::linear(x, w, with_bias ? b : Variable(), activation); },
        [&](In in) {
          Reals y;
          const std::size_t n = to_size(inputs);
          for (std::size_t r = 0; r < in[0].size(); r += n) {
            for (std::size_t o = 0; o < to_size(outputs); ++o) {
              const Real z = test::dot(&in[0][r], &in[1][o * n], n);
              y.push_back(test::activate(activation, with_bias ? z + in[2][o] : z));
            }
          }
          return y;
        });
  });
}

BOOST_AUTO_TEST_CASE(layer_norms) {
  check_cases("layer norm", 360, [](RandomCase& each) {
    const bool with_bias = each.coin("bias");
    const std::int64_t width = each.extent("width", 2, 65);
    const Shape shape = each.shape("extent", static_cast<int>(each.between("rank", 1, 4)), 0, 40).with(-1, width);
    const Variable x = input(each.normal(shape, each.one_of("mean", {0.f, 1.f, 10.f}), 2.f));
    const Variable weight = input(each.normal({width}, 1.f)), bias = input(each.normal({width}));
    std::vector<Variable> all = {x, weight};
    if (with_bias) all.push_back(bias);
    return check_against_twin(
        each, all, [&] { return canopy::layer_norm(x, weight, with_bias ? bias : Variable()); },
        [&](In in) {
          const std::size_t n = to_size(width);
          Reals y;
          for (std::size_t r = 0; r < in[0].size(); r += n) {
            Real mean = 0, variance = 0;
            for (std::size_t i = 0; i < n; ++i) mean += in[0][r + i] / static_cast<double>(n);
            for (std::size_t i = 0; i < n; ++i) {
              variance += square(in[0][r + i] - mean) / static_cast<double>(n);
            }
            const Real deviation = sqrt(variance + double{1e-5f});
            for (std::size_t i = 0; i < n; ++i) {
              const Real z = (in[0][r + i] - mean) / deviation * in[1][i];
              y.push_back(with_bias ? z + in[2][i] : z);
            }
          }
          return y;
        });
  });
}

BOOST_AUTO_TEST_CASE(rows_by_index) {
  check_cases("embedding", 360, [](RandomCase& each) {
    const std::int64_t count = each.extent("count", 1, 33), width = each.extent("width", 1, 33);
    const Indices indices =
        each.indices(each.shape("extent", static_cast<int>(each.between("rank", 0, 3)), 0, 65), count);
    std::optional<std::int32_t> padding;
    if (each.coin("padding")) padding = static_cast<std::int32_t>(count - 1);
    const Variable table = input(each.normal({count, width}));
    return check_against_twin(
        each, {table}, [&] { return canopy::embedding(table, indices, padding); },
        [&](In in) {
          Reals y;
          for (const std::int32_t index : indices.elements()) {
            for (std::int64_t j = 0; j < width; ++j) {
              const Real& v = in[0][to_size(index * width + j)];
              y.push_back(index == padding ? Real(v.value()) : v);
            }
          }
          return y;
        });
  });
}

BOOST_AUTO_TEST_CASE(the_largest_of_rows) {
  check_cases("top-k", 450, [](RandomCase& each) {
    const std::int64_t rows = each.extent("rows", 0, 17), n = each.extent("n", 2, 65);
    const std::int64_t k = each.between("k", 1, n - 1);
    Tensor values = each.normal({rows, n});
    if (each.coin("coarse")) {
      for (float& v : values.mutable_elements()) v = std::round(v);
    }
    // The k + 1 largest, of equal ones the first.
    Indices chosen({rows, k}), thresholds({rows, 2});
    for (std::int64_t r = 0; r < rows; ++r) {
      std::vector<std::int32_t> order(to_size(n));
      std::iota(order.begin(), order.end(), 0);
      std::ranges::stable_sort(order, std::greater(), [&](std::int32_t i) { return values.data()[r * n + i]; });
      std::copy_n(order.begin(), k, chosen.mutable_data() + r * k);
      std::copy_n(order.begin() + k - 1, 2, thresholds.mutable_data() + r * 2);
    }
    BOOST_TEST(test::same_bits(top_k(values, k), chosen), each.description());
    const Variable x = input(values);
    const bool gathered = check_against_twin(
        each, {x}, [&] { return gather(x, chosen); },
        [&](In in) {
          Reals y;
          for (std::int64_t i = 0; i < chosen.size(); ++i) y.push_back(in[0][to_size(i / k * n + chosen.data()[i])]);
          return y;
        });
    const Variable mean = input(each.normal({rows, n})), deviation = input(each.uniform({rows, n}, 0.5f, 2.f));
    const Variable limits = input(gather(Variable(values), thresholds).value());
    const auto f = [&] { return top_k_probability(mean, deviation, limits, chosen); };
    return gathered && check_against_twin(each, {mean, deviation, limits}, f, [&](In in) {
             Reals y;
             for (std::int64_t i = 0; i < rows * n; ++i) {
               const auto row = chosen.elements().subspan(to_size(i / n * k), to_size(k));
               const bool is_chosen = std::ranges::count(row, static_cast<std::int32_t>(i % n)) > 0;
               const Real& threshold = in[2][to_size(i / n * 2) + (is_chosen ? 1 : 0)];
               y.push_back(normal_cdf((in[0][to_size(i)] - threshold) / in[1][to_size(i)]));
             }
             return y;
           });
  });
}

BOOST_AUTO_TEST_CASE(shapes) {
  check_cases("shape", 600, [](RandomCase& each) {
    const auto op = each.between("operation", 0, 3);
    const auto rank = op == 3 ? 2 : static_cast<int>(each.between("rank", 1, 4));
    const Shape shape = each.shape("extent", rank, 0, 1000);
    const auto axis = static_cast<int>(each.between("axis", 0, rank - 1));
    const Variable x = input(each.normal(shape));
    std::int64_t outer = 1, inner = 1;
    for (int i = 0; i < axis; ++i) outer *= shape[i];
    for (int i = axis + 1; i < rank; ++i) inner *= shape[i];
    const std::int64_t n = shape[axis];
    const std::int64_t begin = each.between("begin", 0, n), end = each.between("end", begin, n);
    const Variable other = input(each.normal(shape.with(axis, each.extent("other", 0, 5))));
    const auto f = [&]() -> Variable {
      switch (op) {
        case 0:
          return reshape(x, {shape.size()});
        case 1:
          return slice(x, axis, begin, end);
        case 2:
          return concatenate({x, other, x}, axis - rank);
        default:
          return transpose(x);
      }
    };
    return check_against_twin(each, {x, other}, f, [&](In in) {
      if (op == 0) return in[0];
      Reals y;
      if (op == 3) {
        for (std::int64_t j = 0; j < shape[1]; ++j) {
          for (std::int64_t i = 0; i < shape[0]; ++i) y.push_back(in[0][to_size(i * shape[1] + j)]);
        }
        return y;
      }
      for (std::int64_t o = 0; o < outer; ++o) {
        const auto append = [&](const Reals& from, std::int64_t extent, std::int64_t first, std::int64_t last) {
          for (std::int64_t i = first * inner; i < last * inner; ++i) {
            y.push_back(from[to_size(o * extent * inner + i)]);
          }
        };
        const std::int64_t m = other.extent(axis);
        if (op == 1) append(in[0], n, begin, end);
        if (op == 2) append(in[0], n, 0, n), append(in[1], m, 0, m), append(in[0], n, 0, n);
      }
      return y;
    });
  });
}

BOOST_AUTO_TEST_SUITE_END()
