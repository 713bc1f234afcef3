#include "network_commands.hpp"
#include "network_convert.hpp"
#include "network_describe.hpp"
#include "network_predict.hpp"
#include "spankey/model/resnet18.hpp"

network resnet18_network() {
  using family = network_family<spankey::resnet18, 10, spankey::at<0, 1, 2, 3, 4>>;
  return {"resnet18",
          family::input,
          family::sites,
          &network_commands<family>::train,
          &network_commands<family>::evaluate,
          &network_description<family>::describe,
          &network_conversion<family>::convert,
          &network_conversion<family>::import_weights,
          &network_prediction<family>::predict};
}
