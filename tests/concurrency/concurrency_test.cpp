// Several runs at once in one process: every one comes to the same bytes as alone. Threads of the caller's own, a loop of
// oneTBB whose tasks the library's loops nest in, and sessions that share one weight image.
#include <doctest/doctest.h>
#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <thread>
#include <vector>

#include "infer/trained_network.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "trained_alone.hpp"

using namespace spankey;
using test::outcomes;
using test::run_seeds;
using test::trained_weights;
using test::weights_alone;

TEST_CASE("two models train at once, in two arenas, from two threads") {
  const auto& alone = weights_alone();
  REQUIRE(alone[0] != alone[1]);  // else nothing could be mixed up
  REQUIRE(alone[0].size() > 1000);
  outcomes found;
  {
    std::vector<std::thread> threads;
    for (std::size_t run = 0; run < 2; ++run)
      threads.emplace_back([&found, run] { found.add(run, trained_weights(run_seeds[run])); });
    for (std::thread& t : threads) t.join();
  }
  const auto both = found.all();
  CHECK(both[0] == alone[0]);
  CHECK(both[1] == alone[1]);
}

TEST_CASE("four models train inside a loop of the caller's own oneTBB") {
  const auto& alone = weights_alone();
  outcomes found;
  const cpu::loop_order order;
  tbb::parallel_for(
      tbb::blocked_range<std::size_t>(0, run_seeds.size(), 1),
      [&found, &order](const tbb::blocked_range<std::size_t>& runs) {
        order.begin_task();
        for (std::size_t run = runs.begin(); run != runs.end(); ++run)
          found.add(run, trained_weights(run_seeds[run]));
        order.end_task();
      },
      tbb::simple_partitioner{});
  CHECK(found.all() == alone);
}

TEST_CASE("sessions share a weight image, one a thread") {
  using network = small_cnn<11, gate<runtime, at<1, 2>>, backend::reference, float>;
  using session_type = infer::session<network, std::int8_t>;
  const test::trained<network> trained(injector_kind::multiplicative);
  auto& model = const_cast<network&>(trained.model);
  const std::vector<std::byte> made = infer::make_image<std::int8_t>(model, 10);
  test::block image(made.size());
  std::copy(made.begin(), made.end(), image.span().begin());
  const auto logits_of = [&](bool keyed) {
    test::block memory(session_type::memory_bytes);
    session_type session;
    infer::answer<network> answer;
    const std::array<std::span<const float>, 2> keys = {trained.keys[1], trained.keys[2]};
    const bool ready = session.open(image.span(), memory.span()) == infer::status::ok &&
                       (!keyed || session.bind(keys) == infer::status::ok) &&
                       session.run_normalised(trained.input, answer) == infer::status::ok;
    return ready ? std::vector<float>(answer.logits.begin(), answer.logits.end()) : std::vector<float>{};
  };
  const std::vector<float> open = logits_of(false), keyed = logits_of(true);
  REQUIRE(!open.empty());
  REQUIRE(open != keyed);
  outcomes found;
  {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < run_seeds.size(); ++i)
      threads.emplace_back([&, i] { found.add(i, logits_of(i % 2 == 1)); });
    for (std::thread& t : threads) t.join();
  }
  const auto all = found.all();
  for (std::size_t i = 0; i < all.size(); ++i) CHECK(all[i] == (i % 2 == 1 ? keyed : open));
}
