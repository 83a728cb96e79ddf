#include <canopy/core/random.hpp>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <utility>

#include <Random123/philox.h>
#include <Random123/boxmuller.hpp>
#include <Random123/uniform.hpp>

namespace canopy {
namespace {

using Philox = r123::Philox4x32;

// FNV-1a: names of purposes are few and short, any good mixing keeps their streams apart.
std::uint64_t hash(std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return h;
}

Philox::ctr_type block(std::uint64_t seed, std::uint64_t purpose, std::uint64_t position) {
  const auto low = [](std::uint64_t v) { return static_cast<std::uint32_t>(v); };
  const auto high = [](std::uint64_t v) { return static_cast<std::uint32_t>(v >> 32); };
  const Philox::ctr_type counter = {{low(position), high(position), low(purpose), high(purpose)}};
  const Philox::key_type key = {{low(seed), high(seed)}};
  return Philox{}(counter, key);
}

// The 24 highest bits, exact in a float: [0, 1).
float unit(std::uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1p-24f; }

// Calls f(element, its bits) for every element, four elements a block.
template <class F>
void fill(std::span<float> out, std::uint64_t seed, std::uint64_t purpose, std::uint64_t& position, F f) {
  for (std::size_t i = 0; i < out.size(); i += 4) {
    const auto bits = block(seed, purpose, position++);
    for (std::size_t j = 0; j < 4 && i + j < out.size(); ++j) out[i + j] = f(bits[j]);
  }
}

struct Streams {
  std::mutex mutex;
  std::uint64_t seed = 0;
  std::map<std::string, RandomStream, std::less<>> named;
};

Streams& streams() {
  static Streams instance;
  return instance;
}

thread_local RandomNotes* innermost_notes = nullptr;

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, std::string_view purpose) : seed_(seed), purpose_(hash(purpose)) {}

void RandomStream::fill_uniform(std::span<float> out, float low, float high) {
  const float last = std::nextafter(high, low);  // the sum may round up to `high`
  fill(out, seed_, purpose_, position_,
       [=](std::uint32_t bits) { return std::min(low + (high - low) * unit(bits), last); });
}

void RandomStream::fill_normal(std::span<float> out, float mean, float deviation) {
  for (std::size_t i = 0; i < out.size(); i += 4) {
    const auto bits = block(seed_, purpose_, position_++);
    const auto a = r123::boxmuller(bits[0], bits[1]);
    const auto b = r123::boxmuller(bits[2], bits[3]);
    const float normal[4] = {a.x, a.y, b.x, b.y};
    for (std::size_t j = 0; j < 4 && i + j < out.size(); ++j) out[i + j] = mean + deviation * normal[j];
  }
}

void RandomStream::fill_bernoulli(std::span<float> out, float probability) {
  fill(out, seed_, purpose_, position_, [=](std::uint32_t bits) { return unit(bits) < probability ? 1.f : 0.f; });
}

RandomStream::result_type RandomStream::operator()() { return block(seed_, purpose_, position_++)[0]; }

void manual_seed(std::uint64_t seed) { restore_random(seed, {}); }

std::uint64_t current_seed() {
  const std::lock_guard lock(streams().mutex);
  return streams().seed;
}

RandomStream& random_stream(std::string_view purpose) {
  Streams& all = streams();
  const std::lock_guard lock(all.mutex);
  auto found = all.named.find(purpose);
  if (found == all.named.end()) found = all.named.emplace(purpose, RandomStream(all.seed, purpose)).first;
  for (RandomNotes* notes = innermost_notes; notes != nullptr; notes = notes->outer_) {
    notes->positions_.streams.emplace(found->first, found->second.position());
  }
  return found->second;
}

std::map<std::string, std::uint64_t> random_positions() {
  const std::lock_guard lock(streams().mutex);
  std::map<std::string, std::uint64_t> positions;
  for (const auto& [purpose, stream] : streams().named) positions.emplace(purpose, stream.position());
  return positions;
}

void restore_random(std::uint64_t seed, const std::map<std::string, std::uint64_t>& positions) {
  Streams& all = streams();
  const std::lock_guard lock(all.mutex);
  all.seed = seed;
  for (auto& [purpose, stream] : all.named) stream = RandomStream(seed, purpose);
  for (const auto& [purpose, position] : positions) {
    all.named.insert_or_assign(purpose, RandomStream(seed, purpose)).first->second.seek(position);
  }
}

RandomNotes::RandomNotes() : positions_{current_seed(), {}}, outer_(std::exchange(innermost_notes, this)) {}

RandomNotes::~RandomNotes() { innermost_notes = outer_; }

RandomRewind::RandomRewind(const RandomPositions& to) {
  Streams& all = streams();
  const std::lock_guard lock(all.mutex);
  for (const auto& [purpose, position] : to.streams) {
    RandomStream& stream = all.named.try_emplace(purpose, all.seed, purpose).first->second;
    before_.emplace(purpose, stream);
    stream = RandomStream(to.seed, purpose);
    stream.seek(position);
  }
}

RandomRewind::~RandomRewind() {
  Streams& all = streams();
  const std::lock_guard lock(all.mutex);
  for (const auto& [purpose, stream] : before_) all.named.at(purpose) = stream;
}

}  // namespace canopy
