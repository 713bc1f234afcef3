#include "network_on_cuda.hpp"
#include "spankey/model/resnet18.hpp"

network_on_device resnet18_on_cuda() {
  return commands_on_cuda<spankey::resnet18, 10, spankey::at<0, 1, 2, 3, 4>>();
}
