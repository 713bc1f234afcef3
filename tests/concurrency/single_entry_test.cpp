// Two threads in one session, or at one key space: found in debug builds, as this binary is (tests/CMakeLists.txt).
#include "spankey/core/single_entry.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "error_probe.hpp"
#include "infer/trained_network.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/key/sampler.hpp"

#if defined(NDEBUG)
#error "this test is of debug builds"
#endif

using namespace spankey;
using spankey_test::id_of;

TEST_CASE("single_entry: one at a time, and again afterwards") {
  single_entry entry;
  for (int round = 0; round < 2; ++round) {
    const single_entry::pass first(entry);
    CHECK(static_cast<bool>(first));
    const single_entry::pass second(entry);
    CHECK_FALSE(static_cast<bool>(second));
    const single_entry copy(entry);  // nobody is inside a copy
    single_entry assigned = copy;
    CHECK(static_cast<bool>(single_entry::pass(assigned)));
  }
}

namespace {
// Calls f from two threads until one of them was told that the other is inside; f answers whether it was.
template <class F>
bool told(F&& f) {
  std::atomic<bool> found = false;
  const auto work = [&] {
    for (int i = 0; i < 20000 && !found; ++i)
      if (f()) found = true;
  };
  std::thread other(work);
  work();
  other.join();
  return found;
}
}  // namespace

TEST_CASE("a session that two threads run is busy for one of them") {
  using network = small_cnn<11, gate<runtime, at<1, 2>>, backend::reference, float>;
  using session_type = infer::session<network, float>;
  const test::trained<network> trained(injector_kind::multiplicative);
  const std::vector<std::byte> made = infer::make_image<float>(const_cast<network&>(trained.model), 10);
  test::block image(made.size()), memory(session_type::memory_bytes);
  std::copy(made.begin(), made.end(), image.span().begin());
  session_type session;
  REQUIRE(session.open(image.span(), memory.span()) == infer::status::ok);
  std::atomic<bool> other_answers = false;
  CHECK(told([&] {
    infer::answer<network> answer;
    const infer::status s = session.run_normalised(trained.input, answer);
    if (s != infer::status::ok && s != infer::status::busy) other_answers = true;
    return s == infer::status::busy;
  }));
  CHECK_FALSE(other_answers);
  infer::answer<network> answer;
  CHECK(session.run_normalised(trained.input, answer) == infer::status::ok);
}

TEST_CASE("a key space that two threads draw from says so to one of them") {
  key_space keys({.subspace_dim = 8, .seed = 3}, {{0, {16, 8, 8}}});
  std::atomic<bool> other_errors = false;
  const auto draws = [&](key_space& from) {
    std::vector<float> key(64 * 1024);
    float* const out[] = {key.data()};
    const std::string id = id_of([&] { from.draw_valid({1, stream::evaluation, 0}, 64, out); });
    if (id != "no error" && id != "key.123") other_errors = true;
    return id == "key.123";
  };
  CHECK(told([&] { return draws(keys); }));
  CHECK_FALSE(other_errors);
  CHECK_FALSE(draws(keys));
  key_space copy = keys;  // one for each thread
  CHECK_FALSE(draws(copy));
}
