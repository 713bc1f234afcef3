// The secret of a gated model, in a file of its own (never inside the weights), readable by its owner only.
//
//   metadata   format, subspace_dim, basis, coefficients, rescale, key_std, per_site_key, per_site_basis, seed and
//              sites ("0,2,3,4"), every one of them;
//              offset and spread of the coefficients: both, or none where the kind has its usual ones
//              (key/coefficients.hpp); checksums (file/tensor_checksums.hpp), which older files lack; nothing else
//   tensors    basis.<site>  F32 (m, C, H, W): row i is B_i in file order
//
// The bases are stored, not drawn again from the seed: a file means the same keys in every version. Copies of
// the file in memory are wiped. Errors show no value of a basis or of the seed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "spankey/core/compiled.hpp"
#include "spankey/key/sampler.hpp"

namespace spankey {

inline constexpr std::string_view key_space_format = "spankey key space 1";
/// Larger key files are refused (the four sites of resnet18 at m = 32 need 8 MB).
inline constexpr index_t key_space_file_cap = index_t{1} << 28;
/// Key spaces that need more multiplications (m m d, over all sites) to become orthonormal again are refused: a minute's
/// work, m = d = 3072 or m = 700 at d = 65536. No small file keeps its reader busy for hours.
inline constexpr index_t key_space_work_cap = index_t{1} << 35;
/// Sites that a key file may name; no model has as many.
inline constexpr std::size_t key_space_site_cap = 64;

/// Name of the basis of one site in the file.
inline std::string basis_tensor(int site_number) { return "basis." + std::to_string(site_number); }

/// Fails with key_file.104 where reading the key file would take too long, or the file would be larger than its cap.
/// Extents are positive, and the bases in memory.
SPANKEY_INLINE void require_key_space_work(index_t m, std::span<const site> sites, std::string_view where);

/// Writes `keys` with mode 0600, whole or not at all. Errors: key_file.104 what load_key_space would refuse, io.111 to
/// io.115.
SPANKEY_INLINE void save_key_space(const key_space& keys, const std::string& path);

/// Reads what save_key_space wrote. Errors: those of safetensors_file::open and check_checksums, key_file.101 and .102
/// (metadata), .103 (a tensor that belongs to no site), .104 (more work than key_space_work_cap), safetensors.121 to
/// .123, and those of key_space (key.*). The sites' extents are checked before anything is computed from them.
SPANKEY_INLINE key_space load_key_space(const std::string& path);

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/checkpoint/key_space_file.inl"
#endif
