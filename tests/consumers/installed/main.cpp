// Uses a room each: fits a line with an operation of the program's own, then trains, saves and loads a small tree.
#include <canopy/canopy.hpp>

#include <cmath>
#include <cstdio>

using namespace canopy;

// mean((a x + b - y)^2) over the points
Variable line_error(const Variable& a, const Variable& b, const Tensor& x, const Tensor& y) {
  const std::int64_t n = x.size();
  Tensor residual(x.shape());
  float sum = 0.f;
  for (std::int64_t i = 0; i < n; ++i) {
    const float r = a.value().item() * x.data()[i] + b.value().item() - y.data()[i];
    residual.mutable_data()[i] = r;
    sum += r * r;
  }
  return record("line_error", {a, b}, Tensor::scalar(sum / float(n)), [=](const Tensor& dy) {
    float da = 0.f, db = 0.f;
    for (std::int64_t i = 0; i < n; ++i) {
      da += residual.data()[i] * x.data()[i];
      db += residual.data()[i];
    }
    const float scale = 2.f * dy.item() / float(n);
    a.accumulate(Tensor::scalar(scale * da));
    b.accumulate(Tensor::scalar(scale * db));
  });
}

bool fits_a_line() {
  const Tensor x({5}, {-2.f, -1.f, 0.f, 1.f, 2.f});
  const Tensor y({5}, {-5.f, -2.f, 1.f, 4.f, 7.f});  // 3 x + 1
  Variable a = Variable::parameter(Tensor::scalar(0.f), "a");
  Variable b = Variable::parameter(Tensor::scalar(0.f), "b");
  for (int step = 0; step < 100; ++step) {
    Tape tape;
    tape.backward(line_error(a, b, x, y));
    for (Variable* parameter : {&a, &b}) {
      parameter->mutable_value().mutable_data()[0] -= 0.1f * parameter->grad().item();
      parameter->zero_grad();
    }
  }
  fmt::print("canopy {}: y = {:.3f} x + {:.3f}\n", CANOPY_VERSION, a.value().item(), b.value().item());
  const bool right = std::abs(a.value().item() - 3.f) < 1e-3f && std::abs(b.value().item() - 1.f) < 1e-3f;
  if (!right) std::fputs("expected y = 3 x + 1\n", stderr);
  return right;
}

// Four images of two pixels, labelled by the exclusive or of the pixels: no linear classifier separates them.
bool learns_exclusive_or() {
  manual_seed(1);
  const ImageDataset data(LabelledImages{.name = "xor",
                                         .shape = {.height = 1, .width = 2},
                                         .bytes = Bytes({4, 2}, {0, 0, 0, 255, 255, 0, 255, 255}),
                                         .labels = Indices({4}, {0, 1, 1, 0}),
                                         .classes = 2},
                          Input::centred);
  nn::FFF model({.inputs = 2, .outputs = 2, .depth = 1, .leaf_width = 4});
  optim::Adam optimizer(model.parameters(), {.learning_rate = 3e-2});
  for (int step = 0; step < 300; ++step) {
    for (const auto& [images, labels] : DataLoader(data, {.batch_size = 4, .shuffle = true})) {
      Tape tape;
      const nn::RoutingTrace trace;
      const Variable error = cross_entropy(model(images), labels);
      tape.backward(error + 0.1f * nn::hardening_loss(trace));
      optimizer.step();
      optimizer.zero_grad();
    }
  }
  model.eval();
  save(model, "xor.safetensors", data.metadata());
  const LoadedModel loaded = load_model("xor.safetensors");
  const double accuracy = evaluate_classifier(*loaded.model, data.with_input(Input::unit)).accuracy;
  fmt::print("exclusive or: {} %\n", accuracy);
  if (accuracy < 100) std::fputs("expected 100 %\n", stderr);
  return accuracy == 100;
}

int main() {
  const bool line = fits_a_line();
  const bool tree = learns_exclusive_or();
  return line && tree ? 0 : 1;
}
