#include "spankey/lock/channel_map.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "error_probe.hpp"
#include "spankey/core/random.hpp"

using namespace spankey;

namespace {

rotation rotation_of(index_t channels, std::string_view layer) {
  const master_key key;  // of zeros
  key_stream numbers(derive(key, {"rotate", layer}));
  return {channels, numbers};
}
using matrix = std::vector<double>;
double number(index_t i) { return random_source(3, stream::glyphs).gaussian(static_cast<std::uint64_t>(i)); }

}  // namespace

TEST_CASE("locked weights give on a mapped activation what the weights give on the activation") {
  for (const index_t c : {1, 8, 24})
    for (const bool whitened : {false, true}) {
      constexpr index_t outputs = 5;
      matrix w(static_cast<std::size_t>(c * outputs)), x(static_cast<std::size_t>(c));
      for (std::size_t i = 0; i < w.size(); ++i) w[i] = number(static_cast<index_t>(i));
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = number(static_cast<index_t>(i) + 1000);
      matrix moment(static_cast<std::size_t>(c * c));
      for (index_t i = 0; i < c; ++i)
        for (index_t j = 0; j < c; ++j)
          for (index_t k = 0; k < outputs; ++k)
            moment[static_cast<std::size_t>(i * c + j)] +=
                w[static_cast<std::size_t>(i * outputs + k)] * w[static_cast<std::size_t>(j * outputs + k)];
      channel_map map(rotation_of(c, "conv1"));
      if (whitened) map.whiten(moment);
      REQUIRE(map.whitens() == whitened);
      matrix locked = w;
      map.lock(locked.data(), outputs);
      const auto t = map.activation_matrix();
      for (index_t o = 0; o < outputs; ++o) {
        double want = 0, got = 0;
        for (index_t i = 0; i < c; ++i) {
          want += w[static_cast<std::size_t>(i * outputs + o)] * x[static_cast<std::size_t>(i)];
          for (index_t j = 0; j < c; ++j)
            got += locked[static_cast<std::size_t>(i * outputs + o)] *
                   static_cast<double>(t[static_cast<std::size_t>(i * c + j)]) *
                   x[static_cast<std::size_t>(j)];
        }
        CHECK(got == doctest::Approx(want).epsilon(1e-5));
      }
      if (whitened &&
          c == 8) {  // five outputs span what the layer reads: there W' W'^T is the identity, nearly
        double trace = 0;
        for (const double v : locked) trace += v * v;
        CHECK(trace > 4.7);
        CHECK(trace < 5.0);
      }
      channel_map again(rotation_of(c, "conv1"));
      if (whitened) again.use_root(map.root());
      again.unlock(locked.data(), outputs);
      for (std::size_t i = 0; i < w.size(); ++i) CHECK(locked[i] == doctest::Approx(w[i]).epsilon(1e-6));
    }
}

TEST_CASE("a root of another size is refused") {
  channel_map map(rotation_of(8, "conv1"));
  const std::vector<float> few(35, 1.0F);
  spankey_test::check_refused([&] { map.use_root(few); }, "lock.101", {"35", "8"});
  std::vector<float> flat(36, 1.0F);
  flat[0] = 0;
  spankey_test::check_refused([&] { map.use_root(flat); }, "lock.101");
}
