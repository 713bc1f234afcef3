// Keys drawn on the device are the key space's: valid ones of every arrangement, law and rescaling, Gaussian invalid ones;
// by value and with the step read in device memory.
#include <doctest/doctest.h>

#include "device_tensor.hpp"
#include "spankey/train/device_sampler.hpp"

namespace {

using namespace spankey;
using agreement::difference;

const std::vector<site> three_sites = {{0, {3, 4, 4}}, {2, {8, 2, 3}}, {3, {70, 1, 1}}};

// Shares of elements that have other bits than the host's, and the largest difference.
struct distance {
  double other_bits = 0, most = 0;
};

template <class Draw, class DrawHost>
distance compare(index_t n, const Draw& draw, const DrawHost& draw_host) {
  std::vector<std::unique_ptr<device::tensor<float>>> found;
  std::vector<std::vector<float>> expected;
  std::vector<float*> outputs, host_outputs;
  for (const site& s : three_sites) {
    outputs.push_back(
        found.emplace_back(std::make_unique<device::tensor<float>>(n * s.shape.size(), 9.0F))->data());
    expected.emplace_back(static_cast<std::size_t>(n * s.shape.size()));
  }
  for (auto& e : expected) host_outputs.push_back(e.data());
  draw(outputs);
  draw_host(host_outputs);
  distance d;
  double count = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const std::vector<float> keys = found[i]->host();
    d.most = std::max(d.most, difference(keys, agreement::widened(expected[i])));
    for (std::size_t j = 0; j < keys.size(); ++j) d.other_bits += keys[j] != expected[i][j] ? 1 : 0;
    count += static_cast<double>(keys.size());
  }
  d.other_bits /= count;
  return d;
}

template <class F>
void for_each_space(index_t m, const F& f) {
  for (const bool own_key : {false, true})
    for (const bool own_basis : {false, true}) {
      if (own_basis && !own_key) continue;
      for (const auto kind :
           {coefficient_kind::unit_cube, coefficient_kind::gaussian, coefficient_kind::sphere})
        for (const auto rescale : {rescale_kind::pooled, rescale_kind::per_key})
          for (const float deviation : {0.0F, 0.7F}) {
            key_space_config c{
                .subspace_dim = m, .per_site_key = own_key, .per_site_basis = own_basis, .seed = 3};
            c.coefficients = kind;
            c.rescale = rescale;
            c.key_std = deviation;
            CAPTURE(own_key);
            CAPTURE(own_basis);
            CAPTURE(static_cast<int>(kind));
            CAPTURE(static_cast<int>(rescale));
            CAPTURE(deviation);
            key_space space(c, three_sites);
            f(space);
          }
    }
}

}  // namespace

TEST_CASE("cuda keys: valid ones") {
  for_each_space(5, [](key_space& space) {
    device_key_sampler sampler(space, 20);
    for (const index_t n : {1, 3, 20}) {
      const distance d = compare(
          n,
          [&](auto& to) {
            sampler.draw_valid({11, stream::coefficients, 5}, n, to);
          },
          [&](auto& to) {
            space.draw_valid({11, stream::coefficients, 5}, n, to);
          });
      CHECK(d.most < 3e-7);
    }
  });
}
TEST_CASE("cuda keys: uniform coefficients and their factors have the host's bits") {
  // With one row of the basis there is nothing that a fused multiply-add could round otherwise.
  for_each_space(1, [](key_space& space) {
    if (space.config().coefficients != coefficient_kind::unit_cube) return;
    device_key_sampler sampler(space, 20);
    const distance d = compare(
        20,
        [&](auto& to) {
          sampler.draw_valid({11, stream::coefficients, 5}, 20, to);
        },
        [&](auto& to) {
          space.draw_valid({11, stream::coefficients, 5}, 20, to);
        });
    CHECK(d.other_bits == 0);
  });
}
TEST_CASE("cuda keys: Gaussian invalid ones") {
  for_each_space(5, [](key_space& space) {
    device_key_sampler sampler(space, 20);
    for (const index_t n : {1, 3}) {
      const distance d = compare(
          n,
          [&](auto& to) {
            sampler.draw_gaussian({11, stream::invalid_keys, 6}, n, to);
          },
          [&](auto& to) {
            space.draw_invalid(invalid_family::gaussian, {11, stream::invalid_keys, 6}, n, to);
          });
      CHECK(d.most < 3e-7);
      CHECK(d.other_bits < 0.01);
    }
  });
  CHECK(device_key_sampler::draws(invalid_family::gaussian));
  CHECK_FALSE(device_key_sampler::draws(invalid_family::permuted));
}
TEST_CASE("cuda keys: a recorded draw reads its step in device memory") {
  key_space space({.subspace_dim = 5, .per_site_key = true, .seed = 3}, three_sites);
  device_key_sampler sampler(space, 4);
  const distance d = compare(
      4,
      [&](auto& to) {
        cuda::set_step_values({.random_step = 9});
        const cuda::reading_step_values reading;
        sampler.draw_valid({11, stream::coefficients, 5}, 4, to);
      },
      [&](auto& to) {
        space.draw_valid({11, stream::coefficients, 9}, 4, to);
      });
  CHECK(d.most < 3e-7);
}
