// Costs 20 s to compile.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "spankey/backend/reference/reference.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/core/token.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/model/fast_cnn.hpp"
#include "spankey/model/gpt.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/llama.hpp"
#include "spankey/model/sized_model.hpp"
#include "spankey/model/small_cnn.hpp"
#include "spankey/model/small_resnet.hpp"
#include "spankey/model/vit_tiny.hpp"
#include "spankey/optim/optimizer.hpp"

using namespace spankey;

namespace {

using model_type = sized_model<multiplicative, backend::reference, double>;

// Keeps what gradients were when it was told of them.
class keeps_gradients final : public gradient_watch {
 public:
  explicit keeps_gradients(model_type& model) : model_(model) {}
  std::map<std::string, std::vector<double>> told;

  void on_gradients(std::size_t entry) override {
    model_.for_each_parameter_of(entry, [&](const scope& at, parameter<double>& p) {
      CHECK_MESSAGE(!told.contains(at.str()), at.str());
      told[at.str()].assign(p.gradient.data, p.gradient.data + p.dims.size());
    });
  }

 private:
  model_type& model_;
};

void check(const layer_list& list, bool of_tokens = false, bool freezes = false) {
  CAPTURE(list.name());
  model_type model(list);
  set_injector(model, multiplicative{.gamma = 1});
  const arena memory(model, 2);
  initialise(model, 1);
  if (freezes)
    model.for_each_parameter([](const scope& at, parameter<double>& p) {
      p.frozen = at.str().starts_with("conv1") || at.str().starts_with("layer2");
    });
  std::vector<double> x(static_cast<std::size_t>(2 * model.input_extents().size()));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<double>(i));
  if (of_tokens)
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i % 2 == 0 ? 0 : i % 5);
  keeps_gradients watch(model);
  const pass p{.training = true, .watch = &watch};
  zero_gradients(model);
  model.forward(p, x.data(), 2, {});
  const index_t logits = 2 * model.answers() * model.head();
  for (index_t i = 0; i < logits; ++i) model.logit_gradient(2)[i] = std::cos(static_cast<double>(i));
  model.backward(p, 2);
  std::size_t seen = 0;
  model.for_each_parameter([&](const scope& at, parameter<double>& q) {
    if (q.frozen) return;
    CAPTURE(at.str());
    ++seen;
    REQUIRE(watch.told.contains(at.str()));
    const std::vector<double> found(q.gradient.data, q.gradient.data + q.dims.size());
    CHECK(watch.told[at.str()] == found);
    CHECK(std::any_of(found.begin(), found.end(), [](double g) { return g != 0; }));
  });
  CHECK(seen > 1);
}

}  // namespace

TEST_CASE("a backward pass tells of gradients when nothing more is added to them") {
  check(small_cnn_on({1, 16, 16}, 4));
  check(small_resnet_on({1, 8, 8}, 4));
  check(fast_cnn_on({3, 32, 32}, 4));
  check(vit_on("vit", {3, 16, 16}, 4, {.channels = 16, .heads = 2, .depth = 2}));
}

TEST_CASE("what is frozen is not told of, and a table that is read at both ends at the end") {
  check(small_resnet_on({1, 8, 8}, 4), false, true);
  check(gpt_on({.vocabulary = 8, .context = 6, .channels = 8, .layers = 2, .heads = 2}, 8), true);
  check(llama_on({.vocabulary = 8, .context = 6, .channels = 8, .layers = 1}, 8), true);
}
