// Locks and master keys: an input as it is, and a sound lock of which the input replaces a part. Whatever is refused leaves the
// network as it was; what is accepted is the network that was locked.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "fuzz.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/lock/entangled.hpp"
#include "spankey/lock/masked.hpp"
#include "spankey/lock/master_key_file.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/mlp.hpp"

using namespace spankey;
using spankey_test::accepts;
using spankey_test::promise;

namespace {

using network = mlp<4, ungated, backend::reference, float>;

std::vector<float> numbers_of(network& model) {
  std::vector<float> all;
  model.for_each_parameter(
      [&](const scope&, auto& p) { all.insert(all.end(), p.value.data, p.value.data + p.value.count); });
  return all;
}
void write(network& model, const std::vector<float>& numbers) {
  auto next = numbers.begin();
  model.for_each_parameter([&](const scope&, auto& p) {
    std::copy_n(next, p.value.count, p.value.data);
    next += p.value.count;
  });
}

// A network, and what both kinds of locks make of it under a key of zeros.
struct locked_network {
  network model;
  arena memory{model, 1};
  master_key key;
  std::vector<float> open, entangled, masked;
  std::vector<std::byte> entangled_file, masked_file;
  locked_network() {
    initialise(model, 1);
    open = numbers_of(model);
    const auto bytes_of = [](const lock_record& lock) { return lock.contents().bytes(); };
    entangled_file = bytes_of(lock_entangled(model, key, {.layers = {}, .whiten = true}).record);
    entangled = numbers_of(model);
    write(model, open);
    masked_file = bytes_of(lock_masked(model, key, {.layers = {"fc1"}}));
    masked = numbers_of(model);
  }
};
locked_network& sound() {
  static locked_network made;
  return made;
}

void check(std::span<const std::byte> file) {
  locked_network& n = sound();
  write(n.model, n.entangled);
  if (accepts([&] {
        entangled_lock lock;
        lock.record = lock_record::read(safetensors_file::from_memory(file, "input"), entangled_lock::kind);
        unlock_entangled(n.model, n.key, lock);
      })) {
    const std::vector<float> found = numbers_of(n.model);
    bool known = true;
    for (std::size_t i = 0; i < found.size(); ++i) known = known && std::abs(found[i] - n.open[i]) < 1e-4F;
    promise(known, "what opens is the network that was locked, all of it");
  } else {
    promise(numbers_of(n.model) == n.entangled, "what is refused changes nothing");
  }
  write(n.model, n.masked);
  if (accepts([&] {
        unlock_masked(n.model, n.key,
                      lock_record::read(safetensors_file::from_memory(file, "input"), masked_kind));
      })) {
    const std::vector<float> found = numbers_of(n.model);
    bool known = true;
    for (std::size_t i = 0; i < found.size(); ++i) known = known && found[i] == n.open[i];
    promise(known, "what opens is the network that was locked, all of it");
  } else {
    promise(numbers_of(n.model) == n.masked, "what is refused changes nothing");
  }
  (void)accepts([&] { (void)read_master_key(file, "input"); });
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
  const std::span<const std::byte> input = std::as_bytes(std::span(data, size));
  check(input);
  check_replaced(sound().entangled_file, input);
  check_replaced(sound().masked_file, input);
  return 0;
}
