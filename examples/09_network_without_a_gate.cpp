// Trains an ordinary network, without keys: the same layers, trainer and evaluation, no deny loss; then asks it for one image.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "spankey/train.hpp"

using namespace spankey;
using network = small_cnn<glyph_classes, ungated, backend::cpu, float>;

int main() {
  const image_dataset train = make_glyphs(3000, 1, split::train, extents_of<network::input>);
  const image_dataset test = make_glyphs(500, 1, split::test, extents_of<network::input>);

  const objective<no_deny> goal{.classes = glyph_classes};
  const training_options options{
      .epochs = 6, .batch = 32, .rate = schedule{schedule_kind::one_cycle, 0.005}, .adam = adam_options{}};
  auto model = std::make_unique<network>();
  keep_second_moment(*model);  // Adam's
  const arena memory(*model, options.batch);
  initialise(*model, options.seed);

  silent_observer observer;
  trainer(*model, goal, nullptr, train, options).run(observer);  // no key space
  const gate_report found = gate_evaluation(*model, nullptr, test, options.batch, {}).run();
  const double accuracy = found.no_key[figure::semantic].mean;
  std::printf("right answers on %td test images: %.3f\n", test.size(), accuracy);

  // One image by hand: pixels as numbers, one forward pass, the largest logit.
  const sample_writer<image_dataset, float> writer(test, "example");
  std::vector<float> x(static_cast<std::size_t>(network::input::size));
  writer.write(0, x.data());
  const auto logits = model->forward(pass{}, batch_view<const float, network::input>(x.data(), 1), {});
  const float* const z = logits.sample(0);
  const auto answer = std::max_element(z, z + glyph_classes) - z;
  std::printf("image 0 is a %s; the network says %s\n", glyph_names[static_cast<std::size_t>(test.label(0))],
              glyph_names[static_cast<std::size_t>(answer)]);
  return accuracy > 0.85 ? 0 : 1;
}
