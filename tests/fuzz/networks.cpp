// The networks of the library, where the program's build does not list them.
#include "network.hpp"
#include "spankey/model/mlp.hpp"
#include "spankey/model/resnet18.hpp"
#include "spankey/model/small_cnn.hpp"
#include "spankey/model/small_resnet.hpp"

std::vector<network> networks_of_this_build() {
  using namespace spankey;
  return {network_of<mlp_layers, mlp_on>("mlp"), network_of<small_cnn_layers, small_cnn_on>("small_cnn"),
          network_of<small_resnet_layers, small_resnet_on>("small_resnet"),
          network_of<resnet18_layers, resnet18_on>("resnet18")};
}
