// A network of your own: its layers once, in one list. Everything else follows from it: forward and backward, memory, key
// sites, files, and the session that runs it without the training library. Here a small VGG for a hundred classes of 3x64x64
// images with two key sites is trained for a few steps, saved, loaded, evaluated, and run from 8-bit weights.
// The exit status is 1 where the loaded network or the session answers otherwise than the trained one.
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "spankey/infer/make_image.hpp"
#include "spankey/spankey.hpp"

using namespace spankey;
/// Three stages of two convolutions and a pool. Sites: 0 after the first stage, with a number of its key for every channel;
/// 1 after the last one, with a number for every element.
constexpr layer_list vgg(head_outputs outputs) {
  layer_list net("vgg", {3, 64, 64});
  for (int stage = 1; stage <= 3; ++stage) {
    net.enter(numbered("stage", stage).view());
    net.conv2d("conv1", 8 << stage, {.stride = 2}).batch_norm2d("bn1", activation::relu);
    net.conv2d("conv2", 8 << stage).batch_norm2d("bn2", activation::relu);
    net.max_pool2d("pool", {.kernel = 3, .stride = 1, .padding = 1}).leave();
    if (stage == 1) net.site(0, key_shape::channel);
  }
  return net.site(1).linear("hidden", 64).gelu("gelu").dropout("dropout", 0.1).head("classifier", outputs);
}

constexpr index_t class_count = 100;
template <class Backend>
using network = model_of<vgg, sealed::outputs(class_count), gate<multiplicative, at<0, 1>>, Backend, float>;
using trained = network<backend::cpu>;
using product = network<backend::reference>;  // plain loops, as on a small processor

/// n images of noise over a pattern of 4x4 patches, one pattern a class.
image_dataset drawn(index_t n, std::uint64_t seed) {
  image_dataset data{"patterns", {3, 64, 64}, class_count, {}, {}, {0.5F, 0.5F, 0.5F}, {0.25F, 0.25F, 0.25F}};
  const random_source pattern(1, stream::glyphs), noise(seed, stream::glyphs, 1);
  for (index_t i = 0; i < n; ++i) {
    for (index_t p = 0; p < data.sample.size(); ++p) {
      const index_t patch = ((i % class_count * 4 + p / 3072) * 4 + p / 48 % 4) * 3 + p % 3;
      const std::uint64_t base = pattern.below(static_cast<std::uint64_t>(patch), 200);
      const auto more = noise.below(static_cast<std::uint64_t>(i * data.sample.size() + p), 56);
      data.pixels.push_back(static_cast<std::uint8_t>(base + more));
    }
    data.labels.push_back(static_cast<class_label>(i % class_count));
  }
  return data;
}

int main() {
  const image_dataset train = drawn(400, 1), test = drawn(100, 2);
  training_options steps{.epochs = 8, .batch = 10, .adam = adam_options{}};
  steps.rate = schedule{.kind = schedule_kind::cosine, .learning_rate = 2e-3};
  const training_setup<trained, sealed> setup{
      .injector = {.gamma = 0.5F},
      .goal = {.classes = class_count,
               .weight = 0.2,
               .on = deny_on::wrong_and_none,
               .statistics = batch_statistics::joint},
      .training = steps,
      .keys = {.subspace_dim = 4, .per_site_key = true, .per_site_basis = true}};
  training_session<trained, sealed> run(setup), loaded(setup);
  run.train(train);
  std::filesystem::create_directories("model_of_your_own");
  run.save("model_of_your_own");
  loaded.load("model_of_your_own");
  const auto right = [&](auto& of) {
    return (*of.evaluate(test, {.keys = 5, .images_per_key = 100}).valid_key)[figure::masked].mean;
  };
  const double before = right(run), after = right(loaded);

  const auto pixels = infer::pixels_of(test.mean, test.deviation);
  const std::vector<std::byte> image = infer::make_image<std::int8_t>(loaded.model(), class_count, pixels);
  using session_type = infer::session<product, std::int8_t>;
  std::vector<std::byte> memory(session_type::memory_bytes);
  session_type session;
  infer::answer<product> answer;
  const std::span<const std::uint8_t> first(test.image(0), product::input::size);
  const bool ran =
      session.open(image, memory) == infer::status::ok && session.run(first, answer) == infer::status::ok;
  std::vector<float> x;
  for (const std::uint8_t byte : first) x.push_back((static_cast<float>(byte) / 255 - 0.5F) / 0.25F);
  const auto logits = loaded.model().forward({}, {x.data(), 1}, {});
  float apart = 0;
  for (std::size_t i = 0; i < answer.logits.size(); ++i)
    apart = std::max(apart, std::abs(answer.logits[i] - logits.data()[i]));
  std::printf(
      "with valid keys %.2f of the images are right (chance .01), after loading %.2f; 8 bits: off by %.3f\n",
      before, after, static_cast<double>(apart));
  return ran && before > 0.2 && before == after && apart < 0.2F ? 0 : 1;
}
