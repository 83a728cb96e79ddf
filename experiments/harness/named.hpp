// Values by name, in the order in which they were added.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace canopy::harness {

/// A short list of (name, value) in which every name stands once; searched from its beginning.
template <class T>
class Named {
 public:
  using Entry = std::pair<std::string, T>;

  Named() = default;
  /// A name that is given twice keeps its first place and its last value.
  Named(std::initializer_list<Entry> entries) {
    for (const Entry& entry : entries) (*this)[entry.first] = entry.second;
  }

  /// nullptr for an unknown name.
  const T* find(std::string_view name) const {
    const auto found = std::ranges::find(entries_, name, &Entry::first);
    return found == entries_.end() ? nullptr : &found->second;
  }
  /// Adds an unknown name at the end.
  T& operator[](std::string_view name) {
    const auto found = std::ranges::find(entries_, name, &Entry::first);
    return found == entries_.end() ? entries_.emplace_back(name, T{}).second : found->second;
  }

  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  bool empty() const { return entries_.empty(); }

  bool operator==(const Named&) const = default;

 private:
  std::vector<Entry> entries_;
};

}  // namespace canopy::harness
