// The device: memory in and out, rows, pinned copies in the stream's order, steps that are recorded and repeated, what is
// refused while recording, and the one line where there is no GPU.
#include "spankey/backend/cuda/device.hpp"

#include <doctest/doctest.h>

#include <cstring>

#include "device_tensor.hpp"
#include "error_probe.hpp"
#include "spankey/backend/cuda/update.hpp"
#include "spankey/core/arena.hpp"

namespace {

using device::tensor;
using spankey::index_t;
namespace cuda = spankey::cuda;
using kernels = spankey::update_kernels<spankey::backend::cuda, float>;

// w -= 1 * learning rate of the moment.
void decay(const tensor<float>& one, const tensor<float>& w) {
  kernels::sgd({100, 0, 0, false, false}, 3, one.data(), nullptr, w.data());
}

struct too_large {
  using backend_type = spankey::backend::cuda;
  spankey::buffer<float> x;
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const spankey::scope& at, index_t) {
    visit(spankey::scope{&at, "x"}, x, index_t{1} << 50, spankey::lifetime::kept);
  }
};

}  // namespace

TEST_CASE("cuda device: reserved memory is 0, and comes back as it went in") {
  std::byte* const memory = cuda::reserve(100);
  REQUIRE(memory != nullptr);
  std::vector<unsigned char> found(100, 9), sent(100);
  cuda::download(memory, 100, found.data());
  CHECK(found == std::vector<unsigned char>(100, 0));
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<unsigned char>(i);
  cuda::upload(sent.data(), 100, memory);
  std::fill(sent.begin(), sent.end(), 0);  // upload has read it
  cuda::zero(memory + 50, 10);
  cuda::copy(memory + 1, 5, memory + 50);
  cuda::download(memory, 100, found.data());
  CHECK(found[49] == 49);
  CHECK(found[50] == 1);
  CHECK(found[54] == 5);
  CHECK(found[55] == 0);
  CHECK(found[60] == 60);
  cuda::release(memory);
}
TEST_CASE("cuda device: rows") {
  const tensor<float> from(std::vector<float>{1, 2, 3, 4, 5, 6}), to(8, 0.0F);
  device::memory::copy_rows(3, 1, from.data() + 1, 2, to.data(), 3);
  CHECK(to.host() == std::vector<float>{2, 0, 0, 4, 0, 0, 6, 0});
}
TEST_CASE("cuda device: more memory than there is") {
  CHECK(cuda::reserve(std::size_t{1} << 50) == nullptr);
  too_large model;
  CHECK(spankey_test::id_of([&] { const spankey::arena memory(model, 1); }) == "memory.101");
}
TEST_CASE("cuda device: a recorded step does nothing until it runs, then the same with other values") {
  const tensor<float> one(3, 1.0F), w(3, 0.0F);
  cuda::recorded_step step;
  CHECK_FALSE(step.ready());
  {
    const cuda::reading_step_values reading;
    step.begin();
    decay(one, w);
    decay(one, w);
    step.end();
  }
  CHECK(step.ready());
  CHECK(w.host()[0] == 0);
  for (const double rate : {0.5, 0.25}) {
    cuda::set_step_values({.learning_rate = rate});
    step.run();
  }
  CHECK(w.host() == std::vector<float>(3, -1.5F));
}
TEST_CASE("cuda device: what waits or allocates is refused while a step is recorded") {
  const tensor<float> w(3, 1.0F);
  cuda::recorded_step step;
  step.begin();
  float host = 0;
  CHECK(spankey_test::id_of([&] { cuda::download(w.data(), 4, &host); }) == "cuda.103");
  CHECK(spankey_test::id_of([&] { cuda::upload(&host, 4, w.data()); }) == "cuda.103");
  CHECK(spankey_test::id_of([&] { cuda::reserve(4); }) == "cuda.103");
  CHECK(spankey_test::id_of([&] { cuda::synchronise(); }) == "cuda.103");
  step.abandon();
  CHECK_FALSE(step.ready());
  CHECK(w.host()[2] == 1);
}
TEST_CASE("cuda device: pinned copies wait for nobody, events for what was before them") {
  const tensor<float> w(4, 1.0F);
  auto* const pinned = reinterpret_cast<float*>(cuda::reserve_pinned(16));
  cuda::event ready;
  ready.wait();  // nothing was recorded
  for (int i = 0; i < 4; ++i) pinned[i] = static_cast<float>(i);
  cuda::upload_pinned(pinned, 16, w.data());
  ready.record();
  ready.wait();
  std::fill_n(pinned, 4, 9.0F);
  CHECK(w.host() == std::vector<float>{0, 1, 2, 3});
  cuda::download_pinned(w.data(), 16, pinned);
  ready.record();
  ready.wait();
  CHECK(pinned[3] == 3);
  cuda::event later;
  later.record();
  later.wait();
  CHECK(cuda::event::milliseconds(ready, later) >= 0);
  cuda::release_pinned(reinterpret_cast<std::byte*>(pinned));
}
TEST_CASE("cuda device: what it is") {
  CHECK(cuda::present());
  const std::string found = cuda::describe_device();
  CHECK(found.starts_with("gpu: "));
  CHECK(found.find("\ntf32: off\n") != std::string::npos);
  cuda::use_tf32(true);
  CHECK(cuda::describe_device().find("\ntf32: on\n") != std::string::npos);
  cuda::use_tf32(false);
}
