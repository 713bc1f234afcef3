#include "spankey/train/fisher.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "error_probe.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/data/glyphs.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/mlp.hpp"
#include "spankey/model/sized_model.hpp"

using namespace spankey;

TEST_CASE("scores are weights squared times the mean of squared gradients, one sample at a time") {
  const image_dataset data = make_glyphs(5, 1, split::train, {1, 16, 16});
  sized_model<none, backend::reference, double> model(mlp_on({1, 16, 16}, data.classes));
  const arena memory(model, 1);
  initialise(model, 1);
  const weight_scores scores = fisher_scores(model, data, 5);

  // The same for one weight, from differences of the loss of every sample.
  const sample_writer<image_dataset, double> writer(data, "test");
  for (const char* name : {"fc1.weight", "fc1.bias"}) {
    CAPTURE(name);
    auto& p = model.parameter_of(name);
    REQUIRE(static_cast<index_t>(scores.at(name).size()) == p.dims.size());
    const index_t j = p.dims.size() / 2;
    if (p.value.data[j] == 0) p.value.data[j] = 0.1;
  }
  const weight_scores again = fisher_scores(model, data, 5);
  for (const char* name : {"fc1.weight", "fc1.bias"}) {
    auto& p = model.parameter_of(name);
    // The largest score: a gradient of 0 would prove nothing.
    const auto& of = again.at(name);
    const auto at = std::max_element(of.begin(), of.end()) - of.begin();
    double squares = 0;
    for (index_t i = 0; i < 5; ++i) {
      std::vector<double> x(256);
      writer.write(i, x.data());
      const int label = data.label(i);
      const auto loss = [&](double shift) {
        p.value.data[at] += shift;
        const double found = compute_gradients(network_of(model), objective<no_deny>{.classes = data.classes},
                                               {x.data(), 1, 256}, &label, {})
                                 .cross_entropy;
        p.value.data[at] -= shift;
        return found;
      };
      squares += std::pow((loss(1e-5) - loss(-1e-5)) / 2e-5, 2) / 5;
    }
    CHECK(static_cast<double>(of[static_cast<std::size_t>(at)]) ==
          doctest::Approx(squares * p.value.data[at] * p.value.data[at]).epsilon(1e-4));
    CHECK(of[static_cast<std::size_t>(at)] > 0);
  }
  spankey_test::check_refused([&] { (void)fisher_scores(model, data, 6); }, "data.105");
}
