#include <canopy/experiments/benchmark/tree_steps.hpp>

#include <chrono>

#include <canopy/experiments/benchmark/data.hpp>

namespace canopy::benchmark {
namespace {

constexpr std::int64_t width = 768;
constexpr int depth = 11;

// Milliseconds since the last call.
class Laps {
 public:
  double next() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double, std::milli>(now - std::exchange(last_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace

std::function<void()> tree_step(TreeStep how, std::int64_t batch, std::shared_ptr<StepTimes> times) {
  manual_seed(0);
  auto model = std::make_shared<nn::TreeFFF>(nn::TreeFFFOptions{.inputs = width, .outputs = width, .depth = depth});
  auto optimizer = std::make_shared<optim::Adam>(
      model->parameters(), optim::AdamOptions{.learning_rate = 1e-4, .lazy_rows = how == TreeStep::lazy});
  const Tensor x = normal({batch, width}, "benchmark data"), target = normal({batch, width}, "benchmark target");
  if (times == nullptr) times = std::make_shared<StepTimes>();
  return [=] {
    Laps laps;
    {
      Tape tape;
      const Variable y = how == TreeStep::masked ? model->forward_masked(x) : model->forward(x);
      const Variable loss = mean_squared_error(y, target);
      times->forward += laps.next();
      tape.backward(loss);
    }
    times->backward += laps.next();
    optimizer->step();
    optimizer->zero_grad();
    times->optimizer += laps.next();
  };
}

}  // namespace canopy::benchmark
