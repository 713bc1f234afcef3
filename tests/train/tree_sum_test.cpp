#include "spankey/train/tree_sum.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "spankey/core/random.hpp"
#include "thread_processes.hpp"

using namespace spankey;

namespace {
constexpr index_t leaves = 8;

template <class T>
T number(index_t leaf, std::size_t i) {
  const random_source random(3, stream::glyphs, static_cast<std::uint64_t>(leaf));
  return static_cast<T>(random.below(i, 1U << 30)) * static_cast<T>(1e-9) *
         static_cast<T>(leaf % 3 == 0 ? 1e4 : 1);
}

// The tree as one reads it.
template <class T, class Round>
std::vector<T> by_hand(std::size_t count, const Round& round) {
  std::vector<T> sums;
  for (std::size_t i = 0; i < count; ++i) {
    const auto pair = [&](T a, T b) { return round(a) + round(b); };
    std::vector<T> level;
    for (index_t leaf = 0; leaf < leaves; ++leaf) level.push_back(number<T>(leaf, i));
    for (; level.size() > 1; level.resize(level.size() / 2))
      for (std::size_t j = 0; j < level.size() / 2; ++j) level[j] = pair(level[2 * j], level[2 * j + 1]);
    sums.push_back(round(level[0]));
  }
  return sums;
}

template <class T>
void check_sums(std::size_t count, gradient_format format, const std::vector<T>& expected) {
  for (const index_t size : {1, 2, 4, 8}) {
    test::thread_processes processes(size);
    std::vector<std::vector<T>> found(static_cast<std::size_t>(size));
    processes.run([&](process_group& own) {
      std::vector<std::vector<T>> vectors;
      for (index_t k = 0; k < leaves / size; ++k) {
        vectors.emplace_back();
        for (std::size_t i = 0; i < count; ++i)
          vectors.back().push_back(number<T>(own.rank() * leaves / size + k, i));
      }
      std::vector<std::span<T>> spans(vectors.begin(), vectors.end());
      tree_sum(size == 1 ? nullptr : &own, format).add(std::span<const std::span<T>>(spans));
      found[static_cast<std::size_t>(own.rank())] = vectors.front();
    });
    for (const auto& one : found) CHECK(one == expected);
  }
}
}  // namespace

TEST_CASE("tree_sum: the same tree of the same numbers for any number of processes") {
  for (const std::size_t count : {0U, 1U, 5U, 1000U}) {
    CAPTURE(count);
    check_sums(count, gradient_format::fp32, by_hand<float>(count, [](float v) { return v; }));
    check_sums(count, gradient_format::fp32, by_hand<double>(count, [](double v) { return v; }));
  }
}

TEST_CASE("tree_sum: bf16 rounds what does not travel, too") {
  for (const std::size_t count : {1U, 7U, 1000U})
    check_sums(count, gradient_format::bf16,
               by_hand<float>(count, [](float v) { return static_cast<float>(static_cast<bf16>(v)); }));
}

TEST_CASE("tree_sum: a process sends a gradient twice, less its own share of it") {
  constexpr std::size_t count = 1 << 12;
  for (const index_t size : {2, 4, 8}) {
    for (const gradient_format format : {gradient_format::fp32, gradient_format::bf16}) {
      test::thread_processes processes(size);
      processes.run([&](process_group& own) {
        std::vector<float> vector(count, 1.0F);
        const std::span<float> span(vector);
        tree_sum(&own, format).add(std::span<const std::span<float>>(&span, 1));
        CHECK(vector[count - 1] == static_cast<float>(size));
      });
      const std::size_t bytes = count * (format == gradient_format::bf16 ? 2 : 4);
      CHECK(processes.sent() == 2 * bytes * static_cast<std::size_t>(size - 1));
    }
  }
}
