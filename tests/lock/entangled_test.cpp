// Costs 20 s to compile and 1 s to run.
#include "spankey/lock/entangled.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "infer/trained_network.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/checkpoint/weights.hpp"
#include "spankey/inject/entangling.hpp"
#include "spankey/model/sized_model.hpp"

using namespace spankey;
using spankey_test::check_refused;
using test::distance;
using test::trained;

namespace {

using open_gate = gate<runtime, at<>>;
using open_resnet = small_resnet<10, open_gate, backend::reference, float>;
using open_cnn = small_cnn<head_outputs(10, aux_logit::reject), open_gate, backend::reference, float>;
using open_mlp = mlp<10, open_gate, backend::reference, float>;

template <class Model>
std::vector<float> numbers_of(Model& model) {
  std::vector<float> all;
  model.for_each_parameter(
      [&](const scope&, auto& p) { all.insert(all.end(), p.value.data, p.value.data + p.value.count); });
  model.for_each_state(
      [&](const scope&, auto& s) { all.insert(all.end(), s.value.data, s.value.data + s.count); });
  return all;
}

template <class Model>
void check_lock(const entangled_options& options) {
  const auto network = std::make_unique<trained<Model>>(injector_kind::none);
  const std::vector<float> before = network->logits(false);
  const master_key key = draw_master_key(), wrong = draw_master_key();
  const entangled_lock lock = lock_entangled(network->model, key, options);
  REQUIRE(!lock.record.sealed.empty());
  const std::vector<float> locked_logits = network->logits(false), locked = numbers_of(network->model);
  CHECK(distance(locked_logits, before) > 0.1);

  check_refused([&] { unlock_entangled(network->model, wrong, lock); }, "lock.102");
  CHECK(numbers_of(network->model) == locked);  // a refusal changes nothing
  unlock_entangled(network->model, wrong, lock, key_check::skipped);
  CHECK(distance(network->logits(false), before) > 0.1);
  // A wrong rotation is one too: what was multiplied by it is taken back.
  const auto other = std::make_unique<trained<Model>>(injector_kind::none);
  const entangled_lock of_other = lock_entangled(other->model, key, options);
  CHECK(of_other.record.nonce != lock.record.nonce);
  CHECK(numbers_of(other->model) != locked);  // the same key, another lock
  unlock_entangled(other->model, key, of_other);
  CHECK(distance(other->logits(false), before) < 1e-5);
}

template <class Model>
void check_locks() {
  for (const bool whiten : {false, true})
    for (const bool fold : {false, true}) {
      CAPTURE(whiten);
      CAPTURE(fold);
      check_lock<Model>({.layers = {}, .whiten = whiten, .fold_norms = fold});
    }
}

}  // namespace

TEST_CASE("a locked network answers as before with its key, and otherwise without one") {
  SUBCASE("small_resnet") { check_locks<open_resnet>(); }
  SUBCASE("small_cnn, with a reject logit beside the head") { check_locks<open_cnn>(); }
  SUBCASE("mlp") { check_locks<open_mlp>(); }
}

TEST_CASE("folded norms leave no mean of a locked layer's outputs") {
  const auto network = std::make_unique<trained<open_resnet>>(injector_kind::none);
  const std::vector<float> before = network->logits(false);
  const entangled_lock lock = lock_entangled(network->model, draw_master_key());
  REQUIRE(lock.norms_folded());
  int locked_norms = 0;
  network->model.for_each_state([&](const scope& at, auto& s) {
    const std::string name = at.str();
    // What stands behind a locked convolution; the first one reads colours, and is open.
    if (!name.ends_with("running_mean") || name.starts_with("bn1") || name.starts_with("stem")) return;
    ++locked_norms;
    for (index_t c = 0; c < s.count; ++c) CHECK(s.value.data[c] == 0);
  });
  CHECK(locked_norms > 0);
}

TEST_CASE("some layers, by name; and names that cannot be") {
  const auto network = std::make_unique<trained<open_mlp>>(injector_kind::none);
  const std::vector<float> before = numbers_of(network->model);
  check_refused([&] { (void)lock_entangled(network->model, draw_master_key(), {.layers = {"none"}}); },
                "lock.104");
  CHECK(numbers_of(network->model) == before);
  const std::size_t all = entangled_entries(network->model.layers(), {}).size();
  REQUIRE(all > 1);
  const std::string last(network->model.layers().back().name.view());
  const entangled_lock lock = lock_entangled(network->model, draw_master_key(), {.layers = {last}});
  CHECK(lock.record.sealed.size() == 1);
  CHECK(lock.record.sealed.contains(last));
}

TEST_CASE("weights that are no numbers are not locked") {
  const auto network = std::make_unique<trained<open_mlp>>(injector_kind::none);
  network->model.for_each_parameter([](const scope&, auto& p) { p.value.data[0] = std::nanf(""); });
  const std::vector<float> before = numbers_of(network->model);
  check_refused([&] { (void)lock_entangled(network->model, draw_master_key()); }, "lock.105");
  const std::vector<float> after = numbers_of(network->model);
  CHECK(std::equal(before.begin(), before.end(), after.begin(),
                   [](float a, float b) { return a == b || (a != a && b != b); }));
}

TEST_CASE("a lock's file holds what was locked, and no other file is one") {
  const auto folder = std::filesystem::temp_directory_path();
  const std::string path = (folder / "spankey_entangled_test.safetensors").string();
  const auto network = std::make_unique<trained<open_cnn>>(injector_kind::none);
  const std::vector<float> before = network->logits(false);
  const master_key key = draw_master_key();
  const entangled_lock lock = lock_entangled(network->model, key, {.layers = {}, .whiten = true});
  lock.save(path);
  const entangled_lock read = entangled_lock::load(path);
  CHECK(read.record.nonce == lock.record.nonce);
  CHECK(read.record.sealed == lock.record.sealed);
  CHECK(read.norms_folded() == lock.norms_folded());
  // Of another network: nothing changes.
  const auto other = std::make_unique<trained<open_mlp>>(injector_kind::none);
  const std::vector<float> untouched = numbers_of(other->model);
  check_refused([&] { unlock_entangled(other->model, key, read); }, "lock.106");
  CHECK(numbers_of(other->model) == untouched);
  // Cut: a layer less is not a lock of fewer layers.
  entangled_lock cut = read;
  cut.record.sealed.erase("fc");
  const std::vector<float> locked = numbers_of(network->model);
  check_refused([&] { unlock_entangled(network->model, key, cut); }, "lock.132");
  CHECK(numbers_of(network->model) == locked);
  unlock_entangled(network->model, key, read);
  CHECK(distance(network->logits(false), before) < 1e-5);

  save_weights(network->model, path);
  check_refused([&] { (void)entangled_lock::load(path); }, "lock.103", {path});
  std::filesystem::remove(path);
}

namespace {
// Site 3 stands before the mean over places and the head: a key there is a map of the head's input.
constexpr layer_list keyed_resnet(head_outputs outputs) {
  layer_list net = small_resnet_layers(outputs);
  return net.give_keys(key_shape::matrix);
}
}  // namespace

TEST_CASE("a lock's map as the key of a site opens the layer behind it") {
  for (const bool whiten : {false, true}) {
    const auto held = std::make_unique<trained<open_resnet>>(injector_kind::none);
    const std::vector<float> before = held->logits(false);
    const master_key key = draw_master_key();
    const entangled_lock lock = lock_entangled(held->model, key, {.layers = {"fc"}, .whiten = whiten});
    using keyed = model_of<keyed_resnet, 10, gate<entangling, at<3>>, backend::reference, float>;
    const auto model = std::make_unique<keyed>();
    const arena memory(*model, 1);
    initialise(*model, 1);
    const std::vector<float> locked = numbers_of(held->model);
    auto next = locked.begin();
    model->for_each_parameter([&](const scope&, auto& p) {
      std::copy_n(next, p.value.count, p.value.data);
      next += p.value.count;
    });
    model->for_each_state([&](const scope&, auto& s) {
      std::copy_n(next, s.count, s.value.data);
      next += s.count;
    });
    const secret_vector<float> map = lock.opened_map(key, "fc", 128, key_check::required).activation_matrix();
    std::array<site_keys<float>, 4> keys;
    keys[3].group[0] = {{map.data(), map.size()}, 0};
    const auto logits = [&](std::span<const site_keys<float>> with) {
      const float* const z = model->forward(pass{}, held->input.data(), 1, with);
      return std::vector<float>(z, z + 10);
    };
    CHECK(distance(logits({}), before) > 0.1);
    CHECK(distance(logits(keys), before) < 1e-5);
  }
}

TEST_CASE("a resnet18 with PyTorch's names, locked, is run by a session") {
  using network = resnet18<10, open_gate, backend::reference, float>;
  const auto given = std::make_unique<trained<network>>(injector_kind::none);
  const std::vector<float> before = given->logits(false);
  const master_key key = draw_master_key();
  const entangled_lock lock = lock_entangled(given->model, key, {.layers = {}, .whiten = true});
  CHECK(lock.record.sealed.contains("layer4.1.conv2"));
  CHECK(lock.record.sealed.contains("fc"));
  CHECK_FALSE(lock.record.sealed.contains("conv1"));  // of three colours
  const auto answers = [&] {
    using session_type = infer::session<network, float>;
    const std::vector<std::byte> made = infer::make_image<float>(given->model, 10);
    test::block image(made.size()), memory(session_type::memory_bytes);
    std::copy(made.begin(), made.end(), image.span().begin());
    session_type session;
    REQUIRE(session.open(image.span(), memory.span()) == infer::status::ok);
    infer::answer<network> answer;
    REQUIRE(session.run_normalised(given->input, answer) == infer::status::ok);
    return std::vector<float>(answer.logits.begin(), answer.logits.end());
  };
  CHECK(distance(answers(), before) > 0.1);
  unlock_entangled(given->model, key, lock);
  CHECK(distance(answers(), before) < 1e-5);
}
