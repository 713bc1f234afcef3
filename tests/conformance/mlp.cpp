#include "spankey/model/mlp.hpp"

#include "step.hpp"

conformance::safetensors_writer conformance::run_mlp(backend_kind backend, const conformance_case& c,
                                                     const safetensors_file& file) {
  return run_on<spankey::mlp, 5, spankey::at<0, 1, 2>>(backend, c, file);
}
