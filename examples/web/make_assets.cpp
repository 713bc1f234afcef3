// The page's files from a finished run on MNIST with small_cnn, multiplicative keys at sites 1 and 2, and gamma 2:
//
//   weights.bin     the network with int8 weights, as infer::session reads it
//   key_space.bin   the bases' rows as int8, site after site, each row in (C, H, W) order
//   digits.bin      ten 28x28 images of bytes: the test set's first 0, its first 1, ..., its first 9
//   network.json    shapes of the sites, law of the coefficients, mean and deviation of the pixels
// A page that makes keys holds the secret of its network; use a run whose key space nobody needs to keep.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <vector>

#include "spankey/backend/reference/reference.hpp"
#include "spankey/checkpoint/key_space_file.hpp"
#include "spankey/checkpoint/weights.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/core/error.hpp"
#include "spankey/data/idx.hpp"
#include "spankey/infer/make_image.hpp"
#include "spankey/model/small_cnn.hpp"

using namespace spankey;
using std::filesystem::path;

namespace {

using network = small_cnn<11, gate<multiplicative, at<1, 2>>, backend::reference, float>;

void write(const path& file, const void* bytes, std::size_t count) {
  std::ofstream out(file, std::ios::binary);
  out.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(count)).flush();
  if (!out) fail("web.101", file.string(), "expected to write ", count, " bytes");
}

void write_weights(const path& run, const path& file) {
  const auto model = std::make_unique<network>();
  const arena memory(*model, 1);
  load_weights(*model, (run / "weights.safetensors").string());
  set_injector(*model, multiplicative{.gamma = 2});
  const std::vector<std::byte> image = infer::make_image<std::int8_t>(*model, mnist_classes);
  write(file, image.data(), image.size());
}

// Rows without their common scale, which a key loses anyway when it is rescaled to deviation 1.
void write_bases(const key_space& keys, const path& file) {
  std::vector<std::int8_t> rows;
  for (std::size_t i = 0; i < keys.sites().size(); ++i) {
    const secret_vector<float> basis = keys.subspace_of(static_cast<index_t>(i)).basis_in_file_order();
    float largest = 0;
    for (const float b : basis) largest = std::max(largest, std::abs(b));
    for (const float b : basis) rows.push_back(static_cast<std::int8_t>(std::lround(b / largest * 127)));
  }
  write(file, rows.data(), rows.size());
}

void write_digits(const image_dataset& images, const path& file) {
  std::vector<std::uint8_t> bytes;
  for (std::uint8_t digit = 0; digit < images.classes; ++digit) {
    const auto first = std::find(images.labels.begin(), images.labels.end(), digit) - images.labels.begin();
    if (images.labels.begin() + first == images.labels.end())
      fail("web.102", images.name, "expected an image of every digit");
    bytes.insert(bytes.end(), images.image(first), images.image(first) + images.sample.size());
  }
  write(file, bytes.data(), bytes.size());
}

void write_description(const key_space& keys, const image_dataset& images, const path& file) {
  const key_space_config& config = keys.config();
  std::ofstream out(file);
  out << "{\n  \"sites\": [";
  for (std::size_t i = 0; i < keys.sites().size(); ++i) {
    const extents& shape = keys.sites()[i].shape;
    out << (i == 0 ? "" : ", ") << '[' << shape.channels << ", " << shape.height << ", " << shape.width
        << ']';
  }
  out << "],\n  \"subspace_dim\": " << config.subspace_dim << ",\n  \"offset\": " << config.law().offset
      << ",\n  \"spread\": " << config.law().spread << ",\n  \"mean\": " << images.mean.front()
      << ",\n  \"deviation\": " << images.deviation.front() << "\n}\n";
  if (!out.flush()) fail("web.101", file.string(), "expected to write it");
}

void make(const path& run, const path& mnist, const path& folder) {
  const key_space keys = load_key_space((run / "key_space.safetensors").string());
  const key_space_config& config = keys.config();
  if (config.coefficients != coefficient_kind::unit_cube || config.rescale != rescale_kind::per_key ||
      config.key_std != 1 || !config.per_site_key || !config.per_site_basis || keys.sites().size() != 2 ||
      keys.sites()[0].number != 1 || keys.sites()[1].number != 2) {
    fail("web.103", run.string(),
         "expected the keys that the page draws: at sites 1 and 2, each with a basis",
         " and coefficients of its own, uniform, rescaled per key to deviation 1");
  }
  const image_dataset images = load_mnist(mnist, split::test);
  std::filesystem::create_directories(folder);
  write_weights(run, folder / "weights.bin");
  write_bases(keys, folder / "key_space.bin");
  write_digits(images, folder / "digits.bin");
  write_description(keys, images, folder / "network.json");
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) {
    std::cerr << "usage: " << arguments[0] << " RUN_FOLDER MNIST_FOLDER ASSETS_FOLDER\n";
    return 2;
  }
  try {
    make(arguments[1], arguments[2], arguments[3]);
  } catch (const std::exception& problem) {
    std::cerr << problem.what() << '\n';
    return 2;
  }
}
