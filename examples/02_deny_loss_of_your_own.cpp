// A deny loss of your own: what a denied answer says shall not be true. Its gradient is checked, then a small network is
// trained with it; the exit status is 1 where the gradient is wrong, the loss does not fall or the task is not learned.
//
// A deny loss is a struct with three members (contract: loss/deny/deny.hpp, which its neighbours keep too):
//   denies          true: every step also asks the network with an invalid key, or without one
//   outputs(C)      the logits that it needs for C classes: C, or C+1 where a class of its own means "refused"
//   operator()      the mean loss of one denied group; += scale times its gradient to every logit that it reads
#include <cstdio>
#include <vector>

#include "spankey/testing/gradient_check.hpp"
#include "spankey/train.hpp"

using namespace spankey;

/// L = mean -log(1 - p[y]),  dL/dz_c = p[y] / (1 - p[y]) ([c = y] - p_c),  p = softmax of the denied logits.
/// 1 - p[y] is the sum of the other probabilities: as a difference it would lose its digits where p[y] is nearly 1.
struct anything_else {
  static constexpr bool denies = true;
  static constexpr index_t outputs(index_t classes) { return classes; }

  template <class T, class Shape>
  double operator()(const deny_terms<T, Shape>& t, double scale) const {
    return t.mean(scale, [](const deny_row<T>& row, double each) {
      const T* z = row.denied;
      const index_t y = row.label;
      const double norm = log_sum_exp(z, row.classes);
      const auto p = [&](index_t c) { return std::exp(static_cast<double>(z[c]) - norm); };
      double others = 0;
      for (index_t c = 0; c < row.classes; ++c) others += c == y ? 0 : p(c);
      for (index_t c = 0; c < row.classes; ++c)
        row.denied_gradient[c] += static_cast<T>(each * p(y) / others * ((c == y ? 1 : 0) - p(c)));
      return -std::log(others);
    });
  }
};

/// Relative error of its gradient against central differences, on one sample of four logits.
double gradient_error() {
  using logits = shape<4>;
  std::vector<double> z = {0.5, -1, 2, 0.1}, gradient(4), unused(4);
  const int label = 2;
  const auto loss = [&] {
    return anything_else{}(deny_terms<double, logits>{.valid = {z.data(), 1},
                                                      .denied = {z.data(), 1},
                                                      .labels = &label,
                                                      .classes = 4,
                                                      .valid_gradient = {unused.data(), 1},
                                                      .denied_gradient = {gradient.data(), 1}},
                           1.0);
  };
  loss();
  const std::vector<double> analytic = gradient;
  return check_gradient(z, analytic, loss).error;
}

struct keeps_epochs {
  std::vector<epoch_record> epochs;
  void on_step(const step_record&) {}
  void on_epoch(const epoch_record& e) { epochs.push_back(e); }
};

int main() {
  using sites = at<1, 2>;
  using network = mlp<anything_else::outputs(5), gate<multiplicative, sites>, backend::cpu, float>;

  // 20 numbers a sample, of which four are bright: they name the class.
  image_dataset data{"bright fifths", {20, 1, 1}, 5, {}, {}, {}, {}};
  data.mean.assign(20, 0.3F), data.deviation.assign(20, 0.3F);
  const random_source random(1, stream::glyphs);
  for (std::uint64_t i = 0; i < 20 * 200; ++i)
    data.pixels.push_back(
        static_cast<std::uint8_t>((i % 20 / 4 == i / 20 % 5 ? 150 : 20) + random.below(i, 80)));
  for (int i = 0; i < 200; ++i) data.labels.push_back(static_cast<class_label>(i % 5));

  network model;
  set_injector(model, multiplicative{.gamma = 2});
  const objective<anything_else> goal{.classes = 5, .weight = 0.5, .on = deny_on::wrong_and_none};
  const training_options options{.epochs = 20, .batch = 20, .rate = {.learning_rate = 0.05}, .augment = {}};
  const arena memory(model, goal.groups() * options.batch);
  initialise(model, options.seed);
  key_space keys({.subspace_dim = 4, .seed = 7}, sites_of<network>(sites::numbers));
  keeps_epochs seen;
  trainer(model, goal, &keys, data, options).run(seen);

  const double error = gradient_error();
  const epoch_record &first = seen.epochs.front(), &last = seen.epochs.back();
  std::printf("gradient off by %.1e; deny loss %.3f, then %.3f; right with valid keys %.2f, then %.2f\n",
              error, first.deny, last.deny, first.accuracy, last.accuracy);
  return error < 1e-8 && last.deny < 0.8 * first.deny && last.accuracy > 0.9 ? 0 : 1;
}
