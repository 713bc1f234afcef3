#include "network_commands.hpp"
#include "network_convert.hpp"
#include "network_describe.hpp"
#include "network_predict.hpp"
#include "spankey/model/small_cnn.hpp"

network small_cnn_network() {
  using family = network_family<spankey::small_cnn, 10, spankey::at<0, 1, 2>>;
  return {"small_cnn",
          family::input,
          family::sites,
          &network_commands<family>::train,
          &network_commands<family>::evaluate,
          &network_description<family>::describe,
          &network_conversion<family>::convert,
          &network_conversion<family>::import_weights,
          &network_prediction<family>::predict};
}
