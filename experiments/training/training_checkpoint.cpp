#include <canopy/experiments/training/training_checkpoint.hpp>

#include <string_view>
#include <utility>

#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/core/safetensors.hpp>

#include <fmt/format.h>

namespace canopy::training {

using harness::Json;

namespace {

constexpr std::string_view prefix = "training.";

}  // namespace

void write_training_checkpoint(const std::filesystem::path& path, const TrainingCheckpoint& checkpoint) {
  Safetensors file{.metadata = checkpoint.best.metadata, .tensors = checkpoint.best.tensors, .indices = {}};
  for (const auto& [part, state] : checkpoint.parts) {
    for (const auto& [name, value] : state.tensors) file.tensors[fmt::format("{}{}.{}", prefix, part, name)] = value;
    for (const auto& [name, value] : state.counts) file.indices[fmt::format("{}{}.{}", prefix, part, name)] = value;
  }
  const Json training = {{"progress", checkpoint.progress}, {"seed", current_seed()}, {"random", random_positions()}};
  file.metadata["training"] = training.dump();
  write_safetensors(path, file);
}

TrainingCheckpoint read_training_checkpoint(const std::filesystem::path& path) {
  Safetensors file = read_safetensors(path);
  TrainingCheckpoint checkpoint;
  // The part of an entry "training.<part>.<name>", and its name there.
  const auto part_of = [&](const std::string& name) -> std::pair<optim::State&, std::string> {
    const std::size_t dot = name.find('.', prefix.size());
    if (dot == name.npos) throw CheckpointError(fmt::format("{}: '{}' names no part", path.string(), name));
    return {checkpoint.parts[name.substr(prefix.size(), dot - prefix.size())], name.substr(dot + 1)};
  };
  for (const auto& [name, value] : file.tensors) {
    if (!name.starts_with(prefix)) {
      checkpoint.best.tensors.emplace(name, value);
      continue;
    }
    auto [part, key] = part_of(name);
    part.tensors.emplace(key, value);
  }
  for (const auto& [name, value] : file.indices) {
    if (!name.starts_with(prefix)) continue;
    auto [part, key] = part_of(name);
    part.counts.emplace(key, value);
  }
  try {
    const Json training = Json::parse(file.metadata.at("training"));
    checkpoint.progress = training.at("progress");
    restore_random(training.at("seed"), training.at("random").get<std::map<std::string, std::uint64_t>>());
  } catch (const std::exception& error) {
    throw CheckpointError(fmt::format("{}: the training state cannot be read: {}", path.string(), error.what()));
  }
  file.metadata.erase("training");
  checkpoint.best.metadata = std::move(file.metadata);
  return checkpoint;
}

}  // namespace canopy::training
