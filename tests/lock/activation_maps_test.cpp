// Costs 60 s to compile and 5 s to run.
#include "spankey/lock/activation_maps.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "infer/trained_network.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/checkpoint/foreign_weights.hpp"
#include "spankey/model/fast_cnn.hpp"
#include "spankey/model/gpt.hpp"
#include "spankey/model/vit_tiny.hpp"

using namespace spankey;
using infer::status;
using spankey_test::check_refused;
using test::block;
using test::distance;
using test::trained;

namespace {

using open_gate = gate<runtime, at<>>;

// A session of a locked network, its maps and their memory: all of it constants of the types.
template <class Model, class Weight>
struct locked_session {
  using session_type = infer::session<Model, Weight>;
  block image{session_type::image_bytes}, memory{session_type::memory_bytes},
      maps{infer::activation_maps_bytes(Model::list, true)}, mapped{session_type::map_memory_bytes};
  session_type session;

  explicit locked_session(Model& model) {
    const std::vector<std::byte> made = infer::make_image<Weight>(model, 10);
    std::copy(made.begin(), made.end(), image.span().begin());
    REQUIRE(session.open(image.span(), memory.span()) == status::ok);
  }
  std::vector<float> answers(const std::vector<float>& input) {
    infer::answer<Model> answer;
    std::vector<float> all;
    if constexpr (infer::architecture<Model>::operations[0].context > 0) {
      session.restart();
      for (const index_t token : {3, 31, 0, 17, 17, 5, 20}) {
        REQUIRE(session.read(token, answer) == status::ok);
        all.insert(all.end(), answer.logits.begin(), answer.logits.end());
      }
    } else {
      REQUIRE(session.run_normalised(input, answer) == status::ok);
      all.assign(answer.logits.begin(), answer.logits.end());
    }
    return all;
  }
};

template <class Model, class Weight>
void check_one(const entangled_options& options, double tolerance) {
  const auto open = std::make_unique<trained<Model>>(injector_kind::none);
  const auto of_lock = std::make_unique<trained<Model>>(injector_kind::none);
  locked_session<Model, float> plain(open->model);  // what the open network answers, in float
  const std::vector<float> before = plain.answers(open->input);
  const master_key key = draw_master_key();
  const entangled_lock lock = lock_entangled(of_lock->model, key, options);

  locked_session<Model, Weight> locked(of_lock->model);
  const std::vector<std::byte> image(locked.image.span().begin(), locked.image.span().end());
  const std::vector<float> closed = locked.answers(open->input);
  CHECK(distance(closed, before) >
        std::max(0.01, 3 * tolerance));  // drawn shifts are much of some networks' answers
  const std::size_t bytes =
      write_activation_maps(Model::list, locked.image.span(), key, lock, locked.maps.span());
  CHECK(bytes <= infer::activation_maps_bytes(Model::list, options.whiten));
  REQUIRE(locked.session.bind_maps(locked.maps.span(), locked.mapped.span()) == status::ok);
  CHECK(distance(locked.answers(open->input), before) < tolerance);
  CHECK(std::ranges::equal(image, locked.image.span()));  // the weights are as they were: locked
  locked.session.release_maps();
  CHECK(locked.answers(open->input) == closed);
}
template <class Model>
void check_plain_and_whitened() {
  check_one<Model, float>({.layers = {}, .whiten = false}, 1e-5);
  check_one<Model, float>({.layers = {}, .whiten = true}, 1e-5);
}

template <class Backend>
using narrow_gpt = gpt<gpt_size{.vocabulary = 32, .context = 9, .channels = 24, .layers = 2, .heads = 3},
                       open_gate, Backend, float>;
constexpr layer_list narrow_vit(head_outputs outputs) {
  return vit_on("narrow_vit", {3, 16, 16}, outputs, {.patch = 4, .channels = 24, .heads = 2, .depth = 2});
}

}  // namespace

TEST_CASE("with maps of its activations a locked network answers as the open one, its weights locked") {
  SUBCASE("small_resnet") {
    check_plain_and_whitened<small_resnet<10, open_gate, backend::reference, float>>();
  }
  SUBCASE("small_resnet, cpu") {
    check_plain_and_whitened<small_resnet<10, open_gate, backend::cpu, float>>();
  }
  SUBCASE("small_cnn: a linear head over places") {
    check_plain_and_whitened<small_cnn<11, open_gate, backend::reference, float>>();
  }
  SUBCASE("fast_cnn") { check_plain_and_whitened<fast_cnn<10, open_gate, backend::cpu, float>>(); }
  SUBCASE("vit: maps of tokens") {
    check_plain_and_whitened<model_of<narrow_vit, 10, open_gate, backend::reference, float>>();
  }
  SUBCASE("gpt: one token after another") { check_plain_and_whitened<narrow_gpt<backend::reference>>(); }
  SUBCASE("gpt, cpu") { check_plain_and_whitened<narrow_gpt<backend::cpu>>(); }
  SUBCASE("some layers") {
    check_one<small_resnet<10, open_gate, backend::reference, float>, float>(
        {.layers = {"layer2.0.conv1", "fc"}, .whiten = true}, 1e-5);
  }
}

TEST_CASE("a gated network that is locked wants its key and its maps; either may come and go first") {
  using network = small_cnn<11, gate<runtime, at<1, 2>>, backend::reference, float>;
  const auto held = std::make_unique<trained<network>>(injector_kind::multiplicative);
  const std::vector<float> open = held->logits(false), keyed = held->logits(true);
  REQUIRE(distance(open, keyed) > 0.1);
  const master_key key = draw_master_key();
  const entangled_lock lock = lock_entangled(held->model, key);
  locked_session<network, float> s(held->model);
  (void)write_activation_maps(network::list, s.image.span(), key, lock, s.maps.span());
  const auto bind_maps = [&] { REQUIRE(s.session.bind_maps(s.maps.span(), s.mapped.span()) == status::ok); };
  const std::array<std::span<const float>, 2> keys = {held->keys[1], held->keys[2]};
  REQUIRE(s.session.bind(keys) == status::ok);
  const std::vector<float> without_maps = s.answers(held->input);
  CHECK(distance(without_maps, keyed) > 0.1);
  bind_maps();
  CHECK(distance(s.answers(held->input), keyed) < 1e-5);
  s.session.release_maps();
  CHECK(s.answers(held->input) == without_maps);
  bind_maps();
  bind_maps();
  CHECK(distance(s.answers(held->input), keyed) < 1e-5);
  s.session.wipe_key();
  CHECK(distance(s.answers(held->input), open) < 1e-5);
}

TEST_CASE(
    "images of bf16 and int8 are made of the locked weights, and answer as images of the open ones do") {
  using network = small_resnet<10, open_gate, backend::reference, float>;
  for (const bool whiten : {false, true}) {
    check_one<network, bf16>({.layers = {}, .whiten = whiten}, 0.005);
    check_one<network, std::int8_t>({.layers = {}, .whiten = whiten}, 0.03);
  }
  check_one<small_cnn<10, open_gate, backend::cpu, float>, std::int8_t>({}, 0.03);
}

TEST_CASE("wrong keys, locks, images and memories are refused, and nothing is written") {
  using network = small_cnn<10, open_gate, backend::reference, float>;
  const auto held = std::make_unique<trained<network>>(injector_kind::none);
  const master_key key = draw_master_key();
  entangled_lock lock = lock_entangled(held->model, key, {.layers = {}, .whiten = true});
  locked_session<network, float> s(held->model);
  const std::vector<std::byte> untouched(s.maps.span().begin(), s.maps.span().end());
  const auto write = [&](std::span<const std::byte> image, std::span<std::byte> memory) {
    (void)write_activation_maps(network::list, image, key, lock, memory);
  };
  check_refused(
      [&] {
        (void)write_activation_maps(network::list, s.image.span(), draw_master_key(), lock, s.maps.span());
      },
      "lock.102");
  check_refused([&] { write(s.image.span(), s.maps.span().first(100)); }, "lock.130", {"100"});
  check_refused([&] { write(s.image.span(), s.maps.span().subspan(4)); }, "lock.130");
  check_refused([&] { write(s.image.span().first(100), s.maps.span()); }, "lock.131", {"small_cnn"});
  check_refused([&] { write(s.maps.span(), s.maps.span()); }, "lock.131");
  lock.record.sealed["nobody"] = lock.record.sealed.begin()->second;
  check_refused([&] { write(s.image.span(), s.maps.span()); }, "lock.106");
  CHECK(std::ranges::equal(untouched, s.maps.span()));
}

TEST_CASE("a resnet18 with PyTorch's names, drawn here, imported and locked, is run by a session") {
  using network = resnet18<10, open_gate, backend::cpu, float>;
  const auto drawn = std::make_unique<trained<network>>(injector_kind::none);
  // As torchvision's state_dict of a wrapped model: names behind "module.", counters of batches beside them.
  safetensors_writer writer;
  for (const wanted_tensor& t : wanted_tensors(drawn->model)) {
    writer.add_f32("module." + t.name, t.shape, t.now);
    if (t.name.ends_with("running_mean"))
      writer.add_i64("module." + t.name.substr(0, t.name.size() - 12) + "num_batches_tracked", {},
                     std::vector<std::int64_t>{1});
  }
  const auto path = (std::filesystem::temp_directory_path() / "spankey_maps_test.safetensors").string();
  writer.write(path);
  const auto imported = std::make_unique<trained<network>>(injector_kind::none);
  imported->model.for_each_parameter(
      [](const scope&, auto& p) { std::fill_n(p.value.data, p.value.count, 0.0F); });
  (void)load_foreign_weights(imported->model, path);
  std::filesystem::remove(path);

  const master_key key = draw_master_key();
  const entangled_lock lock = lock_entangled(imported->model, key, {.layers = {}, .whiten = true});
  CHECK(lock.record.sealed.contains("layer4.1.conv2"));
  const std::vector<float> before = locked_session<network, float>(drawn->model).answers(drawn->input);
  const auto run = [&]<class Weight>(Weight, double tolerance) {
    locked_session<network, Weight> s(imported->model);
    CHECK(distance(s.answers(drawn->input), before) > 0.1);
    (void)write_activation_maps(network::list, s.image.span(), key, lock, s.maps.span());
    REQUIRE(s.session.bind_maps(s.maps.span(), s.mapped.span()) == status::ok);
    CHECK(distance(s.answers(drawn->input), before) < tolerance);
  };
  run(float{}, 1e-5);
  run(bf16{}, 0.005);
  run(std::int8_t{}, 0.01);
}
