// Where the head alone stands behind a site, no network can learn which isotropic keys are valid: the logits are affine in
// such a key, and keys of a span have the same mean as keys around it. With `reading` the squares of a key's projections act
// instead, and the head refuses. This program trains the same network with both injectors and prints how many keys are
// refused at each angle from the span; the exit status is 1 where reading does not make the difference.
//
//   12_keys_that_are_read            drawn digits, a short training
//   12_keys_that_are_read FOLDER     MNIST's files in FOLDER, as in docs/gates.md
#include <cstdio>
#include <utility>
#include <vector>

#include "spankey/data/idx.hpp"
#include "spankey/train.hpp"

using namespace spankey;

constexpr layer_list network_of_channel_keys(head_outputs outputs) {
  layer_list net = small_cnn_layers(outputs);
  return net.give_keys(key_shape::channel);
}

/// Keys of 8 of a channel site's 32 numbers (or 4 of 16), as likely negated: they have no mean.
key_space_config isotropic_keys(index_t dim) {
  return {.subspace_dim = dim,
          .basis = basis_kind::orthonormal,
          .coefficients = coefficient_kind::gaussian,
          .offset = 0,
          .spread = 1,
          .rescale = rescale_kind::per_key,
          .per_site_key = true,
          .per_site_basis = true,
          .seed = 1};
}

std::vector<weighted_rule> wrong_keys() {
  using enum invalid_family;
  return {{{gaussian}}, {{orthogonal}},   {{angle, 20}}, {{angle, 45}},
          {{permuted}}, {{sign_flipped}}, {{zero}},      {{constant}}};
}

/// How far refusals of keys at 90° are above those of valid keys.
template <class Injector, int Site>
double train_and_print(const char* name, const Injector& injector, index_t dim, const image_dataset& train,
                       const image_dataset& test, std::uint64_t epochs) {
  using network =
      model_of<network_of_channel_keys, sealed::outputs(10), gate<Injector, at<Site>>, backend::cpu, float>;
  training_setup<network, sealed> setup;
  setup.injector = injector;
  setup.goal = {.weight = 1, .on = deny_on::wrong_and_none, .statistics = batch_statistics::joint};
  setup.training.epochs = epochs;
  setup.training.seed = 1;
  setup.training.rate.kind = schedule_kind::cosine;
  setup.training.rate.learning_rate = 0.002;
  setup.training.adam = adam_options{};
  setup.training.invalid_mixture = wrong_keys();
  setup.keys = isotropic_keys(dim);
  training_session run(setup);
  run.train(train);
  evaluation_options options{.keys = 100, .images_per_key = 100, .invalid = {}};
  for (const double degrees : {10, 20, 30, 40, 50, 60, 75, 90})
    options.invalid.push_back({invalid_family::angle, degrees});
  const gate_report gate = run.evaluate(test, options);
  const auto row = [&](const char* what, figure f) {
    std::printf("%-28s %-8s no key %.3f  valid %.3f", name, what, gate.no_key[f].mean,
                (*gate.valid_key)[f].mean);
    for (const invalid_summary& other : gate.invalid_keys)
      std::printf("  %.0f: %.3f", other.rule.amount, other.summary[f].mean);
    std::printf("\n");
  };
  row("refused", figure::reject);
  row("right", figure::semantic);
  row("behind", figure::masked);
  return gate.invalid_keys.at(gate.invalid_keys.size() - 1).summary[figure::reject].mean -
         (*gate.valid_key)[figure::reject].mean;
}

int main(int argc, char** argv) {
  const bool drawn = argc < 2;
  image_dataset train =
      drawn ? make_glyphs(3000, 1, split::train, {1, 28, 28}) : load_mnist(argv[1], split::train);
  const image_dataset test =
      drawn ? make_glyphs(500, 1, split::test, {1, 28, 28}) : load_mnist(argv[1], split::test);
  if (!drawn) train = take_first(std::move(train), 20000);
  const std::uint64_t epochs = 6;
  const double added =
      train_and_print<additive, 2>("add, site 2, 8 of 32", {.gamma = 2}, 8, train, test, epochs);
  const double read =
      train_and_print<reading, 2>("reading, site 2, 8 of 32", {.gamma = 0.5F}, 8, train, test, epochs);
  if (!drawn)
    train_and_print<reading, 1>("reading, site 1, 4 of 16", {.gamma = 0.5F}, 4, train, test, epochs);
  return read > 0.5 && added < 0.5 ? 0 : 1;
}
