// Basic residual block (He et al. 2015): y = relu(bn2(conv2(relu(bn1(conv1(x))))) + skip(x)).
// skip is the identity, or bn(conv1x1(x)) where the shape changes. Names are torchvision's:
// conv1, bn1, conv2, bn2, downsample.0, downsample.1. A stage is two blocks, "0" and "1".
// The output of bn1 is not kept for the backward pass but computed once more there: cheaper than its memory. Once
// conv2 has read it, the skip path takes its place.
#pragma once

#include <type_traits>

#include "spankey/layer/batch_norm2d.hpp"
#include "spankey/layer/conv2d.hpp"
#include "spankey/layer/gradient_flow.hpp"

namespace spankey {

template <class In, index_t Out, index_t Stride, class Backend, class T>
class basic_block {
 public:
  using input = In;
  using conv1_type = conv2d<In, Out, window<3, Stride>, Backend, T>;
  using output = typename conv1_type::output;
  static constexpr bool projects = !std::is_same_v<input, output>;

  conv1_type conv1;
  batch_norm2d<output, activation::relu, Backend, T> bn1{lifetime::inner};
  conv2d<output, Out, window<3>, Backend, T> conv2;
  batch_norm2d<output, activation::relu, Backend, T> bn2;

  /// Calls f(scope, layer) for every layer, in PyTorch's order.
  template <class F>
  void for_each_layer(F&& f, const scope& at) {
    f(scope{&at, "conv1"}, conv1);
    f(scope{&at, "bn1"}, bn1);
    f(scope{&at, "conv2"}, conv2);
    f(scope{&at, "bn2"}, bn2);
    if constexpr (projects) {
      const scope downsample{&at, "downsample"};
      f(scope{&downsample, "0"}, skip_.conv);
      f(scope{&downsample, "1"}, skip_.bn);
    }
  }

  batch_view<const T, output> forward(const pass& p, batch_view<const T, In> x) {
    const auto z = conv2.forward(p, bn1.forward(p, conv1.forward(p, x)));
    if constexpr (projects) {
      return bn2.forward(p, z, skip_.bn.forward(p, skip_.conv.forward(p, x)));
    } else {
      return bn2.forward(p, z, x);
    }
  }

  /// Takes the gradient of the output from the flow and leaves that of the input.
  void backward(const pass& p, index_t samples, gradient_flow<T>& flow) {
    const auto dy = flow.template current<output>(samples);
    const auto dz = flow.template spare<output>(samples, 0), inner = flow.template spare<output>(samples, 1);
    bn2.backward(p, dy, dz);  // dy is now the gradient of the skip path
    bn1.recompute(p);
    conv2.backward(p, dz, inner);
    bn1.backward(p, inner, inner);
    if constexpr (projects) {
      const auto dx = flow.template spare<input>(samples, 0);
      conv1.backward(p, inner, dx);
      skip_.bn.backward(p, dy, dy);
      skip_.conv.backward(p, dy, dx, true);
      flow.advance();
    } else {
      conv1.backward(p, inner, dy, true);
    }
  }

 private:
  struct projection {
    conv2d<In, Out, window<1, Stride>, Backend, T> conv;
    batch_norm2d<output, activation::identity, Backend, T> bn{lifetime::inner};
  };
  struct identity {};
  [[no_unique_address]] std::conditional_t<projects, projection, identity> skip_;
};

/// Two basic blocks; the first may change shape. Where its input is larger than its output, its gradients get slots of
/// their own, which lie over what comes after it.
template <class In, index_t Out, index_t Stride, class Backend, class T>
class residual_stage {
 public:
  using input = In;
  using first_type = basic_block<In, Out, Stride, Backend, T>;
  using output = typename first_type::output;

  first_type first;
  basic_block<output, Out, 1, Backend, T> second;

  template <class F>
  void for_each_layer(F&& f, const scope& at) {
    first.for_each_layer(f, scope{&at, "0"});
    if constexpr (widens) f(scope{&at, "0"}, wider_);
    second.for_each_layer(f, scope{&at, "1"});
  }
  batch_view<const T, output> forward(const pass& p, batch_view<const T, In> x) {
    return second.forward(p, first.forward(p, x));
  }
  void backward(const pass& p, index_t samples, gradient_flow<T>& flow) {
    second.backward(p, samples, flow);
    if constexpr (widens) flow.widen(wider_);
    first.backward(p, samples, flow);
  }

 private:
  static constexpr bool widens = In::size > output::size;
  gradient_slots<T> wider_{.size = In::size, .life = lifetime::gradient};
};

}  // namespace spankey
