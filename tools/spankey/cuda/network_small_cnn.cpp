#include "network_on_cuda.hpp"
#include "spankey/model/small_cnn.hpp"

network_on_device small_cnn_on_cuda() {
  return commands_on_cuda<spankey::small_cnn, 10, spankey::at<0, 1, 2>>();
}
