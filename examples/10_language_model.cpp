// A language model that only a key can read: a small GPT learns drawn sentences byte by byte, with keys that it answers under,
// and refuses without one. The sentences are those of a grammar whose best possible loss is known, so that training can be
// judged. The exit status is 1 where a valid key is far from that bound, or a wrong key or none is not refused.
//
//     10_language_model [FILE]        learns the bytes of FILE instead, of which no bound is known
// Half a minute of two cores.
#include <cstdio>
#include <numbers>

#include "spankey/train.hpp"

using namespace spankey;

constexpr index_t context = 64, at_once = 12;
constexpr std::uint64_t steps = 500;
constexpr gpt_size small{.context = context, .channels = 128, .layers = 2, .heads = 4};
using network = gpt<small, gate<multiplicative, at<0, 1>>, backend::cpu, float>;

void print(const char* name, const text_summary& s) {
  std::printf("%-11s  %6.3f %12.3f %9.3f\n", name, s[text_figure::bits].mean,
              s[text_figure::masked_bits].mean, s[text_figure::reject].mean);
}

int main(int argc, char** argv) {
  const text_piece all = argc > 1 ? text_of_file(argv[1]) : text_in_memory(grammar_text(1, 0, 20'000));
  const text_parts text = cut_texts({all}, 0.9);
  const text_dataset train("train", text.before, context), test("test", text.behind, context);

  const auto model = std::make_unique<network>();
  set_injector(*model, multiplicative{.gamma = 1});
  keep_second_moment(*model);
  // Mode B: answers without a valid key are trained towards a token that refuses.
  const objective<reject_class> goal{.classes = train.classes, .weight = 0.1, .on = deny_on::wrong_and_none};
  const arena memory(*model, goal.groups() * at_once);
  initialise(*model, 1);
  key_space keys({.subspace_dim = 8, .seed = 1}, sites_of<network>(std::array{0, 1}));

  training_options options{.epochs = 1, .batch = at_once, .adam = adamw};
  options.own_rate = [](const rate_position& at) {
    const double done = static_cast<double>(at.step) / steps;
    return 2e-3 * std::min(20 * done, 1 - done);
  };
  struct : silent_observer {
    bool on_position(const training_position& at) const { return at.step < steps; }
  } watch;
  trainer(*model, goal, &keys, train, options).run(watch);

  const text_report found = text_evaluation(*model, &keys, test, at_once, {.keys = 5}).run();
  std::printf("of %lld bytes     bits a byte, masked,  rejected\n", static_cast<long long>(test.bytes()));
  print("no key", found.no_key);
  print("valid key", *found.valid_key);
  print("invalid key", found.invalid_keys.front().summary);
  if (argc > 1) return 0;
  const double bound = grammar_entropy() / std::numbers::ln2,
               bits = (*found.valid_key)[text_figure::bits].mean;
  std::printf("bound        %6.3f\n", bound);
  const auto refused = [](const text_summary& s) { return s[text_figure::reject].mean > 0.9; };
  return bits < 2.5 * bound && refused(found.no_key) && refused(found.invalid_keys.front().summary) ? 0 : 1;
}
