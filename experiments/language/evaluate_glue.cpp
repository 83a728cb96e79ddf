#include <canopy/experiments/language/evaluate_glue.hpp>

#include <algorithm>

#include <canopy/core/error.hpp>
#include <canopy/datasets/text/glue.hpp>
#include <canopy/experiments/language/bert_text.hpp>
#include <canopy/nn/correlation.hpp>
#include <canopy/nn/label_scores.hpp>

#include <fmt/format.h>

namespace canopy::language {
namespace {

using datasets::GlueData;
using datasets::GlueTask;

std::vector<double> cosines(const BertText& bert, const GlueData& data) {
  const Tensor first = sentence_embeddings(bert, encode(bert, data.first, {}));
  const Tensor second = sentence_embeddings(bert, encode(bert, data.second, {}));
  const std::int64_t width = first.extent(1);
  std::vector<double> cosines;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    double dot = 0;
    for (std::int64_t j = 0; j < width; ++j) dot += double{first.data()[i * width + j]} * second.data()[i * width + j];
    cosines.push_back(dot);
  }
  return cosines;
}

// [samples, outputs] of the classifier.
Tensor logits(const BertText& bert, const GlueData& data) {
  const std::int64_t outputs = *bert.model->heads().classes;
  Tensor all({data.size(), outputs});
  float* out = all.mutable_data();
  const std::vector<Encoding> encodings = encode(bert, data.first, data.second);
  for_each_batch(bert, encodings,
                 [&](std::span<const std::size_t> indices, const nn::Tokens& tokens, const Tensor& hidden) {
                   const Tensor found = bert.model->classified(hidden, tokens.sequences).value();
                   for (std::size_t i = 0; i < indices.size(); ++i) {
                     std::copy_n(found.data() + static_cast<std::int64_t>(i) * outputs, outputs,
                                 out + static_cast<std::int64_t>(indices[i]) * outputs);
                   }
                 });
  return all;
}

std::vector<std::int32_t> largest(const Tensor& logits) {
  std::vector<std::int32_t> classes;
  for (std::int64_t i = 0; i < logits.extent(0); ++i) {
    const float* row = logits.data() + i * logits.extent(1);
    classes.push_back(static_cast<std::int32_t>(std::max_element(row, row + logits.extent(1)) - row));
  }
  return classes;
}

double correlation(const std::string& metric, const std::vector<double>& answers, const GlueData& data) {
  const std::vector<double> truth(data.scores.begin(), data.scores.end());
  return metric == "pearson" ? pearson_correlation(answers, truth) : spearman_correlation(answers, truth);
}

double agreement(const std::string& metric, const std::vector<std::int32_t>& answers, const GlueData& data) {
  if (metric == "matthews") return matthews_correlation(answers, data.labels);
  return metric == "f1" ? f1_score(answers, data.labels) : accuracy(answers, data.labels);
}

}  // namespace

std::vector<std::string> glue_metrics(const std::string& dataset) {
  const GlueTask& task = datasets::parse_glue_name(dataset);
  if (task.is_regression()) return {"pearson", "spearman"};
  if (task.name == "CoLA") return {"matthews", "accuracy"};
  if (task.name == "MRPC" || task.name == "QQP") return {"accuracy", "f1"};
  return {"accuracy"};
}

GlueResult evaluate_glue(const GlueOptions& options) {
  const GlueTask& task = datasets::parse_glue_name(options.dataset);
  const datasets::GlueSplit split = datasets::parse_glue_split(options.split);
  if (split == datasets::GlueSplit::test) throw ConfigError("--split: the test split has no labels; known: train, dev");
  const BertText bert = load_bert_text(options.folder);
  const std::int64_t outputs = bert.model->heads().classes.value_or(0);
  const std::int64_t wanted = task.is_regression() ? 1 : std::ssize(task.classes);
  if (outputs != wanted && !(outputs == 0 && task.is_regression())) {
    throw ConfigError(fmt::format("{}: {} needs a classifier of {} outputs, the model has {}", options.folder.string(),
                                  task.name, wanted, outputs == 0 ? "none" : fmt::format("one of {}", outputs)));
  }
  const GlueData data = datasets::load_glue(task, split, options.data);
  GlueResult result{.samples = data.size(), .answers = outputs == 0 ? "cosine of sentence embeddings" : "classifier"};
  std::vector<double> scores;
  std::vector<std::int32_t> classes;
  if (outputs == 0) {
    scores = cosines(bert, data);
  } else {
    const Tensor answers = logits(bert, data);
    if (task.is_regression()) {
      scores.assign(answers.elements().begin(), answers.elements().end());
    } else {
      classes = largest(answers);
    }
  }
  for (const std::string& metric : glue_metrics(options.dataset)) {
    const double value = task.is_regression() ? correlation(metric, scores, data) : agreement(metric, classes, data);
    result.metrics.emplace_back(metric, 100 * value);
  }
  return result;
}

}  // namespace canopy::language
