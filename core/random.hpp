// Counter-based random numbers: a stream is named by (seed, purpose), so that initialisation, data order, dropout and
// region leak never disturb each other, and its position is one number that a checkpoint can store.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace canopy {

/// Philox4x32-10 (Salmon et al. 2011): the n-th block of four numbers is a function of (seed, purpose, n) alone.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::string_view purpose);

  /// Blocks of four numbers consumed so far; every call below consumes whole blocks.
  std::uint64_t position() const { return position_; }
  void seek(std::uint64_t position) { position_ = position; }

  /// Uniform in [low, high).
  void fill_uniform(std::span<float> out, float low, float high);
  /// Normal with the given mean and standard deviation (Box-Muller).
  void fill_normal(std::span<float> out, float mean, float deviation);
  /// 1 with the given probability, else 0.
  void fill_bernoulli(std::span<float> out, float probability);

  /// The standard's UniformRandomBitGenerator, for std::shuffle and its like. A block for each number, so that the
  /// position says all there is to say of a stream.
  using result_type = std::uint32_t;
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()();

 private:
  std::uint64_t seed_;
  std::uint64_t purpose_;
  std::uint64_t position_ = 0;
};

/// Starts every named stream of the process anew from `seed` (0 until called).
void manual_seed(std::uint64_t seed);
std::uint64_t current_seed();
/// The process's stream for a purpose, such as "initialisation", "order", "dropout", "region leak". The reference stays
/// valid, also after manual_seed. Threads that train at the same time should own streams instead.
RandomStream& random_stream(std::string_view purpose);

/// Positions of all streams used so far, for a checkpoint; `restore_random` continues from them.
std::map<std::string, std::uint64_t> random_positions();
void restore_random(std::uint64_t seed, const std::map<std::string, std::uint64_t>& positions);

/// Where some of the process's streams stand, so that a piece of work can be done again with the same numbers.
struct RandomPositions {
  std::uint64_t seed = 0;
  std::map<std::string, std::uint64_t> streams;
};

/// Notes, for its lifetime, which streams this thread asks `random_stream` for, and where each stood then. Notes nest.
class RandomNotes {
 public:
  RandomNotes();
  ~RandomNotes();
  RandomNotes(const RandomNotes&) = delete;
  RandomNotes& operator=(const RandomNotes&) = delete;
  const RandomPositions& positions() const { return positions_; }

 private:
  friend RandomStream& random_stream(std::string_view purpose);
  RandomPositions positions_;
  RandomNotes* outer_;
};

/// Puts streams back to where they stood, for its lifetime; then they go on as if nothing had been drawn. Streams that
/// it does not name, which other threads may be drawing from, are left alone.
class RandomRewind {
 public:
  explicit RandomRewind(const RandomPositions& to);
  ~RandomRewind();
  RandomRewind(const RandomRewind&) = delete;
  RandomRewind& operator=(const RandomRewind&) = delete;

 private:
  std::map<std::string, RandomStream> before_;
};

}  // namespace canopy
