// A release (release/weight_release.hpp) as a file.
//
//   safetensors; metadata "release" = scheme and version, "network" = name of the list, "dtype" = fp32 or bf16, and where MLPs
//   are series "activation", "grad_order", in groups "group"; a tensor F32 for every parameter that is public, by its name in
//   weights.safetensors, and of every MLP in another form, behind its name and a point (F32 or BF16; the names of TaylorAttack's
//   buffers):
//     gate_proj_weight, up_proj_weight (S, inputs)  local_point (S)  fuse_weight (outputs, rows, monomials)  sampled_dim (S) I64
//     local_approx_output (outputs, S) gated, else (outputs): the one vector c          ffn_dim (F) I64
//     ffn_gate_proj_weight, ffn_up_proj_weight (F, inputs)  ffn_down_proj_weight (outputs, F)  ffn_gate_proj_bias (F) ungated
//     of a gated MLP that has biases also ffn_gate_proj_bias and down_proj_bias (outputs)
// S neurons are series, F are not; rows and monomials are S and the order, in groups those of release/taylor_mlp.hpp; the up tensors
// are those of gated MLPs. Reading is strict: a file that opens is consistent.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "spankey/core/finite.hpp"
#include "spankey/file/number_text.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/file/safetensors.hpp"
#include "spankey/file/safetensors_writer.hpp"
#include "spankey/file/tensor_checksums.hpp"
#include "spankey/file/to_float32.hpp"
#include "spankey/release/weight_release.hpp"

namespace spankey {

namespace release_parts {

// A matrix (rows, columns) as (columns, rows).
inline std::vector<float> turned(const std::vector<float>& m, std::size_t rows) {
  std::vector<float> made(m.size());
  if (m.empty()) return made;  // whatever its extents say
  const std::size_t columns = m.size() / rows;
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c) made[c * rows + r] = m[r * columns + c];
  return made;
}
// (order, S, outputs) as (outputs, S, order): fuse_weight; and back with the sizes exchanged.
inline std::vector<float> reversed_axes(const std::vector<float>& t, std::size_t first, std::size_t middle) {
  std::vector<float> made(t.size());
  if (t.empty()) return made;
  const std::size_t last = t.size() / (first * middle);
  for (std::size_t a = 0; a < first; ++a)
    for (std::size_t b = 0; b < middle; ++b)
      for (std::size_t c = 0; c < last; ++c)
        made[(c * middle + b) * first + a] = t[(a * middle + b) * last + c];
  return made;
}

class mlp_writer {
 public:
  mlp_writer(safetensors_writer& to, std::string prefix, release_precision precision)
      : to_(to), prefix_(std::move(prefix)), precision_(precision) {}

  void add(const taylor_mlp& r) {
    const index_t s = r.series(), f = r.rest.hidden, h = r.inputs, c = r.outputs;
    const auto rows = static_cast<std::size_t>(s);
    numbers("gate_proj_weight", {s, h}, r.first);
    if (r.gated()) numbers("up_proj_weight", {s, h}, r.up);
    numbers("local_point", {s}, r.point);
    if (r.gated())
      numbers("local_approx_output", {c, s}, turned(r.value, rows));
    else
      numbers("local_approx_output", {c}, r.constant);
    const std::size_t terms = monomials(r.group, r.order).size();
    numbers("fuse_weight", {c, r.rows(), static_cast<index_t>(terms)},
            reversed_axes(r.coefficients, terms, static_cast<std::size_t>(r.rows())));
    numbers("ffn_gate_proj_weight", {f, h}, r.rest.first);
    if (r.gated()) numbers("ffn_up_proj_weight", {f, h}, r.rest.up);
    numbers("ffn_down_proj_weight", {c, f}, turned(r.rest.down, static_cast<std::size_t>(f)));
    if (!r.gated() || !r.rest.first_bias.empty()) numbers("ffn_gate_proj_bias", {f}, biases_of(r.rest));
    if (r.gated() && !r.constant.empty()) numbers("down_proj_bias", {c}, r.constant);
    to_.add_i64(prefix_ + "sampled_dim", {s}, r.sampled);
    to_.add_i64(prefix_ + "ffn_dim", {f}, r.plain);
  }

 private:
  static std::vector<float> biases_of(const mlp_weights& w) {
    std::vector<float> all = w.first_bias;
    all.resize(static_cast<std::size_t>(w.hidden));
    return all;
  }
  void numbers(const std::string& name, const std::vector<index_t>& shape, const std::vector<float>& values) {
    if (precision_ == release_precision::fp32) return to_.add_f32(prefix_ + name, shape, values);
    std::vector<std::uint16_t> halves;
    for (const float x : values) halves.push_back(bf16(x).bits);
    to_.add(prefix_ + name, dtype::bf16, shape, std::as_bytes(std::span<const std::uint16_t>(halves)));
  }

  safetensors_writer& to_;
  std::string prefix_;
  release_precision precision_;
};

class release_reader {
 public:
  explicit release_reader(const safetensors_file& file) : file_(file) {}

  weight_release read() {
    weight_release r;
    r.scheme = note("release"), r.network = note("network");
    r.precision = choose(release_precision_names, note("dtype"), "release.111", file_.name());
    for (const auto& [name, tensor] : file_.tensors())
      if (name.ends_with(".fuse_weight")) {
        const std::string prefix = name.substr(0, name.size() - std::string_view("fuse_weight").size());
        r.mlps.emplace(prefix.substr(0, prefix.size() - 1), mlp(prefix));
      }
    for (const auto& [name, tensor] : file_.tensors())
      if (!seen_.contains(name))
        r.tensors.emplace(name, public_tensor{tensor.shape, floats(name, tensor, dtype::f32)});
    return r;
  }

 private:
  const std::string& note(std::string_view name) const {
    const auto found = file_.metadata().find(name);
    if (found == file_.metadata().end())
      fail("release.111", file_.name(), "found no metadata \"", name, "\", expected a release");
    return found->second;
  }
  int small_number(std::string_view name, int least, int most) const {
    const std::string& text = note(name);
    for (int n = least; n <= most; ++n)
      if (text == std::to_string(n)) return n;
    fail("release.111", file_.name(), "found ", name, " ", in_quotes(text), ", expected ", least, " to ",
         most);
  }
  std::vector<float> floats(const std::string& name, const stored_tensor& tensor, dtype type) const {
    if (tensor.type != type)
      fail("release.112", file_.name(), "tensor ", in_quotes(name), ": expected ", describe_dtype(type).name,
           ", found ", tensor_text(tensor.type, tensor.shape));
    std::vector<float> values = to_float32(tensor, name, file_.name());
    if (!all_finite(values.data(), static_cast<index_t>(values.size())))
      fail("release.112", file_.name(), "tensor ", in_quotes(name), ": expected finite numbers");
    return values;
  }
  const stored_tensor& tensor(const std::string& name) {
    const stored_tensor* const found = file_.find(name);
    if (found == nullptr)
      fail("release.112", file_.name(), "found no tensor ", in_quotes(name), ", expected it beside ",
           in_quotes(*seen_.begin()));
    seen_.insert(name);
    return *found;
  }
  std::vector<float> numbers(const std::string& name, const std::vector<index_t>& shape) {
    const stored_tensor& found = tensor(name);
    if (found.shape != shape)
      fail("release.112", file_.name(), "tensor ", in_quotes(name), ": expected ", tensor_text(type_, shape),
           ", found ", tensor_text(found.type, found.shape));
    return floats(name, found, type_);
  }
  std::vector<std::int64_t> neurons(const std::string& name, index_t count) {
    const stored_tensor& found = tensor(name);
    if (found.type != dtype::i64 || found.shape != std::vector<index_t>{count})
      fail("release.112", file_.name(), "tensor ", in_quotes(name), ": expected ",
           tensor_text(dtype::i64, {count}), ", found ", tensor_text(found.type, found.shape));
    std::vector<std::int64_t> all(static_cast<std::size_t>(count));
    copy_elements(found, std::span<std::int64_t>(all));
    return all;
  }
  // Extents of a tensor that says how many there are.
  std::vector<index_t> shape_of(const std::string& name, std::size_t rank) {
    const stored_tensor& found = tensor(name);
    if (found.shape.size() != rank)
      fail("release.112", file_.name(), "tensor ", in_quotes(name), ": expected ", rank, " axes, found ",
           tensor_text(found.type, found.shape));
    return found.shape;
  }
  taylor_mlp mlp(const std::string& prefix) {
    type_ = note("dtype") == "bf16" ? dtype::bf16 : dtype::f32;
    taylor_mlp r;
    r.act = choose(smooth_activation_names, note("activation"), "release.111", file_.name());
    const std::vector<index_t> fused = shape_of(prefix + "fuse_weight", 3);
    const std::vector<index_t> down = shape_of(prefix + "ffn_down_proj_weight", 2);
    const std::vector<index_t> gate = shape_of(prefix + "gate_proj_weight", 2);
    const index_t c = fused[0], s = gate[0], f = down[1], h = gate[1];
    r.order = small_number("grad_order", 0, most_series_order);
    r.group = file_.metadata().contains("group") ? small_number("group", 2, most_group_size) : 1;
    if (const std::size_t terms = monomials(r.group, r.order).size(); fused[2] != static_cast<index_t>(terms))
      fail("release.111", file_.name(), "found grad_order ", r.order, ", groups of ", r.group, ", beside ",
           fused[2], " coefficients, expected ", terms);
    if (s % r.group != 0)
      fail("release.112", file_.name(), "found ", s, " neurons in groups of ", r.group,
           ", expected groups that are whole");
    if (c < 1 || h < 1 || s + f < 1)
      fail("release.112", file_.name(), "found an MLP of ", h, " inputs, ", s + f, " neurons and ", c,
           " outputs, expected at least one of each");
    r.inputs = h, r.outputs = c;
    const bool gated = file_.find(prefix + "up_proj_weight") != nullptr;
    r.first = numbers(prefix + "gate_proj_weight", {s, h});
    if (gated) r.up = numbers(prefix + "up_proj_weight", {s, h});
    r.point = numbers(prefix + "local_point", {s});
    if (gated)
      r.value = turned(numbers(prefix + "local_approx_output", {c, s}), static_cast<std::size_t>(c));
    else
      r.constant = numbers(prefix + "local_approx_output", {c});
    const index_t rows = gated ? s : s / r.group;
    r.coefficients = reversed_axes(numbers(prefix + "fuse_weight", {c, rows, fused[2]}),
                                   static_cast<std::size_t>(c), static_cast<std::size_t>(rows));
    r.rest = {.act = r.act, .inputs = h, .hidden = f, .outputs = c};
    r.rest.first = numbers(prefix + "ffn_gate_proj_weight", {f, h});
    if (gated) r.rest.up = numbers(prefix + "ffn_up_proj_weight", {f, h});
    r.rest.down = turned(numbers(prefix + "ffn_down_proj_weight", {c, f}), static_cast<std::size_t>(c));
    if (!gated || file_.find(prefix + "ffn_gate_proj_bias") != nullptr)
      r.rest.first_bias = numbers(prefix + "ffn_gate_proj_bias", {f});
    if (gated && file_.find(prefix + "down_proj_bias") != nullptr)
      r.constant = numbers(prefix + "down_proj_bias", {c});
    r.sampled = neurons(prefix + "sampled_dim", s), r.plain = neurons(prefix + "ffn_dim", f);
    require_numbered(prefix, r);
    return r;
  }
  void require_numbered(const std::string& prefix, const taylor_mlp& r) const {
    std::vector<std::int64_t> all = r.sampled;
    all.insert(all.end(), r.plain.begin(), r.plain.end());
    std::sort(all.begin(), all.end());
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i] != static_cast<std::int64_t>(i))
        fail("release.113", file_.name(), in_quotes(prefix + "sampled_dim"), " and ffn_dim: found neuron ",
             all[i], " where ", i, " was expected: every neuron once");
  }

  const safetensors_file& file_;
  std::set<std::string, std::less<>> seen_;
  dtype type_ = dtype::f32;
};

}  // namespace release_parts

/// The whole file.
inline safetensors_writer contents_of(const weight_release& r) {
  safetensors_writer writer;
  writer.set_metadata("release", r.scheme);
  writer.set_metadata("network", r.network);
  writer.set_metadata("dtype", spelled(release_precision_names, r.precision));
  for (const auto& [name, t] : r.tensors) writer.add_f32(name, t.shape, t.values);
  for (const auto& [name, mlp] : r.mlps) {
    writer.set_metadata("activation", spelled(smooth_activation_names, mlp.act));
    writer.set_metadata("grad_order", std::to_string(mlp.order));
    if (mlp.group > 1) writer.set_metadata("group", std::to_string(mlp.group));
    release_parts::mlp_writer(writer, name + ".", r.precision).add(mlp);
  }
  return writer;
}

/// Reads one. Errors: release.111 metadata, release.112 a tensor that is missing, left over, of another shape, or not finite,
/// release.113 neurons that are not numbered once each, those of check_checksums.
inline weight_release read_release(const safetensors_file& file) {
  check_checksums(file, false);
  return release_parts::release_reader(file).read();
}

inline void save_release(const weight_release& r, const std::string& path) {
  safetensors_writer writer = contents_of(r);
  writer.add_checksums();
  writer.write(path);
}
inline weight_release load_release(const std::string& path) {
  return read_release(safetensors_file::open(path));
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
