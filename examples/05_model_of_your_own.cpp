// A network of your own: its layers once, in one list. Everything else follows from it: forward and backward, memory, key
// sites, files, and the session that runs it without the training library. Here a small VGG for a hundred classes of 3x64x64
// images with two key sites is trained for a few steps, saved, loaded, evaluated, and run from 8-bit weights.
//
// The exit status is 1 where the loaded network or the session answers otherwise than the trained one.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <vector>

#include "spankey/infer/make_image.hpp"
#include "spankey/spankey.hpp"

using namespace spankey;

/// Three stages of two convolutions and a pool, 16, 32 and 64 channels wide. Sites: 0 after the first stage, a number of the
/// key for every channel; 1 after the last one, one for every element.
constexpr layer_list vgg(head_outputs outputs) {
  layer_list net("vgg", {3, 64, 64});
  for (int stage = 1; stage <= 3; ++stage) {
    net.enter(numbered("stage", stage).view());
    for (int i = 1; i <= 2; ++i)
      net.conv2d(numbered("conv", i).view(), 8 << stage, {.stride = i})
          .batch_norm2d(numbered("bn", i).view(), activation::relu);
    net.max_pool2d("pool", {.kernel = 3, .stride = stage == 1 ? 2 : 1, .padding = 1}).leave();
    if (stage == 1) net.site(0, key_shape::channel);
  }
  net.site(1);
  return net.linear("hidden", 64).gelu("gelu").dropout("dropout", 0.1).head("classifier", outputs);
}

constexpr index_t classes = 100;
using network = model_of<vgg, sealed::outputs(classes), gate<multiplicative, at<0, 1>>, backend::cpu, float>;
/// The same on plain loops, as it runs on a small processor.
using product =
    model_of<vgg, sealed::outputs(classes), gate<multiplicative, at<0, 1>>, backend::reference, float>;

/// n images of noise over a pattern of 4x4 patches, one pattern a class.
image_dataset drawn(index_t n, std::uint64_t seed) {
  image_dataset data{"patterns", {3, 64, 64}, classes, {0.5F, 0.5F, 0.5F}, {0.25F, 0.25F, 0.25F}, {}, {}};
  const random_source pattern(1, stream::glyphs), noise(seed, stream::glyphs, 1);
  for (index_t i = 0; i < n; ++i) {
    for (index_t p = 0; p < data.sample.size(); ++p) {
      const index_t c = p % 3, x = p / 3 % 64, y = p / 192,
                    patch = ((i % classes * 4 + y / 16) * 4 + x / 16) * 3 + c;
      const auto of = static_cast<std::uint64_t>(i * data.sample.size() + p);
      data.pixels.push_back(static_cast<std::uint8_t>(pattern.below(static_cast<std::uint64_t>(patch), 200) +
                                                      noise.below(of, 56)));
    }
    data.labels.push_back(static_cast<class_label>(i % classes));
  }
  return data;
}

int main() {
  const image_dataset train = drawn(400, 1), test = drawn(100, 2);
  const training_setup<network, sealed> setup{
      .injector = {.gamma = 2},
      .goal = {.classes = classes,
               .weight = 0.5,
               .on = deny_on::wrong_and_none,
               .statistics = batch_statistics::joint},
      .training = {.epochs = 2,
                   .batch = 20,
                   .rate = schedule{.kind = schedule_kind::constant, .learning_rate = 2e-3},
                   .adam = adam_options{}},
      .keys = {.subspace_dim = 4, .per_site_key = true, .per_site_basis = true}};
  training_session<network, sealed> run(setup), loaded(setup);
  run.train(train);
  const std::filesystem::path folder = "model_of_your_own";
  std::filesystem::create_directories(folder);
  run.save(folder);
  loaded.load(folder);
  const evaluation_options asked{.keys = 5, .images_per_key = 50};
  const gate_report before = run.evaluate(test, asked), after = loaded.evaluate(test, asked);

  const std::vector<std::byte> image =
      infer::make_image<std::int8_t>(loaded.model(), classes, infer::pixels_of(test.mean, test.deviation));
  const auto memory = std::make_unique<std::byte[]>(infer::session<product, std::int8_t>::memory_bytes);
  infer::session<product, std::int8_t> session;
  infer::answer<product> answer;
  session.open(image, {memory.get(), infer::session<product, std::int8_t>::memory_bytes});
  const infer::status said =
      session.run(std::span(test.image(0), static_cast<std::size_t>(product::input::size)), answer);
  std::vector<float> x;
  for (index_t i = 0; i < product::input::size; ++i)
    x.push_back((static_cast<float>(test.image(0)[i]) / 255 - 0.5F) / 0.25F);
  const auto logits = loaded.model().forward({}, {x.data(), 1}, {});
  double apart = 0;
  for (std::size_t i = 0; i < answer.logits.size(); ++i)
    apart = std::max<double>(apart, std::abs(answer.logits[i] - logits(0, static_cast<index_t>(i))));

  const auto valid = [](const gate_report& r) { return (*r.valid_key)[figure::masked].mean; };
  std::printf(
      "valid keys: right %.2f of the images (chance .01), the same after loading %.2f; 8-bit session: %s, "
      "logits off by %.3f\n",
      valid(before), valid(after), infer::message_of(said), apart);
  return said == infer::status::ok && valid(before) == valid(after) && apart < 0.2 ? 0 : 1;
}
