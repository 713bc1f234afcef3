// A model's parameters and states (running statistics) to and from a safetensors file, with PyTorch's names
// and layouts: "layer1.0.conv1.weight" F32 (O, I, H, W), "bn1.running_mean" F32 (C).
//
// A model lists its tensors through for_each_parameter(f, scope) and for_each_state(f, scope). Loading checks every tensor,
// and that it holds numbers, before it copies the first; copying allocates nothing where the model's memory is the host's.
// So a load that fails, for whatever reason, leaves the model as it was. Keys are no parameters and never get here.
// Prefixes let one file hold more than one set ("param.", "grad.").
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spankey/checkpoint/gate_note.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/core/memory.hpp"
#include "spankey/core/planned_memory.hpp"
#include "spankey/file/safetensors.hpp"
#include "spankey/file/safetensors_writer.hpp"
#include "spankey/layer/parameter.hpp"

namespace spankey {

/// What stands before the names of a model's tensors in a file. The conformance cases use {"param.",
/// "buffer."}.
struct weight_prefixes {
  std::string parameters, states;
};

/// Elements of one parameter (memory order H, W, I, O) in file order (O, I, H, W), as float.
template <class T>
std::vector<float> to_file_order(const parameter_extents& dims, const T* memory) {
  std::vector<float> file(static_cast<std::size_t>(dims.size()));
  dims.for_each_position(
      [&](index_t m, index_t f) { file[static_cast<std::size_t>(f)] = static_cast<float>(memory[m]); });
  return file;
}

/// The inverse: `file` holds dims.size() floats in file order, possibly unaligned; `memory` receives them.
template <class T>
void from_file_order(const parameter_extents& dims, std::span<const std::byte> file, T* memory) {
  if (static_cast<index_t>(file.size()) != dims.size() * index_t{sizeof(float)}) {
    fail("weights.102", "from_file_order", "expected ", dims.size(), " elements, found ",
         file.size() / sizeof(float));
  }
  dims.for_each_position([&](index_t m, index_t f) {
    float value;
    std::memcpy(&value, file.data() + f * index_t{sizeof value}, sizeof value);
    memory[m] = static_cast<T>(value);
  });
}
template <class T>
void from_file_order(const parameter_extents& dims, std::span<const float> file, T* memory) {
  from_file_order(dims, std::as_bytes(file), memory);
}

/// Shape of a parameter in files.
inline std::vector<index_t> file_shape(const parameter_extents& dims) {
  const auto shape = dims.file_shape();
  return {shape.begin(), shape.begin() + dims.file_rank};
}

/// Fails (weights.101) where a tensor of the model has no memory: its arena was not made yet.
template <class T>
void require_memory(const std::string& name, const buffer<T>& tensor, index_t count) {
  if (tensor.data == nullptr || tensor.count != count) {
    fail("weights.101", name, "expected ", count, " elements in memory, found ",
         tensor.data ? tensor.count : 0, " (make the model's arena first)");
  }
}

/// What the tensors of a file may hold: numbers, or also NaN and infinity, as the state of a run that trains on through
/// them does (train/nonfinite.hpp).
enum class stored_numbers { finite, any };

/// Fails (weights.104) at the first element of an F32 tensor that is no number.
inline void require_finite_tensor(const safetensors_file& file, std::string_view name,
                                  const stored_tensor& tensor) {
  for (std::size_t at = 0; at < tensor.bytes.size(); at += sizeof(float)) {
    float value;
    std::memcpy(&value, tensor.bytes.data() + at, sizeof value);
    if (!is_finite(value))
      fail("weights.104", file.name(), "tensor ", in_quotes(name), ": expected finite numbers, found ", value,
           " as element ", at / sizeof(float));
  }
}

enum class parameter_part { value, gradient, momentum, second_moment, average };

template <class T>
buffer<T>& part_of(parameter<T>& p, parameter_part part) {
  switch (part) {
    case parameter_part::value:
      return p.value;
    case parameter_part::gradient:
      return p.gradient;
    case parameter_part::momentum:
      return p.momentum;
    case parameter_part::second_moment:
      return p.second_moment;
    default:
      return p.average;
  }
}

/// Adds a part of every parameter as prefix + name.
template <class Model>
void add_parameters(safetensors_writer& writer, Model& model, std::string_view prefix = "",
                    parameter_part part = parameter_part::value) {
  model.for_each_parameter(
      [&](const scope& at, auto& p) {
        const std::string name = std::string(prefix) + at.str();
        const auto& tensor = part_of(p, part);
        require_memory(name, tensor, p.dims.size());
        writer.add_f32(name, file_shape(p.dims),
                       memory_of_model<Model>::read(tensor.data, p.dims.size(), [&](const auto* memory) {
                         return to_file_order(p.dims, memory);
                       }));
      },
      scope{});
}

/// Adds every state as prefix + name.
template <class Model>
void add_states(safetensors_writer& writer, Model& model, std::string_view prefix = "") {
  model.for_each_state(
      [&](const scope& at, auto& s) {
        const std::string name = std::string(prefix) + at.str();
        require_memory(name, s.value, s.count);
        const auto values = memory_of_model<Model>::read(s.value.data, s.count, [&](const auto* memory) {
          return std::vector<float>(memory, memory + s.count);
        });
        writer.add_f32(name, {s.count}, values);
      },
      scope{});
}

/// Writes parameters and states of `model` to `path`, whole or not at all, and beside `metadata` its gate
/// (checkpoint/gate_note.hpp). Fails with memory.105 and memory.107 where there are none.
template <class Model>
void save_weights(Model& model, const std::string& path, const safetensors_metadata& metadata = {}) {
  require_written(model, 0, path);
  safetensors_writer writer;
  if (const std::string gate = gate_note(model); !gate.empty()) writer.set_metadata(gate_entry, gate);
  for (const auto& [key, value] : metadata) writer.set_metadata(key, value);
  add_parameters(writer, model);
  add_states(writer, model);
  writer.add_checksums();
  writer.write(path);
}

/// Which gates a file may be of.
enum class weights_of { same_gate, any_gate };

/// Fails with weights.105 where a file says that its weights belong to another gate than the model's.
template <class Model>
void require_same_gate(Model& model, const safetensors_file& file) {
  const auto found = file.metadata().find(gate_entry);
  const std::string own = gate_note(model);
  if (found == file.metadata().end() || own.empty() || found->second == no_gate || found->second == own)
    return;
  fail("weights.105", file.name(), "found weights of the gate ", in_quotes(found->second), ", the model has ",
       in_quotes(own),
       "; expected the same (set_injector and set_gate come before), or weights_of::any_gate");
}

/// Copies the tensors of an open file into `model`. Tensors under neither prefix are not looked at; under a
/// prefix, PyTorch's "*.num_batches_tracked" is skipped. Errors, all before the model changes: memory.105 no arena,
/// memory.108 packed weights, safetensors.121 missing, .122 dtype, .123 shape, weights.103 a tensor that the model does not
/// have, weights.104 NaN or infinity where only numbers are allowed, weights.105 another gate, and where the file has
/// checksums those of check_checksums.
template <class Model>
void load_weights(Model& model, const safetensors_file& file, const weight_prefixes& prefixes = {},
                  stored_numbers allowed = stored_numbers::finite, weights_of gates = weights_of::same_gate) {
  require_writable(model, file.name());
  check_checksums(file, false);
  if (gates == weights_of::same_gate) require_same_gate(model, file);
  std::set<std::string, std::less<>> expected;
  std::vector<const stored_tensor*> found;  // in the model's order
  const auto take = [&](const std::string& name, const std::vector<index_t>& shape, const char* whose) {
    found.push_back(&file.require(name, dtype::f32, shape, whose));
    if (allowed == stored_numbers::finite) require_finite_tensor(file, name, *found.back());
    expected.insert(name);
  };
  model.for_each_parameter(
      [&](const scope& at, auto& p) {
        const std::string name = prefixes.parameters + at.str();
        require_memory(name, p.value, p.dims.size());
        take(name, file_shape(p.dims), "the model's parameters");
      },
      scope{});
  model.for_each_state(
      [&](const scope& at, auto& s) {
        const std::string name = prefixes.states + at.str();
        require_memory(name, s.value, s.count);
        take(name, {s.count}, "the model's states");
      },
      scope{});
  for (const auto& [name, tensor] : file.tensors()) {
    const bool looked_at = name.starts_with(prefixes.parameters) || name.starts_with(prefixes.states);
    if (looked_at && !expected.contains(name) && !name.ends_with(".num_batches_tracked")) {
      fail("weights.103", file.name(), "tensor ", in_quotes(name),
           ": expected only tensors of the model, found ", tensor_text(tensor.type, tensor.shape));
    }
  }

  auto next = found.begin();
  model.for_each_parameter(
      [&](const scope&, auto& p) {
        memory_of_model<Model>::write(p.value.data, p.dims.size(), [&](auto* memory) {
          from_file_order(p.dims, (*next++)->bytes, memory);
        });
      },
      scope{});
  model.for_each_state(
      [&](const scope&, auto& s) {
        memory_of_model<Model>::write(s.value.data, s.count, [&](auto* memory) {
          from_file_order(parameter_extents{.o = s.count}, (*next++)->bytes, memory);
        });
      },
      scope{});
  mark_written(model);
}

/// Largest file that load_weights opens: twice what the model's tensors need, and no less than 256 MiB.
template <class Model>
index_t weights_file_cap(Model& model) {
  index_t elements = 0;
  model.for_each_parameter([&](const scope&, auto& p) { elements += p.dims.size(); }, scope{});
  model.for_each_state([&](const scope&, auto& s) { elements += s.count; }, scope{});
  return std::max(index_t{1} << 28, 2 * elements * index_t{sizeof(float)} + safetensors_header_cap);
}

/// The same from a path.
template <class Model>
void load_weights(Model& model, const std::string& path, weights_of gates = weights_of::same_gate) {
  load_weights(model, safetensors_file::open(path, weights_file_cap(model)), {}, stored_numbers::finite,
               gates);
}

}  // namespace spankey
