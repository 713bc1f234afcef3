// Pooling layers. max_pool2d: 2x2 windows, stride 2, odd rests dropped. mean_pool2d: mean over all of H x W.
#pragma once

#include "spankey/layer/layer.hpp"

namespace spankey {

template <class In, class Backend, class T>
class max_pool2d {
 public:
  using input = In;
  using output = shape<In::channels, In::height / 2, In::width / 2>;
  using kernels = pool2d_kernels<Backend, T>;

  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    visit(scope{&at, "y"}, y_, samples * output::size, lifetime::step);
  }
  batch_view<const T, output> forward(const pass&, batch_view<const T, In> x) {
    x_ = x;
    kernels::max_forward({x.samples(), extents_of<In>, extents_of<output>}, x.data(), y_.data);
    return {y_.data, x.samples()};
  }
  void backward(const pass&, batch_view<const T, output> dy, batch_view<T, In> dx) {
    kernels::max_backward({dy.samples(), extents_of<In>, extents_of<output>}, x_.data(), dy.data(),
                          dx.data());
  }

 private:
  buffer<T> y_;
  batch_view<const T, In> x_;
};

template <class In, class Backend, class T>
class mean_pool2d {
 public:
  using input = In;
  using output = shape<In::channels>;
  using kernels = pool2d_kernels<Backend, T>;

  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    visit(scope{&at, "y"}, y_, samples * output::size, lifetime::step);
  }
  batch_view<const T, output> forward(const pass&, batch_view<const T, In> x) {
    kernels::mean_forward(x.samples(), extents_of<In>, x.data(), y_.data);
    return {y_.data, x.samples()};
  }
  void backward(const pass&, batch_view<const T, output> dy, batch_view<T, In> dx) {
    kernels::mean_backward(dy.samples(), extents_of<In>, dy.data(), dx.data());
  }

 private:
  buffer<T> y_;
};

}  // namespace spankey
