// Tensors of a conformance case: from the file to the library and back, and the checks that
// stand between a stranger's file and the computation.
//
// Files hold samples in PyTorch's order (n, C, H, W), the library computes channels last (n, H, W, C); a transformer's
// keys are token after token in both.
#pragma once

#include <unistd.h>

#include <cmath>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "case.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/core/head_outputs.hpp"
#include "spankey/core/token.hpp"
#include "spankey/file/safetensors.hpp"
#include "spankey/file/safetensors_writer.hpp"

namespace conformance {

using spankey::dtype;
using spankey::extents;
using spankey::fail;
using spankey::head_outputs;
using spankey::in_quotes;
using spankey::index_t;
using spankey::safetensors_file;
using spankey::safetensors_writer;

/// Shape in files of `rows` samples: (n, C, H, W), or (n, C) for a feature vector.
inline std::vector<index_t> samples_shape(const extents& e, index_t rows) {
  if (e.height == 1 && e.width == 1) return {rows, e.channels};
  return {rows, e.channels, e.height, e.width};
}

/// Shape in files of `rows` keys of a site; e are a key's own extents.
inline std::vector<index_t> keys_shape(const conformance_case& c, const extents& e, index_t rows) {
  if (!c.keys) return samples_shape(e, rows);
  if (*c.keys == spankey::key_shape::channel) return {rows, e.channels};
  if (*c.keys == spankey::key_shape::token) return {rows, e.height};
  return {rows, e.height, e.channels};
}

/// Channels-last samples of numbers in PyTorch's order.
template <class T>
std::vector<T> channels_last(const std::vector<float>& stored, const extents& e) {
  std::vector<T> samples(stored.size());
  for (index_t first = 0; first < static_cast<index_t>(stored.size()); first += e.size())
    for (index_t i = 0; i < e.size(); ++i)
      samples[static_cast<std::size_t>(first + i)] =
          static_cast<T>(stored[static_cast<std::size_t>(first + file_index(e, i))]);
  return samples;
}
/// The inverse.
template <class T>
std::vector<float> channels_first(const T* samples, index_t count, const extents& e) {
  std::vector<float> stored(static_cast<std::size_t>(count));
  for (index_t first = 0; first < count; first += e.size())
    for (index_t i = 0; i < e.size(); ++i)
      stored[static_cast<std::size_t>(first + file_index(e, i))] = static_cast<float>(samples[first + i]);
  return stored;
}

/// The samples of the case as the library reads them. Error: case.118 a token that the vocabulary does not have.
template <class T>
std::vector<T> read_samples(const conformance_case& c, const safetensors_file& file, index_t n) {
  const extents& e = c.layers.input();
  if (!c.of_tokens) return channels_last<T>(file.read_f32("x", samples_shape(e, n)), e);
  const std::vector<std::int64_t> tokens = file.read_i64("x", {n, e.height});
  std::vector<T> samples(2 * tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] < 0 || tokens[i] >= c.layers.outputs()) {
      fail("case.118", file.name(), "tensor \"x\": expected tokens from 0 to ", c.layers.outputs() - 1,
           ", found ", tokens[i], " at element ", i);
    }
    spankey::write_token(static_cast<int>(tokens[i]), &samples[2 * i]);
  }
  return samples;
}

/// `rows` keys of a site, channels last.
template <class T>
std::vector<T> read_keys(const conformance_case& c, const safetensors_file& file, const std::string& name,
                         const extents& e, index_t rows) {
  const std::vector<float> stored = file.read_f32(name, keys_shape(c, e, rows));
  return c.keys ? std::vector<T>(stored.begin(), stored.end()) : channels_last<T>(stored, e);
}

template <class T>
void add_keys(safetensors_writer& result, const conformance_case& c, const std::string& name,
              const extents& e, index_t rows, const T* keys) {
  const index_t count = rows * e.size();
  if (!c.keys) return result.add_f32(name, keys_shape(c, e, rows), channels_first(keys, count, e));
  result.add_f32(name, keys_shape(c, e, rows), std::vector<float>(keys, keys + count));
}

/// Of one sample.
inline index_t answers_of(const conformance_case& c) { return c.of_tokens ? c.layers.input().height : 1; }

/// Columns [first, first + count) of (rows, width) logits; a tensor of rank 1 where `shape` says so.
template <class T>
void add_columns(safetensors_writer& result, const std::string& name, const std::vector<index_t>& shape,
                 const T* logits, index_t rows, index_t width, index_t first, index_t count) {
  std::vector<float> stored;
  for (index_t n = 0; n < rows; ++n)
    for (index_t c = first; c < first + count; ++c)
      stored.push_back(static_cast<float>(logits[n * width + c]));
  result.add_f32(name, shape, stored);
}

/// The logits of the softmax (n, K), or (n, tokens, K).
template <class T>
void add_softmax(safetensors_writer& result, const std::string& name, const conformance_case& c, index_t n,
                 const T* logits) {
  const head_outputs& head = c.layers.outputs();
  const index_t rows = n * answers_of(c);
  const std::vector<index_t> shape = c.of_tokens ? std::vector<index_t>{n, answers_of(c), head.softmax}
                                                 : std::vector<index_t>{n, head.softmax};
  add_columns(result, name, shape, logits, rows, head, 0, head.softmax);
}

/// The reject logit (rows) beside them, where the head has one.
template <class T>
void add_aux(safetensors_writer& result, const std::string& name, const head_outputs& head, index_t rows,
             const T* logits) {
  if (head.aux == spankey::aux_logit::reject)
    add_columns(result, name, {rows}, logits, rows, head, head.softmax, 1);
}

inline void add_number(safetensors_writer& result, const std::string& name, double value) {
  const float stored = static_cast<float>(value);
  result.add_f32(name, {1}, {&stored, 1});
}

/// Labels (n), each in [0, classes), or (n, tokens) with -1 where one does not count. Error: case.114.
inline std::vector<int> read_labels(const conformance_case& c, const safetensors_file& file, index_t n) {
  const int least = c.of_tokens ? -1 : 0;
  std::vector<index_t> shape = {n};
  if (c.of_tokens) shape.push_back(answers_of(c));
  std::vector<int> labels;
  for (const std::int64_t label : file.read_i64("y", shape)) {
    if (label < least || label >= c.classes) {
      fail("case.114", file.name(), "tensor \"y\": expected labels from ", least, " to ", c.classes - 1,
           ", found ", label, " at element ", labels.size());
    }
    labels.push_back(static_cast<int>(label));
  }
  return labels;
}

/// Numbers that no training step makes sense of. Error: case.113.
inline void require_sane_numbers(const safetensors_file& file) {
  for (const auto& [name, tensor] : file.tensors()) {
    if (tensor.type != dtype::f32) continue;
    std::vector<float> values(static_cast<std::size_t>(tensor.count()));
    spankey::copy_elements(tensor, std::span<float>(values));
    const bool variance = name.ends_with(".running_var");
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isfinite(values[i]) && !(variance && values[i] < 0)) continue;
      fail("case.113", file.name(), "tensor ", in_quotes(name), ": expected finite ",
           variance ? "numbers >= 0" : "numbers", ", found ", values[i], " at element ", i);
    }
  }
}

/// Refuses a batch that this machine has no memory for before the system does. Error: case.115.
template <class Model>
void require_memory_for(Model& model, const safetensors_file& file, index_t samples) {
  const double needed = static_cast<double>(plan_memory(model, samples).bytes());
  const double present =
      static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  if (needed > present) {
    fail("case.115", file.name(), "tensor \"x\": expected a batch that fits in the memory of this machine, ",
         static_cast<index_t>(present / 1e6), " MB, found one that needs ",
         static_cast<index_t>(needed / 1e6), " MB");
  }
}

/// Fails where the file holds a tensor that is neither `expected` nor a weight. Error: case.112.
inline void require_no_others(const safetensors_file& file,
                              const std::set<std::string, std::less<>>& expected) {
  for (const auto& [name, tensor] : file.tensors()) {
    if (expected.contains(name) || name.starts_with("param.") || name.starts_with("buffer.")) continue;
    fail("case.112", file.name(), "tensor ", in_quotes(name), ": expected only tensors of this case, found ",
         spankey::describe_dtype(tensor.type).name, ' ', spankey::shape_text(tensor.shape));
  }
}

inline std::string valid_key(int site) { return "key.valid." + std::to_string(site); }
inline std::string invalid_key(int site) { return "key.invalid." + std::to_string(site); }

/// Checks every tensor but the weights; returns n. Errors: safetensors.121 to .123, case.111 to .114.
inline index_t check_tensors(const conformance_case& c, const safetensors_file& file) {
  const index_t any = spankey::any_extent;
  const index_t n = c.of_tokens
                        ? file.require("x", dtype::i64, {any, answers_of(c)}).shape[0]
                        : file.require("x", dtype::f32, samples_shape(c.layers.input(), any)).shape[0];
  if (n < 1) fail("case.111", file.name(), "tensor \"x\": expected at least 1 sample, found 0");
  std::set<std::string, std::less<>> expected = {"x", "y"};
  for (const int site : c.sites) {
    const extents& e = c.layers.site_shape(static_cast<std::size_t>(site));
    const std::string valid = valid_key(site), invalid = invalid_key(site);
    file.require(valid, dtype::f32, keys_shape(c, e, n));
    // Without a deny loss nobody needs the invalid keys; a writer may give them all the same.
    if (c.deny.mode != spankey::deny_mode::none || file.find(invalid) != nullptr)
      file.require(invalid, dtype::f32, keys_shape(c, e, 1));
    expected.insert({valid, invalid});
  }
  require_no_others(file, expected);
  require_sane_numbers(file);
  return n;
}

}  // namespace conformance
