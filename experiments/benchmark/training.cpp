#include <canopy/experiments/benchmark/training.hpp>

#include <bit>
#include <memory>

#include <canopy/canopy.hpp>
#include <canopy/experiments/benchmark/data.hpp>
#include <canopy/experiments/benchmark/pretraining_step.hpp>
#include <canopy/experiments/benchmark/tree_steps.hpp>

#include <fmt/format.h>

namespace canopy::benchmark {
namespace {

struct Workload {
  std::string name;
  std::int64_t batch;
  std::function<std::function<void()>()> make;  // sets up model and data, returns the step
};

constexpr std::int64_t classes = 10;
constexpr float learning_rate = 0.2f;
constexpr float hardening = 3.f;

struct Data {
  Tensor inputs;
  Indices labels;
};

Data random_data(std::int64_t batch, std::int64_t inputs) {
  Data data{Tensor({batch, inputs}), Indices({batch})};
  RandomStream random(0, "benchmark data");
  random.fill_uniform(data.inputs.mutable_elements(), 0.f, 1.f);
  for (std::int32_t& label : data.labels.mutable_elements()) label = static_cast<std::int32_t>(random() % classes);
  return data;
}

// `with_losses(loss, trace)` adds to the cross-entropy the model's losses on its routing.
template <class Model, class WithLosses>
std::function<void()> classifier_step(std::shared_ptr<Model> model, const Data& data, WithLosses with_losses) {
  auto optimizer = std::make_shared<optim::SGD>(model->parameters(), optim::SGDOptions{.learning_rate = learning_rate});
  return [=] {
    Tape tape;
    const nn::RoutingTrace trace;
    const Variable logits = model->forward(data.inputs);
    tape.backward(with_losses(cross_entropy(logits, data.labels), trace));
    optimizer->step();
    optimizer->zero_grad();
  };
}

Workload ff(std::int64_t inputs, std::int64_t width, std::int64_t batch) {
  return {fmt::format("ff {}-{}-{} batch {}", inputs, width, classes, batch), batch, [=] {
            auto model = std::make_shared<nn::FeedForward>(
                nn::FeedForwardOptions{.inputs = inputs, .width = width, .outputs = classes});
            return classifier_step(model, random_data(batch, inputs),
                                   [](const Variable& loss, const auto&) { return loss; });
          }};
}

Workload fff(std::int64_t inputs, std::int64_t width, std::int64_t leaf_width, std::int64_t batch) {
  return {fmt::format("fff {} width {} leaf {} batch {}", inputs, width, leaf_width, batch), batch, [=] {
            auto model = std::make_shared<nn::FFF>(
                nn::FFFOptions{.inputs = inputs,
                               .outputs = classes,
                               .depth = std::countr_zero(static_cast<std::uint64_t>(width / leaf_width)),
                               .leaf_width = leaf_width});
            return classifier_step(model, random_data(batch, inputs),
                                   [](const Variable& loss, const nn::RoutingTrace& trace) {
                                     return loss + hardening * nn::hardening_loss(trace);
                                   });
          }};
}

Workload tree(TreeStep how) {
  constexpr std::int64_t batch = 2048;
  const char* name = how == TreeStep::masked ? "masked" : "sparse";
  return {fmt::format("tree 768 depth 11 {} batch {}", name, batch), batch, [=] { return tree_step(how, batch); }};
}

// Pre-norm blocks that learn numbers, with Adam.
Workload encoder(const char* what, std::int64_t width, std::int64_t hidden, std::int64_t batch, std::int64_t tokens) {
  constexpr std::int64_t blocks = 4, heads = 4;
  return {fmt::format("{} encoder {}x{} heads {} ff {} batch {} tokens {}", what, blocks, width, heads, hidden, batch,
                      tokens),
          batch, [=] {
            auto model = std::make_shared<nn::Encoder>(
                nn::EncoderOptions{.blocks = blocks, .block = {.width = width, .heads = heads}},
                [=](std::int64_t) -> std::unique_ptr<nn::Layer> {
                  return std::make_unique<nn::FeedForward>(nn::FeedForwardOptions{
                      .inputs = width, .width = hidden, .outputs = width, .activation = Activation::gelu});
                });
            auto optimizer =
                std::make_shared<optim::Adam>(model->parameters(), optim::AdamOptions{.learning_rate = 1e-4f});
            const Tensor x = normal({batch, tokens, width}, "benchmark data");
            const Tensor target = normal({batch, tokens, width}, "benchmark target");
            return [=] {
              Tape tape;
              tape.backward(mean_squared_error((*model)(x), target));
              optimizer->step();
              optimizer->zero_grad();
            };
          }};
}

Workload pretraining(const PretrainingSize& size) {
  return {size.name(), size.batch, [=] { return pretraining_step(size); }};
}

std::vector<Row> run(const BenchOptions& options) {
  std::vector<Workload> workloads = {ff(784, 128, 256), ff(3072, 1024, 4096)};
  for (const std::int64_t leaf_width : {8, 4, 2, 1}) workloads.push_back(fff(784, 128, leaf_width, 256));
  workloads.push_back(fff(3072, 1024, 32, 4096));
  workloads.push_back(tree(TreeStep::masked));
  workloads.push_back(tree(TreeStep::sparse));
  workloads.push_back(encoder("vit", 128, 128, 128, 65));
  workloads.push_back(encoder("bert", 256, 1024, 32, 128));
  for (const int depth : {0, 9}) workloads.push_back(pretraining({.depth = depth}));
  std::vector<Row> rows;
  for (const Workload& workload : workloads) {
    if (!options.selects(workload.name)) continue;
    manual_seed(0);
    TimerOptions timer = options.timer(15);
    timer.warm_up = 3;
    const Timing timing = time_alternately({{workload.name, workload.make()}}, timer).front();
    rows.push_back({.name = workload.name, .batch = workload.batch, .timing = timing, .baseline = {}});
  }
  return rows;
}

}  // namespace

Benchmark training() {
  return {.name = "training",
          .description = "a training step of each workload, to be set beside the same step in PyTorch",
          .run = run,
          .flat = true};
}

}  // namespace canopy::benchmark
