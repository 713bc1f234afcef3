// What a release scheme hands out instead of a model's weights: tensors as they are, and MLPs in another form. Nothing secret.
//
//   safetensors; metadata "release" = scheme and version, "network" = name of the list, "dtype" = fp32 or bf16, and where MLPs
//   are series "activation", "grad_order"; a tensor F32 for every parameter that is public, by its name in weights.safetensors,
//   and of every MLP in another form, behind its name and a point (F32 or BF16; the names of TaylorAttack's buffers):
//     gate_proj_weight, up_proj_weight (S, inputs)  local_point (S)  fuse_weight (outputs, S, order)  sampled_dim (S) I64
//     local_approx_output (outputs, S) gated, else (outputs): the one vector c          ffn_dim (F) I64
//     ffn_gate_proj_weight, ffn_up_proj_weight (F, inputs)  ffn_down_proj_weight (outputs, F)  ffn_gate_proj_bias (F) ungated
//     of a gated MLP that has biases also ffn_gate_proj_bias and down_proj_bias (outputs)
// S neurons are series, F are not; the up tensors are those of gated MLPs. Reading is strict: a file that opens is consistent.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "spankey/file/safetensors.hpp"
#include "spankey/file/safetensors_writer.hpp"
#include "spankey/release/taylor_mlp.hpp"

namespace spankey {

struct public_tensor {
  std::vector<index_t> shape{};
  std::vector<float> values{};
};

struct weight_release {
  std::string scheme, network;
  release_precision precision = release_precision::fp32;
  std::map<std::string, public_tensor, std::less<>> tensors{};
  std::map<std::string, taylor_mlp, std::less<>> mlps{};  // by their names, "h.0.mlp"

  /// Numbers that are handed out.
  [[nodiscard]] index_t size() const {
    std::size_t count = 0;
    for (const auto& [name, t] : tensors) count += t.values.size();
    for (const auto& [name, r] : mlps)
      for (const auto* all : {&r.first, &r.up, &r.point, &r.value, &r.constant, &r.coefficients,
                              &r.rest.first, &r.rest.up, &r.rest.down, &r.rest.first_bias})
        count += all->size();
    return static_cast<index_t>(count);
  }
};

/// The whole file.
safetensors_writer contents_of(const weight_release& r);
/// Reads one. Errors: release.111 metadata, release.112 a tensor that is missing, left over, of another shape, or not finite,
/// release.113 neurons that are not numbered once each, those of check_checksums.
weight_release read_release(const safetensors_file& file);

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
#include "spankey/release/release_file.hpp"
