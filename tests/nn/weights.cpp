// Weights from files of other programs: names, shapes, dtypes, what is missing, what is left over.
#include <canopy/nn/checkpoints/weights.hpp>

#include <string>

#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/core/safetensors.hpp>
#include <canopy/nn/linear.hpp>
#include <canopy/nn/routed/fff.hpp>

#include <support/errors.hpp>
#include <support/same_bits.hpp>
#include <support/temporary_folder.hpp>

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::same_bits;
using test::speaks_of;
using test::TemporaryFolder;

BOOST_AUTO_TEST_SUITE(weights)

namespace {

struct Model : nn::Module {
  nn::Linear dense{{.inputs = 3, .outputs = 2}};
  nn::FFF tree{{.inputs = 2, .outputs = 2, .depth = 1, .leaf_width = 3}};
  Model() {
    add_module("dense", dense);
    add_module("tree", tree);
    add_buffer("mean", Tensor({3}, 1.f), true);
  }
};

bool same(const nn::StateDict& a, const nn::StateDict& b) {
  return std::ranges::equal(
      a, b, [](const auto& x, const auto& y) { return x.first == y.first && same_bits(x.second, y.second); });
}

nn::StateDict renamed(const nn::StateDict& state, const std::string& prefix) {
  nn::StateDict result;
  for (const auto& [name, tensor] : state) result.emplace(prefix + name, tensor);
  return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_saved_is_loaded) {
  const TemporaryFolder folder;
  manual_seed(1);
  const Model saved;
  Model loaded;
  BOOST_TEST(!same(saved.state_dict(), loaded.state_dict()));
  save_weights(saved, folder / "a.safetensors", {{"by", "me"}});
  BOOST_TEST(read_safetensors(folder / "a.safetensors").metadata.at("by") == "me");
  load_weights(loaded, folder / "a.safetensors");
  BOOST_TEST(same(saved.state_dict(), loaded.state_dict()));
}

BOOST_AUTO_TEST_CASE(shards_and_training_state) {
  const TemporaryFolder folder;
  manual_seed(2);
  const Model saved;
  Model loaded;
  Safetensors content{.tensors = saved.state_dict()};
  content.tensors.emplace("training.optimizer.step", Tensor({1}, 4.f));
  write_safetensors_shards(folder / "model", content, 30);
  load_weights(loaded, folder / "model");
  BOOST_TEST(same(saved.state_dict(), loaded.state_dict()));
}

BOOST_AUTO_TEST_CASE(rules_rename_from_the_left_in_order) {
  struct Case {
    std::string in_file;
    std::vector<Rename> rules;
  };
  const Case cases[] = {
      {"weight", {}},
      {"bert.weight", {{"bert.*", "*"}}},
      {"a.b.weight", {{"a.*", "*"}, {"b.*", "*"}}},
      {"gamma", {{"gamma", "weight"}}},
      {"layer.3.gamma", {{"layer.*.gamma", "gamma*"}, {"gamma3", "weight"}}},
      {"x.self.y.weight", {{"*.self.*.*", "*.*"}, {"x.y", "weight"}}},
      {"aXbXc", {{"*X*", "*.*"}, {"a.bXc", "weight"}}},  // each star as short as will do
      {"abab", {{"*ab", "*"}, {"ab", "weight"}}},        // but the end must match
      {"weight", {{"weigh", "x"}, {"*weightt", "x"}, {"t*", "x"}, {"", "x"}}},
      {"", {{"", "weight"}}},
  };
  const TemporaryFolder folder;
  for (const Case& each : cases) {
    BOOST_TEST_CONTEXT(each.in_file) {
      manual_seed(3);
      nn::Linear model({.inputs = 2, .outputs = 1, .bias = false});
      write_safetensors(folder / "a", {.tensors = {{each.in_file, Tensor({1, 2}, {5.f, 6.f})}}});
      load_weights(model, folder / "a", {.rename = each.rules});
      BOOST_TEST(model.weight().value().data()[1] == 6.f);
    }
  }
  nn::Linear model({.inputs = 2, .outputs = 1});
  BOOST_CHECK_EXCEPTION(load_weights(model, folder / "a", {.rename = {{"a.*", "*.*"}}}), ConfigError,
                        speaks_of("a.*", "*.*", "stars"));
}

BOOST_AUTO_TEST_CASE(everything_that_does_not_fit_is_named_and_nothing_is_changed) {
  const TemporaryFolder folder;
  manual_seed(4);
  Model model;
  const nn::StateDict before = model.state_dict();
  Safetensors file{.tensors = renamed(Model().state_dict(), "net.")};
  file.tensors.erase("net.dense.bias");
  file.tensors.insert_or_assign("net.tree.b1s", Tensor({3, 3}, 0.f));
  file.tensors.emplace("net.pooler.weight", Tensor({1}, 0.f));
  file.tensors.emplace("dense.weight", Tensor({2, 3}, 0.f));
  file.tensors.erase("net.mean");
  file.indices.emplace("net.mean", Indices({3}, 1));
  file.indices.emplace("net.position_ids", Indices({5}, 1));
  write_safetensors(folder / "a", file);
  BOOST_CHECK_EXCEPTION(
      load_weights(model, folder / "a", {.rename = {{"net.*", "*"}}}), CheckpointError,
      speaks_of((folder / "a").string(), "missing 'dense.bias' [2]", "'tree.b1s' has the shape [3, 3]", "[2, 3]",
                "unexpected 'pooler.weight' [1]", "both 'dense.weight' and 'net.dense.weight'",
                "'mean': I32 where floats are expected", "unexpected 'position_ids'"));
  BOOST_TEST(same(before, model.state_dict()));
}

BOOST_AUTO_TEST_CASE(what_may_be_missing_or_left_over) {
  const TemporaryFolder folder;
  manual_seed(5);
  Model model;
  const Tensor bias = model.dense.bias().value().clone();
  Safetensors file{.tensors = Model().state_dict()};
  file.tensors.erase("dense.bias");
  file.tensors.emplace("cls.weight", Tensor({1}, 0.f));
  file.indices.emplace("embeddings.position_ids", Indices({5}, 1));
  write_safetensors(folder / "a", file);
  const LoadWeightsOptions options{.ignore = {"cls.*", "*.position_ids", "dense.*"}, .allow_missing = {"*.bias"}};
  load_weights(model, folder / "a", options);
  BOOST_TEST(same_bits(model.dense.bias().value(), bias));
  BOOST_TEST(same_bits(model.dense.weight().value(), file.tensors.at("dense.weight")));  // ignored only if left over
  BOOST_CHECK_EXCEPTION(load_weights(model, folder / "a", {.ignore = options.ignore}), CheckpointError,
                        speaks_of("missing 'dense.bias'"));
  BOOST_CHECK_EXCEPTION(load_weights(model, folder / "a", {.ignore = {"cls"}, .allow_missing = {"*"}}), CheckpointError,
                        speaks_of("unexpected 'cls.weight'", "unexpected 'embeddings.position_ids'"));
}

BOOST_AUTO_TEST_SUITE_END()
