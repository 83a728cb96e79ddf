#include <canopy/core/array.hpp>

#include <cstdint>
#include <limits>
#include <new>
#include <string>
#include <vector>

#include <canopy/core/error.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(array)

BOOST_AUTO_TEST_CASE(construction) {
  BOOST_CHECK((Tensor().shape() == Shape{0}));
  BOOST_TEST(Tensor().data() == nullptr);
  BOOST_TEST(Tensor::scalar(3.f).item() == 3.f);
  BOOST_TEST(Tensor::scalar(3.f).rank() == 0);
  const Tensor filled({2, 3}, 7.f);
  for (const float v : filled.elements()) BOOST_TEST(v == 7.f);
  const Indices listed({2, 2}, {1, 2, 3, 4});
  BOOST_TEST(listed.data()[3] == 4);
  BOOST_TEST(listed.extent(-1) == 2);
  BOOST_CHECK_THROW(Tensor({2, 3}, {1.f, 2.f}), ShapeError);
  const auto says = [](const std::string& text) {
    return [text](const ShapeError& error) { return error.what() == text; };
  };
  BOOST_CHECK_EXCEPTION(filled.item(), ShapeError, says("item: the shape [2, 3] has 6 elements where 1 is needed"));
  BOOST_CHECK_EXCEPTION(Tensor().item(), ShapeError, says("item: the shape [0] has 0 elements where 1 is needed"));
  BOOST_CHECK_EXCEPTION(Tensor::scalar(1.f).reshape({4}), ShapeError,
                        says("reshape: the shape [4] has 4 elements where 1 is needed"));
}

BOOST_AUTO_TEST_CASE(elements_start_on_a_cache_line) {
  for (const std::int64_t n : {1, 3, 17, 1000, 100003}) {
    const Bytes bytes(Shape{n});
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(bytes.data()) % 64 == 0u);
  }
}

BOOST_AUTO_TEST_CASE(copies_share_and_clones_do_not) {
  Tensor a({2}, 1.f);
  BOOST_TEST(a.unique());
  Tensor shared = a;
  const Tensor cloned = a.clone();
  BOOST_TEST(!a.unique());
  BOOST_TEST(a.shares_buffer_with(shared));
  BOOST_TEST(!a.shares_buffer_with(cloned));
  shared.mutable_data()[0] = 5.f;
  BOOST_TEST(a.data()[0] == 5.f);
  BOOST_TEST(cloned.data()[0] == 1.f);
  shared = Tensor();
  BOOST_TEST(a.unique());
  BOOST_TEST(!Tensor().shares_buffer_with(Tensor()));
}

BOOST_AUTO_TEST_CASE(reshape_shares) {
  const Tensor a({2, 3}, {1.f, 2.f, 3.f, 4.f, 5.f, 6.f});
  const Tensor b = a.reshape({3, 2});
  BOOST_TEST(b.shares_buffer_with(a));
  BOOST_CHECK((b.shape() == Shape{3, 2}));
  BOOST_CHECK((a.shape() == Shape{2, 3}));
  BOOST_CHECK_THROW(a.reshape({4}), ShapeError);
}

BOOST_AUTO_TEST_CASE(writing_counts_versions_for_every_handle) {
  Tensor a({2}, 1.f);
  const Tensor b = a.reshape({2, 1});
  const auto counter = b.version_counter();
  const auto before = b.version();
  BOOST_TEST(a.data()[0] == 1.f);  // reading does not count
  BOOST_TEST(b.version() == before);
  a.mutable_data()[0] = 2.f;
  BOOST_TEST(b.version() > before);
  BOOST_TEST(counter->load() == b.version());
}

BOOST_AUTO_TEST_CASE(a_version_counter_outlives_its_array) {
  auto counter = Tensor({2}, 1.f).version_counter();
  BOOST_TEST(counter->load() == 0u);
  BOOST_TEST(Tensor().version_counter() == nullptr);
}

BOOST_AUTO_TEST_CASE(no_elements_are_fine) {
  Tensor none({0, 5}, 1.f);
  BOOST_TEST(none.empty());
  BOOST_TEST(none.mutable_elements().empty());
  BOOST_CHECK((none.clone().shape() == Shape{0, 5}));
  BOOST_CHECK((Tensor().clone().shape() == Shape{0}));
  BOOST_CHECK((none.reshape({5, 0}).shape() == Shape{5, 0}));
}

// As many elements as an int64 counts, but more bytes: a checkpoint's header may say so.
BOOST_AUTO_TEST_CASE(more_bytes_than_can_be_counted) {
  BOOST_CHECK_THROW(Tensor(Shape{std::int64_t{1} << 62}), ShapeError);
  BOOST_CHECK_THROW(Tensor(Shape{std::numeric_limits<std::int64_t>::max()}), ShapeError);
  BOOST_CHECK_THROW(Array<double>(Shape{(std::int64_t{1} << 61) + 1}), ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
