// The vectors were made by another implementation (Python's hmac, and ChaCha20 written from RFC 8439).
#include "spankey/key/ring_key.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "spankey/key/energy_outside.hpp"

using namespace spankey;

namespace {

master_key counted() {
  master_key made;
  for (std::size_t i = 0; i < master_key::size; ++i) made.data()[i] = static_cast<unsigned char>(i);
  return made;
}
ring_customer somebody() {
  ring_customer who{.name = "a", .serial = 17, .network = 0x0123456789ABCDEFU, .generation = 2};
  for (std::size_t i = 0; i < who.nonce.size(); ++i) who.nonce[i] = static_cast<std::byte>(i);
  return who;
}

const std::vector<site> sites = {{3, {4, 3, 3}}, {1, {2, 5, 4}}};

key_space_config config_of(bool own_key, bool own_basis, coefficient_kind kind) {
  key_space_config config{.subspace_dim = 6, .coefficients = kind};
  config.per_site_key = own_key, config.per_site_basis = own_basis, config.seed = 11;
  return config;
}

}  // namespace

TEST_CASE("customer's numbers are those of the vectors") {
  const auto are = [](coefficient_kind kind, int at, std::vector<double> expected) {
    const auto z = customer_numbers(counted(), somebody(), kind, static_cast<index_t>(expected.size()), at);
    CHECK(std::vector<double>(z.begin(), z.end()) == expected);
  };
  are(coefficient_kind::unit_cube, -1,
      {0x1.affd114f77d92p-1, -0x1.c8642f01a9e20p-1, -0x1.a2550d947a160p-5, -0x1.1a062284be498p-1,
       0x1.5c2101806b964p-1});
  are(coefficient_kind::unit_cube, 3,
      {-0x1.f90b6af9685c0p-6, 0x1.4e5ae1e094854p-2, -0x1.7a692bde15e7cp-2, -0x1.3dd8329c09b78p-2,
       0x1.d79b4ff8f41b0p-1});
  are(coefficient_kind::gaussian, -1,
      {0x1.397e775ed06dap+0, 0x1.6144335410d30p-5, -0x1.3f28019865869p-1, 0x1.98b04a0bd94dep+0,
       -0x1.f11177285f080p-8});
  are(coefficient_kind::gaussian, 3,
      {0x1.42cb6a10f50c2p-2, -0x1.bb1e2922d0af0p-3, 0x1.35ccc1e7a826bp+0, -0x1.bb2b9e2e6b75fp-1,
       0x1.da0270ee292ddp-1});
  are(coefficient_kind::sphere, -1,
      {0x1.29992ea66e61fp-1, 0x1.4f5aa76aa37ebp-6, -0x1.2ef9393cb0b40p-2, 0x1.83f756c6bf87ap-1,
       -0x1.d7dd4f961cb9ep-9});
  are(coefficient_kind::sphere, 3,
      {0x1.67f12a50e4febp-3, -0x1.ee1cb785113f9p-4, 0x1.5973ac8cf3089p-1, -0x1.ee2bb90614d57p-2,
       0x1.08478b5a5291ep-1});
}

TEST_CASE("customer's numbers: another serial, nonce, generation, network, site or master, other numbers") {
  const auto of = [](const master_key& master, const ring_customer& who, int at) {
    const auto z = customer_numbers(master, who, coefficient_kind::unit_cube, 4, at);
    return std::vector<double>(z.begin(), z.end());
  };
  std::vector<std::vector<double>> all = {of(counted(), somebody(), 0), of(counted(), somebody(), 1),
                                          of(master_key(), somebody(), 0)};
  const auto add = [&](auto&& change) {
    ring_customer who = somebody();
    change(who);
    all.push_back(of(counted(), who, 0));
  };
  add([](ring_customer& c) { c.serial = 18; });
  add([](ring_customer& c) { c.nonce[15] = std::byte{0}; });
  add([](ring_customer& c) { c.generation = 3; });
  add([](ring_customer& c) { c.network ^= 1U; });
  std::sort(all.begin(), all.end());
  CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
  ring_customer renamed = somebody();
  renamed.name = "b", renamed.note = "moved", renamed.revoked = true;
  CHECK(of(counted(), renamed, 0) == of(counted(), somebody(), 0));
}

TEST_CASE(
    "customer's key: in the span of every site, of the deviation that the space asks for, sites in order") {
  for (const auto kind :
       {coefficient_kind::unit_cube, coefficient_kind::gaussian, coefficient_kind::sphere}) {
    for (const int arrangement : {0, 1, 2}) {
      const key_space keys(config_of(arrangement > 0, arrangement > 1, kind), sites);
      const std::vector<site_key> key = customer_key(keys, counted(), somebody());
      REQUIRE(key.size() == 2);
      CHECK(key[0].at.number == 1);
      CHECK(key[1].at.number == 3);
      for (const site_key& k : key) {
        const auto s = static_cast<index_t>(k.at.number == 3 ? 0 : 1);
        const subspace& span = keys.subspace_of(s);
        std::vector<float> in_memory(k.values.size());
        for (index_t i = 0; i < span.size(); ++i)
          in_memory[static_cast<std::size_t>(i)] =
              k.values[static_cast<std::size_t>(file_index(k.at.shape, i))];
        CHECK(span.energy_share(in_memory.data()) > 1 - 1e-6);
        double sum = 0, squares = 0;
        for (const float x : k.values)
          sum += static_cast<double>(x), squares += static_cast<double>(x) * static_cast<double>(x);
        const auto n = static_cast<double>(k.values.size());
        const double deviation = std::sqrt((squares - sum * sum / n) / (n - 1));
        if (arrangement > 0 || k.at.number == 1) CHECK(deviation == doctest::Approx(1).epsilon(1e-5));
      }
      // Sites that share a key have its prefix.
      const auto prefix = key[1].values.size();
      const bool shared = std::equal(key[1].values.begin(), key[1].values.end(), key[0].values.begin(),
                                     key[0].values.begin() + static_cast<std::ptrdiff_t>(prefix));
      CHECK(shared == (arrangement == 0));
    }
  }
}

TEST_CASE("customer's key: as the sampler scales what it draws") {
  // The plain sums and the sampler's kernels agree on one z; a key space whose coefficients have no spread has one key.
  key_space_config config = config_of(true, true, coefficient_kind::unit_cube);
  config.offset = 0.7, config.spread = 1e-9;
  key_space keys(config, sites);
  const std::vector<site_key> ours = customer_key(keys, counted(), somebody()), theirs = issue_key(keys, 0);
  for (std::size_t s = 0; s < 2; ++s)
    for (std::size_t i = 0; i < ours[s].values.size(); ++i)
      CHECK(ours[s].values[i] == doctest::Approx(theirs[s].values[i]).epsilon(1e-5));
}
