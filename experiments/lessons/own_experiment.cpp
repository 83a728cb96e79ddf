// An experiment of one's own, from a table to a report: how far does a thrown ball fly, told from speed, angle and
// wind?
//
//   own_experiment run lessons/ball          trains, prints the table, writes runs/lessons-ball
//   own_experiment report runs/lessons-ball
//   own_experiment run lessons/ball --seeds 3 --set epochs=200 --out runs/longer --expect '*-tree:rmse<=3'
//
// The tree and the experts come below 3 m of error (root mean square), where a linear map stays above 15 m.

#include <cmath>
#include <fstream>
#include <numbers>

#include <canopy/harness.hpp>

using namespace canopy;
using namespace canopy::harness;
using namespace canopy::training;

// ---- data: a CSV file, as anybody has one

void write_table(const char* file) {
  std::ofstream out(file);
  out << "speed,angle,wind,distance\n";
  RandomStream random(1, "throws");
  const auto uniform = [&](double low, double high) { return low + (high - low) * random() / 0x1p32; };
  for (int i = 0; i < 4000; ++i) {
    const double speed = uniform(5, 40), angle = uniform(5, 85), wind = uniform(-8, 8);
    const double radians = angle * std::numbers::pi / 180, seconds = 2 * speed * std::sin(radians) / 9.81;
    out << fmt::format("{:.3f},{:.3f},{:.3f},{:.3f}\n", speed, angle, wind,
                       seconds * (speed * std::cos(radians) + wind / 2));
  }
}

// ---- models: a linear map, a tree and experts of the same inference width

std::unique_ptr<nn::Layer> make_model(const std::string& name) {
  if (name == "linear") return std::make_unique<nn::Linear>(nn::LinearOptions{.inputs = 3, .outputs = 1});
  auto model = std::make_unique<nn::Sequential>();
  model->add<nn::Linear>({.inputs = 3, .outputs = 16, .activation = Activation::tanh});
  if (name == "tree") model->add<nn::FFF>({.inputs = 16, .outputs = 16, .depth = 3, .leaf_width = 8});
  if (name == "experts") model->add<nn::MoE>({.inputs = 16, .outputs = 16, .experts = 8, .expert_width = 8});
  model->add<nn::Linear>({.inputs = 16, .outputs = 1});
  return model;
}

// ---- the experiment: a task with its own score, its metrics, its recipe, its grid

class Throws : public SupervisedTask<RegressionDataset> {
 public:
  Throws(const std::string& model, RegressionDataset train, RegressionDataset test, const Settings& settings)
      : SupervisedTask(
            make_model(model), std::move(train),
            [](const Variable& y, const Tensor& target) {
              return mean_squared_error(reshape(y, target.shape()), target);
            },
            with_settings(Optimisation{.optimizer = "adam", .learning_rate = 1e-2, .schedule = "cosine"}, settings),
            with_settings(canopy_routing(), settings)),
        test_(std::move(test)) {}

  std::vector<Score> evaluate() override {
    const RegressionScore score = evaluate_regression(model(), test_);
    return {{"rmse", score.rmse}, {"load", score.maximum_load()}};
  }

 private:
  RegressionDataset test_;
};

Experiment ball() {
  std::vector<Settings::Entry> settings = {{"model", Texts{"linear", "tree", "experts"}},
                                           {"epochs", std::int64_t{100}}};
  append_settings<Optimisation>(settings);
  append_settings<RoutingRecipe>(settings);
  const auto data = [](Split split) { return datasets::load_regression("csv:ball.csv?label=distance", split); };
  const auto run = [=](const CellContext& context) {
    manual_seed(static_cast<std::uint64_t>(context.seed));
    const RegressionDataset train = data(Split::train), test = data(Split::test);
    const Standardisation targets = fit_targets(train);
    Throws task(context.cell.text("model"), train.with_standardised_targets(targets),
                test.with_standardised_targets(targets), context.settings);
    const TrainedCell trained = train_cell(
        context, task, {.name = "rmse", .higher_is_better = false},
        {.epochs = context.settings.get<std::int64_t>("epochs"), .select = "rmse", .higher_is_better = false});
    return Result{.metrics = {{"rmse", trained.trainer->best("rmse").value}, {"load", task.evaluate()[1].second}},
                  .status = trained.status()};
  };
  const auto timing = [=](const TimingContext& context) {
    return time_inference(context, data(Split::test).batch(std::vector<std::int64_t>(256)).first,
                          [](const Cell& cell) { return make_model(cell.text("model")); });
  };
  return {
      .name = "lessons/ball",
      .paper = "no paper",
      .artefact = "a lesson",
      .settings = Settings(settings),
      .presets = {{.name = "quick", .seconds = 10}},
      .cells = [](const Settings& of) { return product_cells("ball", of, {"model"}); },
      .run = run,
      .measures = {.metrics = {{.name = "rmse", .title = "error", .unit = "m", .better = Better::lower, .main = true},
                               {.name = "load", .title = "max load", .unit = "%", .better = Better::lower},
                               time_metric()},
                   .charts = {{.name = "error", .unit = "m", .curves = {{.column = "rmse"}}}}},
      .timing = timing};
}

int main(int argc, char** argv) {
  if (!std::filesystem::exists("ball.csv")) write_table("ball.csv");
  return cli::run_program({.experiments = {ball()}}, argc, argv);
}
