// A hundred classes, and a data set of one's own: pairs of drawn shapes side by side, "a disc left of a star". What a
// network, a deny loss and an evaluation need to know of it is the number of classes; the gate is that of the first example.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>

#include "spankey/train.hpp"

using namespace spankey;
constexpr index_t pair_classes = glyph_classes * glyph_classes;
using sites = at<1, 2>;
using network = small_cnn<sealed::outputs(pair_classes), gate<multiplicative, sites>, backend::cpu, float>;

// Image i shows shape i / 10 mod 10 on the left and shape i mod 10 on the right, each in 14 columns of 28 rows.
image_dataset make_pairs(index_t count, split part) {
  const extents sample = extents_of<network::input>;
  const index_t edge = sample.width, half = edge / 2;
  const image_dataset left = make_glyphs(10 * count, 1, part, sample),
                      right = make_glyphs(count, 2, part, sample);
  image_dataset pairs;
  pairs.name = "pairs of glyphs";
  pairs.sample = sample;
  pairs.classes = pair_classes;
  pairs.mean = right.mean, pairs.deviation = right.deviation;
  pairs.pixels.assign(static_cast<std::size_t>(count * sample.size()), 0);
  for (index_t i = 0; i < count; ++i) {
    const index_t of_left = i / 10 * 10 + i / 10 % 10;  // an image of class i / 10 mod 10
    pairs.labels.push_back(static_cast<class_label>(left.label(of_left) * glyph_classes + right.label(i)));
    std::uint8_t* const pixels = pairs.pixels.data() + i * sample.size();
    for (index_t p = 0; p < sample.size(); ++p) {
      const index_t row = p / edge, column = p % edge;
      const std::uint8_t* const from = column < half ? left.image(of_left) : right.image(i);
      pixels[p] = from[row * edge + 2 * (column % half)];  // every other column
    }
  }
  return pairs;
}

int main() {
  const image_dataset train = make_pairs(8000, split::train), test = make_pairs(1000, split::test);
  key_space keys(
      {.subspace_dim = 8, .spread = 0.1, .rescale = rescale_kind::per_key, .per_site_key = true, .seed = 7},
      sites_of<network>(sites::numbers));

  const objective<sealed> goal{
      .classes = pair_classes, .weight = 1, .on = deny_on::wrong_and_none, .deny = {.weight = 2}};
  const training_options options{
      .epochs = 6,
      .batch = 32,
      .rate = schedule{schedule_kind::one_cycle, 0.006},
      .adam = adam_options{},
      .invalid_mixture = {{invalid_family::gaussian}, {invalid_family::permuted}, {invalid_family::zero}}};
  auto model = std::make_unique<network>();
  set_injector(*model, multiplicative{.gamma = 2});
  keep_second_moment(*model);
  const arena memory(*model, goal.groups() * options.batch);
  initialise(*model, options.seed);

  silent_observer observer;
  trainer(*model, goal, &keys, train, options).run(observer);
  const gate_report gate = gate_evaluation(*model, &keys, test, 32, {.keys = 5, .images_per_key = 200}).run();
  const double valid = (*gate.valid_key)[figure::semantic].mean, none = gate.no_key[figure::masked].mean;
  std::printf("right answers of %td classes: %.2f with a valid key; whoever ignores refusals: %.2f without\n",
              pair_classes, valid, none);
  return valid > 0.4 && none < 0.15 ? 0 : 1;  // chance is 0.01
}
