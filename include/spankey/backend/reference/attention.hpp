// Scaled dot-product attention, reference (Vaswani et al. 2017), of every sample and head:
//   s(t, j) = scale q(t) . k(j)      p(t, j) = exp(s(t, j) - lse(t))      y(t) = sum over j of p(t, j) v(j)
// x (N, T, width) holds q, k, v of every token, heads side by side in them; y (N, T, C). j runs over all tokens, or where it
// is causal to t; lse(t) = log sum exp s(t, j) is written, (N, heads, T). Queries' heads of a group have the same k and v
// (Ainslie et al. 2023), whose gradients are the group's sums. Backward:
//   dv(j) = sum over t of p(t, j) dy(t)                dq(t) = scale sum over j of ds(t, j) k(j)
//   ds(t, j) = p(t, j) (dy(t) . v(j) - dy(t) . y(t))   dk(j) = scale sum over t of ds(t, j) q(t)
#pragma once

#include <algorithm>
#include <cmath>

#include "spankey/backend/reference/tag.hpp"

namespace spankey {

template <class T>
struct attention_kernels<backend::reference, T> {
  static constexpr index_t scratch_size(const attention_problem&) { return 0; }

  static void forward(const attention_problem& p, const attention_forward_operands<T>& o, T* /*scratch*/) {
    for_each_row(p, [&](const row& r) {
      T largest = score(p, o.x, r, 0), sum = 0;
      for (index_t j = 1; j < r.seen; ++j) largest = std::max(largest, score(p, o.x, r, j));
      for (index_t j = 0; j < r.seen; ++j) sum += std::exp(score(p, o.x, r, j) - largest);
      const T lse = o.lse[r.number] = largest + std::log(sum);
      T* const y = o.y + r.out;
      std::fill_n(y, p.size, T(0));
      for (index_t j = 0; j < r.seen; ++j) {
        const T weight = std::exp(score(p, o.x, r, j) - lse);
        const T* const v = o.x + r.part(p, j, 2);
        for (index_t c = 0; c < p.size; ++c) y[c] += weight * v[c];
      }
    });
  }
  static void backward(const attention_problem& p, const attention_backward_operands<T>& o, T* /*scratch*/) {
    std::fill_n(o.dx, p.samples * p.tokens * p.width(), T(0));
    const T scale = p.template scale<T>();
    for_each_row(p, [&](const row& r) {
      const T *const dy = o.dy + r.out, *const q = o.x + r.part(p, r.token, 0);
      T* const dq = o.dx + r.part(p, r.token, 0);
      const T mean = dot(p.size, dy, o.y + r.out);
      for (index_t j = 0; j < r.seen; ++j) {
        const T weight = std::exp(score(p, o.x, r, j) - o.lse[r.number]);
        const T ds = weight * (dot(p.size, dy, o.x + r.part(p, j, 2)) - mean);
        const T* const k = o.x + r.part(p, j, 1);
        T *const dk = o.dx + r.part(p, j, 1), *const dv = o.dx + r.part(p, j, 2);
        for (index_t c = 0; c < p.size; ++c) {
          dq[c] += scale * ds * k[c];
          dk[c] += scale * ds * q[c];
          dv[c] += weight * dy[c];
        }
      }
    });
  }

 private:
  // One token's row of one head.
  struct row {
    index_t number, sample, head, token, seen, out;

    /// Where token j's queries (0), keys (1) or values (2) begin in x.
    [[nodiscard]] index_t part(const attention_problem& p, index_t j, index_t which) const {
      return (sample * p.tokens + j) * p.width() + p.part_of(head, which);
    }
  };
  template <class F>
  static void for_each_row(const attention_problem& p, const F& f) {
    for (index_t number = 0; number < p.rows(); ++number) {
      const index_t token = number % p.tokens, head = number / p.tokens % p.heads;
      const index_t sample = number / p.tokens / p.heads;
      f(row{number, sample, head, token, p.causal ? token + 1 : p.tokens,
            (sample * p.tokens + token) * p.channels() + head * p.size});
    }
  }
  static T dot(index_t size, const T* a, const T* b) {
    T sum = 0;
    for (index_t c = 0; c < size; ++c) sum += a[c] * b[c];
    return sum;
  }
  static T score(const attention_problem& p, const T* x, const row& r, index_t j) {
    return p.template scale<T>() * dot(p.size, x + r.part(p, r.token, 0), x + r.part(p, j, 1));
  }
};

}  // namespace spankey
