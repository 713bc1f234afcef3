// A customer's span key from the ring's secret and the network's key space, with the same bits on every platform.
//
//   alpha_s = offset + spread z_s            the law is the space's, z_s the customer's at site s (one z, where sites share)
//   k_s     = f_s alpha_s B_s                f_s = key_std / (std(alpha_s B_s) + 1e-8), std with n-1; 1 where key_std is 0
// Sums are taken in double, one after another, every product rounded first: no kernel has a say, as it has in
// issue_key (key/issued_key.hpp), whose last bits are those of one kernel family. Sites in the order of their numbers, elements
// in (C, H, W). Where sites share a key, f is the widest site's.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "spankey/core/secret.hpp"
#include "spankey/key/issued_key.hpp"
#include "spankey/key/ring.hpp"
#include "spankey/key/sampler.hpp"

namespace spankey {

/// What tells a customer's numbers from everybody else's: network | generation | serial | nonce.
inline std::array<std::byte, 36> nonce_of(const ring_customer& who) {
  std::array<std::byte, 36> about;
  std::byte* next = about.data();
  const auto append = [&](const void* from, std::size_t bytes) {
    std::memcpy(next, from, bytes);
    next += bytes;
  };
  append(&who.network, 8), append(&who.generation, 4), append(&who.serial, 8);
  append(who.nonce.data(), who.nonce.size());
  return about;
}

/// z of a customer at one site; site -1: at all of them, where they share a key.
inline secret_vector<double> customer_numbers(const master_key& master, const ring_customer& who,
                                              coefficient_kind kind, index_t m, int site_number) {
  const std::string site_text = std::to_string(site_number);
  portable_numbers numbers(
      derive(master, {.purpose = "span key", .layer = site_text, .nonce = nonce_of(who)}));
  secret_vector<double> z(static_cast<std::size_t>(m));
  numbers.draw(kind, z);
  return z;
}

/// Which site's coefficients the site has: its own, or those of all.
inline int coefficient_site(const key_space_config& config, const site& at) {
  return config.per_site_key ? at.number : -1;
}

/// Row by row of a basis, in file order: alpha B.
inline secret_vector<double> plain_combination(std::span<const double> alpha,
                                               const secret_vector<float>& basis) {
  const std::size_t d = basis.size() / alpha.size();
  secret_vector<double> k(d, 0.0);
  for (std::size_t i = 0; i < alpha.size(); ++i)
    for (std::size_t j = 0; j < d; ++j) k[j] += rounded(alpha[i] * static_cast<double>(basis[i * d + j]));
  return k;
}

/// f of a key before it is rescaled.
inline double plain_factor(std::span<const double> k, float key_std) {
  if (key_std == 0) return 1;
  const auto n = static_cast<double>(k.size());
  double sum = 0, squares = 0;
  for (const double x : k) sum += x;
  const double mean = sum / n;
  for (const double x : k) squares += rounded((x - mean) * (x - mean));
  return static_cast<double>(key_std) / (std::sqrt(squares / (n - 1)) + 1e-8);
}

/// The customer's key, as files and sessions have it.
inline std::vector<site_key> customer_key(const key_space& keys, const master_key& master,
                                          const ring_customer& who) {
  const key_space_config& config = keys.config();
  const coefficient_law law = config.law();
  std::vector<site_key> made;
  for (std::size_t i = 0; i < keys.sites().size(); ++i) {
    const site& at = keys.sites()[i];
    secret_vector<double> alpha =
        customer_numbers(master, who, law.kind, config.subspace_dim, coefficient_site(config, at));
    for (double& a : alpha) a = law.offset + rounded(law.spread * a);
    const auto combined = [&](std::size_t s) {
      return plain_combination(alpha, keys.subspace_of(static_cast<index_t>(s)).basis_in_file_order());
    };
    const secret_vector<double> k = combined(i);
    const std::size_t whole = keys.whole(i);
    const double factor = plain_factor(whole == i ? k : combined(whole), config.key_std);
    site_key& key = made.emplace_back(site_key{at, secret_vector<float>(k.size())});
    std::transform(k.begin(), k.end(), key.values.begin(),
                   [&](double x) { return static_cast<float>(factor * x); });
  }
  std::sort(made.begin(), made.end(),
            [](const site_key& a, const site_key& b) { return a.at.number < b.at.number; });
  return made;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
