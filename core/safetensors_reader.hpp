// Safetensors read through memory maps, tensor by tensor: one file or a folder of shards, of any size.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include <canopy/core/array.hpp>
#include <canopy/core/file.hpp>

namespace canopy {

/// What the header says of a tensor.
struct SafetensorsEntry {
  std::string dtype;  ///< "F32", "F16", "BF16", "F64", "I64", ..., "BOOL"
  Shape shape;
  bool is_float() const { return dtype.starts_with('F') || dtype == "BF16"; }
};

/// Which dtypes a request for floats takes.
enum class Accept {
  floats,  ///< F32; F64, F16 and BF16 converted
  numbers  ///< integers and booleans (0 and 1) as well
};

/// A checkpoint of which only the headers have been read. A tensor is read when it is asked for: its pages of the file
/// are touched and no others, and memory beside the result is bounded (16 MiB), whatever the sizes of tensor and file.
/// Copies share the open files; threads may read at the same time.
///
/// Files are to be replaced, not written into, while a reader holds them: a file found shorter is an error, but one
/// truncated in the very moment it is read kills the process (see MappedFile).
class SafetensorsReader {
 public:
  /// `path` is a file; a folder that holds "model.safetensors" or, beside its shards, "model.safetensors.index.json",
  /// as Hugging Face's do; or such an index. Nothing in headers and index is believed before it is checked. Throws
  /// CheckpointError with the file, what was expected and what was found: also for a missing shard, a tensor in two
  /// shards, or one that its shard does not hold.
  explicit SafetensorsReader(const std::filesystem::path& path);

  const std::filesystem::path& path() const;
  /// Of the file, or of the index and all shards.
  const std::map<std::string, std::string>& metadata() const;
  /// Every tensor by name.
  const std::map<std::string, SafetensorsEntry>& entries() const;
  bool contains(const std::string& name) const { return entries().contains(name); }

  /// The tensor as floats. Throws CheckpointError where there is none, its dtype is not accepted, or a value is beyond
  /// F32's range (F64) or would be rounded (integers).
  Tensor tensor(const std::string& name, Accept accept = Accept::floats) const;
  /// An integer or boolean tensor as int32. Throws CheckpointError where there is none, it holds floats, or a value is
  /// beyond int32.
  Indices indices(const std::string& name) const;
  /// The bytes of a tensor of any dtype as they lie in the file, at any alignment, for tensors that are too large to be
  /// read or wanted in part. Throws CheckpointError where there is none, or the file has become shorter.
  MappedFile::Window map(const std::string& name) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace canopy
