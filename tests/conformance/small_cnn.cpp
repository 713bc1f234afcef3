#include "spankey/model/small_cnn.hpp"

#include "step.hpp"

conformance::safetensors_writer conformance::run_small_cnn(backend_kind backend, const conformance_case& c,
                                                           const safetensors_file& file) {
  return run_on<spankey::small_cnn, 10, spankey::at<0, 1, 2>>(backend, c, file);
}
