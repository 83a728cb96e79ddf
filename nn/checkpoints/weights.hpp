// A module's weights from files of other programs, and to a file.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <canopy/core/safetensors_reader.hpp>
#include <canopy/nn/module.hpp>

namespace canopy {

/// Renames tensors of a file: a name that `from` matches becomes `to`. In `from` each `*` stands for any text, as short
/// as will do; the n-th `*` of `to` is the text of the n-th of `from`.
struct Rename {
  std::string from;  ///< "bert.encoder.layer.*"
  std::string to;    ///< "encoder.*"
};

/// The name after all rules: each in order, where it matches.
std::string renamed(std::string name, const std::vector<Rename>& rules);

/// In the patterns of names each `*` stands for any text, dots included.
struct LoadWeightsOptions {
  std::vector<Rename> rename = {};       ///< from the file's names to the module's; each in order, where it matches
  std::vector<std::string> ignore = {};  ///< names in the file that may be left over, such as "cls.*"
  std::vector<std::string> allow_missing = {};  ///< names of the module that may be missing: they keep their values
};

/// Reads the parameters and persistent buffers of `module` from a file, a folder of shards or an index, tensor by
/// tensor, F16, BF16 and F64 converted. What a TrainingCheckpoint holds under "training." and DatasetMetadata under
/// "dataset." may be left over.
///
/// The documented way to a model of one's own: the program builds it, this fills it.
/// ```cpp
/// Classifier model(options);
/// load_weights(model, "bert-base-uncased", {.rename = {{"bert.*", "*"}, {"*.gamma", "*.weight"}}, .ignore =
/// {"cls.*"}});
/// ```
///
/// Throws CheckpointError that lists every missing, unexpected, misshapen or unreadable entry at once; then nothing has
/// been changed. (A file that another program truncates meanwhile is found out too late for that.) Throws ConfigError
/// for a rule with more stars in `to` than in `from`.
void load_weights(nn::Module& module, const SafetensorsReader& file, const LoadWeightsOptions& options = {});
void load_weights(nn::Module& module, const std::filesystem::path& path, const LoadWeightsOptions& options = {});

/// Writes the parameters and persistent buffers of any module as they are, with `metadata` of the program's own. Throws
/// as write_safetensors.
void save_weights(const nn::Module& module, const std::filesystem::path& path,
                  const std::map<std::string, std::string>& metadata = {});

}  // namespace canopy
