// Issues keys of a trained, gated network: not every key of a span opens it equally well, so each is tried on images before
// it is handed out. What comes out is a key file a unit, which a session binds (infer::session::bind_file).
#include <cstdio>
#include <memory>

#include "spankey/checkpoint/issued_key_file.hpp"
#include "spankey/infer/fingerprint.hpp"
#include "spankey/train.hpp"
#include "spankey/train/issue.hpp"

using namespace spankey;
using sites = at<1, 2>;
using network = small_cnn<sealed::outputs(glyph_classes), gate<multiplicative, sites>, backend::cpu, float>;

int main() {
  const image_dataset train = make_glyphs(4000, 1, split::train, extents_of<network::input>);
  const image_dataset test = make_glyphs(500, 1, split::test, extents_of<network::input>);
  key_space keys(
      {.subspace_dim = 8, .spread = 0.1, .rescale = rescale_kind::per_key, .per_site_key = true, .seed = 7},
      sites_of<network>(sites::numbers));
  const objective<sealed> goal{
      .classes = glyph_classes, .weight = 1, .on = deny_on::wrong_and_none, .deny = {.weight = 2}};
  const training_options options{.epochs = 6,
                                 .batch = 32,
                                 .rate = schedule{schedule_kind::one_cycle, 0.005},
                                 .adam = adam_options{},
                                 .invalid_mixture = {{invalid_family::gaussian}, {invalid_family::permuted}}};
  auto model = std::make_unique<network>();
  set_injector(*model, multiplicative{.gamma = 2});
  keep_second_moment(*model);
  const arena memory(*model, goal.groups() * options.batch);
  initialise(*model, options.seed);
  silent_observer observer;
  trainer(*model, goal, &keys, train, options).run(observer);

  // Unit N gets key N, or the next candidate of its number where that one is right too rarely.
  const std::uint64_t opens = infer::fingerprint_of(*model);
  bool all_work = true;
  for (const std::uint64_t unit : {17U, 18U, 19U}) {
    const tried_key issued = issue_tried_key(*model, keys, test, options.batch, {.number = unit});
    const auto file =
        key_file_bytes(opens, issued.number, issued.key);  // secret: for unit N's flash, and nowhere else
    const double right = issued.answers[static_cast<std::size_t>(figure::semantic)];
    std::printf("unit %d: %zu bytes, right on %.3f of %d images, at least %.3f was asked for\n",
                static_cast<int>(unit), file.size(), right, static_cast<int>(issued.images), issued.bound);
    all_work = all_work && right >= issued.bound && issued.mean > 0.7;
  }
  return all_work ? 0 : 1;
}
