#include <canopy/experiments/harness/words.hpp>

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::harness {

Style style_of(const std::string& field) {
  static const std::map<std::string, Style> styles = {{"m_a", {"M_A %", 2, true}},
                                                      {"m_a_ett", {"ETT", 0}},
                                                      {"g_a", {"G_A %", 2, true}},
                                                      {"g_a_ett", {"ETT", 0}},
                                                      {"g_a_soft", {"soft G_A %", 2, true}},
                                                      {"validation_accuracy", {"validation %", 2, true}},
                                                      {"train_accuracy", {"train %", 2, true}},
                                                      {"train_accuracy_soft", {"soft train %", 2, true}},
                                                      {"mix", {"mix k", 3}},
                                                      {"leaves_used", {"leaves used", 1}},
                                                      {"maximum_leaf_load", {"max load %", 1}},
                                                      {"entropy", {"entropy", 3}},
                                                      {"epochs", {"epochs", 0}},
                                                      {"microseconds_a_sample", {"us/sample", 3}},
                                                      {"speedup", {"speedup", 2}},
                                                      {"speedup_inference_size", {"same size", 2}}};
  const auto found = styles.find(field);
  return found == styles.end() ? Style{field, 2} : found->second;
}

std::string papers(const Json& row, const std::string& field) {
  const Json value = row.value(field, Json());
  if (!value.is_object() || !value.contains("paper")) return "";
  return fmt::format("{:.{}f}", value["paper"].get<double>(), field == "speedup" ? 2 : 1);
}

std::vector<std::string> fields_in_paper(const Json& report) {
  auto fields = report["columns"].get<std::vector<std::string>>();
  std::erase_if(fields, [&](const std::string& field) {
    return std::ranges::all_of(report["rows"], [&](const Json& row) { return papers(row, field).empty(); });
  });
  return fields;
}

std::string mean_and_sd(const Json& row, const std::string& field) {
  const Json value = row.value(field, Json());
  if (!value.is_object() || value["mean"].is_null()) return "";
  const int digits = style_of(field).digits;
  const std::string mean = fmt::format("{:.{}f}", value["mean"].get<double>(), digits);
  if (value["sd"].is_null()) return mean;
  return fmt::format("{} ± {:.{}f}", mean, value["sd"].get<double>(), digits);
}

std::string best(const Json& row, const std::string& field) {
  const Json value = row.value(field, Json());
  if (!value.is_object() || value["sd"].is_null()) return "";
  return fmt::format("{:.{}f}", value["best"].get<double>(), style_of(field).digits);
}

std::string interval(const Json& row, const std::string& field) {
  const Json value = row.value(field, Json());
  if (!value.is_object() || value["sd"].is_null()) return "";
  return fmt::format("{0:.{2}f} to {1:.{2}f}", value["low"].get<double>(), value["high"].get<double>(),
                     style_of(field).digits);
}

std::string leaves_used(const Json& row) {
  const Json& used = row["leaves_used"];
  const Json& leaves = row["leaves"]["mean"];
  if (used["mean"].is_null()) return "";
  return fmt::format("{:.{}f}{}", used["mean"].get<double>(),
                     used["seeds"].get<int>() > 1 ? style_of("leaves_used").digits : 0,
                     leaves.is_null() ? "" : fmt::format("/{:.0f}", leaves.get<double>()));
}

std::string remarks(const Json& row, std::int64_t seeds) {
  std::vector<std::string> all;
  const auto done = row["seeds_done"].get<std::int64_t>();
  const auto failed = row["seeds_failed"].get<std::int64_t>();
  const auto add = [&](const char* word, std::int64_t count, std::int64_t of) {
    if (count > 0) all.push_back(seeds == 1 ? word : fmt::format("{} {}/{}", word, count, of));
  };
  add("COLLAPSED", row["collapsed"].get<std::int64_t>(), done);
  add("DIVERGED", row["diverged"].get<std::int64_t>(), done);
  add("FAILED", failed, seeds);
  if (row["noisy"].get<bool>()) all.emplace_back("NOISY");
  if (done + failed < seeds) all.push_back(fmt::format("{}/{} seeds", done, seeds));
  return fmt::format("{}", fmt::join(all, ", "));
}

std::vector<std::string> explanations(const Json& report) {
  std::vector<std::string> all;
  const auto any = [&](const char* count_or_flag) {
    return std::ranges::any_of(report["rows"], [&](const Json& row) { return row[count_or_flag].get<int>() > 0; });
  };
  if (any("collapsed")) {
    all.emplace_back(
        "COLLAPSED: over 90 % of the inputs reach one leaf, so the accuracy is that of one small network.");
  }
  if (any("diverged")) {
    all.emplace_back("DIVERGED: the loss was no longer finite and the training stopped there.");
  }
  if (any("noisy")) {
    all.emplace_back(
        "NOISY: the time varies by over 10 %, as beside other work; remove timing.json and --resume to repeat all "
        "times.");
  }
  return all;
}

std::vector<std::string> failures(const Json& report) {
  std::vector<std::string> all;
  for (const Json& row : report["rows"]) {
    for (const Json& error : row["errors"]) {
      all.push_back(fmt::format("{} seed {}: {}", row["cell"].get<std::string>(), error["seed"].get<std::int64_t>(),
                                error["error"].get<std::string>()));
    }
  }
  return all;
}

}  // namespace canopy::harness
