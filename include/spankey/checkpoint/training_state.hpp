// All that the next epoch of a training run depends on, to and from a safetensors file: parameters ("param.NAME"),
// what the optimizer keeps beside them ("momentum.NAME"), running statistics ("buffer.NAME"), and in the metadata how
// far the run is. Random numbers need no state: they follow from seed, stream and step.
//
// A run that was stopped and goes on from here ends with the same bytes as one that was not. Keys are not in it.
#pragma once

#include <charconv>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "spankey/checkpoint/weights.hpp"

namespace spankey {

/// How far a run is: whole epochs, and updates of the optimizer.
struct training_progress {
  std::uint64_t epochs = 0, optimizer_steps = 0;
};

/// Writes the state of a run between two epochs to `path`, whole or not at all.
template <class Model>
void save_training_state(Model& model, const training_progress& progress, const std::string& path) {
  safetensors_writer writer;
  writer.set_metadata("epochs", std::to_string(progress.epochs));
  writer.set_metadata("optimizer_steps", std::to_string(progress.optimizer_steps));
  add_parameters(writer, model, "param.");
  add_parameters(writer, model, "momentum.", parameter_part::momentum);
  add_states(writer, model, "buffer.");
  writer.write(path);
}

/// Reads it back. Errors, all before the model changes: those of load_weights, and checkpoint.101 where the metadata
/// does not say how far the run was.
template <class Model>
training_progress load_training_state(Model& model, const std::string& path) {
  const safetensors_file file = safetensors_file::open(path);
  const auto number = [&](const char* name) {
    const auto entry = file.metadata().find(name);
    std::uint64_t value = 0;
    const std::string text = entry == file.metadata().end() ? "" : entry->second;
    const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || code != std::errc{} || stop != text.data() + text.size())
      fail("checkpoint.101", file.name(), "metadata '", name, "' is ", in_quotes(text),
           ", expected a whole number");
    return value;
  };
  const training_progress progress{number("epochs"), number("optimizer_steps")};
  model.for_each_parameter(
      [&](const scope& at, auto& p) {
        file.require("momentum." + at.str(), dtype::f32, file_shape(p.dims), "the optimizer's state");
      },
      scope{});
  load_weights(model, file, {"param.", "buffer."});
  model.for_each_parameter(
      [&](const scope& at, auto& p) {
        const auto values = file.read_f32("momentum." + at.str(), file_shape(p.dims));
        from_file_order(p.dims, std::span<const float>(values), p.momentum.data);
      },
      scope{});
  return progress;
}

}  // namespace spankey
