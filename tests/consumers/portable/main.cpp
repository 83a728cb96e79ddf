// Checks silu's values against the formula in double precision and its gradient against differences.
#include <canopy/autograd/gradcheck.hpp>
#include <canopy/canopy.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "silu.hpp"

using namespace canopy;

namespace {

Tensor ramp(const Shape& shape, float scale) {
  Tensor result(shape);
  float* out = result.mutable_data();
  for (std::int64_t i = 0; i < result.size(); ++i) out[i] = scale * float(i % 37 - 18);
  return result;
}

double exact(double x) { return x / (1.0 + std::exp(-x)); }

int failures = 0;

void check(bool right, const char* what) {
  std::printf("%s: %s\n", what, right ? "right" : "WRONG");
  if (!right) ++failures;
}

}  // namespace

int main() {
  // Odd sizes, so that every loop has a remainder in whatever registers it uses.
  for (const std::int64_t columns : {1, 3, 15, 17, 33, 1000}) {
    const Tensor x = ramp({7, columns}, 0.25f), row = ramp({columns}, 0.1f);
    const Tensor plain = silu(x).value(), shifted = silu_of_shifted(x, row);
    double worst = 0.0;
    for (std::int64_t i = 0; i < x.size(); ++i) {
      const double z = double(x.data()[i]) + double(row.data()[i % columns]);
      worst = std::max({worst, std::abs(double(plain.data()[i]) - exact(double(x.data()[i]))),
                        std::abs(double(shifted.data()[i]) - exact(z))});
    }
    check(worst < 1e-5, fmt::format("silu of 7 x {}, error {:.1e}", columns, worst).c_str());
  }
  Variable x = Variable::parameter(ramp({3, 17}, 0.1f), "x");
  const GradcheckResult gradient = gradcheck([&] { return silu(x); }, {x});
  check(gradient.passed, fmt::format("gradient of silu, {:.1e} of what is allowed", gradient.worst).c_str());
  return failures == 0 ? 0 : 1;
}
