// The page's files from a finished run on MNIST with small_cnn, multiplicative keys at sites 1 and 2, and gamma 2:
//
//   weights.bin     the network with int8 weights, as infer::session reads it
//   key_space.bin   the bases' rows as int8, site after site, each row in (C, H, W) order
//   digits.bin      ten 28x28 images of bytes: for every digit the test set's first that twenty valid keys read right
//   network.json    shapes of the sites, law of the coefficients
// A page that makes keys holds the secret of its network; use a run whose key space nobody needs to keep.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <span>
#include <vector>

#include "spankey/backend/reference/reference.hpp"
#include "spankey/checkpoint/key_space_file.hpp"
#include "spankey/checkpoint/weights.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/core/random.hpp"
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

void write_weights(network& model, const image_dataset& images, const path& file) {
  const std::vector<std::byte> image =
      infer::make_image<std::int8_t>(model, mnist_classes, infer::pixels_of(images.mean, images.deviation));
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

// The keys of both sites, for twenty samples.
struct valid_keys {
  static constexpr index_t count = 20;
  std::array<std::vector<float>, 2> values;

  explicit valid_keys(key_space& space) {
    std::array<float*, 2> outputs{};
    for (std::size_t i = 0; i < 2; ++i) {
      values[i].resize(static_cast<std::size_t>(count * space.sites()[i].shape.size()));
      outputs[i] = values[i].data();
    }
    space.draw_valid(random_source(1, stream::coefficients), count, outputs);
  }
  // Whether the network answers `label` with each of them.
  bool read(network& model, const float* x, index_t label) const {
    for (index_t i = 0; i < count; ++i) {
      model_keys<float, network::sites.size()> given;
      for (std::size_t s = 0; s < 2; ++s) {
        const auto d = static_cast<std::size_t>(network::sites[s + 1].size());
        given[s + 1].group[0] = {std::span(values[s]).subspan(static_cast<std::size_t>(i) * d, d), 0};
      }
      const auto logits = model.forward(pass{}, {x, 1}, given);
      if (arg_max(logits.data(), 11) != label) return false;
    }
    return true;
  }
};

void write_digits(network& model, const valid_keys& keys, const image_dataset& images, const path& file) {
  std::vector<std::uint8_t> bytes;
  std::vector<float> x(static_cast<std::size_t>(images.sample.size()));
  for (index_t digit = 0; digit < images.classes; ++digit) {
    index_t i = 0;
    for (;; ++i) {
      if (i == std::ssize(images.labels)) fail("web.102", images.name, "no ", digit, " is read right");
      if (images.labels[static_cast<std::size_t>(i)] != digit) continue;
      for (std::size_t p = 0; p < x.size(); ++p)
        x[p] =
            (static_cast<float>(images.image(i)[p]) / 255 - images.mean.front()) / images.deviation.front();
      if (keys.read(model, x.data(), digit)) break;
    }
    std::cout << "digit " << digit << ": test image " << i << '\n';
    bytes.insert(bytes.end(), images.image(i), images.image(i) + images.sample.size());
  }
  write(file, bytes.data(), bytes.size());
}

void write_description(const key_space& keys, const path& file) {
  const key_space_config& config = keys.config();
  std::ofstream out(file);
  out << "{\n  \"sites\": [";
  for (std::size_t i = 0; i < keys.sites().size(); ++i) {
    const extents& shape = keys.sites()[i].shape;
    out << (i == 0 ? "" : ", ") << '[' << shape.channels << ", " << shape.height << ", " << shape.width
        << ']';
  }
  out << "],\n  \"subspace_dim\": " << config.subspace_dim << ",\n  \"offset\": " << config.law().offset
      << ",\n  \"spread\": " << config.law().spread << "\n}\n";
  if (!out.flush()) fail("web.101", file.string(), "expected to write it");
}

void make(const path& run, const path& mnist, const path& folder) {
  key_space keys = load_key_space((run / "key_space.safetensors").string());
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

  const auto model = std::make_unique<network>();
  const arena memory(*model, 1);
  load_weights(*model, (run / "weights.safetensors").string());
  set_injector(*model, multiplicative{.gamma = 2});
  write_weights(*model, images, folder / "weights.bin");
  write_bases(keys, folder / "key_space.bin");
  write_digits(*model, valid_keys(keys), images, folder / "digits.bin");
  write_description(keys, folder / "network.json");
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
