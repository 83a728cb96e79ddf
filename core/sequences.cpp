#include <canopy/core/sequences.hpp>

#include <algorithm>
#include <numeric>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy {

// Keeps no list where it would name every row.
template <class IsKey>
void Sequences::set_keys(const IsKey& is_key) {
  bool all = true;
  keys_.resize(static_cast<std::size_t>(count()));
  for (std::int64_t s = 0; s < count(); ++s) {
    std::vector<std::int32_t>& keys = keys_[static_cast<std::size_t>(s)];
    for (std::int64_t i = 0; i < tokens(s); ++i) {
      if (is_key(s, i)) keys.push_back(static_cast<std::int32_t>(i));
    }
    all = all && static_cast<std::int64_t>(keys.size()) == tokens(s);
  }
  if (all) keys_.clear();
}

Sequences Sequences::equal(std::int64_t count, std::int64_t tokens) {
  if (count < 0 || tokens < 0) throw ShapeError(fmt::format("Sequences: {} of {} tokens each", count, tokens));
  std::vector<std::int64_t> begins(static_cast<std::size_t>(count) + 1);
  for (std::size_t s = 0; s < begins.size(); ++s) begins[s] = static_cast<std::int64_t>(s) * tokens;
  return Sequences(std::move(begins));
}

Sequences Sequences::packed(std::span<const std::int64_t> lengths) {
  std::vector<std::int64_t> begins{0};
  for (const std::int64_t length : lengths) {
    if (length < 0)
      throw ShapeError(fmt::format("Sequences: the length of sequence {} is {}", begins.size() - 1, length));
    begins.push_back(begins.back() + length);
  }
  return Sequences(std::move(begins));
}

Sequences Sequences::padded(std::span<const std::int64_t> lengths, std::int64_t tokens) {
  for (std::size_t s = 0; s < lengths.size(); ++s) {
    if (lengths[s] < 0 || lengths[s] > tokens) {
      throw ShapeError(
          fmt::format("Sequences: the length of sequence {} is {}, but there are {} tokens", s, lengths[s], tokens));
    }
  }
  Sequences result = equal(static_cast<std::int64_t>(lengths.size()), tokens);
  result.set_keys([&](std::int64_t s, std::int64_t i) { return i < lengths[static_cast<std::size_t>(s)]; });
  return result;
}

Sequences Sequences::masked(const Indices& mask) {
  if (mask.rank() != 2) {
    throw ShapeError(fmt::format("Sequences: a mask is [sequences, tokens], not {}", mask.shape().to_string()));
  }
  const std::int64_t tokens = mask.extent(1);
  Sequences result = equal(mask.extent(0), tokens);
  result.set_keys(
      [&, is_valid = mask.data()](std::int64_t s, std::int64_t i) { return is_valid[s * tokens + i] != 0; });
  return result;
}

std::int64_t Sequences::longest() const {
  std::int64_t result = 0;
  for (std::int64_t s = 0; s < count(); ++s) result = std::max(result, tokens(s));
  return result;
}

std::span<const std::int32_t> Sequences::keys(std::int64_t sequence) const {
  if (all_valid()) return {};
  return keys_[static_cast<std::size_t>(sequence)];
}

Indices Sequences::valid_rows() const {
  if (all_valid()) {
    Indices rows({this->rows()});
    std::iota(rows.mutable_data(), rows.mutable_data() + rows.size(), 0);
    return rows;
  }
  std::vector<std::int32_t> rows;
  for (std::int64_t s = 0; s < count(); ++s) {
    for (const std::int32_t key : keys(s)) rows.push_back(static_cast<std::int32_t>(begin(s)) + key);
  }
  return {Shape{static_cast<std::int64_t>(rows.size())}, rows};
}

Sequences Sequences::without_padding() const {
  if (all_valid()) return *this;
  std::vector<std::int64_t> lengths;
  for (std::int64_t s = 0; s < count(); ++s) lengths.push_back(static_cast<std::int64_t>(keys(s).size()));
  return packed(lengths);
}

}  // namespace canopy
