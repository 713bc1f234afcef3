// Costs 20 s to compile and 1 s to run.
#include "spankey/lock/weight_mark.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "spankey/core/bf16.hpp"
#include "spankey/lock/entangled.hpp"
#include "spankey/train.hpp"

using namespace spankey;
using spankey_test::check_refused;

namespace {

using network = small_cnn<glyph_classes, ungated, backend::cpu, float>;

struct trained_net {
  std::unique_ptr<network> model = std::make_unique<network>();
  arena memory;
  trained_net() : memory((keep_second_moment(*model), *model), 32) { initialise(*model, 1); }

  void train(const image_dataset& data, std::uint64_t epochs, double rate) {
    const objective<no_deny> goal{.classes = glyph_classes};
    const training_options options{.epochs = epochs,
                                   .batch = 32,
                                   .rate = schedule{schedule_kind::constant, rate},
                                   .adam = adam_options{}};
    silent_observer observer;
    trainer(*model, goal, nullptr, data, options).run(observer);
  }
  double accuracy(const image_dataset& data) {
    return gate_evaluation(*model, nullptr, data, 32, {}).run().no_key[figure::semantic].mean;
  }
  template <class F>
  void change(F&& f) {
    model->for_each_parameter([&](const scope&, auto& p) {
      if (p.dims.file_rank != 1) f(p.value.data, static_cast<std::size_t>(p.dims.size()));
    });
  }
  void take(trained_net& from) {
    std::vector<float> all;
    from.model->for_each_parameter(
        [&](const scope&, auto& p) { all.insert(all.end(), p.value.data, p.value.data + p.dims.size()); });
    auto next = all.begin();
    model->for_each_parameter([&](const scope&, auto& p) {
      std::copy_n(next, p.dims.size(), p.value.data);
      next += p.dims.size();
    });
  }
};

void prune(float* w, std::size_t n) {  // the 30 % nearest to 0
  std::vector<float> sizes(n);
  std::transform(w, w + n, sizes.begin(), [](float x) { return std::abs(x); });
  const auto cut = sizes.begin() + static_cast<std::ptrdiff_t>(3 * n / 10);
  std::nth_element(sizes.begin(), cut, sizes.end());
  std::replace_if(
      w, w + n, [&](float x) { return std::abs(x) < *cut; }, 0.0F);
}
void quantise(float* w, std::size_t n) {
  const float most =
      std::abs(*std::max_element(w, w + n, [](float a, float b) { return std::abs(a) < std::abs(b); }));
  for (std::size_t i = 0; i < n; ++i) w[i] = std::nearbyint(w[i] / most * 127) * most / 127;
}
void shorten(float* w, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) w[i] = static_cast<float>(bf16(w[i]));
}

}  // namespace

TEST_CASE(
    "a customer's copy answers alike and is found again after bf16, int8, pruning, an epoch of training, and "
    "all of it") {
  const image_dataset train = make_glyphs(2000, 1, split::train, extents_of<network::input>);
  const image_dataset test = make_glyphs(500, 1, split::test, extents_of<network::input>);
  trained_net original, copy, changed;
  original.train(train, 3, 0.003);
  key_ring ring(7);
  for (int i = 0; i < 100; ++i) ring.issue({.name = "c" + std::to_string(i)});
  copy.take(original);
  mark_weights(*copy.model, ring.master(), ring.customers()[41]);
  const double before = original.accuracy(test), after = copy.accuracy(test);
  MESSAGE("right: " << before << ", of the marked copy " << after);
  CHECK(before > 0.7);
  CHECK(after > before - 0.02);

  const auto found_after = [&](const std::string& what, auto&& damage) {
    changed.take(copy);
    damage();
    const auto findings = trace_weights(*original.model, *changed.model, ring);
    MESSAGE(what << ": score " << findings[0].score << ", the next " << findings[1].score << ", right "
                 << changed.accuracy(test));
    CHECK(findings[0].customer == &ring.customers()[41]);
    CHECK(findings[0].took_part);
    CHECK_FALSE(findings[1].took_part);
  };
  const auto tune = [&] { changed.train(train, 1, 0.003); };
  found_after("nothing", [] {});
  found_after("bf16", [&] { changed.change(shorten); });
  found_after("int8", [&] { changed.change(quantise); });
  found_after("pruning", [&] { changed.change(prune); });
  found_after("an epoch", tune);
  found_after("all of it", [&] {
    tune();
    changed.change(prune);
    changed.change(quantise);
  });
  // A locked copy is unlocked by its owner, and still the customer's.
  const master_key key = draw_master_key();
  found_after("lock and unlock", [&] {
    const auto lock = lock_entangled(*changed.model, key, {.layers = {"conv2"}});
    unlock_entangled(*changed.model, key, lock);
  });
  // The mean of two copies is both customers'.
  changed.take(original);
  mark_weights(*changed.model, ring.master(), ring.customers()[8]);
  std::vector<float> other;
  changed.change([&](const float* w, std::size_t n) { other.insert(other.end(), w, w + n); });
  changed.take(copy);
  auto next = other.begin();
  changed.change([&](float* w, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) w[i] = (w[i] + *next++) / 2;
  });
  std::vector<std::string> names;
  for (const trace_finding& f : trace_weights(*original.model, *changed.model, ring))
    if (f.took_part) names.push_back(f.customer->name);
  std::sort(names.begin(), names.end());
  CHECK(names == std::vector<std::string>{"c41", "c8"});
  // Nobody's: the original, and a copy that another ring marked.
  changed.take(original);
  check_refused([&] { (void)trace_weights(*original.model, *changed.model, ring); }, "trace.112");
  key_ring other_ring(7);
  other_ring.issue({.name = "x"});
  mark_weights(*changed.model, other_ring.master(), other_ring.customers()[0]);
  CHECK_FALSE(trace_weights(*original.model, *changed.model, ring)[0].took_part);
  check_refused([&] { mark_weights(*changed.model, ring.master(), ring.customers()[0], 0.0); }, "trace.111");
}
