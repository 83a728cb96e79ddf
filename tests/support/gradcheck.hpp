// A gradient check as one line of a test.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <canopy/autograd/gradcheck.hpp>

#include <boost/test/unit_test.hpp>

namespace canopy::test {

/// Fails, with the element that differs, unless gradcheck() passes; `what` names the case.
inline void check_gradient(const std::function<Variable()>& f, const std::vector<Variable>& inputs,
                           const std::string& what = "gradient", const GradcheckOptions& options = {}) {
  const GradcheckResult result = gradcheck(f, inputs, options);
  BOOST_TEST(result.passed, what << ": " << result.message);
}

}  // namespace canopy::test
