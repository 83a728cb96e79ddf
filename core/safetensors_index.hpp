// The index of a folder of safetensors shards: untrusted text that says which file holds which tensor. Internal to
// core/safetensors*.cpp.
#pragma once

#include <map>
#include <string>

namespace canopy::safetensors {

inline constexpr const char* single_file = "model.safetensors";
inline constexpr const char* index_file = "model.safetensors.index.json";

struct Index {
  std::map<std::string, std::string> metadata;    ///< its texts; numbers such as "total_size" are left out
  std::map<std::string, std::string> weight_map;  ///< tensor -> name of a file in the same folder
};

/// The index in `text`: {"metadata": {...}, "weight_map": {tensor: file name}}. Throws CheckpointError naming `file`
/// for anything else, for a tensor mapped twice and for a file outside of the folder.
Index parse_index(const std::string& file, const std::string& text);

}  // namespace canopy::safetensors
