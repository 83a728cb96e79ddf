#include <canopy/autograd/sequence_mean.hpp>

#include <iterator>
#include <span>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/threads.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

// Calls body(sequence, row, share of the row in the sequence's mean) for each valid row; sequences on all threads.
template <class Body>
void for_each_valid_row(const Sequences& sequences, const Body& body) {
  parallel_for(sequences.count(), 8, [&](std::int64_t s, std::int64_t end) {
    for (; s < end; ++s) {
      const std::span<const std::int32_t> keys = sequences.keys(s);
      const std::int64_t count = sequences.all_valid() ? sequences.tokens(s) : std::ssize(keys);
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t token = sequences.all_valid() ? i : keys[static_cast<std::size_t>(i)];
        body(s, sequences.begin(s) + token, 1.f / static_cast<float>(count));
      }
    }
  });
}

}  // namespace

Variable sequence_mean(const Variable& x, const Sequences& sequences) {
  if (x.shape().rank() != 2 || x.extent(0) != sequences.rows()) {
    throw ShapeError(fmt::format("sequence_mean: x {} where [{}, width] is needed: the sequences have {} rows",
                                 x.shape().to_string(), sequences.rows(), sequences.rows()));
  }
  const std::int64_t width = x.extent(1);
  Tensor y = Tensor::zeros({sequences.count(), width});
  for_each_valid_row(sequences,
                     [&, in = x.value().data(), out = y.mutable_data()](std::int64_t s, std::int64_t row, float share) {
                       for (std::int64_t j = 0; j < width; ++j) out[s * width + j] += share * in[row * width + j];
                     });
  return record("sequence_mean", {x}, std::move(y), keep(),
                [sequences, width, dx = x.sink(), shape = x.shape()](const Tensor& dy) {
                  Tensor gradient = Tensor::zeros(shape);
                  for_each_valid_row(sequences,
                                     [&, out = gradient.mutable_data()](std::int64_t s, std::int64_t row, float share) {
                                       for (std::int64_t j = 0; j < width; ++j)
                                         out[row * width + j] = share * dy.data()[s * width + j];
                                     });
                  dx.accumulate(std::move(gradient));
                });
}

}  // namespace canopy
