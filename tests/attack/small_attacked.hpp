// A network with two convolutions that can be locked, norms behind them, and features for it: what attacks without labels are tested on.
#pragma once

#include <memory>
#include <vector>

#include "eigen_draws.hpp"
#include "spankey/attack/recalibrate.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/lock/entangled.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/inserted_layers.hpp"
#include "spankey/model/sized_model.hpp"

namespace spankey::test {

using small_model = sized_model<none, backend::reference, double>;

inline layer_list small_list() {
  layer_list net("small", {8, 5, 5});
  net.conv2d("conv1", 10).batch_norm2d("bn1", activation::relu);
  net.residual("block").conv2d("conv2", 14, {.stride = 2}).batch_norm2d("bn2");
  net.skip("side").conv2d("0", 14, {.kernel = 1, .stride = 2}).batch_norm2d("1").join(activation::relu);
  return net.mean_pool2d("pool").head("fc", 3);
}
inline bool is_convolution(const layer_description& d) { return d.kind == layer_kind::conv2d; }

/// Features that are no noise: every channel has a size of its own, and all share a part.
inline feature_dataset small_data(index_t count) {
  feature_dataset data;
  data.sample = {8, 5, 5}, data.classes = 3;
  const random_source random(5, stream::attack);
  std::uint64_t next = 0;
  for (index_t i = 0; i < count; ++i) {
    for (index_t p = 0; p < 25; ++p) {
      const double common = random.gaussian(next++);
      for (index_t c = 0; c < 8; ++c)
        data.values.push_back(static_cast<float>(0.3 + 0.2 * common +
                                                 0.2 * static_cast<double>(c + 1) * random.gaussian(next++)));
    }
    data.labels.push_back(static_cast<class_label>(i % 3));
  }
  return data;
}

/// With a stitch before every convolution, which is the identity.
struct stitched {
  small_model model{with_inserted(small_list(), inserted_kind::stitch, is_convolution)};
  arena memory{model, 50};
  stitched() {
    initialise(model, 1);
    begin_as_identity(model);
  }
};

inline void copy_all(small_model& from, small_model& to) {
  const auto copy = [&](const scope& at, auto& target) {
    const auto from_same = [&](const scope& found, auto& source) {
      if (found.str() == at.str() && !is_inserted(at.str()))
        std::copy_n(source.value.data, source.value.count, target.value.data);
    };
    from.for_each_parameter(from_same);
    from.for_each_state(from_same);
  };
  to.for_each_parameter(copy);
  to.for_each_state(copy);
}

}  // namespace spankey::test
