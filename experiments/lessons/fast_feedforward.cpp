// Trains a fast feedforward layer on Fashion-MNIST: a tree of 16 leaves, each 8 neurons wide, of which inference
// computes one.
//
// Reaches at least 86 % hard validation accuracy with at least 8 of 16 leaves used after 20 epochs.

#include <canopy/canopy.hpp>

using namespace canopy;

int main() {
  manual_seed(42);
  // x/255 minus the training mean image: with a common component in the inputs, hardening sends everything to one leaf.
  auto [train, validation] = datasets::fashion_mnist(Split::train, {.input = Input::centred}).split(0.9);
  nn::FFF model({.inputs = 784, .outputs = 10, .depth = 4, .leaf_width = 8});
  optim::Adam optimizer(model.parameters(), {.learning_rate = 1e-3f});
  for (int epoch = 0; epoch < 20; ++epoch) {
    model.train();
    model.set_routing(epoch < 5 ? nn::Routing::soft : nn::Routing::straight_through);
    for (const auto& [images, labels] : DataLoader(train, {.batch_size = 256, .shuffle = true})) {
      Tape tape;
      nn::RoutingTrace trace;
      Variable logits = model(images);
      Variable loss =
          cross_entropy(logits, labels) + 0.3f * nn::hardening_loss(trace, {.weighting = nn::EntropyWeighting::path});
      tape.backward(loss);
      optimizer.step();
      optimizer.zero_grad();
    }
    model.eval();  // hard routing: one leaf an image
    auto score = evaluate_classifier(model, validation);
    fmt::print("epoch {:2}  accuracy {:.2f} %  leaves used {}/{}\n", epoch, score.accuracy, score.leaves_used,
               model.leaves());
  }
  save(model, "fff.safetensors", train.metadata());
}
