// The gateway to xtensor, the array language of canopy: broadcasting arithmetic and slicing on `view(tensor)`.
//
// The only file that includes xtensor, because xtensor 0.24 and 0.25 need two repairs under g++ -std=c++20. Their
// xexpression_traits.hpp recognises C++17 by `__cplusplus == 201703L`; in C++20 a dynamic shape, an svector with its
// default arguments, then matches the partial specialisation for fixed shapes, and temporaries silently become arrays
// of rank 4: garbage or crashes.
//  1. The specialisation below names xarray for the dynamic shape, before any xtensor header can choose otherwise. It
//     is explicit, since a partial one would be ambiguous, and so holds in files compiled without the flag, too.
//  2. The target canopy::xtensor passes -fno-new-ttp-matching to GCC, which undoes the overly eager match for svectors
//     of any other kind.
// One thing the header cannot repair, in C++17 neither: a lazy reduction with keep_dims inside of an expression that
// broadcasts it gives garbage. Evaluate reductions first:
//   const Tensor mean = evaluate(xt::sum(view(x), {1}, xt::keep_dims) / n);
//   const Tensor centred = evaluate(view(x) - view(mean));
// tests/core/xtensor.cpp holds all of this, tests/core/xtensor_without_flag.cpp the first repair alone. This header
// costs two seconds a file: keep it out of other public headers.
#pragma once

#include <cstddef>
#include <memory>

// GCC 12 takes the deliberately undefined registers of its own AVX-512 header for mistakes (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#if __has_include(<xtensor/core/xtensor_config.hpp>)  // 0.26 put its headers into folders, and needs no repair
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/containers/xarray.hpp>
#include <xtensor/core/xeval.hpp>
#include <xtensor/core/xmath.hpp>
#include <xtensor/core/xnoalias.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xtensor_forward.hpp>
#if defined(__GNUC__) && !defined(__clang__)
namespace xt {
template <class T, std::size_t N, class A, bool Init>
class svector;
}
namespace xt::detail {
template <class S>
struct xtype_for_shape;
template <>
struct xtype_for_shape<svector<std::size_t, 4, std::allocator<std::size_t>, true>> {
  template <class Value, layout_type Layout>
  using type = xarray<Value, Layout>;
};
}  // namespace xt::detail
#endif
#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xeval.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xnoalias.hpp>
#include <xtensor/xview.hpp>
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <canopy/core/array.hpp>
#include <canopy/core/error.hpp>

// Without optimisation GCC's blends are macros that cast, which xsimd before 10 hands objects that cannot be cast:
// xt::log on AVX-512. Its integers of these sizes never get there.
#if defined(XTENSOR_USE_XSIMD) && XSIMD_VERSION_MAJOR < 10 && defined(__AVX512BW__) && defined(__GNUC__) && \
    !defined(__clang__) && !defined(__OPTIMIZE__)
namespace xsimd::kernel {
template <>
inline batch<std::int32_t, avx512bw> select(const batch_bool<std::int32_t, avx512bw>& condition,
                                            const batch<std::int32_t, avx512bw>& yes,
                                            const batch<std::int32_t, avx512bw>& no, requires_arch<avx512bw>) noexcept {
  return select(condition, yes, no, avx512dq{});
}
template <>
inline batch<std::int64_t, avx512bw> select(const batch_bool<std::int64_t, avx512bw>& condition,
                                            const batch<std::int64_t, avx512bw>& yes,
                                            const batch<std::int64_t, avx512bw>& no, requires_arch<avx512bw>) noexcept {
  return select(condition, yes, no, avx512dq{});
}
}  // namespace xsimd::kernel
#endif

namespace canopy {

/// A read-only xtensor view of the elements; valid while `array` or another handle of its buffer lives.
template <class T>
auto view(const Array<T>& array) {
  xt::dynamic_shape<std::size_t> shape(array.shape().begin(), array.shape().end());
  return xt::adapt(array.data(), static_cast<std::size_t>(array.size()), xt::no_ownership(), shape);
}

/// The same for writing; counts a new version of the buffer.
template <class T>
auto mutable_view(Array<T>& array) {
  xt::dynamic_shape<std::size_t> shape(array.shape().begin(), array.shape().end());
  return xt::adapt(array.mutable_data(), static_cast<std::size_t>(array.size()), xt::no_ownership(), shape);
}

/// The expression computed into a new array of its shape: `evaluate(view(a) * view(b))`.
template <class E>
auto evaluate(const xt::xexpression<E>& expression) {
  const E& e = expression.derived_cast();
  std::array<std::int64_t, Shape::max_rank> extents{};
  const std::size_t rank = e.dimension();
  if (rank > extents.size()) throw ShapeError("evaluate: the expression has more axes than a shape can hold");
  std::transform(e.shape().begin(), e.shape().end(), extents.begin(),
                 [](auto extent) { return static_cast<std::int64_t>(extent); });
  Array<std::remove_cv_t<typename E::value_type>> result(Shape(std::span<const std::int64_t>(extents.data(), rank)));
  auto out = mutable_view(result);
  xt::noalias(out) = e;
  return result;
}

}  // namespace canopy
