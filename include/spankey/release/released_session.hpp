// A release as a program that answers: everything that is computed comes from what was handed out, never from the weights.
//
//   released_session<backend::cpu> session(list, release);
//   session.read(token)     logits, as of a session of the network itself
// A tensor of the network that the release has not is 0, and must be of an MLP that it has in another form.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "spankey/checkpoint/weights.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/sized_model.hpp"
#include "spankey/release/taylor_pass.hpp"
#include "spankey/release/watched_session.hpp"
#include "spankey/release/weight_release.hpp"

namespace spankey {

template <class Backend>
using released_model = sized_model<none, Backend, float>;

/// Whether a tensor belongs to the pair of this name.
inline bool is_of_mlp(std::string_view tensor, std::string_view mlp) {
  return tensor.starts_with(mlp) && tensor.size() > mlp.size() && tensor[mlp.size()] == '.';
}

/// Fails with release.114 where the release is not of this list: other tensors, or MLPs that it has not.
template <class Model>
void require_release_of(Model& model, const layer_list& list, const weight_release& r) {
  const auto refuse = [&](const std::string& what) {
    fail("release.114", list.name(), "found a release with ", what, ", expected one of this network");
  };
  if (r.network != list.name()) refuse("network " + in_quotes(r.network));
  const std::vector<mlp_place> places = mlp_places({list.begin(), list.size()});
  std::size_t known = 0;
  for (const mlp_place& p : places) {
    const auto found = r.mlps.find(p.name);
    if (found == r.mlps.end()) continue;
    ++known;
    const taylor_mlp& m = found->second;
    if (m.gated() != p.gated || m.act != p.act || m.inputs != p.inputs || m.hidden() != p.hidden ||
        m.outputs != p.outputs)
      refuse("another MLP " + in_quotes(p.name));
  }
  if (known != r.mlps.size()) refuse("MLPs that the network has not");
  std::size_t tensors = 0;
  const auto require = [&](const std::string& name, const std::vector<index_t>& shape) {
    const bool in_mlp = std::any_of(r.mlps.begin(), r.mlps.end(),
                                    [&](const auto& mlp) { return is_of_mlp(name, mlp.first); });
    const auto found = r.tensors.find(name);
    if (in_mlp != (found == r.tensors.end()))
      refuse((in_mlp ? "the tensor " : "no tensor ") + in_quotes(name));
    if (in_mlp) return;
    ++tensors;
    if (found->second.shape != shape) refuse("another shape of " + in_quotes(name));
  };
  model.for_each_parameter([&](const scope& at, auto& p) { require(at.str(), file_shape(p.dims)); });
  model.for_each_state([&](const scope& at, auto& s) { require(at.str(), {s.count}); });
  if (tensors != r.tensors.size()) refuse("tensors that the network has not");
}

/// Writes the public tensors into a model, zeros where there are none. Errors: release.114, memory.105, memory.108.
template <class Model>
void write_public_tensors(Model& model, const layer_list& list, const weight_release& r) {
  require_writable(model, "write_public_tensors");
  require_release_of(model, list, r);
  const auto write = [&](const std::string& name, const parameter_extents& dims, auto* to) {
    const auto found = r.tensors.find(name);
    if (found == r.tensors.end())
      std::fill_n(to, dims.size(), 0.0F);
    else
      from_file_order(dims, std::span<const float>(found->second.values), to);
  };
  model.for_each_parameter([&](const scope& at, auto& p) { write(at.str(), p.dims, p.value.data); });
  model.for_each_state([&](const scope& at, auto& s) { write(at.str(), {.o = s.count}, s.value.data); });
  mark_written(model);
}

/// A model with the public tensors of a release, and zeros where an MLP is something else.
template <class Backend>
struct model_of_release {
  released_model<Backend> model;
  arena memory;

  model_of_release(const layer_list& list, const weight_release& r) : model(list), memory(model, 1) {
    write_public_tensors(model, list, r);
  }
};

template <class Backend>
class released_session final : private mlp_watcher {
 public:
  /// Errors: release.105, release.114, those of infer::make_image.
  released_session(const layer_list& list, const weight_release& r)
      : released_session(list, r, std::make_unique<model_of_release<Backend>>(list, r)) {}

  std::span<const float> read(index_t token) { return session_.read(token, this); }
  std::span<const float> answer(std::span<const float> x) { return session_.answer(x, this); }
  void restart() { session_.restart(); }
  [[nodiscard]] index_t position() const { return session_.position(); }
  [[nodiscard]] index_t context() const { return session_.context(); }
  [[nodiscard]] index_t outputs() const { return session_.outputs(); }

 private:
  released_session(const layer_list& list, const weight_release& r,
                   const std::unique_ptr<model_of_release<Backend>>& made)
      : session_(list, made->model) {
    for (const mlp_place& p : session_.places()) {
      const auto found = r.mlps.find(p.name);
      passes_.push_back(found == r.mlps.end() ? nullptr
                                              : std::make_unique<taylor_pass<Backend>>(found->second));
    }
  }
  bool on_mlp(std::size_t place, const float* x, index_t tokens, float* y) override {
    taylor_pass<Backend>* const pass = passes_[place].get();
    if (pass == nullptr) return false;
    for (index_t t = 0; t < tokens; ++t) pass->run(x + t * pass->inputs(), y + t * pass->outputs());
    return true;
  }

  watched_session<Backend> session_;
  std::vector<std::unique_ptr<taylor_pass<Backend>>> passes_;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
