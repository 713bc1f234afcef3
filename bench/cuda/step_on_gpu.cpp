// Training steps of the keyed ResNet-18 on a GPU, by device events: no loader, the batch is uploaded every step.
//
// usage: spankey_bench_cuda_step [--precision fp32|bf16] [--groups 1|2|3] [--batch N] [--steps S] [--tf32] [--heuristics]
// cuDNN's algorithms are timed, unless its heuristics are asked for. Prints one JSON object: images per
// second over S steps after a warm-up, the arena's size, the device.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <string>

#include "spankey/cuda.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/loss/deny/reject_class.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/resnet18.hpp"

namespace {

using namespace spankey;

struct request {
  std::string precision = "bf16";
  index_t groups = 1, batch = 512, steps = 50;
};

template <class T, class Deny>
void run(const request& r, deny_on on) {
  using sites = at<0, 2, 3, 4>;
  using network = resnet18<head_outputs(Deny::outputs(10)), gate<multiplicative, sites>, backend::cuda, T>;
  auto model = std::make_unique<network>();
  set_injector(*model, multiplicative{.gamma = 2});
  key_space keys({.subspace_dim = 32, .per_site_key = true, .per_site_basis = true, .seed = 7},
                 sites_of<network>(sites::numbers));
  const objective<Deny> goal{.classes = 10, .weight = 0.1, .on = on, .deny = {}};
  const training_options options{.batch = r.batch};
  const arena memory(*model, goal.groups() * r.batch);
  initialise(*model, 1);

  const random_source random(1, stream::evaluation);
  int filled = 0;
  const auto fill = [&](T* x, int* y) {
    // Both batches that may be under way are filled once; after that a step costs the host nothing but its launches.
    if (filled++ < 2) {
      for (index_t i = 0; i < r.batch * network::input::size; ++i)
        x[i] = static_cast<T>(static_cast<float>(2 * random.uniform(static_cast<std::uint64_t>(i)) - 1));
      for (index_t i = 0; i < r.batch; ++i) y[i] = static_cast<int>(i % 10);
    }
    return r.batch;
  };
  step_runner<typename network::network_type, Deny> runner(*model, goal, &keys, options);
  std::uint64_t number = 0;
  double loss = 0;
  const auto steps = [&](index_t count) {
    for (index_t i = 0; i < count; ++i) {
      runner.begin({.number = number++, .deny_weight = goal.weight, .learning_rate = 0.01}, fill);
      if (number > 1) loss = runner.finish().total;
    }
  };
  steps(10);
  cuda::event from, to;
  from.record();
  steps(r.steps);
  to.record();
  to.wait();
  const double seconds = cuda::event::milliseconds(from, to) / 1000;
  std::string device = cuda::describe_device();
  device = device.substr(5, device.find(',') - 5);
  std::printf(
      "{\"label\": \"SpanKey\", \"device\": \"%s\", \"images_per_second\": %.1f, \"arena_mib\": %.1f, "
      "\"loss\": %.4f}\n",
      device.c_str(), static_cast<double>(r.steps * r.batch) / seconds,
      static_cast<double>(memory.bytes()) / (1 << 20), loss);
}

template <class T>
void run(const request& r) {
  if (r.groups == 1) return run<T, no_deny>(r, deny_on::wrong);
  run<T, reject_class>(r, r.groups == 2 ? deny_on::wrong : deny_on::wrong_and_none);
}

}  // namespace

int main(int argc, char** argv) {
  request r;
  bool tf32 = false, measured = true;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--tf32") {
      tf32 = true;
    } else if (flag == "--heuristics") {
      measured = false;
    } else if (i + 1 < argc) {
      const char* const value = argv[++i];
      if (flag == "--precision") r.precision = value;
      if (flag == "--groups") r.groups = std::atol(value);
      if (flag == "--batch") r.batch = std::atol(value);
      if (flag == "--steps") r.steps = std::atol(value);
    }
  }
  try {
    cuda::use_tf32(tf32);
    cuda::measure_algorithms(measured);
    r.precision == "bf16" ? run<bf16>(r) : run<float>(r);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 2;
  }
}
