// Costs 2 s to compile and nothing to run.
#include "spankey/release/compare_answers.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <vector>

using namespace spankey;

namespace {

// Says what it was shown: the likeliest is the sum of the window's tokens, modulo 7.
struct counting_session {
  index_t sum = 0, place = 0;
  std::array<float, 9> z{};
  std::span<const float> read(index_t token) {
    sum += token, ++place;
    z.fill(0);
    z[static_cast<std::size_t>(sum % 7)] = 1;
    z[8] = 2;  // never among the choices
    return z;
  }
  void restart() { sum = 0, place = 0; }
  [[nodiscard]] index_t position() const { return place; }
  [[nodiscard]] index_t context() const { return 4; }
};

}  // namespace

TEST_CASE("KL of two answers is what its formula says") {
  const std::vector<float> z = {1, 2, 3}, y = {0, 2, 5};
  const double of_z = std::exp(1.) + std::exp(2.) + std::exp(3.), of_y = 1 + std::exp(2.) + std::exp(5.);
  double kl = 0;
  for (std::size_t i = 0; i < 3; ++i)
    kl += std::exp(z[i]) / of_z * (z[i] - std::log(of_z) - y[i] + std::log(of_y));
  answer_comparison all;
  all.add(z, y);
  CHECK(all.mean_kl() == doctest::Approx(kl));
  CHECK(all.mean_top_kl() == doctest::Approx(kl));  // of fewer than 32 outputs all count
  CHECK(all.same == 1);
  CHECK(all.largest == doctest::Approx(2));
  all.add(z, z);
  CHECK(all.mean_kl() == doctest::Approx(kl / 2));
}

TEST_CASE("of the likeliest outputs alone what others do is not seen") {
  std::vector<float> z(40, 0.0F), y(40, 0.0F);
  for (std::size_t i = 0; i < 32; ++i) z[i] = y[i] = static_cast<float>(i + 1);
  y[39] = 33;
  answer_comparison all;
  all.add(z, y);
  CHECK(all.mean_top_kl() == doctest::Approx(0));
  CHECK(all.mean_kl() > 0.1);
}

TEST_CASE("a full window begins again with its second half") {
  counting_session session;
  endless_reader<counting_session> reader(session);
  for (const index_t token : {1, 2, 3, 4}) (void)reader.read(token);
  CHECK(session.sum == 10);
  (void)reader.read(5);
  CHECK(session.sum == 3 + 4 + 5);
  const std::vector<index_t> prompt = {3};
  CHECK(greedy_text(session, prompt, 4, 7) == std::vector<index_t>{3, 6, 5, 3});
}
