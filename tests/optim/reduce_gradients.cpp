#include <canopy/optim/reduce_gradients.hpp>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/optim/adam.hpp>

#include <boost/test/unit_test.hpp>

#include "support/normal.hpp"
#include "support/same_bits.hpp"

using namespace canopy;
using test::normal;
using test::same_bits;

BOOST_AUTO_TEST_SUITE(reduce_gradients)

namespace {

// Ranks that are threads of this process.
class Meeting {
 public:
  explicit Meeting(int ranks)
      : barrier_(ranks), floats_(static_cast<std::size_t>(ranks)), integers_(static_cast<std::size_t>(ranks)) {}

  class Rank final : public optim::GradientReducer {
   public:
    Rank(Meeting& meeting, std::size_t number) : meeting_(meeting), number_(number) {}
    void sum(std::span<float> values) override {
      meeting_.floats_[number_] = {values.begin(), values.end()};
      meeting_.barrier_.arrive_and_wait();
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = meeting_.floats_[0].at(i);
        for (std::size_t rank = 1; rank < meeting_.floats_.size(); ++rank) values[i] += meeting_.floats_[rank].at(i);
      }
      meeting_.sent_ += number_ == 0 ? values.size() : 0;
      meeting_.barrier_.arrive_and_wait();
    }
    std::vector<std::vector<std::int32_t>> gather(std::span<const std::int32_t> values) override {
      meeting_.integers_[number_] = {values.begin(), values.end()};
      meeting_.barrier_.arrive_and_wait();
      auto all = meeting_.integers_;
      meeting_.barrier_.arrive_and_wait();
      return all;
    }

   private:
    Meeting& meeting_;
    std::size_t number_;
  };

  // Runs `work` on every rank.
  void run(const std::function<void(std::size_t rank, optim::GradientReducer& reducer)>& work) {
    std::vector<std::jthread> threads;
    for (std::size_t rank = 0; rank < floats_.size(); ++rank) {
      threads.emplace_back([&, rank] {
        Rank reducer(*this, rank);
        work(rank, reducer);
      });
    }
  }

  std::size_t sent() const { return sent_; }  // floats that each rank passed to `sum`

 private:
  std::barrier<> barrier_;
  std::vector<std::vector<float>> floats_;
  std::vector<std::vector<std::int32_t>> integers_;
  std::size_t sent_ = 0;
};

constexpr std::int64_t rows = 9, width = 3;
enum class Grad { none, some_rows, no_rows, dense };

void give(const Variable& p, Grad grad, std::size_t rank) {
  const std::string purpose = p.name() + std::to_string(rank);
  if (grad == Grad::dense) p.accumulate(normal({rows, width}, purpose));
  if (grad == Grad::no_rows) p.accumulate(RowGradient{Indices({0}), Tensor({0, width})});
  if (grad != Grad::some_rows) return;
  const auto first = static_cast<std::int32_t>(rank);
  p.accumulate(RowGradient{Indices({3}, {first, first + 2, 8}), normal({3, width}, purpose)});
}

Tensor dense(const Variable& p) {
  const Variable copy = Variable::parameter(Tensor::zeros(p.shape()));
  p.has_row_grad() ? copy.accumulate(p.row_grad()) : copy.accumulate(p.grad());
  return copy.grad().clone();
}

// Each rank's gradient of one parameter, and the form of the sum.
struct Case {
  std::vector<Grad> ranks;
  Grad sum;
};

const std::vector<Case> cases = {
    {{Grad::dense}, Grad::dense},
    {{Grad::some_rows}, Grad::some_rows},
    {{Grad::none}, Grad::none},
    {{Grad::dense, Grad::dense, Grad::dense, Grad::dense}, Grad::dense},
    {{Grad::some_rows, Grad::some_rows, Grad::some_rows, Grad::some_rows}, Grad::some_rows},
    {{Grad::none, Grad::none, Grad::none}, Grad::none},
    {{Grad::none, Grad::dense}, Grad::dense},
    {{Grad::dense, Grad::none, Grad::none}, Grad::dense},
    {{Grad::none, Grad::some_rows, Grad::none, Grad::some_rows}, Grad::some_rows},
    {{Grad::some_rows, Grad::none}, Grad::some_rows},
    {{Grad::some_rows, Grad::dense, Grad::none}, Grad::dense},
    {{Grad::dense, Grad::some_rows, Grad::some_rows, Grad::no_rows}, Grad::dense},
    {{Grad::no_rows, Grad::none, Grad::some_rows}, Grad::some_rows},
    {{Grad::none, Grad::no_rows}, Grad::some_rows},
};

}  // namespace

// Whatever the ranks have, every rank gets the sum in the order of the ranks, to the bit.
BOOST_AUTO_TEST_CASE(every_rank_gets_the_sum_in_the_order_of_the_ranks) {
  for (std::size_t number = 0; number < cases.size(); ++number) {
    const Case& each = cases[number];
    const std::size_t ranks = each.ranks.size();
    std::vector<Variable> replicas;
    Tensor expected = Tensor::zeros({rows, width});
    for (std::size_t rank = 0; rank < ranks; ++rank) {
      replicas.push_back(Variable::parameter(Tensor::zeros({rows, width}), "p"));
      give(replicas[rank], each.ranks[rank], rank);
      if (!replicas[rank].has_grad()) continue;
      const Tensor own = dense(replicas[rank]);
      for (std::int64_t i = 0; i < own.size(); ++i) expected.mutable_data()[i] += own.data()[i];
    }
    Meeting meeting(static_cast<int>(ranks));
    meeting.run(
        [&](std::size_t rank, optim::GradientReducer& reducer) { optim::reduce_gradients({replicas[rank]}, reducer); });
    for (const Variable& replica : replicas) {
      BOOST_TEST(replica.has_grad() == (each.sum != Grad::none), "case " << number);
      BOOST_TEST(replica.has_row_grad() == (each.sum == Grad::some_rows), "case " << number);
      if (replica.has_grad()) BOOST_TEST(same_bits(dense(replica), expected), "case " << number);
    }
  }
}

BOOST_AUTO_TEST_CASE(only_rows_that_some_rank_has_are_sent) {
  std::vector<Variable> replicas;
  for (std::size_t rank = 0; rank < 3; ++rank) {
    replicas.push_back(Variable::parameter(Tensor::zeros({rows, width}), "p"));
    give(replicas[rank], Grad::some_rows, rank);
  }
  Meeting meeting(3);
  meeting.run(
      [&](std::size_t rank, optim::GradientReducer& reducer) { optim::reduce_gradients({replicas[rank]}, reducer); });
  const std::vector<std::int32_t> expected = {0, 1, 2, 3, 4, 8};
  for (const Variable& replica : replicas) {
    BOOST_TEST(std::ranges::equal(replica.row_grad().rows.elements(), expected));
  }
  BOOST_TEST(meeting.sent() == expected.size() * width);
}

// Replicas that see different samples, one of them none at all, stay the same through training.
BOOST_AUTO_TEST_CASE(replicas_stay_the_same) {
  constexpr std::size_t ranks = 3;
  Meeting meeting(ranks);
  std::vector<std::vector<Variable>> replicas(ranks);
  meeting.run([&](std::size_t rank, optim::GradientReducer& reducer) {
    for (const char* name : {"a", "b", "c"}) {
      replicas[rank].push_back(Variable::parameter(normal({rows, width}, name), name));
    }
    std::vector<Variable>& mine = replicas[rank];
    optim::Adam optimizer(mine, {.learning_rate = 0.1, .lazy_rows = true});
    for (std::size_t step = 0; step < 5; ++step) {
      if (rank != 1) give(mine[0], Grad::dense, rank + step);
      if (rank == step % ranks) give(mine[1], Grad::some_rows, step);
      optim::reduce_gradients(mine, reducer);
      optimizer.step();
      optimizer.zero_grad();
    }
  });
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t rank = 1; rank < ranks; ++rank) {
      BOOST_TEST(same_bits(replicas[rank][i].value(), replicas[0][i].value()));
    }
  }
  BOOST_TEST(!same_bits(replicas[0][1].value(), normal({rows, width}, "b")));
  BOOST_TEST(same_bits(replicas[0][2].value(), normal({rows, width}, "c")));  // never had a gradient
}

BOOST_AUTO_TEST_CASE(a_tied_parameter_is_reduced_once) {
  std::vector<Variable> replicas;
  for (int rank = 0; rank < 2; ++rank) {
    replicas.push_back(Variable::parameter(Tensor({2}, 0.f)));
    replicas.back().accumulate(Tensor({2}, 1.f));
  }
  Meeting meeting(2);
  meeting.run([&](std::size_t rank, optim::GradientReducer& reducer) {
    optim::reduce_gradients({replicas[rank], replicas[rank]}, reducer);
  });
  for (const Variable& replica : replicas) BOOST_TEST(replica.grad().data()[0] == 2.f);
}

// Another gradient, and the caller's, may share the buffer.
BOOST_AUTO_TEST_CASE(shared_gradients_are_not_written_to) {
  const Tensor shared({2}, 1.f);
  Meeting meeting(2);
  meeting.run([&](std::size_t, optim::GradientReducer& reducer) {
    const Variable p = Variable::parameter(Tensor({2}, 0.f));
    p.accumulate(shared);
    optim::reduce_gradients({p}, reducer);
  });
  BOOST_TEST(shared.data()[0] == 1.f);
}

// Frozen on one rank only: the others do not wait for it.
BOOST_AUTO_TEST_CASE(a_frozen_parameter_takes_part) {
  std::vector<Variable> replicas = {Variable::parameter(Tensor({2, 1}, 0.f)), Variable::parameter(Tensor({2, 1}, 0.f))};
  replicas[0].set_requires_grad(false);
  replicas[1].accumulate(Tensor({2, 1}, 1.f));
  Meeting meeting(2);
  meeting.run(
      [&](std::size_t rank, optim::GradientReducer& reducer) { optim::reduce_gradients({replicas[rank]}, reducer); });
  BOOST_TEST(!replicas[0].has_grad());
  BOOST_TEST(replicas[1].grad().data()[0] == 1.f);
}

BOOST_AUTO_TEST_CASE(different_models_are_refused_on_every_rank) {
  const Variable p = Variable::parameter(Tensor({1}, 0.f)), q = Variable::parameter(Tensor({1}, 0.f));
  std::atomic<int> refused = 0;
  Meeting meeting(3);
  meeting.run([&](std::size_t rank, optim::GradientReducer& reducer) {
    try {
      optim::reduce_gradients(rank == 1 ? std::vector{p, q} : std::vector{p}, reducer);
    } catch (const ConfigError&) {
      ++refused;
    }
  });
  BOOST_TEST(refused == 3);
}

BOOST_AUTO_TEST_CASE(alone_nothing_changes) {
  const Variable p = Variable::parameter(Tensor({rows, width}, 0.f), "p"), q = Variable::parameter(Tensor({1}, 0.f));
  give(p, Grad::some_rows, 0);
  const Tensor before = dense(p);
  optim::SingleProcess reducer;
  optim::reduce_gradients({p, q}, reducer);
  BOOST_TEST(same_bits(dense(p), before));
  BOOST_TEST(p.has_row_grad());
  BOOST_TEST(!q.has_grad());
}

BOOST_AUTO_TEST_SUITE_END()
