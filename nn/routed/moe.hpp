// The noisy top-k mixture of experts of Shazeer et al. 2017, "Outrageously Large Neural Networks: The Sparsely-Gated
// Mixture-of-Experts Layer".
#pragma once

#include <canopy/autograd/grouped.hpp>
#include <canopy/core/activation.hpp>
#include <canopy/nn/routed/routed_layer.hpp>

namespace canopy::nn {

struct MoEOptions {
  std::int64_t inputs = 0;
  std::int64_t outputs = 0;
  std::int64_t experts = 0;
  std::int64_t expert_width = 0;             ///< hidden neurons of an expert
  std::int64_t k = 1;                        ///< experts a sample is sent to
  Activation activation = Activation::relu;  ///< of the experts' hidden neurons
  bool noise = true;                         ///< on the gate's logits in training
  /// Of both products of the gate. The paper has none; a classifier of centred inputs gets them when it is saved.
  bool gate_bias = false;
};

/// y = sum over the k chosen experts of gate_e expert_e(x), expert_e(x) = f(x W1_e + b1_e) W2_e + b2_e. Chosen are the
/// largest logits x W_gate, in training with noise: x W_gate + n (softplus(x W_noise) + 0.01), n standard normal from
/// the stream "gate noise". The gates are the soft-max over the chosen logits. Only chosen experts are computed,
/// forward and backward; experts without rows have no gradient (row-sparse). With k = 1 the gate is 1: W_gate and
/// W_noise then learn from `load_loss` alone.
///
/// x [..., inputs] -> y [..., outputs]. Parameters: `w_gate` and `w_noise` [inputs, experts], `w1` [experts,
/// inputs, expert_width], `b1` [experts, expert_width], `w2` [experts, expert_width, outputs], `b2` [experts, outputs],
/// with gate_bias `b_gate` and `b_noise` [experts]; those of the noise only with noise. In memory w_gate, w_noise and
/// w1 have their last two axes exchanged, so that a neuron's weights are one row. Initialised uniformly in
/// +-1/sqrt(inputs), w2 and b2 in +-1/sqrt(expert_width), w_noise and b_noise with 0. (The paper starts w_gate with 0
/// as well, which sends all samples to the same experts wherever there is no noise.)
class MoE : public RoutedLayer {
 public:
  using Options = MoEOptions;
  /// Throws ConfigError for sizes below 1 or k outside 1..experts.
  explicit MoE(const MoEOptions& options);

  /// In training with noise, in evaluation without. Throws ShapeError unless x is [..., inputs].
  using RoutedLayer::forward;
  /// Training with the given standard normal numbers [rows, experts], or none where the layer has no noise. Throws
  /// ShapeError.
  Variable forward(const Variable& x, const Tensor& noise) const;

  struct Inference {
    Tensor y;         ///< [..., outputs]
    Indices experts;  ///< [rows, k]: where each row was sent, the largest gate first
  };
  /// Without noise. Thread-safe, records nothing.
  Inference infer(const Tensor& x) const;

  const MoEOptions& options() const { return options_; }
  std::int64_t inputs() const override { return options_.inputs; }
  std::int64_t branches() const override { return options_.experts; }
  RoutedParameters routed_parameters() const override;

  Architecture architecture() const override;

 protected:
  Variable forward_rows(const Variable& x) const override;
  const char* kind() const override { return "MoE"; }

 private:
  Variable choose_with_noise(const Variable& x, const Tensor& noise) const;
  Variable mix(const Variable& x, const Groups& groups, const Variable& gates) const;

  MoEOptions options_;
  Variable w_gate_, b_gate_, w_noise_, b_noise_;
  Variable w1_, b1_, w2_, b2_;
};

}  // namespace canopy::nn
