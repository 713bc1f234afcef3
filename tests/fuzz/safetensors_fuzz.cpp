// safetensors: both ways to open a file agree, what opens covers its bytes once, and a model that refuses the weights
// keeps its own.
#include <algorithm>
#include <array>
#include <vector>

#include "fuzz.hpp"
#include "spankey/checkpoint/weights.hpp"
#include "spankey/file/safetensors.hpp"

using namespace spankey;
using spankey_test::accepts;
using spankey_test::promise;

namespace {

// A linear map and a running mean: three tensors that a short input can name.
struct tiny_model {
  parameter<float> weight{{.o = 2, .i = 3, .file_rank = 2}}, bias{{.o = 2}};
  state<float> mean{2, {}};
  std::array<float, 10> memory{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

  tiny_model() {
    weight.value = {memory.data(), 6};
    bias.value = {memory.data() + 6, 2};
    mean.value = {memory.data() + 8, 2};
  }
  template <class F>
  void for_each_parameter(F&& f, const scope& at = {}) {
    f(scope{&at, "w"}, weight);
    f(scope{&at, "b"}, bias);
  }
  template <class F>
  void for_each_state(F&& f, const scope& at = {}) {
    f(scope{&at, "mean"}, mean);
  }
};

void check_layout_of(const safetensors_file& file, std::size_t size) {
  std::size_t covered = 0;
  for (const auto& [name, tensor] : file.tensors()) {
    promise(tensor_bytes(tensor.type, tensor.shape) == static_cast<index_t>(tensor.bytes.size()),
            "a tensor has the bytes of its shape");
    covered += tensor.bytes.size();
    unsigned sum = 0;
    for (const std::byte b : tensor.bytes) sum += static_cast<unsigned>(b);
    static_cast<void>(sum);  // every byte was read: a sanitizer has seen it
  }
  promise(covered + 8 < size, "the tensors lie behind the header");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> bytes(data, size);
  const bool in_memory =
      accepts([&] { check_layout_of(safetensors_file::from_memory(std::as_bytes(bytes), "input"), size); });
  const spankey_test::memory_file file(bytes);
  const bool from_file = accepts([&] { check_layout_of(safetensors_file::open(file.path()), size); });
  promise(in_memory == from_file, "a file and its bytes are the same to the reader");
  tiny_model model;
  const auto before = model.memory;
  const bool loaded = accepts([&] { load_weights(model, file.path()); });
  promise(loaded || model.memory == before, "a failed load leaves the model as it was");
  return 0;
}
