// Training, evaluation and description of a network of the program on an NVIDIA GPU. Included by cuda/network_NAME.cpp alone.
#pragma once

#include "../network_commands.hpp"
#include "../network_describe.hpp"
#include "spankey/cuda.hpp"

template <>
struct device_text<spankey::backend::cuda> {
  static std::string text() {
    return spankey::describe() +
           (spankey::cuda::present() ? spankey::cuda::describe_device() : "gpu: none\n");
  }
};

template <template <spankey::head_outputs, class, class, class> class Model, spankey::index_t Classes,
          class Sites>
network_on_device commands_on_cuda() {
  using family = network_family<Model, Classes, Sites, spankey::backend::cuda>;
  return {&network_commands<family>::train, &network_commands<family>::evaluate,
          &network_description<family>::describe};
}
