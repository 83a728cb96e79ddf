// The safetensors format: what Python writes and reads, without running code that a file brings along.
// https://huggingface.co/docs/safetensors: a 64-bit length, a JSON header, then the bytes of every tensor.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include <canopy/core/array.hpp>

namespace canopy {

/// The content of a safetensors file, by name.
struct Safetensors {
  std::map<std::string, std::string> metadata = {};
  std::map<std::string, Tensor> tensors = {};   ///< F32, and F64, F16, BF16 converted
  std::map<std::string, Indices> indices = {};  ///< I32, and other integers and booleans converted
};

/// Reads a file, or a folder of shards, whole, whoever wrote it: what SafetensorsReader reads tensor by tensor. Nothing
/// in the header is believed before it is checked. Throws CheckpointError with the file, the offset or tensor, what was
/// expected and what was found; also for values that float or int32 cannot hold.
Safetensors read_safetensors(const std::filesystem::path& path);

/// Writes F32 and I32, names in order, the data aligned to 8 bytes; the file is replaced in one step (FileWriter).
/// Throws Error if the file cannot be written, CheckpointError if a name is used twice or is not UTF-8; the old file is
/// then as it was.
void write_safetensors(const std::filesystem::path& path, const Safetensors& content);

/// Writes a folder as Hugging Face's libraries read it: shards "model-00001-of-0000N.safetensors" of at most
/// `shard_bytes` of data (a larger tensor has one of its own) and "model.safetensors.index.json", which holds the
/// metadata as well. The index goes first and comes last: after a crash there is an old folder, none, or the new one,
/// never a mixture. Throws as write_safetensors; CheckpointError if the folder holds a "model.safetensors", which
/// readers would prefer.
void write_safetensors_shards(const std::filesystem::path& folder, const Safetensors& content,
                              std::uint64_t shard_bytes = 5'000'000'000);

}  // namespace canopy
