// A whole training, as PyTorch's: micro batches, clipping, decay groups, a varying rate.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/layer_norm.hpp>
#include <canopy/autograd/linear.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/optim/adam.hpp>
#include <canopy/optim/clip.hpp>
#include <canopy/optim/decay_groups.hpp>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "support/reference.hpp"

using namespace canopy;

BOOST_AUTO_TEST_SUITE(training)

namespace {

// Part `i` of n equal ones along the first axes, as rows.
Tensor part(const Tensor& all, std::int64_t i, std::int64_t n, std::int64_t columns) {
  const std::int64_t size = all.size() / n;
  return Tensor({size / columns, columns},
                all.elements().subspan(static_cast<std::size_t>(i * size), static_cast<std::size_t>(size)));
}

}  // namespace

BOOST_AUTO_TEST_CASE(paths_agree_with_the_reference) {
  test::for_each_reference("training_", [](const Safetensors& file, const std::string& name) {
    const auto settings = nlohmann::json::parse(file.metadata.at("settings"));
    BOOST_REQUIRE_EQUAL(file.metadata.at("optimizer"), "AdamW");
    std::vector<Variable> parameters;
    for (const char* each : {"norm.weight", "norm.bias", "linear.weight", "linear.bias"}) {
      parameters.push_back(Variable::parameter(file.tensors.at(std::string("start.") + each).clone(), each));
    }
    const double rate = settings.at("lr");
    optim::AdamW optimizer(optim::decay_groups(parameters, {.weight_decay = settings.at("weight_decay")}),
                           {.learning_rate = rate,
                            .beta1 = settings.at("betas").at(0),
                            .beta2 = settings.at("betas").at(1),
                            .epsilon = settings.at("eps")});
    const Tensor &x = file.tensors.at("x"), &target = file.tensors.at("target");
    const std::int64_t steps = x.extent(0), micro = x.extent(1);
    std::vector<Tensor> paths;
    for (const Variable& each : parameters) paths.emplace_back(file.tensors.at("path." + each.name()).shape());
    Tensor norms({steps}), losses({steps});
    for (std::int64_t step = 0; step < steps; ++step) {
      double total = 0;
      for (std::int64_t batch = 0; batch < micro; ++batch) {
        Tape tape;
        const std::int64_t at = step * micro + batch, n = steps * micro;
        const Variable input = part(x, at, n, x.extent(-1)), expected = part(target, at, n, target.extent(-1));
        const Variable y =
            linear(layer_norm(input, parameters[0], parameters[1], 1e-12f), parameters[2], parameters[3]);
        const Variable loss = mean((y - expected) * (y - expected));
        total += static_cast<double>(loss.value().item());
        tape.backward(loss * (1.f / static_cast<float>(micro)));
      }
      losses.mutable_data()[step] = static_cast<float>(total / static_cast<double>(micro));
      norms.mutable_data()[step] =
          static_cast<float>(optim::clip_grad_norm(parameters, std::stod(file.metadata.at("clip"))));
      optimizer.set_learning_rate(rate * static_cast<double>(file.tensors.at("multiplier").data()[step]));
      optimizer.step();
      optimizer.zero_grad();
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        const Tensor& value = parameters[i].value();
        std::copy_n(value.data(), value.size(), paths[i].mutable_data() + step * value.size());
      }
    }
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const std::string path = "path." + parameters[i].name();
      test::check_close(paths[i], file.tensors.at(path), 1e-5, name + " " + path);
    }
    test::check_close(norms, file.tensors.at("grad_norm"), 1e-5, name + " grad_norm");
    test::check_close(losses, file.tensors.at("loss"), 1e-5, name + " loss");
  });
}

BOOST_AUTO_TEST_SUITE_END()
