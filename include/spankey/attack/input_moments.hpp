// What somebody without labels knows of the input of a layer: moments of unlabelled samples that went through the layers before.
//
//   second           (C, C)       mean of x x^T over all positions
//   window_mean      (taps C)     mean of what a window reads, zeros of the padding included; tap by tap, C each
//   window_second    (taps C)^2   mean of w w^T of such windows w
// The order of a window is that of weights in memory (H, W, C, O): a layer's outputs are weights^T w. Of a linear map of an image,
// or a head, the window is the whole image.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <Eigen/Core>
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "spankey/attack/unlabelled.hpp"
#include "spankey/layer/layer.hpp"
#include "spankey/model/layered_network.hpp"

namespace spankey {

struct input_moments {
  Eigen::MatrixXd second;
  Eigen::VectorXd window_mean;
  Eigen::MatrixXd window_second;

  [[nodiscard]] Eigen::Index channels() const { return second.rows(); }
  [[nodiscard]] Eigen::Index taps() const { return window_mean.size() / second.rows(); }
};

/// Where the windows of a layer lie in its input (H, W).
struct window_grid {
  index_t height = 1, width = 1, stride = 1, before = 0, down = 1, across = 1;

  explicit window_grid(const layer_description& d) : height(d.in.height), width(d.in.width) {
    if (d.kind == layer_kind::conv2d) {
      height = width = d.conv.kernel, stride = d.conv.stride, before = d.conv.before();
      down = d.out.height, across = d.out.width;
    } else if (d.kind == layer_kind::project) {
      height = width = 1, down = d.in.height, across = d.in.width;
    }
  }
};

/// Collects them where an activation of that name passes; of all windows about `most` are taken, evenly.
template <class T>
class input_watch : public activation_watch<T> {
 public:
  input_watch(std::string name, const layer_description& d, index_t samples, index_t most)
      : name_(std::move(name)),
        in_(d.in),
        grid_(d),
        every_(std::max<index_t>(1, samples * grid_.down * grid_.across / most)),
        second_(Eigen::MatrixXd::Zero(in_.channels, in_.channels)),
        sum_(Eigen::VectorXd::Zero(grid_.height * grid_.width * in_.channels)),
        window_second_(Eigen::MatrixXd::Zero(sum_.size(), sum_.size())) {}

  void on_activation(std::string_view name, const T* y, index_t count) override {
    if (name != name_) return;
    const index_t c = in_.channels, n = count / in_.size();
    const Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> rows(
        y, count / c, c);
    const Eigen::MatrixXd x = rows.template cast<double>();
    second_.template selfadjointView<Eigen::Lower>().rankUpdate(x.transpose());
    positions_ += count / c;
    std::vector<Eigen::VectorXd> taken;
    for (index_t i = 0; i < n * grid_.down * grid_.across; ++i, ++seen_) {
      if (seen_ % every_ != 0) continue;
      const index_t across = i % grid_.across, down = i / grid_.across % grid_.down;
      taken.push_back(window(x, i / (grid_.across * grid_.down), down, across));
    }
    if (taken.empty()) return;
    Eigen::MatrixXd all(sum_.size(), static_cast<Eigen::Index>(taken.size()));
    for (std::size_t i = 0; i < taken.size(); ++i) all.col(static_cast<Eigen::Index>(i)) = taken[i];
    sum_ += all.rowwise().sum();
    window_second_.selfadjointView<Eigen::Lower>().rankUpdate(all);
    windows_ += all.cols();
  }
  [[nodiscard]] input_moments found() const {
    const double windows = static_cast<double>(std::max<Eigen::Index>(1, windows_));
    input_moments m;
    m.second = second_.selfadjointView<Eigen::Lower>();
    m.second /= static_cast<double>(std::max<index_t>(1, positions_));
    m.window_mean = sum_ / windows;
    m.window_second = window_second_.selfadjointView<Eigen::Lower>();
    m.window_second /= windows;
    return m;
  }

 private:
  [[nodiscard]] Eigen::VectorXd window(const Eigen::MatrixXd& x, index_t sample, index_t down,
                                       index_t across) const {
    const index_t c = in_.channels;
    Eigen::VectorXd read = Eigen::VectorXd::Zero(sum_.size());
    for (index_t h = 0; h < grid_.height; ++h)
      for (index_t w = 0; w < grid_.width; ++w) {
        const index_t row = down * grid_.stride - grid_.before + h;
        const index_t column = across * grid_.stride - grid_.before + w;
        if (row < 0 || row >= in_.height || column < 0 || column >= in_.width) continue;
        read.segment((h * grid_.width + w) * c, c) =
            x.row((sample * in_.height + row) * in_.width + column).transpose();
      }
    return read;
  }

  std::string name_;
  extents in_;
  window_grid grid_;
  index_t every_, seen_ = 0, positions_ = 0;
  Eigen::Index windows_ = 0;
  Eigen::MatrixXd second_;
  Eigen::VectorXd sum_;
  Eigen::MatrixXd window_second_;
};

/// Of the input of a layer `d`, which is what the entry `before` of `model` puts out, of the first samples of `data`. The model
/// has memory for a batch and no keys. Errors: data.105 unless 1 <= samples <= data.size(), those of a forward pass.
template <class Model, class Data>
input_moments moments_before(Model& model, const layer_description& d, std::string before, const Data& data,
                             const sample_counts& counts) {
  using T = typename Model::scalar;
  input_watch<T> watch(std::move(before), d, counts.samples, counts.windows);
  for_each_batch(model, data, counts,
                 [&](const T* x, index_t n) { model.forward(pass{}, x, n, {}, &watch); });
  return watch.found();
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
