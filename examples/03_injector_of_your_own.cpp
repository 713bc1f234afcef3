// An injector of your own: the key turns every activation by an angle. Its gradients to x and to k are checked, then a
// small network is trained with it; the exit status is 1 where a gradient is wrong, or where the network answers other
// keys as it answers valid ones.
//
// An injector is a struct with two functions of one element (contract: inject/injector.hpp, which its neighbours keep
// too); backends run them over a whole site, and none needs to be told about it:
//   forward(x, k)        -> y
//   backward(x, k, dy)   -> {dx, dk}
#include <cmath>
#include <cstdio>
#include <vector>

#include "spankey/testing/gradient_check.hpp"
#include "spankey/train.hpp"

using namespace spankey;

/// y = x cos(gamma k),  dx = dy cos(gamma k),  dk = -dy x gamma sin(gamma k). No key and the key 0 leave x as it is.
struct turning {
  float gamma = 1;

  template <class T>
  T forward(T x, T k) const {
    return x * std::cos(static_cast<T>(gamma) * k);
  }
  template <class T>
  injector_gradient<T> backward(T x, T k, T dy) const {
    const T angle = static_cast<T>(gamma) * k;
    return {dy * std::cos(angle), -dy * x * static_cast<T>(gamma) * std::sin(angle)};
  }
};

/// The larger relative error of both gradients of L = sum c_i y_i against central differences.
double gradient_error(const turning& injector) {
  std::vector<double> x = {0.5, -1, 2, 0.1}, k = {-0.3, 0.7, 1.9, 0};
  const std::vector<double> c = {1, -2, 0.5, 3};
  std::vector<double> dx, dk;
  for (std::size_t i = 0; i < c.size(); ++i) {
    const injector_gradient<double> g = injector.backward(x[i], k[i], c[i]);
    dx.push_back(g.dx), dk.push_back(g.dk);
  }
  const auto loss = [&] {
    double sum = 0;
    for (std::size_t i = 0; i < c.size(); ++i) sum += c[i] * injector.forward(x[i], k[i]);
    return sum;
  };
  return std::max(check_gradient(x, dx, loss).error, check_gradient(k, dk, loss).error);
}

int main() {
  using sites = at<1, 2>;
  using network = mlp<sealed::outputs(linear_task_classes), gate<turning, sites>, backend::cpu, float>;

  const feature_dataset train = make_linear_task(4000, 1, split::train),
                        test = make_linear_task(1000, 1, split::test);
  network model;
  set_injector(model, turning{.gamma = 2});
  const objective<sealed> goal{.classes = linear_task_classes, .weight = 0.5, .on = deny_on::wrong_and_none};
  const training_options options{.epochs = 20, .batch = 50, .rate = {.learning_rate = 0.05}, .augment = {}};
  const arena memory(model, goal.groups() * options.batch);
  initialise(model, options.seed);
  key_space keys({.subspace_dim = 4, .rescale = rescale_kind::per_key, .seed = 7},
                 sites_of<network>(sites::numbers));
  silent_observer observer;
  trainer(model, goal, &keys, train, options).run(observer);

  const gate_report gate = gate_evaluation(model, &keys, test, 50, {.keys = 20, .images_per_key = 200}).run();
  const double error = gradient_error({.gamma = 2}), valid = (*gate.valid_key)[figure::semantic].mean,
               wrong = gate.invalid_keys.front().summary[figure::semantic].mean;
  std::printf("gradient off by %.1e; right with a valid key %.2f, with another key %.2f\n", error, valid,
              wrong);
  return error < 1e-8 && valid > wrong + 0.3 ? 0 : 1;
}
