// Training and evaluation of a network of the program on an NVIDIA GPU. Included by cuda/network_NAME.cpp alone.
#pragma once

#include "../network_commands.hpp"
#include "spankey/cuda.hpp"

template <>
struct device_text<spankey::backend::cuda> {
  static std::string text() { return spankey::describe() + spankey::cuda::describe_device(); }
};

template <template <spankey::head_outputs, class, class, class> class Model, spankey::index_t Classes,
          class Sites>
network_on_device commands_on_cuda() {
  using commands = network_commands<network_family<Model, Classes, Sites, spankey::backend::cuda>>;
  return {&commands::train, &commands::evaluate};
}
