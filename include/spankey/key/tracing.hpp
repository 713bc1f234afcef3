// Who put their keys together to make this one? A found key's coefficients against those of every customer of a ring.
//
//   v        the found key's by least squares, part by part, less their mean where the law has an offset, to length 1/sqrt(parts)
//   score_t  c <v, z_t>: c sqrt(3) of a unit cube, 1 of Gaussian ones, sqrt(m) of a sphere
// An innocent's z is independent of v: his score exceeds t with a probability of Q(t), the tail of N(0, 1), for Gaussian numbers, of
// at most exp(-t^2/2) for the others (Chernoff). The threshold is the t where customers x that is the rate of tests that may accuse
// somebody innocent. Of r who take the mean each scores sqrt(length/r); a threshold at half of that needs length >= 4 t^2 r.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/secret.hpp"
#include "spankey/key/coefficients.hpp"
#include "spankey/key/issued_key.hpp"
#include "spankey/key/ring_key.hpp"

namespace spankey {

/// Tests in which somebody innocent may be accused: one in a thousand.
inline constexpr double usual_false_accusations = 1e-3;

/// The score from which somebody is accused.
inline double accusation_threshold(coefficient_kind kind, std::size_t customers,
                                   double rate = usual_false_accusations) {
  const double each = rate / static_cast<double>(std::max<std::size_t>(customers, 1));
  if (kind != coefficient_kind::gaussian) return std::sqrt(-2 * std::log(each));
  double low = 0, high = 40;  // Q(40) is below every double
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (std::erfc(middle / std::sqrt(2.0)) / 2 > each ? low : high) = middle;
  }
  return high;
}

/// Coefficients that a key needs so that each of `colluders` who take their keys' mean is found, but once in about 1/rate.
inline index_t least_code_length(coefficient_kind kind, std::size_t customers, std::size_t colluders,
                                 double rate = usual_false_accusations) {
  const double t = accusation_threshold(kind, customers, rate);
  return static_cast<index_t>(std::ceil(4 * t * t * static_cast<double>(colluders)));
}

/// How the coefficients of a space's keys are told apart.
struct trace_code {
  coefficient_kind kind = coefficient_kind::unit_cube;
  index_t m = 0, parts = 1;
  bool centred = true;

  /// Numbers that tell customers apart.
  [[nodiscard]] index_t length() const { return parts * (centred ? m - 1 : m); }
};

inline trace_code code_of(const key_space& keys) {
  const key_space_config& config = keys.config();
  return {config.coefficients, config.subspace_dim,
          config.per_site_key ? static_cast<index_t>(keys.sites().size()) : 1, config.law().offset != 0};
}

/// Fails with trace.101 where nobody can promise to find so many colluders among so many customers.
inline void require_traceable(const trace_code& code, std::size_t customers, std::size_t colluders,
                              double rate = usual_false_accusations) {
  const index_t least = least_code_length(code.kind, customers, colluders, rate);
  if (code.length() < least)
    fail("trace.101", "tracing", "cannot be promised for ", colluders, " colluders of ", customers,
         " customers: expected at least ", least, " coefficients that tell keys apart, found ",
         code.length());
}

/// v of coefficients, part after part. All 0 where a part has no direction.
inline secret_vector<double> trace_direction(const trace_code& code, secret_vector<double> alpha) {
  for (index_t part = 0; part < code.parts; ++part) {
    const std::span<double> a =
        std::span(alpha).subspan(static_cast<std::size_t>(part * code.m), static_cast<std::size_t>(code.m));
    double mean = 0, squares = 0;
    for (const double x : a) mean += x / static_cast<double>(code.m);
    for (double& x : a) {
      if (code.centred) x -= mean;
      squares += x * x;
    }
    const double scale = squares > 0 ? 1 / std::sqrt(squares * static_cast<double>(code.parts)) : 0;
    for (double& x : a) x *= scale;
  }
  return alpha;
}

/// score_t of a customer's z, part after part.
inline double trace_score(const trace_code& code, std::span<const double> v, std::span<const double> z) {
  double product = 0;
  for (std::size_t i = 0; i < v.size(); ++i) product += v[i] * z[i];
  switch (code.kind) {
    case coefficient_kind::unit_cube:
      return std::sqrt(3.0) * product;
    case coefficient_kind::sphere:
      return std::sqrt(static_cast<double>(code.m)) * product;
    case coefficient_kind::gaussian:
      break;
  }
  return product;
}

/// alpha with B B^T alpha = B k, by Cholesky; `b` is B k.
inline void solve_gram(const double* gram, std::span<double> b) {
  const std::size_t m = b.size();
  secret_vector<double> l(gram, gram + m * m);
  for (std::size_t j = 0; j < m; ++j) {
    for (std::size_t i = j; i < m; ++i) {
      double sum = l[i * m + j];
      for (std::size_t p = 0; p < j; ++p) sum -= l[i * m + p] * l[j * m + p];
      l[i * m + j] = i == j ? std::sqrt(sum) : sum / l[j * m + j];
    }
  }
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t p = 0; p < i; ++p) b[i] -= l[i * m + p] * b[p];
    b[i] /= l[i * m + i];
  }
  for (std::size_t i = m; i-- > 0;) {
    for (std::size_t p = i + 1; p < m; ++p) b[i] -= l[p * m + i] * b[p];
    b[i] /= l[i * m + i];
  }
}

/// Coefficients of a found key, part after part in the order of the space's sites. Fails with trace.102 where the key is of other
/// sites.
inline secret_vector<double> found_coefficients(const key_space& keys, std::span<const site_key> found) {
  secret_vector<double> all;
  for (std::size_t s = 0; s < keys.sites().size(); ++s) {
    const site& at = keys.sites()[s];
    const auto key = std::find_if(found.begin(), found.end(), [&](const site_key& k) { return k.at == at; });
    if (key == found.end() || key->values.size() != static_cast<std::size_t>(at.shape.size()))
      fail("trace.102", "site " + std::to_string(at.number),
           "expected the found key to have a part for it, of C=", at.shape.channels, " H=", at.shape.height,
           " W=", at.shape.width);
    if (!keys.config().per_site_key && keys.whole(s) != s) continue;  // a part of the widest site's
    const subspace& span = keys.subspace_of(static_cast<index_t>(s));
    const secret_vector<float> basis = span.basis_in_file_order();
    const std::size_t d = key->values.size(), first = all.size();
    for (index_t i = 0; i < span.dimension(); ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < d; ++j)
        sum += static_cast<double>(basis[static_cast<std::size_t>(i) * d + j]) *
               static_cast<double>(key->values[j]);
      all.push_back(sum);
    }
    solve_gram(span.gram(), std::span(all).subspan(first));
  }
  return all;
}

/// z of a customer, part after part in the order of the space's sites.
inline secret_vector<double> customer_code(const key_space& keys, const master_key& master,
                                           const ring_customer& who) {
  const key_space_config& config = keys.config();
  secret_vector<double> all;
  for (std::size_t s = 0; s < keys.sites().size(); ++s) {
    if (!config.per_site_key && keys.whole(s) != s) continue;
    const secret_vector<double> z = customer_numbers(master, who, config.coefficients, config.subspace_dim,
                                                     coefficient_site(config, keys.sites()[s]));
    all.insert(all.end(), z.begin(), z.end());
  }
  return all;
}

struct trace_finding {
  const ring_customer* customer = nullptr;
  double score = 0;
  bool took_part = false;
  bool is_his = false;  // and nobody else's: v points where his z does
};

/// Whether v is a customer's own direction. Of an innocent it is with a probability below 1e-12 where at least 8 coefficients tell
/// keys apart, which is asked: so a key that nobody changed is found in codes that are too short for mixtures, too.
inline bool is_direction_of(const trace_code& code, std::span<const double> v,
                            const secret_vector<double>& z) {
  const secret_vector<double> own = trace_direction(code, z);
  double cosine = 0;
  for (std::size_t i = 0; i < v.size(); ++i) cosine += v[i] * own[i];
  return code.length() >= 8 && cosine > 1 - 1e-6;
}

/// Every customer of the ring who was given a span key of `network`, whose key it is and then the highest score
/// first. Fails with trace.102, and with
/// trace.103 where the key has nothing in the span of the ring's keys.
inline std::vector<trace_finding> trace_key(const key_space& keys, const key_ring& ring,
                                            std::uint64_t network, std::span<const site_key> found,
                                            double rate = usual_false_accusations) {
  const trace_code code = code_of(keys);
  const secret_vector<double> v = trace_direction(code, found_coefficients(keys, found));
  if (std::all_of(v.begin(), v.end(), [](double x) { return !(x * x > 0); }))
    fail("trace.103", "found key", "has no part in the span of the ring's keys");
  std::vector<trace_finding> findings;
  for (const ring_customer& c : ring.customers()) {
    if (c.payload != key_payload::span || c.network != network) continue;
    const secret_vector<double> z = customer_code(keys, ring.master(), c);
    findings.push_back({&c, trace_score(code, v, z), false, is_direction_of(code, v, z)});
  }
  const double threshold = accusation_threshold(code.kind, findings.size(), rate);
  for (trace_finding& f : findings) f.took_part = f.score > threshold;
  std::stable_sort(findings.begin(), findings.end(), [](const trace_finding& a, const trace_finding& b) {
    return a.is_his != b.is_his ? a.is_his : a.score > b.score;
  });
  return findings;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
