#include <canopy/datasets/text/corpus/packed_format.hpp>

#include <algorithm>

#include <nlohmann/json.hpp>

namespace canopy::datasets::packed {

std::string header_of(const Metadata& metadata, const RowFormat& row, std::int64_t training, std::int64_t held_out) {
  using Json = nlohmann::json;
  const auto tensor = [&](std::int64_t begin, std::int64_t sequences) {
    return Json{{"dtype", row.id.dtype},
                {"shape", {sequences, row.length}},
                {"data_offsets", {begin * row.bytes(), (begin + sequences) * row.bytes()}}};
  };
  std::string text =
      Json{
          {"__metadata__", metadata}, {training_name, tensor(0, training)}, {held_out_name, tensor(training, held_out)}}
          .dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t size = text.size();
  return std::string(reinterpret_cast<const char*>(&size), sizeof size) + text;
}

std::string vocabulary_digest(const Vocabulary& vocabulary) {
  Digest digest(DigestKind::sha256);
  for (const std::string& token : vocabulary.tokens()) {
    digest.add(token.data(), token.size());
    digest.add("\n", 1);
  }
  return digest.digits();
}

void for_each_block(const MappedFile& file, std::uint64_t begin, std::uint64_t size, const TakeBlock& take) {
  constexpr std::uint64_t block = 1 << 24;
  for (std::uint64_t done = 0; done < size; done += block) {
    const auto count = static_cast<std::size_t>(std::min(block, size - done));
    take(file.map(begin + done, count).data(), count);
  }
}

void add(const Metadata& metadata, Digest& digest) {
  for (const auto& [name, text] : metadata) {
    if (name == digest_key) continue;
    digest.add(name.c_str(), name.size() + 1);
    digest.add(text.c_str(), text.size() + 1);
  }
}

}  // namespace canopy::datasets::packed
