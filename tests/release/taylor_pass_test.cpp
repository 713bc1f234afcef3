// Costs 6 s to compile and nothing to run.
#include "spankey/release/taylor_pass.hpp"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "release/drawn_mlp.hpp"
#include "spankey/backend/cpu/cpu.hpp"

using namespace spankey;
using spankey_test::drawn_mlp;
using spankey_test::drawn_samples;
using spankey_test::ranges_on;

TEST_CASE_TEMPLATE("a pass computes the release's formula", Backend, backend::reference, backend::cpu) {
  for (const index_t inputs : {12, 33})
    for (const bool gated : {false, true})
      for (const double share : {0.0, 0.4, 1.0})
        for (const std::pair<int, int>& sizes : {std::pair(0, 1), {1, 1}, {8, 1}, {0, 2}, {6, 2}, {3, 4}}) {
          const int order = sizes.first, group = sizes.second;
          const mlp_weights w = drawn_mlp(activation::gelu_tanh, gated, 3, inputs, 50);
          const std::vector<float> samples = drawn_samples(8, inputs);
          const taylor_mlp r = release_taylor(w, ranges_on(w, samples),
                                              {.order = order, .share = share, .group = group}, 1, 0);
          taylor_pass<Backend> pass(r);
          std::vector<float> y(static_cast<std::size_t>(w.outputs));
          for (index_t n = 0; n < 8; ++n) {
            pass.run(samples.data() + n * inputs, y.data());
            const std::vector<double> exact = exact_release(r, samples.data() + n * inputs);
            CAPTURE(inputs);
            CAPTURE(gated);
            CAPTURE(share);
            CAPTURE(group);
            for (std::size_t o = 0; o < y.size(); ++o)
              CHECK(static_cast<double>(y[o]) == doctest::Approx(exact[o]).epsilon(1e-4).scale(0.1));
          }
        }
}
