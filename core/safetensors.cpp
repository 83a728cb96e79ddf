#include <canopy/core/safetensors.hpp>

#include <cstdint>
#include <system_error>
#include <utility>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/file.hpp>
#include <canopy/core/safetensors_header.hpp>
#include <canopy/core/safetensors_index.hpp>
#include <canopy/core/safetensors_reader.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace canopy {

using namespace safetensors;

namespace {

struct Item {
  const char* dtype;
  const Shape* shape;
  const void* data;
  std::uint64_t bytes;
};

// The text of the header, padded so that the data begin at a multiple of 8 bytes.
std::string header_text(const Safetensors& content, const std::map<std::string, Item>& items) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!content.metadata.empty()) header[metadata_key] = content.metadata;
  std::uint64_t position = 0;
  for (const auto& [name, item] : items) {
    header[name] = {{"dtype", item.dtype},
                    {"shape", std::vector<std::int64_t>(item.shape->begin(), item.shape->end())},
                    {"data_offsets", {position, position + item.bytes}}};
    position += item.bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + length_bytes - 1) / length_bytes * length_bytes, ' ');
  return text;
}

template <class T>
void append_items(const std::string& file, const std::map<std::string, Array<T>>& arrays, const char* dtype,
                  std::map<std::string, Item>& items) {
  for (const auto& [name, array] : arrays) {
    const Item item{dtype, &array.shape(), array.data(), static_cast<std::uint64_t>(array.size()) * sizeof(T)};
    if (name == metadata_key || !items.emplace(name, item).second) {
      throw CheckpointError(fmt::format("{}: cannot write two entries with the name \"{}\"", file, name));
    }
  }
}

// Everything to be written, by name.
std::map<std::string, Item> items_of(const std::string& file, const Safetensors& content) {
  std::map<std::string, Item> items;
  append_items(file, content.tensors, "F32", items);
  append_items(file, content.indices, "I32", items);
  return items;
}

// The shards by file name, in the order of the tensors' names; one at least.
std::map<std::string, Safetensors> cut_into_shards(const Safetensors& content, const std::map<std::string, Item>& items,
                                                   std::uint64_t shard_bytes) {
  std::vector<Safetensors> shards(1);
  std::uint64_t filled = 0;
  for (const auto& [name, item] : items) {
    if (filled > 0 && (filled >= shard_bytes || item.bytes > shard_bytes - filled)) {
      shards.emplace_back();
      filled = 0;
    }
    filled += item.bytes;
    if (const auto tensor = content.tensors.find(name); tensor != content.tensors.end()) {
      shards.back().tensors.insert(*tensor);
    } else {
      shards.back().indices.insert(*content.indices.find(name));
    }
  }
  std::map<std::string, Safetensors> named;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    named.emplace(fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size()), std::move(shards[i]));
  }
  return named;
}

std::string index_text(const std::string& file, const Safetensors& content,
                       const std::map<std::string, Safetensors>& shards) {
  nlohmann::ordered_json index = {{"metadata", content.metadata}, {"weight_map", nlohmann::ordered_json::object()}};
  std::int64_t bytes = 0;
  const auto add = [&](const auto& arrays, const std::string& shard) {
    for (const auto& [name, array] : arrays) {
      index["weight_map"][name] = shard;
      bytes += 4 * array.size();
    }
  };
  for (const auto& [name, shard] : shards) {
    add(shard.tensors, name);
    add(shard.indices, name);
  }
  index["metadata"]["total_size"] = bytes;
  try {
    return index.dump(2);
  } catch (const nlohmann::json::exception&) {
    throw CheckpointError(fmt::format("{}: a name or a metadata text is not UTF-8", file));
  }
}

}  // namespace

Safetensors read_safetensors(const std::filesystem::path& path) {
  const SafetensorsReader reader(path);
  Safetensors content{.metadata = reader.metadata(), .tensors = {}, .indices = {}};
  for (const auto& [name, entry] : reader.entries()) {
    if (entry.is_float()) {
      content.tensors.emplace(name, reader.tensor(name));
    } else {
      content.indices.emplace(name, reader.indices(name));
    }
  }
  return content;
}

void write_safetensors(const std::filesystem::path& path, const Safetensors& content) {
  const std::string file = path.string();
  const std::map<std::string, Item> items = items_of(file, content);
  std::string header;
  try {
    header = header_text(content, items);
  } catch (const nlohmann::json::exception&) {
    throw CheckpointError(fmt::format("{}: a name or a metadata text is not UTF-8", file));
  }
  const std::uint64_t length = header.size();
  if (length > header_limit) {
    throw CheckpointError(fmt::format("{}: the header would have {} bytes, more than {}", file, length, header_limit));
  }
  FileWriter writer(path);
  writer.write(&length, length_bytes);
  writer.write(header);
  for (const auto& [name, item] : items) writer.write(item.data, static_cast<std::size_t>(item.bytes));
  writer.commit();
}

void write_safetensors_shards(const std::filesystem::path& folder, const Safetensors& content,
                              std::uint64_t shard_bytes) {
  const std::filesystem::path index = folder / index_file;
  std::error_code failed;
  if (std::filesystem::exists(folder / single_file, failed)) {
    throw CheckpointError(
        fmt::format("{}: cannot write shards beside {}, which would be read in their place; remove it", folder.string(),
                    single_file));
  }
  const std::map<std::string, Safetensors> shards =
      cut_into_shards(content, items_of(index.string(), content), shard_bytes);
  const std::string text = index_text(index.string(), content, shards);
  std::filesystem::create_directories(folder, failed);
  if (!failed) std::filesystem::remove(index, failed);
  if (failed) throw Error(fmt::format("cannot write {}: {}", index.string(), failed.message()));
  for (const auto& [name, shard] : shards) write_safetensors(folder / name, shard);
  write_file(index, text);
}

}  // namespace canopy
