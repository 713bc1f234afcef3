// All that the next epoch of a training run depends on, to and from a safetensors file: parameters ("param.NAME"),
// what the optimizer keeps beside them ("momentum.NAME", with Adam "second_moment.NAME"), running statistics
// ("buffer.NAME"), and in the metadata how many epochs are done. Random numbers need no state: they follow from seed,
// stream and step.
//
// A run that was stopped and goes on from here ends with the same bytes as one that was not. Keys are not in it.
#pragma once

#include <charconv>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>

#include "spankey/checkpoint/weights.hpp"

namespace spankey {

/// What the optimizer keeps beside the parameters of this model, by its prefix in files.
template <class Model>
std::map<std::string, parameter_part> optimizer_parts(Model& model) {
  std::map<std::string, parameter_part> parts = {{"momentum.", parameter_part::momentum}};
  model.for_each_parameter(
      [&](const scope&, auto& p) {
        if (p.keeps_second_moment) parts["second_moment."] = parameter_part::second_moment;
      },
      scope{});
  return parts;
}

/// Writes the state of a run after `epochs` whole epochs to `path`, whole or not at all.
template <class Model>
void save_training_state(Model& model, std::uint64_t epochs, const std::string& path) {
  safetensors_writer writer;
  writer.set_metadata("epochs", std::to_string(epochs));
  add_parameters(writer, model, "param.");
  for (const auto& [prefix, part] : optimizer_parts(model)) add_parameters(writer, model, prefix, part);
  add_states(writer, model, "buffer.");
  writer.write(path);
}

/// Reads it back; returns the epochs that are done. Errors, all before the model changes: those of load_weights,
/// checkpoint.101 where the metadata does not say how far the run was, checkpoint.102 a tensor that this model or its
/// optimizer does not have: another optimizer wrote the file.
template <class Model>
std::uint64_t load_training_state(Model& model, const std::string& path) {
  const safetensors_file file = safetensors_file::open(path);
  const auto entry = file.metadata().find("epochs");
  const std::string text = entry == file.metadata().end() ? "" : entry->second;
  std::uint64_t epochs = 0;
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), epochs);
  if (text.empty() || code != std::errc{} || stop != text.data() + text.size())
    fail("checkpoint.101", file.name(), "expected a whole number of epochs in the metadata, found ",
         in_quotes(text));

  const auto parts = optimizer_parts(model);
  std::set<std::string, std::less<>> expected;
  for (const auto& part : parts) {
    model.for_each_parameter(
        [&](const scope& at, auto& p) {
          const std::string name = part.first + at.str();
          require_memory(name, part_of(p, part.second), p.dims.size());
          file.require(name, dtype::f32, file_shape(p.dims), "the optimizer's state");
          expected.insert(name);
        },
        scope{});
  }
  for (const auto& [name, tensor] : file.tensors()) {
    const bool of_the_weights = name.starts_with("param.") || name.starts_with("buffer.");
    if (!of_the_weights && !expected.contains(name)) {
      fail("checkpoint.102", file.name(), "tensor ", in_quotes(name),
           ": expected only the state of this model and its optimizer, found ",
           tensor_text(tensor.type, tensor.shape));
    }
  }
  load_weights(model, file, {"param.", "buffer."});
  for (const auto& part : parts) {
    model.for_each_parameter(
        [&](const scope& at, auto& p) {
          const auto values = file.read_f32(part.first + at.str(), file_shape(p.dims));
          memory_of_model<Model>::write(part_of(p, part.second).data, p.dims.size(), [&](auto* memory) {
            from_file_order(p.dims, std::span<const float>(values), memory);
          });
        },
        scope{});
  }
  return epochs;
}

}  // namespace spankey
