#include <canopy/datasets/text/corpus/packing_journal.hpp>

#include <canopy/core/error.hpp>
#include <canopy/core/failures.hpp>
#include <canopy/core/file.hpp>

#include <nlohmann/json.hpp>

namespace canopy::datasets::packed {
namespace {

using Json = nlohmann::json;

Json to_json(const SequenceCount& count) {
  return {{"sequences", count.sequences}, {"documents", count.documents}, {"pending", count.pending}};
}

SequenceCount count_of(const Json& json) {
  return {.sequences = json.at("sequences"), .documents = json.at("documents"), .pending = json.at("pending")};
}

}  // namespace

std::optional<Journal> read_journal(const std::filesystem::path& file) {
  return failing_as<DataError>(file, [&]() -> std::optional<Journal> {
    if (!file_exists(file)) return std::nullopt;
    const Json json = Json::parse(read_file(file));
    return Journal{.settings = json.at("settings"),
                   .pieces = json.at("pieces"),
                   .in_document = json.at("in_document"),
                   .is_held_out = json.at("is_held_out"),
                   .training = count_of(json.at("training")),
                   .held_out = count_of(json.at("held_out"))};
  });
}

void write_journal(const std::filesystem::path& file, const Journal& journal) {
  write_file(file, Json{{"settings", journal.settings},
                        {"pieces", journal.pieces},
                        {"in_document", journal.in_document},
                        {"is_held_out", journal.is_held_out},
                        {"training", to_json(journal.training)},
                        {"held_out", to_json(journal.held_out)}}
                       .dump());
}

}  // namespace canopy::datasets::packed
