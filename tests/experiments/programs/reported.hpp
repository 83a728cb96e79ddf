// Experiments to report on, which never ran: a test writes the results.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <canopy/experiments/harness/experiment.hpp>
#include <canopy/experiments/training/classification.hpp>

namespace reported {

using namespace canopy;
using namespace canopy::harness;

/// A classification with a tree and a plain network.
inline Experiment experiment() {
  return {.name = "fake/count",
          .paper = "a paper",
          .artefact = "Table 0",
          .settings = {},
          .presets = {{.name = "quick", .seconds = 1, .seeds = 3, .changes = {}}},
          .cells =
              [](const Settings&) {
                return std::vector<Cell>{{.name = "tree"}, {.name = "plain"}};
              },
          .run = {},
          .measures = training::classification_measures(),
          .timing = {},
          .paper_numbers = [](const Cell& cell) -> std::map<std::string, double> {
            if (cell.name == "plain") return {};
            return {{"g_a", 94.9}, {"speedup", 3.39}};
          },
          .columns = {"m_a", "g_a", "leaves_used", "maximum_leaf_load", "speedup"}};
}

/// Nothing of it is a classification: an error in metres, less of which is better, and cells with other labels or none.
inline Experiment regression() {
  return {.name = "own/regression",
          .paper = "a paper",
          .artefact = "Table 0",
          .settings = {},
          .presets = {{.name = "quick", .seconds = 1, .seeds = 3, .changes = {}}},
          .cells =
              [](const Settings&) {
                return std::vector<Cell>{{.name = "forest", .labels = {{"trees", 4}}}, {.name = "mean"}};
              },
          .run = {},
          .measures =
              {.metrics =
                   {{.name = "rmse", .title = "RMSE", .unit = "m", .digits = 3, .better = Better::lower, .main = true},
                    {.name = "bias", .better = Better::neither},
                    {.name = "branches", .digits = 1, .whole = true, .of = "all"},
                    {.name = "all", .whole = true}},
               .remarks = {{.word = "LARGE",
                            .explanation = "the error is over 0.65.",
                            .applies =
                                [](const Result& result) {
                                  return real(*result.metrics.find("rmse")).value_or(0) > 0.65;
                                }}},
               .charts = {{.name = "error", .unit = "m", .curves = {{.column = "rmse"}}}}},
          .paper_numbers = [](const Cell& cell) -> std::map<std::string, double> {
            if (cell.name != "forest") return {};
            return {{"rmse", 0.375}};
          },
          .columns = {"rmse", "bias", "branches"}};
}

}  // namespace reported
