// Samples without their labels, batch by batch: what somebody has who only knows what a network is for.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <vector>

#include "spankey/data/sample_writer.hpp"

namespace spankey {

/// The first `samples` of a data set; of windows that a layer reads in them, about so many (attack/input_moments.hpp).
struct sample_counts {
  index_t samples = 256, windows = 4096, batch = 50;
};

/// f(x, n) with n samples x as `model` reads them. Errors: data.105 unless 1 <= samples <= data.size(), those of require_usable.
template <class Model, class Data, class F>
void for_each_batch(Model& model, const Data& data, const sample_counts& counts, F&& f) {
  using T = typename Model::scalar;
  if (counts.samples < 1 || counts.samples > data.size())
    fail("data.105", data.name, "asked for ", counts.samples, " samples, expected 1 to ", data.size());
  const sample_writer<Data, T> writer(data, "for_each_batch");
  const index_t size = model.input_extents().size();
  std::vector<T> x(static_cast<std::size_t>(counts.batch * size));
  for (index_t done = 0; done < counts.samples;) {
    const index_t n = std::min(counts.batch, counts.samples - done);
    for (index_t i = 0; i < n; ++i) writer.write(done + i, x.data() + i * size);
    f(x.data(), n);
    done += n;
  }
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
