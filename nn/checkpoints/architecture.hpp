// What a checkpoint says of a model so that it can be built again.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace canopy::nn {

/// The architecture of a layer that does not describe itself.
inline constexpr const char* custom_architecture = "custom";

/// A layer as text: what it is, its options beside the shapes of its tensors, and the layers it is made of.
struct Architecture {
  std::string name;                                 ///< "linear", "fff", "sequential", ...
  std::map<std::string, std::string> options = {};  ///< "depth": "4", "activation": "relu", ...
  std::vector<Architecture> layers = {};            ///< in the layer's own order
};

/// As metadata of a file: "architecture", each option under its key, and under "layers" the inner layers as JSON, a
/// list of objects with the same keys.
std::map<std::string, std::string> to_metadata(const Architecture& architecture);

/// The architecture in a file's metadata; without "architecture" that of the released files, "fff". Entries that are no
/// options are taken as such: builders ask for those they know. Throws CheckpointError.
Architecture architecture_from_metadata(const std::map<std::string, std::string>& metadata);

}  // namespace canopy::nn
