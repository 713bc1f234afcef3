// The keys of an evaluation, shared out over the processes that were started together: each asks its share, all know all.
//
// Process r of R asks keys n r/R to n (r+1)/R; then the answers are exchanged by recursive doubling, R being a power of two.
// A key's answers depend on its number alone, so the result is that of one process.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/train/tree_sum.hpp"

namespace spankey {

/// ask(i) of every key; `processes` may be null. Error: train.151 processes whose number is no power of two.
template <class Ask>
auto answers_of_keys(process_group* processes, index_t keys, const Ask& ask) {
  using answers = std::invoke_result_t<const Ask&, index_t>;
  static_assert(std::is_trivially_copyable_v<answers>);
  const index_t size = processes == nullptr ? 1 : processes->size();
  const index_t rank = processes == nullptr ? 0 : processes->rank();
  if ((size & (size - 1)) != 0)
    fail("train.151", "evaluation", "found ", size, " processes, expected a power of two");
  std::vector<answers> all(static_cast<std::size_t>(keys));
  const auto begin_of = [&](index_t process) { return keys * process / size; };
  for (index_t i = begin_of(rank); i < begin_of(rank + 1); ++i) all[static_cast<std::size_t>(i)] = ask(i);
  const auto of = [&](index_t first, index_t count) {
    const auto from = static_cast<std::size_t>(begin_of(first));
    return std::span(all).subspan(from, static_cast<std::size_t>(begin_of(first + count)) - from);
  };
  for (index_t apart = 1; apart < size; apart *= 2) {
    const index_t first = rank & ~(apart - 1);
    processes->exchange(rank ^ apart, std::as_bytes(of(first, apart)),
                        std::as_writable_bytes(of(first ^ apart, apart)));
  }
  return all;
}

}  // namespace spankey
