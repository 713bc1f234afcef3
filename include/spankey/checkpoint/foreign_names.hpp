// Which tensor of a file that another program wrote is which of a model's: PyTorch's names as people have them.
//
//   wrappers   module, _orig_mod, _fsdp_wrapped_module and _checkpoint_wrapped_module go wherever they stand in a name
//   prefix     what stands before the most of the model's names goes: "net.", "model.", "state_dict.model."
//   other words for the same layer, where the model has no tensor of the file's own name:
//              shortcut, skip -> downsample      linear, classifier, head -> fc
//   counters   num_batches_tracked, n_averaged, and single whole numbers (epochs, steps) are left out, and named
//   masks      of causal attention, GPT-2's attn.bias and attn.masked_bias beside attn.c_attn, are left out, and named
//   tied head  lm_head.weight where the network's head is its table wte.weight: that table, once more or in its place
// Everything else that the file has must be the model's, and everything of the model's must be there.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spankey/file/printable.hpp"
#include "spankey/file/safetensors.hpp"

namespace spankey {

/// `name` without the components that wrap modules.
inline std::string without_wrappers(std::string_view name) {
  constexpr std::array<std::string_view, 4> wrappers = {"module", "_orig_mod", "_fsdp_wrapped_module",
                                                        "_checkpoint_wrapped_module"};
  std::string kept;
  for (std::size_t at = 0; at <= name.size();) {
    const std::size_t end = std::min(name.find('.', at), name.size());
    const std::string_view part = name.substr(at, end - at);
    const bool last = end == name.size();
    if (last || std::find(wrappers.begin(), wrappers.end(), part) == wrappers.end())
      kept.append(part).append(last ? "" : ".");
    at = end + 1;
  }
  return kept;
}

/// `name` as this library calls the layer that others call otherwise.
inline std::string usual_name(std::string_view name) {
  std::string usual;
  for (std::size_t at = 0; at <= name.size();) {
    const std::size_t end = std::min(name.find('.', at), name.size());
    std::string_view part = name.substr(at, end - at);
    const bool last = end == name.size();
    if (!last && (part == "shortcut" || part == "skip")) part = "downsample";
    if (!last && at == 0 && (part == "linear" || part == "classifier" || part == "head")) part = "fc";
    usual.append(part).append(last ? "" : ".");
    at = end + 1;
  }
  return usual;
}

/// The table of a language model (model/gpt.hpp), and what others call it where it is the head.
inline constexpr std::string_view tied_table = "wte.weight", tied_head = "lm_head.weight";

/// What of a file goes where.
struct matched_names {
  std::string prefix;                                            // that all matched names had
  std::map<std::string, std::string, std::less<>> file_name_of;  // by the model's names
  std::vector<std::string> renamed;  // "layer2.0.shortcut.0.weight": other words than the model's
  std::vector<std::string> dropped;  // counters, masks
  std::string second_table;          // the head of the file, where the table is there, too
  std::vector<std::string> left_over;
};

class name_matcher {
 public:
  /// `expected`: the model's names.
  explicit name_matcher(std::set<std::string, std::less<>> expected) : expected_(std::move(expected)) {}

  /// Fails with weights.112 where the file holds two whole networks.
  [[nodiscard]] matched_names match(const safetensors_file& file) const {
    matched_names found;
    found.prefix = prefix_of(file);
    std::vector<std::pair<std::string, std::string>> others;  // names of the file, and without the prefix
    for (const auto& [name, tensor] : file.tensors()) {
      const std::string plain = without_wrappers(name);
      if (found.second_table.empty() && is_tied_head(plain, found.prefix)) {
        found.second_table = name;
        continue;
      }
      if (!plain.starts_with(found.prefix)) {
        (is_counter(name, tensor) ? found.dropped : found.left_over).push_back(name);
        continue;
      }
      std::string rest = plain.substr(found.prefix.size());
      if (!expected_.contains(rest) || !found.file_name_of.emplace(rest, name).second)
        others.emplace_back(name, std::move(rest));
    }
    for (const auto& [name, rest] : others) {
      const std::string usual = usual_name(rest);
      if (usual != rest && expected_.contains(usual) && found.file_name_of.emplace(usual, name).second) {
        found.renamed.push_back(rest);
      } else {
        const bool known = is_counter(name, *file.find(name)) || is_mask(rest);
        (known ? found.dropped : found.left_over).push_back(name);
      }
    }
    if (!found.second_table.empty() &&
        found.file_name_of.emplace(std::string(tied_table), found.second_table).second) {
      found.renamed.emplace_back(tied_head);
      found.second_table.clear();
    }
    std::sort(found.left_over.begin(), found.left_over.end());
    return found;
  }

 private:
  [[nodiscard]] bool knows(const std::string& name) const {
    return expected_.contains(name) || expected_.contains(usual_name(name));
  }

  // It stands beside the network that the prefix is of, or in it.
  [[nodiscard]] bool is_tied_head(std::string_view plain, std::string_view prefix) const {
    if (!expected_.contains(tied_table) || expected_.contains(tied_head)) return false;
    return plain == tied_head || (plain.starts_with(prefix) && plain.substr(prefix.size()) == tied_head);
  }
  [[nodiscard]] bool is_mask(const std::string& name) const {
    const std::size_t last = name.rfind('.') + 1;
    return (name.substr(last) == "bias" || name.substr(last) == "masked_bias") &&
           expected_.contains(name.substr(0, last) + "c_attn.weight");
  }

  static bool is_counter(std::string_view name, const stored_tensor& tensor) {
    const std::string_view last = name.substr(name.rfind('.') + 1);
    if (last == "num_batches_tracked" || last == "n_averaged") return true;
    const bool floats = tensor.type == dtype::f64 || tensor.type == dtype::f32 || tensor.type == dtype::f16 ||
                        tensor.type == dtype::bf16;
    return tensor.count() == 1 && !floats;
  }

  // The shortest of those that the most of the model's names have.
  [[nodiscard]] std::string prefix_of(const safetensors_file& file) const {
    std::map<std::string, std::set<std::string>> names_behind;
    for (const auto& [name, tensor] : file.tensors()) {
      const std::string plain = without_wrappers(name);
      for (std::size_t at = 0;; ++at) {
        if (knows(plain.substr(at))) names_behind[plain.substr(0, at)].insert(usual_name(plain.substr(at)));
        at = plain.find('.', at);
        if (at == std::string::npos) break;
      }
    }
    const std::string* best = nullptr;
    std::size_t most = 0;
    for (const auto& [prefix, names] : names_behind) {
      if (best != nullptr && names.size() == expected_.size() && most == names.size())
        fail("weights.112", file.name(), "found the model's tensors twice, under ", in_quotes(*best),
             " and under ", in_quotes(prefix), "; expected one set of them");
      if (names.size() > most) best = &prefix, most = names.size();
    }
    return best == nullptr ? std::string() : *best;
  }

  std::set<std::string, std::less<>> expected_;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
