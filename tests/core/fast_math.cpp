// A program as somebody compiles theirs, with -ffast-math -fno-finite-math-only: NaN and infinity still open no gate and still
// end a training. Ends with the number of what went wrong, or 0.
#include <array>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "spankey/infer/make_image.hpp"
#include "spankey/infer/session.hpp"
#include "spankey/train.hpp"

using namespace spankey;

namespace {

using network = mlp<6, gate<multiplicative, at<0, 1, 2>>, backend::cpu, float>;
using session_type = infer::session<network>;
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN(),
                infinity = std::numeric_limits<float>::infinity();

int failures = 0;
void expect(bool holds, const char* what) {
  if (holds) return;
  std::printf("FAILED: %s\n", what);
  ++failures;
}

void check_session() {
  const auto model = std::make_unique<network>();
  set_injector(*model, multiplicative{.gamma = 1});
  const arena memory(*model, 1);
  initialise(*model, 1);
  const auto made = infer::make_image<float>(*model, 5);
  alignas(infer::image_alignment) static std::array<std::byte, session_type::image_bytes> image;
  alignas(infer::image_alignment) static std::array<std::byte, session_type::memory_bytes> working;
  std::memcpy(image.data(), made.data(), made.size());
  session_type session;
  expect(session.open(image, working) == infer::status::ok, "open");
  std::array<float, 20> x{}, key{};
  std::array<float, 64> second{};
  std::array<float, 32> third{};
  const std::array<std::span<const float>, 3> keys = {key, second, third};
  infer::answer<network> answer;
  expect(session.run_normalised(x, answer) == infer::status::ok, "a good input");
  for (const float wrong : {not_a_number, infinity, -infinity}) {
    x[19] = wrong;
    expect(session.run_normalised(x, answer) == infer::status::input_not_finite && answer.rejected, "x");
    x[19] = 0;
    second[7] = wrong;
    expect(session.bind(keys) == infer::status::key_not_finite, "a key");
    second[7] = 0;
  }
  x.fill(std::numeric_limits<float>::max());
  expect(session.run_normalised(x, answer) == infer::status::logits_not_finite && answer.rejected, "sums");
}

void check_counter() {
  const std::array<float, 6> z = {not_a_number, 0, 0, 0, 0, -1};
  const int label = 0;
  answer_counter<float> counter(5, 6);
  counter.add(z.data(), &label, 1);
  const key_answers answers = counter.finish_key();
  expect(counter.not_finite() == 1 && answers == key_answers{0, 0, 0, 1}, "an evaluation");
}

void check_training() {
  const feature_dataset data = make_linear_task(64, 1, split::train);
  key_space keys({.subspace_dim = 8, .seed = 7}, sites_of<network>(std::array{0, 1, 2}));
  const objective<reject_class> goal{.classes = data.classes, .weight = 0.1};
  const training_options options{.epochs = 3, .batch = 32, .rate = {.learning_rate = 1e25}, .augment = {}};
  const auto model = std::make_unique<network>();
  set_injector(*model, multiplicative{.gamma = 2});
  const arena memory(*model, goal.groups() * options.batch);
  initialise(*model, 1);
  silent_observer observer;
  try {
    trainer(*model, goal, &keys, data, options).run(observer);
    expect(false, "a training that diverges");
  } catch (const error& e) {
    expect(e.id() == "train.131" || e.id() == "train.132", e.what());
  }
}

}  // namespace

int main() {
  check_session();
  check_counter();
  check_training();
  return failures;
}
