// Weights of another program into a model: names as foreign_names.hpp understands them, any floating-point type.
//
// Nothing is guessed in silence: `notes` say what was renamed, rounded, widened and left out, and an error lists everything
// that is missing, left over, or of another shape or type.
// The head is what networks that are made for each other differ in: a reject class is one row more, a reject logit a map
// beside it. Where the caller lets it differ, what the file has is taken and the rest stays as the model has it.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spankey/checkpoint/foreign_names.hpp"
#include "spankey/checkpoint/weights.hpp"
#include "spankey/file/to_float32.hpp"

namespace spankey {

/// Sentences for whoever loads, one a line.
using loading_notes = std::vector<std::string>;

enum class head_of_file { same, may_differ };

/// One tensor as a model wants it; `now` are its present elements in file order.
struct wanted_tensor {
  std::string name;
  std::vector<index_t> shape;
  std::vector<float> now;
};

template <class Model>
std::vector<wanted_tensor> wanted_tensors(Model& model) {
  std::vector<wanted_tensor> wanted;
  model.for_each_parameter(
      [&](const scope& at, auto& p) {
        require_memory(at.str(), p.value, p.dims.size());
        wanted.push_back({at.str(), file_shape(p.dims),
                          memory_of_model<Model>::read(p.value.data, p.dims.size(), [&](const auto* memory) {
                            return to_file_order(p.dims, memory);
                          })});
      },
      scope{});
  model.for_each_state(
      [&](const scope& at, auto& s) {
        require_memory(at.str(), s.value, s.count);
        wanted.push_back({at.str(),
                          {s.count},
                          memory_of_model<Model>::read(s.value.data, s.count, [&](const auto* memory) {
                            return std::vector<float>(memory, memory + s.count);
                          })});
      },
      scope{});
  return wanted;
}

/// Every name of a list, up to a number of them that still is a line.
inline std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t most = 400;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i)
    text += (i == 0 ? "" : ", ") + printable(names[i]);
  if (names.size() > most) text += " and " + std::to_string(names.size() - most) + " more";
  return text;
}

class foreign_weights {
 public:
  /// `wanted`: parameters, the head's weight and bias behind the others and fc_aux behind them, then states.
  foreign_weights(const safetensors_file& file, std::vector<wanted_tensor> wanted, head_of_file head)
      : file_(&file), wanted_(std::move(wanted)), head_(head), names_(match()) {}

  /// As a file of the model's own. Fails with weights.110, which lists all that does not fit, weights.111, weights.112,
  /// weights.113 a head that is not the table it is tied to.
  [[nodiscard]] std::vector<std::byte> as_own_file() {
    require_fitting();
    require_one_table();
    safetensors_writer writer;
    std::set<std::string> types;
    for (wanted_tensor& want : wanted_) {
      const stored_tensor* const found = find(want.name);
      if (found == nullptr) {
        notes_.push_back(want.name + " is not in the file: as the network was initialised");
      } else {
        if (found->type != dtype::f32) types.insert(std::string(describe_dtype(found->type).name));
        const std::vector<float> values = to_float32(*found, want.name, file_->name());
        if (found->shape != want.shape)
          notes_.push_back(
              want.name + ": " + shape_text(found->shape) + " in the file, " + shape_text(want.shape) +
              " here; the first " + std::to_string(std::min(found->shape[0], want.shape[0])) +
              " rows are the file's" +
              (found->shape[0] < want.shape[0] ? ", the other as the network was initialised" : ""));
        std::copy_n(values.begin(), std::min(values.size(), want.now.size()), want.now.begin());
      }
      writer.add_f32(want.name, want.shape, want.now);
    }
    describe(types);
    return writer.bytes();
  }
  [[nodiscard]] const loading_notes& notes() const { return notes_; }

 private:
  [[nodiscard]] matched_names match() const {
    std::set<std::string, std::less<>> expected;
    for (const wanted_tensor& want : wanted_) expected.insert(want.name);
    return name_matcher(std::move(expected)).match(*file_);
  }
  [[nodiscard]] const stored_tensor* find(const std::string& name) const {
    const auto found = names_.file_name_of.find(name);
    return found == names_.file_name_of.end() ? nullptr : file_->find(found->second);
  }
  static bool is_aux(std::string_view name) { return name.starts_with("fc_aux."); }
  // The weight and bias that stand last among the parameters, which are what has a rank above 1 and what follows it. A
  // tied head has none.
  [[nodiscard]] bool is_head(const std::string& name) const {
    std::string head;
    if (wanted_.front().name == tied_table) return false;
    for (const wanted_tensor& want : wanted_)
      if (want.shape.size() == 2 && !is_aux(want.name)) head = want.name.substr(0, want.name.rfind('.') + 1);
    return !head.empty() && name.starts_with(head);
  }
  // One row more or one fewer: a reject class that one of the two does not have.
  [[nodiscard]] bool head_fits(const wanted_tensor& want, const std::vector<index_t>& shape) const {
    return head_ == head_of_file::may_differ && is_head(want.name) && shape.size() == want.shape.size() &&
           std::equal(shape.begin() + 1, shape.end(), want.shape.begin() + 1) &&
           (shape[0] == want.shape[0] + 1 || shape[0] + 1 == want.shape[0]) && shape[0] > 0;
  }

  void require_fitting() {
    std::vector<std::string> missing, shapes, types, over;
    for (const wanted_tensor& want : wanted_) {
      const stored_tensor* const found = find(want.name);
      if (found == nullptr) {
        if (head_ == head_of_file::same || !is_aux(want.name))
          missing.push_back(want.name + " " + shape_text(want.shape));
        continue;
      }
      if (!is_float(found->type)) {
        types.push_back(want.name + " " + tensor_text(found->type, found->shape));
      } else if (found->shape != want.shape && !head_fits(want, found->shape)) {
        shapes.push_back(want.name + " " + shape_text(found->shape) + " where " + shape_text(want.shape) +
                         " is expected");
      }
    }
    for (const std::string& name : names_.left_over) {
      const bool beside =
          head_ == head_of_file::may_differ && without_wrappers(name).starts_with(names_.prefix + "fc_aux.");
      if (beside) {
        names_.dropped.push_back(name);
      } else {
        const stored_tensor& tensor = *file_->find(name);
        over.push_back(printable(name) + " " + tensor_text(tensor.type, tensor.shape));
      }
    }
    std::string text;
    const auto add = [&](const char* what, const std::vector<std::string>& which) {
      if (!which.empty()) text += "; " + std::to_string(which.size()) + " " + what + ": " + listed(which);
    };
    add("missing", missing), add("left over", over), add("of another shape", shapes);
    add("of no floating-point type", types);
    if (!text.empty())
      fail("weights.110", file_->name(), "expected the model's ", wanted_.size(), " tensors", text);
  }

  void require_one_table() const {
    if (names_.second_table.empty()) return;
    const stored_tensor &table = *find(std::string(tied_table)), &head = *file_->find(names_.second_table);
    if (!is_float(head.type) || head.shape != table.shape) {
      fail("weights.113", file_->name(), "tensor ", in_quotes(names_.second_table), ": expected ", tied_table,
           " once more, ", tensor_text(table.type, table.shape), ", found ",
           tensor_text(head.type, head.shape));
    }
    const std::vector<float> expected = to_float32(table, tied_table, file_->name()),
                             found = to_float32(head, names_.second_table, file_->name());
    const auto at = std::mismatch(found.begin(), found.end(), expected.begin());
    if (at.first != found.end()) {
      fail("weights.113", file_->name(), "tensor ", in_quotes(names_.second_table), ": expected ", tied_table,
           " once more, found ", *at.first, " where that has ", *at.second, ", as element ",
           at.first - found.begin());
    }
  }

  void describe(const std::set<std::string>& types) {
    if (!names_.prefix.empty())
      notes_.push_back("names without " + in_quotes(names_.prefix) + " before them");
    if (!names_.renamed.empty())
      notes_.push_back("other names for the same layers: " + listed(names_.renamed));
    for (const std::string& type : types)
      notes_.push_back(type + (type == "F64" ? " rounded to F32" : " widened to F32"));
    if (!names_.second_table.empty())
      notes_.push_back(printable(names_.second_table) + " is " + std::string(tied_table) + " once more");
    if (!names_.dropped.empty()) notes_.push_back("left out: " + listed(names_.dropped));
  }

  const safetensors_file* file_;
  std::vector<wanted_tensor> wanted_;
  head_of_file head_;
  matched_names names_;
  loading_notes notes_;
};

/// Loads an open file into `model`, which stays as it was where that fails. Errors: those of foreign_weights, weights.106
/// weights that are locked, and those of check_checksums where the file has checksums.
template <class Model>
loading_notes load_foreign_weights(Model& model, const safetensors_file& file,
                                   head_of_file head = head_of_file::same) {
  check_checksums(file, false);
  if (const auto locked = file.metadata().find(locked_entry); locked != file.metadata().end())
    fail("weights.106", file.name(), "found weights that are locked (", locked->second,
         "); expected open ones: unlock them with their key first");
  foreign_weights foreign(file, wanted_tensors(model), head);
  const std::vector<std::byte> own = foreign.as_own_file();
  load_weights(model, safetensors_file::from_memory(own, file.name()));
  return foreign.notes();
}

/// The same from a path; of files twice as large as load_weights opens, since F64 is.
template <class Model>
loading_notes load_foreign_weights(Model& model, const std::string& path,
                                   head_of_file head = head_of_file::same) {
  return load_foreign_weights(model, safetensors_file::open(path, 2 * weights_file_cap(model)), head);
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
