#include "network_on_cuda.hpp"
#include "spankey/model/mlp.hpp"

network_on_device mlp_on_cuda() { return commands_on_cuda<spankey::mlp, 5, spankey::at<0, 1, 2>>(); }
