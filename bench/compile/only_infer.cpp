// What measure_compile.py builds to see what infer.hpp costs: a program that includes nothing else and runs a gated
// ResNet-18 on one image.
#include <memory>
#include <vector>

#include "spankey/infer.hpp"

int main() {
  using namespace spankey;
  using network = resnet18<10, gate<multiplicative, at<0, 2, 3, 4>>, backend::reference, float>;
  const auto model = std::make_unique<network>();
  const arena memory(*model, 1);
  initialise(*model, 1);
  const std::vector<float> x(static_cast<std::size_t>(network::input::size), 0.5F);
  const batch_view<const float, network::input> image(x.data(), 1);
  const auto logits = model->forward(pass{}, image, model_keys<float, network::sites.size()>{});
  return logits.data()[0] == 0 ? 1 : 0;
}
