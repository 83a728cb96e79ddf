#include <canopy/nn/checkpoints/training_checkpoint.hpp>

#include <charconv>
#include <exception>
#include <string_view>
#include <utility>

#include <canopy/core/error.hpp>
#include <canopy/core/failures.hpp>
#include <canopy/core/random.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace canopy {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view prefix = "training.";
constexpr const char* key = "training";

// JSON has neither infinities nor NaN: numbers are texts, as short as gives the same bits again.
std::map<std::string, std::string> texts_of(const std::map<std::string, double>& numbers) {
  std::map<std::string, std::string> texts;
  for (const auto& [name, value] : numbers) texts.emplace(name, fmt::to_string(value));
  return texts;
}

std::map<std::string, double> numbers_of(const std::map<std::string, std::string>& texts) {
  std::map<std::string, double> numbers;
  for (const auto& [name, text] : texts) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
      throw CheckpointError(fmt::format("'{}' must be a number, not '{}'", name, text));
    }
    numbers.emplace(name, value);
  }
  return numbers;
}

// An entry of that name, or nothing in it.
template <class T>
T entry(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found == json.end() ? T() : found->get<T>();
}

}  // namespace

void write_training_checkpoint(const std::filesystem::path& path, const TrainingCheckpoint& checkpoint) {
  Safetensors file = checkpoint.selected;
  for (const auto& [name, value] : file.tensors) {
    if (!name.starts_with(prefix)) continue;
    throw CheckpointError(
        fmt::format("{}: the selected model's '{}' has the name of training state", path.string(), name));
  }
  for (const auto& [part, state] : checkpoint.parts) {
    if (part.empty() || part.find('.') != part.npos) {
      throw CheckpointError(fmt::format("{}: the part '{}' needs a name without dots", path.string(), part));
    }
    for (const auto& [name, value] : state.tensors) file.tensors[fmt::format("{}{}.{}", prefix, part, name)] = value;
    for (const auto& [name, value] : state.counts) file.indices[fmt::format("{}{}.{}", prefix, part, name)] = value;
  }
  const Json training = {{"counters", checkpoint.counters},
                         {"numbers", texts_of(checkpoint.numbers)},
                         {"texts", checkpoint.texts},
                         {"seed", current_seed()},
                         {"random", random_positions()}};
  try {
    file.metadata[key] = training.dump();
  } catch (const Json::exception&) {
    throw CheckpointError(fmt::format("{}: a text is not UTF-8", path.string()));
  }
  write_safetensors(path, file);
}

TrainingCheckpoint read_training_checkpoint(const std::filesystem::path& path) {
  Safetensors file = read_safetensors(path);
  TrainingCheckpoint checkpoint;
  // The part of an entry "training.PART.NAME", and its name there.
  const auto part_of = [&](const std::string& name) -> std::pair<State&, std::string> {
    const std::size_t dot = name.find('.', prefix.size());
    if (dot == name.npos) throw CheckpointError(fmt::format("{}: '{}' names no part", path.string(), name));
    return {checkpoint.parts[name.substr(prefix.size(), dot - prefix.size())], name.substr(dot + 1)};
  };
  const auto sort = [&](auto& arrays, auto& of_model, auto State::*of_part) {
    for (auto& [name, value] : arrays) {
      if (name.starts_with(prefix)) {
        auto [part, own] = part_of(name);
        (part.*of_part).emplace(own, std::move(value));
      } else {
        of_model.emplace(name, std::move(value));
      }
    }
  };
  sort(file.tensors, checkpoint.selected.tensors, &State::tensors);
  sort(file.indices, checkpoint.selected.indices, &State::counts);
  const auto text = file.metadata.extract(key);
  if (!text) {
    throw CheckpointError(fmt::format("{}: no state of a training: the metadata have no '{}'", path.string(), key));
  }
  try {
    const Json training = Json::parse(text.mapped());
    for (const char* needed : {"seed", "random"}) {
      if (!training.contains(needed)) throw CheckpointError(fmt::format("'{}' is missing", needed));
    }
    checkpoint.counters = entry<decltype(checkpoint.counters)>(training, "counters");
    checkpoint.numbers = numbers_of(entry<std::map<std::string, std::string>>(training, "numbers"));
    checkpoint.texts = entry<decltype(checkpoint.texts)>(training, "texts");
    if (const auto progress = training.find("progress"); progress != training.end()) {
      checkpoint.texts.insert_or_assign("progress", progress->dump());
    }
    restore_random(training.at("seed"), training.at("random").get<std::map<std::string, std::uint64_t>>());
  } catch (const std::exception&) {
    throw CheckpointError(fmt::format("{}: the training state cannot be read: {}", path.string(), describe_failure()));
  }
  checkpoint.selected.metadata = std::move(file.metadata);
  return checkpoint;
}

}  // namespace canopy
