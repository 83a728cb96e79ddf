#include <canopy/experiments/benchmark/grouped_training.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include <canopy/canopy.hpp>
#include <canopy/experiments/benchmark/data.hpp>

#include <fmt/format.h>

namespace canopy::benchmark {
namespace {

constexpr std::int64_t width = 768;  // of BERT-base, in and out
constexpr std::int64_t batch = 4096;
constexpr std::int64_t leaf_width = 32;
constexpr std::int64_t most_pieces = 512;  // 8 rows each
// All experts of all rows, [batch * experts, width], take 12 MB an expert.
constexpr std::int64_t most_experts_of_all = 32;

// A layer inside a network: its input wants a gradient, too.
struct Problem {
  Variable x = Variable::parameter(normal({batch, width}, "benchmark data"), "x");
  Tensor target = normal({batch, width}, "benchmark target");
};

// Forward and backward of `output`, and of the layer's own losses.
template <class Output, class Losses>
std::function<void()> pass(const Problem& problem, Output output, Losses losses) {
  return [x = problem.x, target = problem.target, output, losses]() mutable {
    Tape tape;
    const nn::RoutingTrace trace;
    const Variable loss = mean_squared_error(output(x), target);
    tape.backward(losses(loss, trace));
    x.zero_grad();
  };
}

const auto no_losses = [](const Variable& loss, const nn::RoutingTrace&) { return loss; };

// What a pass of the leaves or experts moves: weights for the outputs and again for the inputs' gradient, their own
// gradient, and rows: x and dy twice, y, dx.
double bytes_of_pieces(std::int64_t used) {
  constexpr std::int64_t piece = leaf_width * (2 * width + 1) + width;
  return 4. * static_cast<double>(3 * used * piece + 6 * batch * width);
}

struct Model {
  std::string name;
  std::shared_ptr<nn::Layer> layer;
  std::function<void()> pass = {};     // gate and leaves, forward and backward
  std::function<void()> pieces = {};   // the leaves or experts alone, rows sent where the gate sent them
  std::function<void()> step = {};     // of the optimizer
  std::int64_t used = 0, largest = 0;  // groups that have rows, rows of the largest
};

Variable named(const nn::Module& module, std::string_view name) {
  for (const nn::NamedVariable& each : module.named_parameters()) {
    if (each.name == name) return each.variable;
  }
  throw Error(fmt::format("no parameter {}", name));
}

// The optimizer's step is timed with the gradients of the last pass, which it leaves there.
Model finish(Model model) {
  const auto adam =
      std::make_shared<optim::Adam>(model.layer->parameters(), optim::AdamOptions{.learning_rate = 1e-5f});
  const auto clear = [layer = model.layer](std::function<void()> run) {
    return [layer, run] {
      layer->zero_grad();
      run();
    };
  };
  model.pass = clear(std::move(model.pass));
  if (model.pieces) model.pieces = clear(std::move(model.pieces));
  model.step = [adam, layer = model.layer] { adam->step(); };
  return model;
}

// The grouped products of FFF and MoE are the same: they are timed apart from the gate with the rows it sent there.
void add_pieces(Model& model, const Problem& problem, const Indices& leaf, std::int64_t pieces,
                const std::vector<const char*>& names) {
  const auto groups = std::make_shared<Groups>(leaf, pieces);
  std::vector<Variable> p;
  for (const char* name : names) p.push_back(named(*model.layer, name));
  model.pieces = pass(
      problem,
      [groups, p](const Variable& x) {
        const Variable hidden = grouped_linear(x, *groups, p[0], p[1], {.activation = Activation::relu});
        return grouped_linear(
            hidden, *groups, p[2], p[3],
            {.weights = GroupedWeights::inputs_by_outputs, .input = RowOrder::grouped, .output = RowOrder::given});
      },
      no_losses);
  const kernels::Grouping& sorted = groups->sorted();
  model.used = sorted.used.size();
  for (std::int64_t u = 0; u < model.used; ++u) {
    model.largest = std::max<std::int64_t>(model.largest, sorted.begin.data()[u + 1] - sorted.begin.data()[u]);
  }
}

Model fff(const Problem& problem, std::int64_t leaves, Routing routing, std::string name) {
  manual_seed(0);
  const int depth = static_cast<int>(std::lround(std::log2(leaves)));
  const auto layer = std::make_shared<nn::FFF>(
      nn::FFFOptions{.inputs = width, .outputs = width, .depth = depth, .leaf_width = leaf_width});
  layer->set_routing(routing);
  Model model{.name = std::move(name), .layer = layer};
  model.pass = pass(
      problem, [layer](const Variable& x) { return layer->forward(x); },
      [](const Variable& loss, const nn::RoutingTrace& trace) {
        return loss + 0.1f * nn::hardening_loss(trace, {.weighting = nn::EntropyWeighting::path}) +
               0.1f * nn::load_balance_loss(trace, {.form = nn::BalanceForm::frequency});
      });
  if (routing == Routing::hard) {
    layer->eval();
    add_pieces(model, problem, layer->infer(problem.x.value()).leaf, leaves, {"w1s", "b1s", "w2s", "b2s"});
    layer->train();
  }
  return finish(std::move(model));
}

Model moe(const Problem& problem, std::int64_t experts, std::int64_t k, std::string name) {
  manual_seed(0);
  const auto layer = std::make_shared<nn::MoE>(
      nn::MoEOptions{.inputs = width, .outputs = width, .experts = experts, .expert_width = leaf_width, .k = k});
  Model model{.name = std::move(name), .layer = layer};
  model.pass = pass(
      problem, [layer](const Variable& x) { return layer->forward(x); },
      [](const Variable& loss, const nn::RoutingTrace& trace) {
        return loss + 0.1f * nn::importance_loss(trace) + 0.1f * nn::load_loss(trace);
      });
  if (k == 1) {
    layer->eval();
    add_pieces(model, problem, layer->infer(problem.x.value()).experts, experts, {"w1", "b1", "w2", "b2"});
    layer->train();
  }
  return finish(std::move(model));
}

Model feedforward(const Problem& problem, std::int64_t neurons, std::string name) {
  manual_seed(0);
  const auto layer =
      std::make_shared<nn::FeedForward>(nn::FeedForwardOptions{.inputs = width, .width = neurons, .outputs = width});
  Model model{.name = std::move(name), .layer = layer};
  model.pass = pass(
      problem, [layer](const Variable& x) { return layer->forward(x); }, no_losses);
  return finish(std::move(model));
}

// The layers of one training width. A row's time is that of forward and backward, gate included, optimizer apart; its
// baseline is the feedforward layer's.
void add_size(std::vector<Row>& rows, const BenchOptions& options, const Problem& problem, std::int64_t pieces,
              std::map<std::string, double>& last) {
  const std::string ff = fmt::format("ff width {}", pieces * leaf_width);
  const std::string hard = fmt::format("fff leaves {}", pieces), all_leaves = hard + " all computed";
  const std::string sparse = fmt::format("moe experts {}", pieces), all_experts = sparse + " all computed";
  std::vector<Model> models;
  const auto wanted = [&](const std::string& name) { return options.selects(name); };
  if (wanted(ff) || wanted(hard) || wanted(sparse)) models.push_back(feedforward(problem, pieces * leaf_width, ff));
  if (wanted(hard)) models.push_back(fff(problem, pieces, Routing::hard, hard));
  if (wanted(all_leaves)) models.push_back(fff(problem, pieces, Routing::straight_through, all_leaves));
  if (wanted(sparse)) models.push_back(moe(problem, pieces, 1, sparse));
  if (wanted(all_experts) && pieces <= most_experts_of_all) {
    models.push_back(moe(problem, pieces, pieces, all_experts));
  }
  std::vector<Candidate> candidates;
  for (const Model& model : models) {
    if (model.pieces) candidates.push_back({model.name + " pieces", model.pieces});
    candidates.push_back({model.name, model.pass});
    candidates.push_back({model.name + " optimizer", model.step});
  }
  const std::vector<Timing> times = time_alternately(candidates, options.timer(pieces <= 32 ? 7 : 3));

  std::optional<Timing> baseline;
  std::size_t at = 0;
  for (const Model& model : models) {
    std::optional<double> of_pieces;
    if (model.pieces) of_pieces = times[at++].milliseconds;
    const Timing of_pass = times[at++], of_optimizer = times[at++];
    if (model.name == ff) baseline = of_pass;
    if (!wanted(model.name)) continue;
    Row row{.name = model.name,
            .batch = batch,
            .timing = of_pass,
            .baseline = baseline,
            .more = {{"optimizer_ms", rounded(of_optimizer.milliseconds)}}};
    for (const char* field : {"gate_ms", "layer_ms", "rise_percent", "used", "largest", "megabytes", "gb_per_s"}) {
      row.more[field] = nullptr;
    }
    if (of_pieces) {
      const double bytes = bytes_of_pieces(model.used);
      const std::string kind = model.name.substr(0, model.name.find(' '));
      row.more.update({{"gate_ms", rounded(of_pass.milliseconds - *of_pieces)},
                       {"layer_ms", rounded(*of_pieces)},
                       {"used", model.used},
                       {"largest", model.largest},
                       {"megabytes", rounded(bytes / 1e6)},
                       {"gb_per_s", rounded(bytes / *of_pieces / 1e6)}});
      if (last.contains(kind)) row.more["rise_percent"] = rounded(100 * (*of_pieces / last[kind] - 1));
      last[kind] = *of_pieces;
    }
    rows.push_back(std::move(row));
  }
}

std::vector<Row> run(const BenchOptions& options) {
  const Problem problem;
  std::vector<Row> rows;
  std::map<std::string, double> last;
  for (std::int64_t pieces = 2; pieces <= most_pieces; pieces *= 2) add_size(rows, options, problem, pieces, last);
  return rows;
}

}  // namespace

Benchmark grouped_training() {
  return {.name = "grouped-training",
          .description = "training steps of hard fast feedforward layers and mixtures of experts as they widen",
          .run = run};
}

}  // namespace canopy::benchmark
