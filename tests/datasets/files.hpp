// Small data files, well formed or damaged on purpose, and the real ones where they are.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string>
#include <string_view>

#include <zlib.h>
#include <boost/test/unit_test.hpp>

namespace canopy::test {

inline void write_plain(const std::filesystem::path& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

/// One gzip member.
inline std::string gzip(std::string_view content) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 255);
  return bytes;
}

/// The content of an IDX file whose elements are 0, step, 2 step, ... modulo `modulus`, plus `first`.
inline std::string idx(std::initializer_list<std::uint32_t> extents, int step, int modulus, int first = 0) {
  std::string content = big_endian(0x0800u | static_cast<std::uint32_t>(extents.size()));
  std::size_t size = 1;
  for (const std::uint32_t extent : extents) {
    content += big_endian(extent);
    size *= extent;
  }
  for (std::size_t i = 0; i < size; ++i) {
    content += static_cast<char>(first + static_cast<int>(i) * step % modulus);
  }
  return content;
}

/// The four files of a small data set of images of 3 x 5: 40 for training, 12 for testing, labels from 0 to 9.
inline void write_small_mnist(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  write_plain(folder / "train-images-idx3-ubyte.gz", gzip(idx({40, 3, 5}, 37, 256)));
  write_plain(folder / "train-labels-idx1-ubyte.gz", gzip(idx({40}, 3, 10)));
  write_plain(folder / "t10k-images-idx3-ubyte", idx({12, 3, 5}, 91, 256));
  write_plain(folder / "t10k-labels-idx1-ubyte", idx({12}, 7, 10));
}

/// A root with the real data set in it, or empty after a visible message.
inline std::filesystem::path real_data(const char* name) {
  const char* variable = std::getenv("CANOPY_DATA");
  const std::filesystem::path root = variable && *variable ? variable : CANOPY_TEST_DATA;
  if (std::filesystem::exists(root / name)) return root;
  BOOST_TEST_MESSAGE("SKIPPED: no real " << name << " in " << root << "; set CANOPY_DATA to check it");
  return {};
}

}  // namespace canopy::test
