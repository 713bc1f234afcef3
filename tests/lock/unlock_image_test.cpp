// Costs 25 s to compile and 2 s to run.
#include "spankey/lock/unlock_image.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "error_probe.hpp"
#include "infer/trained_network.hpp"
#include "spankey/backend/reference/reference.hpp"

using namespace spankey;
using spankey_test::check_refused;
using test::distance;
using test::trained;

namespace {

template <class Model, class Weight>
std::vector<float> answers(trained<Model>& of, std::span<const std::byte> made) {
  using session_type = infer::session<Model, Weight>;
  test::block image(made.size()), memory(session_type::memory_bytes);
  std::copy(made.begin(), made.end(), image.span().begin());
  session_type session;
  REQUIRE(session.open(image.span(), memory.span()) == infer::status::ok);
  infer::answer<Model> answer;
  REQUIRE(session.run_normalised(of.input, answer) == infer::status::ok);
  return {answer.logits.begin(), answer.logits.end()};
}

template <class Model, class Weight>
void check_image(double tolerance) {
  const auto network = std::make_unique<trained<Model>>(injector_kind::none);
  const std::vector<float> before = network->logits(false);
  const master_key key = draw_master_key();
  for (const bool whiten : {false, true}) {
    const auto of_lock = std::make_unique<trained<Model>>(injector_kind::none);
    const entangled_lock lock = lock_entangled(of_lock->model, key, {.layers = {}, .whiten = whiten});
    const std::vector<std::byte> made = infer::make_image<Weight>(of_lock->model, 10);
    test::block aligned(made.size());
    std::copy(made.begin(), made.end(), aligned.span().begin());
    const std::span<std::byte> image = aligned.span();
    CHECK(distance(answers<Model, Weight>(*of_lock, image), before) > 0.1);

    check_refused([&] { unlock_image<Weight>(Model::list, image, draw_master_key(), lock); }, "lock.102");
    CHECK(std::equal(made.begin(), made.end(), image.begin()));
    image[image.size() / 2] ^= std::byte{1};
    check_refused([&] { unlock_image<Weight>(Model::list, image, key, lock); }, "lock.109");
    image[image.size() / 2] ^= std::byte{1};
    check_refused([&] { unlock_image<Weight>(Model::list, image.first(image.size() - 1), key, lock); },
                  "lock.109");
    entangled_lock more = lock;
    more.record.sealed["nobody"] = {};
    check_refused([&] { unlock_image<Weight>(Model::list, image, key, more); }, "lock.106");
    CHECK(std::equal(made.begin(), made.end(), image.begin()));

    unlock_image<Weight>(Model::list, image, key, lock);
    CHECK(distance(answers<Model, Weight>(*of_lock, image), before) < tolerance);
  }
}

}  // namespace

TEST_CASE("an unlocked image answers as the open network does") {
  using open_gate = gate<runtime, at<>>;
  SUBCASE("small_resnet, fp32") {
    check_image<small_resnet<10, open_gate, backend::reference, float>, float>(1e-5);
  }
  SUBCASE("small_cnn with a linear head over places, fp32") {
    check_image<small_cnn<11, open_gate, backend::reference, float>, float>(1e-5);
  }
  SUBCASE("small_cnn, bf16: rounded where it was mixed, and once more") {
    check_image<small_cnn<11, open_gate, backend::reference, float>, bf16>(0.05);
  }
}
