#include "spankey/lock/kotg.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "spankey/backend/cpu/cpu.hpp"

using namespace spankey;
using spankey_test::check_refused;

namespace {

constexpr index_t channels = 32, outputs = 48;

std::vector<float> numbers(index_t count, double step) {
  std::vector<float> found(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < found.size(); ++i)
    found[i] = static_cast<float>(std::sin(step * static_cast<double>(i + 1)));
  return found;
}
kotg_keys keys_of(std::byte first) {
  std::array<std::byte, master_key::size> bytes{first};
  return kotg_keys(master_key(bytes));
}
std::vector<float> logits_of(const kotg_head<backend::cpu>& head, kotg_session session) {
  std::vector<float> h = numbers(channels, 0.7), found(outputs);
  session.pass(h.data());
  head.answer(h.data(), found.data());
  return found;
}
double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    worst = std::max(worst, static_cast<double>(std::abs(a[i] - b[i])));
  return worst;
}

}  // namespace

TEST_CASE("key texts are sixteen hexadecimal letters, of a role and a master") {
  const kotg_keys keys = keys_of(std::byte{1});
  const std::string text = keys.text(0);
  CHECK(text.size() == kotg_keys::text_size);
  CHECK(text.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(text == keys.text(0));
  CHECK(text != keys.text(1));
  CHECK(text != keys_of(std::byte{2}).text(0));
  CHECK(keys.tag() != text);
  CHECK(keys.tag() != keys_of(std::byte{2}).tag());
}

TEST_CASE("hook: the right key takes the transform back, another one meets the scrambler") {
  const kotg_keys keys = keys_of(std::byte{1});
  const kotg_head<backend::cpu> head(numbers(outputs * channels, 0.3), channels);
  const std::vector<float> open = logits_of(head, kotg_session());
  std::array<std::byte, 8> nonce{};
  for (const int reflections : {0, 8}) {
    // Scramblers come from the system: one in forty leaves these few logits within .5, a quarter of 64 will not.
    constexpr int draws = 64;
    int from_open = 0, from_before = 0;
    std::vector<float> before = open;
    for (int i = 0; i < draws; ++i) {
      nonce[0] = static_cast<std::byte>(i);
      const session_rotation q = keys.session(0, nonce, channels, reflections);
      const std::vector<float> right = logits_of(head, kotg_session::hook(q, std::nullopt));
      if (reflections == 0) CHECK(right == open);
      CHECK(distance(right, open) < 1e-5);
      const std::vector<float> scrambled =
          logits_of(head, kotg_session::hook(q, draw_scrambler(channels, reflections)));
      from_open += distance(scrambled, open) > 0.5 ? 1 : 0;
      from_before += distance(scrambled, before) > 0.5 ? 1 : 0;
      before = scrambled;
    }
    CHECK(from_open >= draws * 3 / 4);
    CHECK(from_before >= draws * 3 / 4);
  }
}

TEST_CASE("entangled: the head is noise without its rotation, and can be locked again under another master") {
  const kotg_keys keys = keys_of(std::byte{1}), others = keys_of(std::byte{2});
  kotg_head<backend::cpu> head(numbers(outputs * channels, 0.3), channels);
  const std::vector<float> open = logits_of(head, kotg_session());
  const session_rotation own = keys.fixed(channels, 8), other = others.fixed(channels, 8);
  head.lock(own);
  CHECK(distance(logits_of(head, kotg_session()), open) > 0.5);
  CHECK(distance(logits_of(head, kotg_session::entangled(other)), open) > 0.5);
  CHECK(distance(logits_of(head, kotg_session::entangled(own)), open) < 1e-5);
  head.unlock(own), head.lock(other);
  CHECK(distance(logits_of(head, kotg_session::entangled(own)), open) > 0.5);
  CHECK(distance(logits_of(head, kotg_session::entangled(other)), open) < 1e-5);
}

TEST_CASE("heads and rotations that do not fit are refused") {
  check_refused([] { (void)kotg_head<backend::cpu>(std::vector<float>(7), 2); }, "lock.121");
  kotg_head<backend::cpu> head(std::vector<float>(64, 1.0F), 16);
  check_refused([&] { head.lock(keys_of(std::byte{1}).fixed(32, 8)); }, "lock.122");
}
