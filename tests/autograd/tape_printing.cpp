// What a tape shows of itself: a line an operation, a graph, and the numbers in them.
#include <cmath>
#include <sstream>
#include <string>

#include <canopy/autograd/tape.hpp>

#include "recorded_by_hand.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(tape_printing)

BOOST_AUTO_TEST_CASE(print_shows_a_line_an_operation) {
  const Variable weight = number(3.f, "layer.weight"), nameless = number(1.f);
  Tape tape;
  const Variable h = times(weight, 2.f);
  plus(h, nameless);
  plus(h, Tensor::scalar(1.f));
  std::ostringstream out;
  tape.print(out);
  BOOST_TEST(out.str() ==
             "%0 = times(layer.weight)  []\n"
             "%1 = plus(%0, parameter)  []\n"
             "%2 = plus(%0, constant)  []\n");
}

BOOST_AUTO_TEST_CASE(dot_shows_the_graph) {
  const Variable weight = Variable::parameter(Tensor({2}, 3.f), "the \"weight\""), a = number(1.f), b = number(2.f);
  Tape tape;
  const Variable h = times(weight, 2.f);
  plus(h, Tensor({2}, 1.f));
  plus(a, b);
  BOOST_TEST(tape.dot() ==
             "digraph tape {\n"
             "  rankdir=LR;\n"
             "  node [fontname=\"sans-serif\"];\n"
             "  n0 [shape=box, label=\"%0 times\\n[2]\"];\n"
             "  p0 [label=\"the \\\"weight\\\"\\n[2]\"];\n"
             "  p0 -> n0;\n"
             "  n1 [shape=box, label=\"%1 plus\\n[2]\"];\n"
             "  n0 -> n1;\n"
             "  n2 [shape=box, label=\"%2 plus\\n[]\"];\n"
             "  p1 [label=\"parameter\\n[]\"];\n"
             "  p1 -> n2;\n"
             "  p2 [label=\"parameter\\n[]\"];\n"
             "  p2 -> n2;\n"
             "}\n");
}

BOOST_AUTO_TEST_CASE(a_tape_that_inspects_shows_numbers_also_after_backward) {
  const Variable weight = Variable::parameter(Tensor({3}, {-1.f, 0.5f, 2.f}), "weight"),
                 frozen = Variable::parameter(Tensor({3}, {1.f, std::nanf(""), 3.f}), "frozen");
  Tape tape({.inspect = true});
  const Variable h = times(weight, 2.f);
  const Variable y = plus(h, frozen);
  const Variable loss = record("pick", {y}, Tensor::scalar(4.f), keep(), [dy = y.sink()](const Tensor& g) {
    dy.accumulate(Tensor({3}, {0.f, 0.f, -g.item()}));
  });
  times(weight, 1.f);
  std::ostringstream before, after;
  tape.print(before);
  BOOST_TEST(before.str() ==
             "%0 = times(weight)  [3]  value -2 .. 4\n"
             "%1 = plus(%0, frozen)  [3]  value -1 .. 7, 1 nan\n"
             "%2 = pick(%1)  []  value 4 .. 4\n"
             "%3 = times(weight)  [3]  value -1 .. 2\n");
  tape.backward(loss);
  BOOST_TEST(tape.size() == 4);
  tape.print(after);
  BOOST_TEST(after.str() ==
             "%0 = times(weight)  [3]  value -2 .. 4  gradient -1 .. 0\n"
             "%1 = plus(%0, frozen)  [3]  value -1 .. 7, 1 nan  gradient -1 .. 0\n"
             "%2 = pick(%1)  []  value 4 .. 4  gradient 1 .. 1\n"
             "%3 = times(weight)  [3]  value -1 .. 2\n");
  const std::string dot = tape.dot();
  for (const std::string text :
       {"p0 [label=\"weight\\n[3]\\nvalue -1 .. 2\\ngradient -2 .. 0\"];",
        "p1 [label=\"frozen\\n[3]\\nvalue 1 .. 3, 1 nan\\ngradient -1 .. 0\"];",
        "n2 [shape=box, label=\"%2 pick\\n[]\\nvalue 4 .. 4\\ngradient 1 .. 1\"];", "n1 -> n2;"}) {
    BOOST_TEST(dot.find(text) != std::string::npos, text << " is not in\n" << dot);
  }
}

BOOST_AUTO_TEST_SUITE_END()
