#include <canopy/optim/plateau.hpp>

#include <cmath>

#include <canopy/core/error.hpp>
#include <canopy/optim/score.hpp>

#include <fmt/format.h>

namespace canopy::optim {

Plateau::Plateau(const PlateauOptions& options) : options_(options) {
  const auto require = [](bool valid, const char* option, auto value, const char* expected) {
    if (!valid) throw ConfigError(fmt::format("Plateau: {} must be {}, not {}", option, expected, value));
  };
  require(options.patience >= 1, "patience", options.patience, "1 or more");
  require(options.factor > 0 && options.factor < 1, "factor", options.factor, "a number in (0, 1)");
  require(std::isfinite(options.threshold) && options.threshold >= 0, "threshold", options.threshold,
          "a number from 0");
  require(options.cooldown >= 0, "cooldown", options.cooldown, "0 or more");
}

bool Plateau::update(double score) {
  const bool cools = cooling_ > 0;
  if (cools) --cooling_;
  const auto now = static_cast<float>(score);
  if (detail::is_better(now, best_, options_.higher_is_better, static_cast<float>(options_.threshold))) {
    best_ = now;
    waited_ = 0;
    return false;
  }
  if (cools || ++waited_ < options_.patience) return false;
  waited_ = 0;
  cooling_ = options_.cooldown;
  ++reductions_;
  return true;
}

double Plateau::factor() const { return std::pow(options_.factor, static_cast<double>(reductions_)); }

State Plateau::state() const {
  State state;
  const auto store = [&](const char* key, std::int64_t count) { state.counts[key] = count_array(count, "Plateau"); };
  store("waited", waited_);
  store("reductions", reductions_);
  if (cooling_ > 0) store("cooling", cooling_);
  if (!std::isnan(best_)) state.tensors["best"] = Tensor({1}, best_);
  return state;
}

void Plateau::load_state(const State& state) {
  StateReader reader("Plateau", state);
  Plateau loaded(options_);
  loaded.waited_ = reader.count("waited");
  loaded.reductions_ = reader.count("reductions");
  if (reader.has("cooling")) loaded.cooling_ = reader.count("cooling");
  if (reader.has("best")) loaded.best_ = reader.number("best");
  reader.finish();
  *this = loaded;
}

}  // namespace canopy::optim
