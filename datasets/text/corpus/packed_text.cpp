#include <canopy/datasets/text/corpus/packed_text.hpp>

#include <charconv>
#include <cstring>
#include <utility>

#include <canopy/core/error.hpp>
#include <canopy/core/failures.hpp>
#include <canopy/core/safetensors_reader.hpp>
#include <canopy/datasets/text/corpus/packed_format.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

using datasets::packed::Metadata;
namespace packed = datasets::packed;

const std::string& text_of(const Metadata& metadata, const std::string& name, const std::string& file) {
  const auto found = metadata.find(name);
  if (found == metadata.end())
    throw DataError(fmt::format("{}: expected \"{}\" in its header, found none", file, name));
  return found->second;
}

template <class Number>
Number number_of(const Metadata& metadata, const std::string& name, const std::string& file) {
  const std::string& text = text_of(metadata, name, file);
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) {
    throw DataError(fmt::format("{}: {}: expected a whole number, found '{}'", file, name, text));
  }
  return number;
}

SpecialTokens special_of(const Metadata& metadata, const std::string& file) {
  const auto id = [&](const char* name) { return number_of<std::int32_t>(metadata, name, file); };
  return {.padding = id("padding_id"),
          .unknown = id("unknown_id"),
          .classify = id("classify_id"),
          .separate = id("separate_id"),
          .mask = id("mask_id")};
}

void check_kind(const Metadata& metadata, const std::string& file) {
  const auto format = metadata.find("format");
  if (format == metadata.end() || format->second != packed::format_name) {
    throw DataError(fmt::format("{}: expected text as canopy packs it, found another safetensors file", file));
  }
  const std::string& version = text_of(metadata, "version", file);
  if (version != packed::format_version) {
    throw DataError(fmt::format("{}: expected packed text of version {}, found version {}: pack it again", file,
                                packed::format_version, version));
  }
}

/// How many sequences a tensor holds.
std::int64_t rows_of(const SafetensorsReader& reader, const char* name, std::int64_t length, const char* dtype) {
  const std::string file = reader.path().string();
  const auto found = reader.entries().find(name);
  if (found == reader.entries().end()) throw DataError(fmt::format("{}: there is no tensor \"{}\"", file, name));
  const SafetensorsEntry& entry = found->second;
  if (entry.dtype != dtype || entry.shape.rank() != 2 || entry.shape[1] != length) {
    throw DataError(fmt::format("{}: tensor \"{}\": expected {} [sequences, {}], found {} {}", file, name, dtype,
                                length, entry.dtype, entry.shape.to_string()));
  }
  return entry.shape[0];
}

/// Of a file whose last bytes are ids: a safetensors file has no others behind its header.
std::string digest_of(const std::filesystem::path& path, const Metadata& metadata, std::int64_t bytes) {
  const MappedFile file(path);
  datasets::Digest digest(datasets::DigestKind::sha256);
  packed::add(metadata, digest);
  const auto size = static_cast<std::uint64_t>(bytes);
  packed::for_each_block(file, file.size() - size, size,
                         [&](const char* block, std::size_t count) { digest.add(block, count); });
  return digest.digits();
}

/// The bytes of a map, which live as long as the pointer does.
std::shared_ptr<const char> shared(MappedFile::Window&& window) {
  auto kept = std::make_shared<const MappedFile::Window>(std::move(window));
  return {kept, kept->data()};
}

}  // namespace

void PackedSequences::read(std::int64_t index, std::span<std::int32_t> ids) const {
  if (index < 0 || index >= size_) {
    throw Error(fmt::format("packed text: expected a sequence from 0 to {}, found {}", size_ - 1, index));
  }
  const std::int64_t bytes = packed::id_format(vocabulary_size_).bytes;
  const char* row = bytes_.get() + index * length_ * bytes;
  if (bytes == sizeof(std::int32_t)) {
    std::memcpy(ids.data(), row, static_cast<std::size_t>(length_ * bytes));
    return;
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(length_); ++i) {
    std::uint16_t id = 0;  // nothing promises that the file is aligned
    std::memcpy(&id, row + i * sizeof id, sizeof id);
    ids[i] = id;
  }
}

Indices PackedSequences::batch(std::span<const std::int64_t> indices) const {
  Indices ids({std::ssize(indices), length_});
  const std::span<std::int32_t> all = ids.mutable_elements();
  const auto length = static_cast<std::size_t>(length_);
  for (std::size_t i = 0; i < indices.size(); ++i) read(indices[i], all.subspan(i * length, length));
  return ids;
}

PackedText::PackedText(const std::filesystem::path& path) : path_(path.string()) {
  failing_as<DataError>(path, [&] {
    const SafetensorsReader reader(path);
    metadata_ = reader.metadata();
    check_kind(metadata_, path_);
    PackedSequences both;
    both.length_ = number_of<std::int64_t>(metadata_, "sequence_length", path_);
    both.vocabulary_size_ = number_of<std::int64_t>(metadata_, "vocabulary_size", path_);
    both.special_ = special_of(metadata_, path_);
    const packed::IdFormat format = packed::id_format(both.vocabulary_size_);
    const auto open = [&](const char* name) {
      PackedSequences sequences = both;
      sequences.size_ = rows_of(reader, name, both.length_, format.dtype);
      sequences.bytes_ = shared(reader.map(name));
      return sequences;
    };
    training_ = open(packed::training_name);
    held_out_ = open(packed::held_out_name);
    const std::string& expected = text_of(metadata_, packed::digest_key, path_);
    const std::string found =
        digest_of(path, metadata_, (training_.size_ + held_out_.size_) * both.length_ * format.bytes);
    if (found != expected) {
      throw DataError(
          fmt::format("{}: expected the SHA-256 {}, found {}: the file is damaged", path_, expected, found));
    }
  });
}

void PackedText::require(const Vocabulary& vocabulary) const {
  const std::string& expected = text_of(metadata_, "vocabulary_sha256", path_);
  const std::string found = packed::vocabulary_digest(vocabulary);
  if (found == expected) return;
  throw DataError(
      fmt::format("{}: was packed with another vocabulary: expected {} tokens of the SHA-256 {}, found {} of {}", path_,
                  training_.vocabulary_size(), expected, vocabulary.size(), found));
}

}  // namespace canopy
