// Attention on the CPU, float and bf16; the formulas are those of backend/reference/attention.hpp.
//
// Keys are taken in blocks: a block's scores meet what stands in registers and the caches, and no row of all of them is ever
// kept. Forward: maxima, sums and outputs of the rows run along (Milakov and Gimelshein 2018; Dao et al. 2022). Backward:
// scores are computed once more, and their exponentials from lse. bf16 is widened, all sums are float, and what is stored
// is rounded once. At most 64 tasks, each of which takes some samples' heads, backward with all heads of queries that share a
// head of keys: they follow from the problem, so the bits do not depend on the number of threads.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>

#include "spankey/backend/cpu/attention_block.hpp"
#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/backend/cpu/tag.hpp"

namespace spankey {

template <cpu::Scalar T>
struct attention_kernels<backend::cpu, T> {
  /// Floats; room for a head in every task. They grow with the tokens, not with their square.
  static constexpr index_t scratch_size(const attention_problem& p) {
    return tasks(p) * std::max(room(p).forward_size(), room(p).backward_size());
  }

  /// y and lse are overwritten.
  static void forward(const attention_problem& p, const attention_forward_operands<T>& t, float* scratch) {
    for_each_head(p, 1, [&](const head& of, index_t place) {
      forward_head(p, t, of, scratch + place * room(p).forward_size());
    });
  }
  /// dx is overwritten; y and lse are what forward left.
  static void backward(const attention_problem& p, const attention_backward_operands<T>& t, float* scratch) {
    for_each_head(p, p.group(), [&](const head& of, index_t place) {
      backward_group(p, t, of, scratch + place * room(p).backward_size());
    });
  }

 private:
  using rows = cpu::attention_rows;
  using blocks = cpu::attention_blocks;

  static constexpr index_t tasks(const attention_problem& p, index_t at_once = 1) {
    return p.tokens == 0 ? 0 : std::min(p.samples * p.heads / at_once, cpu::attention_places::most);
  }

  /// Extents of one task's matrices, in whole vectors; `tokens` floats hold one of every token.
  struct room {
    index_t group, tokens, queries, keys, channels, columns;

    explicit constexpr room(const attention_problem& p)
        : group(p.group()),
          tokens(cpu::attention_columns(p.tokens)),
          queries(std::min(p.tokens, cpu::attention_queries)),
          keys(std::min(p.tokens, cpu::attention_keys)),
          channels(cpu::attention_columns(p.size)),
          columns(cpu::attention_columns(keys)) {}
    [[nodiscard]] constexpr index_t forward_size() const {
      return (tokens + queries + 2 * keys + columns) * channels + queries * columns + 2 * tokens;
    }
    [[nodiscard]] constexpr index_t backward_size() const {
      return (group * tokens + 4 * queries + 4 * keys + 2 * columns) * channels + 2 * queries * columns +
             group * tokens;
    }
  };
  /// Hands out scratch.
  struct supply {
    float* next;
    float* take(index_t count) { return std::exchange(next, next + count); }
    rows take(index_t count, index_t width) { return {take(count * width), width}; }
  };

  /// One head of one sample: elements before its queries, keys, values and outputs, and before its rows of lse.
  struct head {
    index_t queries, keys, values, out, row;
  };
  // f(head, place of its scratch), the heads of a task one after the other; of `at_once` heads the first.
  template <class F>
  static void for_each_head(const attention_problem& p, index_t at_once, const F& f) {
    const index_t heads = p.samples * p.heads / at_once, count = tasks(p, at_once);
    cpu::attention_places places;
    parallel_for(count, [&](index_t task) {
      const index_t place = places.take();
      for (index_t i = heads * task / count; i < heads * (task + 1) / count; ++i) {
        const index_t number = i * at_once, token = number / p.heads * p.tokens, of = number % p.heads;
        const index_t in = token * p.width();
        f(head{in + p.part_of(of, 0), in + p.part_of(of, 1), in + p.part_of(of, 2),
               token * p.channels() + of * p.size, number * p.tokens},
          place);
      }
      places.give_back(place);
    });
  }
  // f(block, head of `heads`, its first query, its first key): block of keys after block of keys, of each all queries that
  // see it, of one head after the other.
  template <class F, class Begin, class End>
  static void for_each_block(const attention_problem& p, index_t heads, const Begin& begin, const F& f,
                             const End& end) {
    for (index_t key = 0; key < p.tokens; key += cpu::attention_keys) {
      const index_t keys = std::min(cpu::attention_keys, p.tokens - key);
      begin(key, keys);
      for (index_t head = 0; head < heads; ++head)
        for (index_t query = p.causal ? key : 0; query < p.tokens; query += cpu::attention_queries) {
          const index_t queries = std::min(cpu::attention_queries, p.tokens - query);
          f(cpu::attention_block{queries, keys, p.causal ? query - key + 1 : keys,
                                 cpu::attention_columns(keys)},
            head, query, key);
        }
      end(key, keys);
    }
  }

  static void forward_head(const attention_problem& p, const attention_forward_operands<T>& t, const head& of,
                           float* scratch) {
    const room r(p);
    supply from{scratch};
    const rows q = from.take(r.queries, r.channels), k = from.take(r.keys, r.channels);
    const rows o = from.take(r.tokens, r.channels);
    float *const transposed = from.take(r.channels * r.columns), *const v = from.take(r.keys * r.channels);
    float *const s = from.take(r.queries * r.columns), *const largest = from.take(r.tokens),
                 *const total = from.take(r.tokens);
    const index_t c = p.channels(), w = p.width();
    const float scale = p.scale<float>();
    const blocks channels{cpu::active_conv2d_tiles<float>(), p.size};
    const auto softmax = SPANKEY_DISPATCH(attention_softmax);
    cpu::attention_spare spare;
    for_each_block(
        p, 1,
        [&](index_t key, index_t keys) {
          cpu::copy_rows(t.x + of.keys + key * w, w, keys, p.size, k.data, r.channels);
          cpu::pack_transposed(k.data, r.channels, p.size, {channels.tiles, keys}, transposed);
          cpu::pack_rows(t.x + of.values + key * w, w, keys, channels, v);
        },
        [&](const cpu::attention_block& block, index_t, index_t query, index_t key) {
          const rows scores{s, block.width}, outputs{o.row(query), r.channels};
          cpu::copy_rows(t.x + of.queries + query * w, w, block.rows, p.size, q.data, r.channels);
          cpu::multiply_scores(block, q, p.size, transposed, {channels.tiles, block.keys}, scores, spare);
          softmax(block, scale, s, largest + query, total + query, key == 0 ? nullptr : outputs.data,
                  r.channels, r.channels);
          cpu::multiply_values(block, scores, v, channels, outputs, key == 0, spare);
        },
        [](index_t, index_t) {});
    const auto multiply = SPANKEY_DISPATCH(attention_scale);
    for (index_t token = 0; token < p.tokens; ++token) {
      multiply(o.row(token), r.channels, 1 / total[token]);
      t.lse[of.row + token] = largest[token] * scale + std::log(total[token]);
    }
    SPANKEY_DISPATCH(attention_put)
    (static_cast<const float*>(o.data), r.channels, p.tokens, p.size, t.y + of.out, c);
  }

  // All heads of queries that share the keys and values of `of`, the first of them.
  static void backward_group(const attention_problem& p, const attention_backward_operands<T>& t,
                             const head& of, float* scratch) {
    const room r(p);
    supply from{scratch};
    const rows q = from.take(r.queries, r.channels), dy = from.take(r.queries, r.channels);
    const rows k = from.take(r.keys, r.channels), dk = from.take(r.keys, r.channels),
               dv = from.take(r.keys, r.channels), dq = from.take(r.group * r.tokens, r.channels);
    float *const room_q = from.take(r.queries * r.channels),
                 *const room_dy = from.take(r.queries * r.channels),
                 *const room_k = from.take(r.keys * r.channels);
    const float* packed_k = nullptr;
    float *const k_transposed = from.take(r.channels * r.columns), *const v_transposed =
                                                                       from.take(r.channels * r.columns);
    float *const s = from.take(r.queries * r.columns), *const ds = from.take(r.queries * r.columns),
                 *const mean = from.take(r.group * r.tokens);
    const index_t c = p.channels(), w = p.width();
    const float scale = p.scale<float>();
    const blocks channels{cpu::active_conv2d_tiles<float>(), p.size};
    const auto dot = SPANKEY_DISPATCH(attention_dot);
    const auto probabilities = SPANKEY_DISPATCH(attention_probabilities);
    const auto gradients = SPANKEY_DISPATCH(attention_score_gradients);
    const auto put = SPANKEY_DISPATCH(attention_put);
    const auto store = [&](const float* found, index_t first, index_t count, index_t part) {
      put(found, r.channels, count, p.size, t.dx + part + first * w, w);
    };
    cpu::attention_spare spare;
    for_each_block(
        p, r.group,
        [&](index_t key, index_t keys) {
          const T* const keys_of = t.x + of.keys + key * w;
          const blocks columns{channels.tiles, keys};
          cpu::copy_rows(t.x + of.values + key * w, w, keys, p.size, k.data, r.channels);
          cpu::pack_transposed(k.data, r.channels, p.size, columns, v_transposed);
          cpu::copy_rows(keys_of, w, keys, p.size, k.data, r.channels);
          cpu::pack_transposed(k.data, r.channels, p.size, columns, k_transposed);
          packed_k = cpu::packed_rows(keys_of, w, keys, channels, k.data, r.channels, room_k);
          std::fill_n(dk.data, keys * r.channels, 0.0F);
          std::fill_n(dv.data, keys * r.channels, 0.0F);
        },
        [&](const cpu::attention_block& block, index_t member, index_t query, index_t key) {
          const T* const dy_of = t.dy + of.out + member * p.size + query * c;
          const T* const queries = t.x + of.queries + member * p.size + query * w;
          float* const means = mean + member * r.tokens + query;
          const rows scores{s, block.width}, score_gradients{ds, block.width};
          const blocks columns{channels.tiles, block.keys};
          cpu::copy_rows(dy_of, c, block.rows, p.size, dy.data, r.channels);
          if (key == 0) {  // y beside it, before queries take its place
            cpu::copy_rows(t.y + (dy_of - t.dy), c, block.rows, p.size, q.data, r.channels);
            for (index_t i = 0; i < block.rows; ++i) means[i] = dot(dy.row(i), q.row(i), r.channels);
          }
          cpu::copy_rows(queries, w, block.rows, p.size, q.data, r.channels);
          const float* const packed_q =
              cpu::packed_rows(queries, w, block.rows, channels, q.data, r.channels, room_q);
          const float* const packed_dy =
              cpu::packed_rows(dy_of, c, block.rows, channels, dy.data, r.channels, room_dy);
          cpu::multiply_scores(block, q, p.size, k_transposed, columns, scores, spare);
          probabilities(block, scale, t.lse + of.row + member * p.tokens + query, s);
          cpu::multiply_transposed(block, scores, packed_dy, channels, dv, spare);
          cpu::multiply_scores(block, dy, p.size, v_transposed, columns, score_gradients, spare);
          gradients(block, scale, s, means, ds);
          cpu::multiply_values(block, score_gradients, packed_k, channels,
                               {dq.row(member * r.tokens + query), r.channels}, key == 0, spare);
          cpu::multiply_transposed(block, score_gradients, packed_q, channels, dk, spare);
        },
        [&](index_t key, index_t keys) {
          store(dk.data, key, keys, of.keys);
          store(dv.data, key, keys, of.values);
        });
    for (index_t member = 0; member < r.group; ++member)
      store(dq.row(member * r.tokens), 0, p.tokens, of.queries + member * p.size);
  }
};

}  // namespace spankey
