#include "spankey/model/small_resnet.hpp"

#include "step.hpp"

conformance::safetensors_writer conformance::run_small_resnet(backend_kind backend, const conformance_case& c,
                                                              const safetensors_file& file) {
  return run_on<spankey::small_resnet, 10, spankey::at<0, 1, 2, 3>>(backend, c, file);
}
