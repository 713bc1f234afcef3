#include "spankey/model/resnet18.hpp"

#include "step.hpp"

conformance::safetensors_writer conformance::run_resnet18(backend_kind backend, const conformance_case& c,
                                                          const safetensors_file& file) {
  return run_on<spankey::resnet18, 10, spankey::at<0, 1, 2, 3, 4>>(backend, c, file);
}
