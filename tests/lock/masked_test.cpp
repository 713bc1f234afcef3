// Costs 15 s to compile and 1 s to run.
#include "spankey/lock/masked.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "infer/trained_network.hpp"
#include "spankey/backend/reference/reference.hpp"

using namespace spankey;
using spankey_test::check_refused;
using test::trained;

namespace {

using network = small_cnn<10, gate<runtime, at<>>, backend::reference, float>;

std::vector<float> numbers_of(network& model, const std::string& layer = "") {
  std::vector<float> all;
  model.for_each_parameter([&](const scope& at, auto& p) {
    if (at.str().starts_with(layer)) all.insert(all.end(), p.value.data, p.value.data + p.value.count);
  });
  return all;
}
std::size_t zeros_in(const std::vector<float>& numbers) {
  return static_cast<std::size_t>(std::count(numbers.begin(), numbers.end(), 0.0F));
}
// |w|, of every parameter.
weight_scores magnitudes(network& model) {
  weight_scores scores;
  model.for_each_parameter([&](const scope& at, auto& p) {
    std::vector<float>& of = scores[at.str()];
    for (index_t i = 0; i < p.dims.size(); ++i) of.push_back(std::abs(p.value.data[i]));
  });
  return scores;
}

}  // namespace

TEST_CASE("withheld weights are absent, and come back to the bit with the key alone") {
  const auto held = std::make_unique<trained<network>>(injector_kind::none);
  network& model = held->model;
  const std::vector<float> before = numbers_of(model);
  const master_key key = draw_master_key();
  struct choice {
    masked_options options;
    double share;  // of all
  };
  const double of_conv2 =
      static_cast<double>(numbers_of(model, "conv2.").size()) / static_cast<double>(before.size());
  for (const choice& c :
       {choice{{}, 1.0}, choice{{.layers = {"conv2"}}, of_conv2}, choice{{.share = 0.25}, 0.25},
        choice{{.layers = {"conv2"}, .share = 0.5}, 0.5 * of_conv2}}) {
    CAPTURE(c.share);
    const lock_record lock = lock_masked(model, key, c.options, magnitudes(model));
    const std::vector<float> locked = numbers_of(model);
    const double found = static_cast<double>(zeros_in(locked)) / static_cast<double>(before.size());
    CHECK(found == doctest::Approx(c.share).epsilon(1e-3));
    for (std::size_t i = 0; i < before.size(); ++i) CHECK((locked[i] == before[i] || locked[i] == 0));
    check_refused([&] { unlock_masked(model, draw_master_key(), lock); }, "lock.102");
    CHECK(numbers_of(model) == locked);
    unlock_masked(model, key, lock);
    CHECK(numbers_of(model) == before);
  }
}

TEST_CASE("what is withheld scores highest, ties in the network's order") {
  const auto held = std::make_unique<trained<network>>(injector_kind::none);
  network& model = held->model;
  const std::vector<float> before = numbers_of(model);
  (void)lock_masked(model, draw_master_key(), {.share = 0.1}, magnitudes(model));
  const std::vector<float> locked = numbers_of(model);
  float least_taken = 1e9F, most_left = 0;
  for (std::size_t i = 0; i < before.size(); ++i)
    (locked[i] == before[i] ? most_left : least_taken) = locked[i] == before[i]
                                                             ? std::max(most_left, std::abs(before[i]))
                                                             : std::min(least_taken, std::abs(before[i]));
  CHECK(least_taken >= most_left);

  const auto again = std::make_unique<trained<network>>(injector_kind::none);
  weight_scores flat = magnitudes(again->model);
  for (auto& [name, scores] : flat) std::fill(scores.begin(), scores.end(), 1.0F);
  (void)lock_masked(again->model, draw_master_key(), {.share = 0.5}, flat);
  const std::vector<float> half = numbers_of(again->model);
  CHECK(zeros_in(half) == (half.size() + 1) / 2);
  CHECK(half.front() == 0);
  CHECK(half.back() == before.back());
}

TEST_CASE("wrong options, scores and locks are refused, and change nothing") {
  const auto held = std::make_unique<trained<network>>(injector_kind::none);
  network& model = held->model;
  const std::vector<float> before = numbers_of(model);
  const master_key key = draw_master_key();
  check_refused([&] { (void)lock_masked(model, key, {.share = 0}); }, "lock.107");
  check_refused([&] { (void)lock_masked(model, key, {.share = 1.5}); }, "lock.107");
  check_refused([&] { (void)lock_masked(model, key, {.layers = {"conv9"}}); }, "lock.107", {"conv9"});
  check_refused([&] { (void)lock_masked(model, key, {.share = 0.5}); }, "lock.108");
  weight_scores scores = magnitudes(model);
  scores["conv2.weight"][0] = -1;
  check_refused([&] { (void)lock_masked(model, key, {.share = 0.5}, scores); }, "lock.108", {"conv2.weight"});
  CHECK(numbers_of(model) == before);

  lock_record lock = lock_masked(model, key, {.layers = {"conv2"}});
  const std::vector<float> locked = numbers_of(model);
  std::swap(lock.sealed["conv2.weight"], lock.sealed["conv2.bias"]);
  check_refused([&] { unlock_masked(model, key, lock); }, "lock.102");
  std::swap(lock.sealed["conv2.weight"], lock.sealed["conv2.bias"]);
  lock.sealed["conv9.weight"] = lock.sealed["conv2.weight"];
  check_refused([&] { unlock_masked(model, key, lock); }, "lock.106");
  lock.sealed.erase("conv9.weight");
  lock.sealed.erase("conv2.bias");
  check_refused([&] { unlock_masked(model, key, lock); }, "lock.132");
  CHECK(numbers_of(model) == locked);
}
