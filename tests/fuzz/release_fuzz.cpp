// Releases: an input as it is, and a sound release of a small network of which the input replaces a part. What opens is consistent:
// it is written again as it was read, its MLPs compute and are extracted, and if it is the network's a session answers from it.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "fuzz.hpp"
#include "spankey/attack/extract_mlp.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/model/gpt.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/release/calibration.hpp"
#include "spankey/release/release_file.hpp"
#include "spankey/release/release_scheme.hpp"

using namespace spankey;
using spankey_test::accepts;
using spankey_test::promise;

namespace {

using backend_type = backend::reference;
const layer_list& list() {
  static const layer_list made =
      gpt_on({.vocabulary = 8, .context = 4, .channels = 4, .layers = 1, .heads = 1}, head_outputs(8));
  return made;
}

std::vector<std::byte> sound_file() {
  released_model<backend_type> model(list());
  const arena memory(model, 1);
  initialise(model, 1);
  const open_network<released_model<backend_type>> network{list(), model};
  const auto ranges = calibrate<backend_type>(network, [](auto& session, auto& watcher) {
    for (const index_t token : {1, 5, 2, 7}) (void)session.read(token, &watcher);
  });
  return contents_of(taylor_release{{.order = 2}}.release(network, ranges, 1)).bytes();
}

void check(std::span<const std::byte> file) {
  accepts([&] {
    const weight_release r = read_release(safetensors_file::from_memory(file, "input"));
    const auto again = contents_of(r).bytes();
    const weight_release second = read_release(safetensors_file::from_memory(again, "again"));
    promise(second.size() == r.size() && contents_of(second).bytes() == again,
            "a release is read as it was written");
    for (const auto& [name, mlp] : r.mlps) {
      promise(mlp.hidden() > 0 && mlp.hidden() == static_cast<index_t>(mlp.sampled.size() + mlp.plain.size()),
              "every neuron is there once");
      const std::vector<float> x(static_cast<std::size_t>(mlp.inputs), 0.5F);
      std::vector<float> y(static_cast<std::size_t>(mlp.outputs));
      taylor_pass<backend_type>(mlp).run(x.data(), y.data());
      if (mlp.hidden() < 100) (void)extract_mlp(mlp);
    }
    released_session<backend_type> session(list(), r);
    for (const index_t token : {0, 7}) (void)session.read(token);
  });
}

// The input, but for its first two bytes, over a sound file from where these say.
void check_replaced(std::vector<std::byte> file, std::span<const std::byte> input) {
  if (input.size() < 2) return;
  const std::size_t at =
      (static_cast<std::size_t>(input[0]) << 8 | static_cast<std::size_t>(input[1])) % file.size();
  const std::span<const std::byte> rest = input.subspan(2);
  std::copy_n(rest.begin(), std::min(rest.size(), file.size() - at),
              file.begin() + static_cast<std::ptrdiff_t>(at));
  check(file);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::byte> sound = sound_file();
  const std::span<const std::byte> input = std::as_bytes(std::span(data, size));
  check(input);
  check_replaced(sound, input);
  return 0;
}
