// All that the next step of a training run depends on, to and from a safetensors file: parameters ("param.NAME"), what
// the optimizer keeps beside them ("momentum.NAME", with Adam "second_moment.NAME", with Lookahead "average.NAME"), running
// statistics ("buffer.NAME");
// in the metadata the position in the run, the library's version, what the program adds, and checksums of everything.
// Random numbers and the learning rate need no state: they follow from seed, stream and step.
//
// A run that was stopped after any step and goes on from here ends with the same bytes as one that was not. Keys are not
// in it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>

#include "spankey/checkpoint/weights.hpp"
#include "spankey/core/compiled.hpp"
#include "spankey/core/version.hpp"
#include "spankey/file/number_text.hpp"

namespace spankey {

/// Where a run is: between two steps.
struct training_position {
  std::uint64_t epoch = 0, step = 0;  // of the next step; step counts within the epoch
  std::uint64_t steps = 0;            // done since the run's begin
  std::uint64_t updates = 0;          // of the optimizer: fewer where steps were skipped
  // Sums over what the epoch did so far; losses and accuracy over its images.
  std::uint64_t images = 0;
  double loss = 0, cross_entropy = 0, deny = 0, accuracy = 0, seconds = 0;

  /// Calls f(name, member).
  template <class Self, class F>
  static void for_each_entry(Self& p, F&& f) {
    f("epoch", p.epoch), f("step", p.step), f("steps", p.steps), f("updates", p.updates),
        f("images", p.images);
    f("loss", p.loss), f("cross_entropy", p.cross_entropy), f("deny", p.deny), f("accuracy", p.accuracy);
    f("seconds", p.seconds);
  }
};

/// What a file says beside its tensors. `notes` are the program's.
struct training_state {
  training_position at;
  safetensors_metadata notes;
};

inline constexpr std::string_view training_state_format = "spankey training state 2";
inline constexpr std::string_view note_prefix = "run.";

/// What the optimizer keeps beside the parameters of this model, by its prefix in files.
template <class Model>
std::map<std::string, parameter_part> optimizer_parts(Model& model) {
  std::map<std::string, parameter_part> parts = {{"momentum.", parameter_part::momentum}};
  model.for_each_parameter(
      [&](const scope&, auto& p) {
        if (p.keeps_second_moment) parts["second_moment."] = parameter_part::second_moment;
        if (p.keeps_average) parts["average."] = parameter_part::average;
      },
      scope{});
  return parts;
}

/// Writes the state of a run to `path`, whole or not at all.
template <class Calls = posix_calls, class Model>
void save_training_state(Model& model, const training_state& state, const std::string& path) {
  safetensors_writer writer;
  writer.set_metadata("format", training_state_format);
  writer.set_metadata("spankey", SPANKEY_VERSION_STRING);
  training_position::for_each_entry(
      state.at, [&](const char* name, const auto& value) { writer.set_metadata(name, number_text(value)); });
  for (const auto& [name, value] : state.notes) writer.set_metadata(std::string(note_prefix) + name, value);
  add_parameters(writer, model, "param.");
  for (const auto& [prefix, part] : optimizer_parts(model)) add_parameters(writer, model, prefix, part);
  add_states(writer, model, "buffer.");
  writer.add_checksums();
  writer.template write<Calls>(path);
}

/// What an open file says of the run. Errors: those of check_checksums, checkpoint.101 a position that is none,
/// checkpoint.103 another format, checkpoint.104 another version of the library, whose next step may be another one.
SPANKEY_INLINE training_state training_state_of(const safetensors_file& file);

/// Copies the tensors of an open file into `model`. Errors, all before the model changes: those of load_weights,
/// checkpoint.102 a tensor that this model or its optimizer does not have: another optimizer wrote the file.
template <class Model>
void load_training_tensors(Model& model, const safetensors_file& file,
                           stored_numbers allowed = stored_numbers::finite) {
  const auto parts = optimizer_parts(model);
  std::set<std::string, std::less<>> expected;
  for (const auto& part : parts) {
    model.for_each_parameter(
        [&](const scope& at, auto& p) {
          const std::string name = part.first + at.str();
          require_memory(name, part_of(p, part.second), p.dims.size());
          const auto& tensor = file.require(name, dtype::f32, file_shape(p.dims), "the optimizer's state");
          if (allowed == stored_numbers::finite) require_finite_tensor(file, name, tensor);
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
  load_weights(model, file, {"param.", "buffer."}, allowed);
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
}

/// Reads what save_training_state wrote into `model`. Errors, all before the model changes: those of the two above.
template <class Model>
training_state load_training_state(Model& model, const std::string& path,
                                   stored_numbers allowed = stored_numbers::finite) {
  const safetensors_file file = safetensors_file::open(path);
  training_state state = training_state_of(file);
  load_training_tensors(model, file, allowed);
  return state;
}

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/checkpoint/training_state.inl"
#endif
