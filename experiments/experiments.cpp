#include <canopy/experiments/experiments.hpp>

#include <canopy/experiments/fff/counterparts.hpp>

namespace canopy {

const std::vector<harness::Experiment>& experiments() {
  static const std::vector<harness::Experiment> list = {fff::counterparts()};
  return list;
}

}  // namespace canopy
