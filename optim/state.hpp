// The state of what optimises, taken apart.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <canopy/core/state.hpp>

namespace canopy::optim {

using canopy::State;

/// [1]. Throws CheckpointError, naming `owner`, for a count that 32 bits do not hold.
Indices count_array(std::int64_t count, const std::string& owner);

/// Takes a state apart, entry by entry. Whatever is missing or of another shape throws CheckpointError that names the
/// owner and the entry.
class StateReader {
 public:
  /// The state must outlive it.
  StateReader(std::string owner, const State& state) : owner_(std::move(owner)), state_(state) {}

  bool has(const std::string& key) const { return state_.tensors.contains(key) || state_.counts.contains(key); }
  const Tensor& tensor(const std::string& key, const Shape& shape);
  /// Of shape [1].
  float number(const std::string& key) { return tensor(key, {1}).item(); }
  /// A copy of whole numbers from 0. Versions before 0.2 stored them as floats: these are taken, too.
  Indices counts(const std::string& key, const Shape& shape);
  /// Of shape [1].
  std::int32_t count(const std::string& key) { return counts(key, {1}).item(); }
  /// Throws if there is an entry that nobody asked for.
  void finish() const;

 private:
  void require_shape(const std::string& key, const Shape& found, const Shape& expected) const;

  std::string owner_;
  const State& state_;
  std::set<std::string> known_;
};

}  // namespace canopy::optim
