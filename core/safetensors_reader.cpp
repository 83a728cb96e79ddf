#include <canopy/core/safetensors_reader.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/failures.hpp>
#include <canopy/core/file.hpp>
#include <canopy/core/number_formats.hpp>
#include <canopy/core/safetensors_header.hpp>
#include <canopy/core/safetensors_index.hpp>

#include <fmt/format.h>

namespace canopy {

using namespace safetensors;

struct SafetensorsReader::State {
  // Where a tensor's bytes are.
  struct Place {
    std::size_t file;
    std::uint64_t offset;
    const TypeInfo* type;
  };

  std::filesystem::path path;
  std::map<std::string, std::string> metadata;
  std::map<std::string, SafetensorsEntry> entries;
  std::map<std::string, Place> places;
  std::vector<MappedFile> files;

  void add_file(const std::filesystem::path& file);
  void add_shards(const std::filesystem::path& index);
  const Place& place(const std::string& name) const;
  template <class To>
  Array<To> read(const std::string& name, Accept accept) const;
};

namespace {

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");

constexpr std::int64_t window_bytes = 1 << 24;

template <class From, class To>
void convert(const MappedFile& file, std::uint64_t offset, Array<To>& out) {
  constexpr std::int64_t block = window_bytes / sizeof(From);
  To* to = out.mutable_data();
  for (std::int64_t begin = 0; begin < out.size(); begin += block) {
    const std::int64_t count = std::min(block, out.size() - begin);
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(From);
    const MappedFile::Window window = file.map(offset + static_cast<std::uint64_t>(begin) * sizeof(From), bytes);
    if constexpr (std::is_same_v<From, To>) {
      std::memcpy(to + begin, window.data(), bytes);
      continue;
    }
    for (std::int64_t i = 0; i < count; ++i) {
      From value;  // nothing promises that the file is aligned
      std::memcpy(&value, window.data() + static_cast<std::size_t>(i) * sizeof(From), sizeof(From));
      bool fits = representable<To>(value);
      if constexpr (std::is_integral_v<From> && !std::is_integral_v<To>) fits = exact_as_float(value);
      if (!fits) {
        throw CheckpointError(
            fmt::format("element {} does not fit {}{}", begin + i, std::is_integral_v<To> ? "I" : "F", 8 * sizeof(To)));
      }
      to[begin + i] = static_cast<To>(value);
    }
  }
}

template <class To>
void convert(Type type, const MappedFile& file, std::uint64_t offset, Array<To>& out) {
  if constexpr (std::is_floating_point_v<To>) {
    switch (type) {
      case Type::f64:
        return convert<double>(file, offset, out);
      case Type::f32:
        return convert<float>(file, offset, out);
      case Type::f16:
        return convert<Half>(file, offset, out);
      case Type::bf16:
        return convert<BrainFloat>(file, offset, out);
      default:
        break;
    }
  }
  switch (type) {
    case Type::i64:
      return convert<std::int64_t>(file, offset, out);
    case Type::i32:
      return convert<std::int32_t>(file, offset, out);
    case Type::i16:
      return convert<std::int16_t>(file, offset, out);
    case Type::i8:
      return convert<std::int8_t>(file, offset, out);
    case Type::u64:
      return convert<std::uint64_t>(file, offset, out);
    case Type::u32:
      return convert<std::uint32_t>(file, offset, out);
    case Type::u16:
      return convert<std::uint16_t>(file, offset, out);
    case Type::u8:
    case Type::boolean:
      return convert<std::uint8_t>(file, offset, out);
    default:
      break;
  }
}

std::string read_header(const MappedFile& mapped, const std::string& file) {
  if (mapped.size() < length_bytes) {
    throw CheckpointError(fmt::format("{}: at byte 0: expected the {} bytes of the header's length, found a file of {}",
                                      file, length_bytes, mapped.size()));
  }
  std::uint64_t length = 0;
  std::memcpy(&length, mapped.map(0, length_bytes).data(), length_bytes);
  const std::uint64_t limit = std::min(header_limit, mapped.size() - length_bytes);
  if (length > limit) {
    throw CheckpointError(
        fmt::format("{}: at byte 0: expected a header of at most {} bytes, found the length {}", file, limit, length));
  }
  const auto size = static_cast<std::size_t>(length);
  std::string text(mapped.map(length_bytes, size).data(), size);
  if (!text.starts_with('{')) {
    throw CheckpointError(fmt::format(
        "{}: at byte {}: expected the header to begin with '{{', found {}", file, length_bytes,
        text.empty() ? "no header" : fmt::format("the byte 0x{:02x}", static_cast<unsigned char>(text[0]))));
  }
  return text;
}

bool is_there(const std::filesystem::path& path) {
  std::error_code unknown;
  return std::filesystem::exists(path, unknown);
}

std::string read_index(const std::filesystem::path& path) {
  std::error_code unknown;
  const std::uintmax_t size = std::filesystem::file_size(path, unknown);
  if (!unknown && size > header_limit) {
    throw CheckpointError(
        fmt::format("{}: expected an index of at most {} bytes, found {}", path.string(), header_limit, size));
  }
  return read_file(path);
}

}  // namespace

void SafetensorsReader::State::add_file(const std::filesystem::path& file) {
  const std::string name = file.string();
  MappedFile& mapped = files.emplace_back(file);
  const std::string text = read_header(mapped, name);
  Header header = parse_header(name, text);
  const std::uint64_t data_offset = length_bytes + text.size();
  check_layout(name, header.entries, data_offset, mapped.size() - data_offset);
  metadata.merge(header.metadata);
  for (Entry& entry : header.entries) {
    const auto [place, fresh] =
        places.try_emplace(entry.name, Place{files.size() - 1, data_offset + entry.begin, entry.type});
    if (!fresh) {
      throw CheckpointError(fmt::format("{}: expected each tensor in one shard, found \"{}\" in {} as well", name,
                                        entry.name, files[place->second.file].path().string()));
    }
    entries.emplace(std::move(entry.name), SafetensorsEntry{entry.type->name, *entry.shape});
  }
}

void SafetensorsReader::State::add_shards(const std::filesystem::path& index) {
  const std::string name = index.string();
  Index parsed = parse_index(name, read_index(index));
  metadata = std::move(parsed.metadata);
  std::map<std::string, std::size_t> shards;
  for (const auto& [tensor, shard] : parsed.weight_map) {
    if (!shards.try_emplace(shard, files.size()).second) continue;
    const std::filesystem::path file = index.parent_path() / shard;
    if (!is_there(file)) {
      throw CheckpointError(
          fmt::format("{}: expected the shard {} with \"{}\", found no such file", name, file.string(), tensor));
    }
    add_file(file);
  }
  for (const auto& [tensor, shard] : parsed.weight_map) {
    const auto found = places.find(tensor);
    if (found != places.end() && found->second.file == shards.at(shard)) continue;
    throw CheckpointError(
        fmt::format("{}: expected \"{}\" in {}, found it in {}", name, tensor, shard,
                    found == places.end() ? "no shard" : files[found->second.file].path().filename().string()));
  }
}

const SafetensorsReader::State::Place& SafetensorsReader::State::place(const std::string& name) const {
  const auto found = places.find(name);
  if (found == places.end()) throw CheckpointError(fmt::format("{}: there is no tensor \"{}\"", path.string(), name));
  return found->second;
}

template <class To>
Array<To> SafetensorsReader::State::read(const std::string& name, Accept accept) const {
  const Place& where = place(name);
  const SafetensorsEntry& entry = entries.at(name);
  const MappedFile& file = files[where.file];
  const auto complain = [&](const std::string& what) {
    return CheckpointError(fmt::format("{}: tensor \"{}\" ({}): {}", file.path().string(), name, entry.dtype, what));
  };
  if (std::is_integral_v<To> && entry.is_float()) throw complain("expected integers");
  if (accept == Accept::floats && !std::is_integral_v<To> && !entry.is_float()) {
    throw complain("expected floats; integers are converted on request (Accept::numbers)");
  }
  try {
    Array<To> out(entry.shape);
    convert(where.type->type, file, where.offset, out);
    return out;
  } catch (const Error& error) {
    throw complain(error.what());
  } catch (const std::bad_alloc&) {
    throw complain(fmt::format("there is no memory for {} elements", entry.shape.size()));
  }
}

SafetensorsReader::SafetensorsReader(const std::filesystem::path& path) {
  auto state = std::make_shared<State>();
  state->path = path;
  failing_as<CheckpointError>(path, [&] {
    if (path.extension() == ".json") return state->add_shards(path);
    std::error_code unknown;  // opening says what is wrong
    if (!std::filesystem::is_directory(path, unknown)) return state->add_file(path);
    if (is_there(path / single_file)) return state->add_file(path / single_file);
    if (is_there(path / index_file)) return state->add_shards(path / index_file);
    throw CheckpointError(
        fmt::format("{}: expected {} or {} in this folder, found neither", path.string(), single_file, index_file));
  });
  state_ = std::move(state);
}

const std::filesystem::path& SafetensorsReader::path() const { return state_->path; }

const std::map<std::string, std::string>& SafetensorsReader::metadata() const { return state_->metadata; }

const std::map<std::string, SafetensorsEntry>& SafetensorsReader::entries() const { return state_->entries; }

Tensor SafetensorsReader::tensor(const std::string& name, Accept accept) const {
  return state_->read<float>(name, accept);
}

Indices SafetensorsReader::indices(const std::string& name) const {
  return state_->read<std::int32_t>(name, Accept::numbers);
}

MappedFile::Window SafetensorsReader::map(const std::string& name) const {
  const State::Place& place = state_->place(name);
  const auto bytes = static_cast<std::size_t>(state_->entries.at(name).shape.size() * place.type->bytes);
  const MappedFile& file = state_->files[place.file];
  return failing_as<CheckpointError>(file.path(), [&] { return file.map(place.offset, bytes); });
}

}  // namespace canopy
