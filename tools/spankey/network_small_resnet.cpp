#include "network_commands.hpp"
#include "network_convert.hpp"
#include "network_describe.hpp"
#include "network_predict.hpp"
#include "spankey/model/small_resnet.hpp"

network small_resnet_network() {
  using family = network_family<spankey::small_resnet, 10, spankey::at<0, 1, 2, 3>>;
  return {"small_resnet",
          family::input,
          family::sites,
          &network_commands<family>::train,
          &network_commands<family>::evaluate,
          &network_description<family>::describe,
          &network_conversion<family>::convert,
          &network_conversion<family>::import_weights,
          &network_prediction<family>::predict};
}
