// Sessions of networks that use all that a list can say answer as the training library's evaluation pass does.
#include "../model/hand_made.hpp"

#include <doctest/doctest.h>

#include <cstdint>

#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "trained_network.hpp"

using namespace spankey;

namespace {

template <auto Layers, class Sites, class Backend, head_outputs Outputs = 5>
using network = test::made_of<Layers, runtime, Sites, Backend, float, Outputs>;

// Both engines, all kinds of weights; int8 keeps 7 bits of a weight, bf16 8 of a number.
template <auto Layers, class Sites, head_outputs Outputs = 5>
void check_on_both_engines() {
  for (const injector_kind kind : {injector_kind::multiplicative, injector_kind::additive}) {
    using plain = network<Layers, Sites, backend::reference, Outputs>;
    using packed = network<Layers, Sites, backend::cpu, Outputs>;
    test::check_session<plain, float>(kind, 5, 2e-5);
    test::check_session<packed, float>(kind, 5, 2e-5);
    test::check_session<plain, bf16>(kind, 5, 2e-2);
    test::check_session<packed, bf16>(kind, 5, 2e-2);
    test::check_session<plain, std::int8_t>(kind, 5, 5e-2);
    test::check_session<packed, std::int8_t>(kind, 5, 5e-2);
  }
}

}  // namespace

TEST_CASE("session: all kinds of layers") { check_on_both_engines<test::vocabulary, at<0, 1, 2>>(); }
TEST_CASE("session: blocks in blocks") { check_on_both_engines<test::nested, at<0, 1, 2, 3>>(); }
TEST_CASE("session: batch norm first, one of them without a scale") {
  check_on_both_engines<test::pre_activation, at<0, 1, 2>>();
}
TEST_CASE("session: what else a block can be") { check_on_both_engines<test::odd_blocks, at<0, 1, 2>>(); }
TEST_CASE("session: tokens and attention") { check_on_both_engines<test::transformer, at<0, 1, 2>>(); }
TEST_CASE("session: a site and a head, with a reject logit") {
  check_on_both_engines<test::site_and_head, at<0>, head_outputs(5, aux_logit::reject)>();
}
TEST_CASE("session: sites that the gate leaves out") {
  check_on_both_engines<test::nested, at<2>>();
  check_on_both_engines<test::odd_blocks, at<1>>();
}
