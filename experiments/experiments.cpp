#include <canopy/experiments/experiments.hpp>

#include <canopy/experiments/balance/load_balance.hpp>
#include <canopy/experiments/balance/master_leaf.hpp>
#include <canopy/experiments/fff/ablation.hpp>
#include <canopy/experiments/fff/counterparts.hpp>
#include <canopy/experiments/fff/experts.hpp>
#include <canopy/experiments/fff/hardening.hpp>
#include <canopy/experiments/fff/inference_counterparts.hpp>
#include <canopy/experiments/fff/vit.hpp>
#include <canopy/experiments/language/pretraining/pretrain.hpp>

namespace canopy {

const std::vector<harness::Experiment>& experiments() {
  static const std::vector<harness::Experiment> list = {
      fff::counterparts(), fff::inference_counterparts(), fff::experts(),         fff::hardening(),    fff::ablation(),
      fff::vit(),          balance::load_balance(),       balance::master_leaf(), language::pretrain()};
  return list;
}

}  // namespace canopy
