#include "network_on_cuda.hpp"
#include "spankey/model/small_resnet.hpp"

network_on_device small_resnet_on_cuda() {
  return commands_on_cuda<spankey::small_resnet, 10, spankey::at<0, 1, 2, 3>>();
}
