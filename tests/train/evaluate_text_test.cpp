#include "spankey/train/evaluate_text.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/data/grammar.hpp"
#include "spankey/data/text.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/loss/deny/deny.hpp"
#include "spankey/loss/deny/reject_class.hpp"
#include "spankey/model/gpt.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/sized_model.hpp"
#include "spankey/train/trainer.hpp"

using namespace spankey;
using spankey_test::check_refused;

namespace {

constexpr index_t length = 8, batch = 4;
constexpr gpt_size tiny{.context = length, .channels = 16, .layers = 2, .heads = 2};
using network = gpt<tiny, gate<multiplicative, at<0, 1>>, backend::cpu, float>;

struct probe {
  std::unique_ptr<network> model = std::make_unique<network>();
  text_dataset data{"grammar", {text_in_memory(grammar_text(1, 0, 30))}, length};
  key_space keys{{.subspace_dim = 4, .seed = 1}, sites_of<network>(std::array{0, 1})};
  objective<reject_class> goal{.classes = byte_tokens::semantic, .on = deny_on::wrong_and_none};
  std::unique_ptr<arena> memory;

  probe() {
    set_injector(*model, multiplicative{.gamma = 1});
    keep_second_moment(*model);
    memory = std::make_unique<arena>(*model, 3 * batch);
    initialise(*model, 1);
  }
  void train(std::uint64_t epochs) {
    training_options options{.epochs = epochs, .batch = batch, .adam = adamw};
    options.own_rate = [](const rate_position&) { return 3e-3; };
    struct {
      void on_step(const step_record&) {}
      void on_epoch(const epoch_record&) {}
    } watch;
    trainer(*model, goal, &keys, data, options).run(watch);
  }
  text_report report(const text_evaluation_options& o = {.keys = 3, .windows_per_key = 5}) {
    return text_evaluation(*model, &keys, data, batch, o).run();
  }
};

}  // namespace

TEST_CASE(
    "text evaluation: fresh weights guess among the vocabulary, whatever the batch and the number of "
    "threads") {
  probe p;
  const text_report found = p.report();
  CHECK(found.no_key[text_figure::bits].mean == doctest::Approx(std::log2(272.0)).epsilon(0.01));
  CHECK(found.no_key[text_figure::masked_bits].mean == doctest::Approx(std::log2(258.0)).epsilon(0.01));
  REQUIRE(found.valid_key);
  CHECK(found.valid_key->keys == 3);
  CHECK(found.valid_key->tokens_per_key == 5 * length);
  REQUIRE(found.invalid_keys.size() == 1);
  const thread_limit one(1);
  const text_report again =
      text_evaluation(*p.model, &p.keys, p.data, 3, {.keys = 3, .windows_per_key = 5}).run();
  CHECK(again.no_key[text_figure::bits].mean == found.no_key[text_figure::bits].mean);
  CHECK((*again.valid_key)[text_figure::bits].worst == (*found.valid_key)[text_figure::bits].worst);
}

TEST_CASE("text evaluation: after training valid keys read the text, and no key is refused") {
  probe p;
  p.train(12);
  const text_report found = p.report();
  CHECK((*found.valid_key)[text_figure::bits].mean < 3.5);
  CHECK((*found.valid_key)[text_figure::reject].mean < 0.05);
  CHECK(found.no_key[text_figure::reject].mean > 0.9);
}

TEST_CASE("text evaluation: a run is a function of its seed, and of nothing else") {
  const auto bits = [] {
    probe p;
    p.train(1);
    return (*p.report().valid_key)[text_figure::bits].mean;
  };
  const double once = bits();
  const thread_limit one(1);
  CHECK(bits() == once);
}

TEST_CASE("training on text: windows of one token, of a vocabulary with numbers that are no answers") {
  sized_model<multiplicative, backend::cpu, float> model(
      gpt_on({.channels = 16, .layers = 2, .heads = 2, .tokens = 1}, byte_tokens::vocabulary));
  set_injector(model, multiplicative{.gamma = 1});
  const arena memory(model, batch);
  initialise(model, 1);
  const text_dataset data("abc", {text_in_memory(std::string(50, 'a'))}, 1);
  const objective<no_deny> goal{.classes = byte_tokens::semantic};
  struct {
    double last = 0;
    void on_step(const step_record& r) { last = r.loss; }
    void on_epoch(const epoch_record&) {}
  } watch;
  training_options options{.epochs = 1, .batch = batch};
  options.without_keys = true;
  options.own_rate = [](const rate_position&) { return 0.1; };
  trainer(model, goal, nullptr, data, options).run(watch);
  CHECK(watch.last < 1);
}

TEST_CASE("text evaluation: what is refused") {
  probe p;
  const text_dataset other("other", {text_in_memory("another text")}, length - 1);
  check_refused([&] { (void)p.report({.keys = 0}); }, "train.121");
  check_refused([&] { (void)text_evaluation(*p.model, &p.keys, p.data, 0, {}); }, "train.122");
  check_refused([&] { (void)text_evaluation(*p.model, &p.keys, other, 1, {}); }, "train.123",
                {"7 tokens", "8"});
  check_refused([&] { (void)text_evaluation(*p.model, nullptr, p.data, batch, {}).run(); }, "train.113");
  objective<reject_class> goal{.classes = byte_tokens::semantic + 20};
  p.data.classes = goal.classes;
  check_refused([&] { (void)p.report(); }, "train.124");
}
