// Trains a gated network on drawn images and asks it with a valid key, with wrong keys, and without one.
#include <cstdio>
#include <memory>

#include "spankey/train.hpp"

using namespace spankey;
using sites = at<1, 2>;  // where the key enters: behind each of the two pools
using network = small_cnn<sealed::outputs(glyph_classes), gate<multiplicative, sites>, backend::cpu, float>;

int main() {
  const image_dataset train = make_glyphs(6000, 1, split::train, extents_of<network::input>);
  const image_dataset test = make_glyphs(1000, 1, split::test, extents_of<network::input>);
  key_space keys(
      {.subspace_dim = 8, .spread = 0.1, .rescale = rescale_kind::per_key, .per_site_key = true, .seed = 7},
      sites_of<network>(sites::numbers));  // the secret

  // What is denied: wrong keys of three kinds, and no key. Such answers are trained to refuse, and to know nothing.
  const objective<sealed> goal{
      .classes = glyph_classes, .weight = 2, .on = deny_on::wrong_and_none, .deny = {.weight = 3}};
  const training_options options{
      .epochs = 6,
      .batch = 32,
      .rate = schedule{schedule_kind::one_cycle, 0.005},
      .adam = adam_options{},
      .invalid_mixture = {{invalid_family::gaussian}, {invalid_family::permuted}, {invalid_family::zero}}};
  auto model = std::make_unique<network>();
  set_injector(*model, multiplicative{.gamma = 2});
  keep_second_moment(*model);                                 // Adam's
  const arena memory(*model, goal.groups() * options.batch);  // everything that training will use
  initialise(*model, options.seed);

  silent_observer observer;
  trainer(*model, goal, &keys, train, options).run(observer);
  const gate_report gate =
      gate_evaluation(*model, &keys, test, 32, {.keys = 10, .images_per_key = 100}).run();
  const double valid = (*gate.valid_key)[figure::semantic].mean, none = gate.no_key[figure::masked].mean;
  const double wrong = gate.invalid_keys.front().summary[figure::masked].mean;
  std::printf(
      "right answers: %.2f with a valid key; whoever ignores refusals: %.2f with a wrong key, %.2f without\n",
      valid, wrong, none);
  return valid > 0.8 && wrong < 0.25 && none < 0.25 ? 0 : 1;  // chance is 0.1
}
