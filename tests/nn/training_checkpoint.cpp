// A training that is interrupted and resumed continues as if nothing had been.
#include <canopy/nn/checkpoints/training_checkpoint.hpp>

#include <cmath>
#include <limits>

#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/checkpoints/checkpoint.hpp>
#include <canopy/nn/linear.hpp>

#include <support/errors.hpp>
#include <support/same_bits.hpp>
#include <support/temporary_folder.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::same_bits;
using test::speaks_of;
using test::TemporaryFolder;

BOOST_AUTO_TEST_SUITE(training_checkpoint)

namespace {

Tensor draw() {
  Tensor x({9});
  random_stream("order").fill_uniform(x.mutable_elements(), 0.f, 1.f);
  return x;
}

}  // namespace

BOOST_AUTO_TEST_CASE(everything_comes_back_and_streams_continue) {
  const TemporaryFolder folder;
  manual_seed(11);
  const nn::Linear model({.inputs = 3, .outputs = 2});
  draw();
  const double infinity = std::numeric_limits<double>::infinity();
  TrainingCheckpoint written;
  written.selected = to_safetensors(model, {.dataset = "mnist"});
  written.parts["model"].tensors = model.state_dict();
  written.parts["optimizer"] = {.tensors = {{"0.exp.avg", Tensor({2}, 3.f)}},
                                .counts = {{"0.step", Indices({1}, 1 << 25)}}};
  written.counters = {{"step", std::numeric_limits<std::int64_t>::max()}, {"epoch", -1}};
  written.numbers = {{"best", 0.1}, {"least", -infinity}, {"loss", std::nan("")}, {"tiny", 5e-324}};
  written.texts = {{"note", "é \"quoted\"\n"}};
  write_training_checkpoint(folder / "a", written);
  const Tensor expected = draw();

  manual_seed(12);
  const TrainingCheckpoint read = read_training_checkpoint(folder / "a");
  BOOST_TEST(current_seed() == 11u);
  BOOST_TEST(same_bits(draw(), expected));
  BOOST_CHECK(read.selected.metadata == written.selected.metadata);
  BOOST_TEST(read.selected.tensors.size() == 2u);
  BOOST_TEST(read.parts.size() == 2u);
  BOOST_TEST(same_bits(read.parts.at("model").tensors.at("weight"), model.weight().value()));
  BOOST_TEST(read.parts.at("optimizer").tensors.at("0.exp.avg").data()[1] == 3.f);
  BOOST_TEST(read.parts.at("optimizer").counts.at("0.step").item() == 1 << 25);
  BOOST_CHECK(read.counters == written.counters);
  BOOST_CHECK(read.texts == written.texts);
  BOOST_TEST(read.numbers.at("best") == 0.1);
  BOOST_TEST(read.numbers.at("tiny") == 5e-324);
  BOOST_TEST(read.numbers.at("least") == -infinity);
  BOOST_TEST(std::isnan(read.numbers.at("loss")));

  const LoadedModel selected = load_model(folder / "a");
  const Tensor x({4, 3}, 0.5f);
  BOOST_TEST(same_bits((*selected.model)(x).value(), model(x).value()));
}

BOOST_AUTO_TEST_CASE(nothing_selected_yet) {
  const TemporaryFolder folder;
  write_training_checkpoint(folder / "a", {.counters = {{"epoch", 0}}});
  const TrainingCheckpoint read = read_training_checkpoint(folder / "a");
  BOOST_TEST(read.selected.tensors.empty());
  BOOST_TEST(read.selected.metadata.empty());
  BOOST_TEST(read.counters.at("epoch") == 0);
}

// As canopy 0.1 wrote it.
BOOST_AUTO_TEST_CASE(runs_of_the_first_version_are_continued) {
  const TemporaryFolder folder;
  const std::string training = R"({"progress":{"epoch":3,"selected":[97.5,2]},"seed":5,"random":{"order":7}})";
  write_safetensors(folder / "a",
                    {.metadata = {{"architecture", "ff"}, {"training", training}},
                     .tensors = {{"0.weight", Tensor({1, 1}, 1.f)}, {"training.model.0.weight", Tensor({1, 1}, 2.f)}}});
  const TrainingCheckpoint read = read_training_checkpoint(folder / "a");
  BOOST_TEST(read.texts.at("progress") == R"({"epoch":3,"selected":[97.5,2]})");
  BOOST_TEST(read.parts.at("model").tensors.at("0.weight").item() == 2.f);
  BOOST_TEST(read.selected.tensors.at("0.weight").item() == 1.f);
  BOOST_TEST(read.selected.metadata.size() == 1u);
  BOOST_TEST(current_seed() == 5u);
  BOOST_TEST(random_positions().at("order") == 7u);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_or_read) {
  const TemporaryFolder folder;
  const auto unwritable = [&](const TrainingCheckpoint& checkpoint, const char* part) {
    BOOST_CHECK_EXCEPTION(write_training_checkpoint(folder / "a", checkpoint), CheckpointError,
                          speaks_of((folder / "a").string(), part));
  };
  unwritable({.parts = {{"", {}}}}, "without dots");
  unwritable({.parts = {{"a.b", {}}}}, "'a.b'");
  unwritable({.selected = {.tensors = {{"training.x", Tensor({1}, 0.f)}}}}, "training.x");
  unwritable({.texts = {{"note", "\xff"}}}, "UTF-8");
  BOOST_TEST(folder.entries() == 0);

  manual_seed(3);
  draw();
  const auto positions = random_positions();
  const auto unreadable = [&](std::map<std::string, std::string> metadata, const char* part) {
    write_safetensors(folder / "a", {.metadata = std::move(metadata), .tensors = {}});
    BOOST_CHECK_EXCEPTION(read_training_checkpoint(folder / "a"), CheckpointError,
                          speaks_of((folder / "a").string(), part));
    BOOST_TEST(current_seed() == 3u);
    BOOST_CHECK(random_positions() == positions);
  };
  unreadable({}, "no 'training'");
  unreadable({{"training", "{"}}, "cannot be read");
  unreadable({{"training", "[]"}}, "cannot be read");
  unreadable({{"training", R"({"seed":1})"}}, "random");
  unreadable({{"training", R"({"seed":1,"random":{"a":"b"}})"}}, "cannot be read");
  unreadable({{"training", R"({"seed":1,"random":{},"numbers":{"x":"many"}})"}}, "'many'");
  unreadable({{"training", R"({"seed":1,"random":{},"counters":{"x":"1"}})"}}, "cannot be read");
  write_safetensors(folder / "a", {.tensors = {{"training.x", Tensor({1}, 0.f)}}});
  BOOST_CHECK_EXCEPTION(read_training_checkpoint(folder / "a"), CheckpointError,
                        speaks_of("'training.x' names no part"));
}

BOOST_AUTO_TEST_SUITE_END()
