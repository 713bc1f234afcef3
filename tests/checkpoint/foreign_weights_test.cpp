#include "spankey/checkpoint/foreign_weights.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "error_probe.hpp"

namespace {

using namespace spankey;

// A convolution, a projection, batch norm's statistics and a head; only their tensors.
template <index_t Outputs, bool Aux = false>
struct block_and_head {
  parameter<float> conv{{2, 1, 2, 2, 4}, {}, {}, {}}, projection{{2, 1, 1, 1, 4}, {}, {}, {}},
      weight{{Outputs, 3, 1, 1, 2}, {}, {}, {}}, bias{{Outputs, 1, 1, 1, 1}, {}, {}, {}},
      aux_weight{{1, 3, 1, 1, 2}, {}, {}, {}}, aux_bias{{1, 1, 1, 1, 1}, {}, {}, {}};
  state<float> mean{2, {}};

  template <class F>
  void for_each_parameter(F&& f, const scope& at) {
    const scope layer{&at, "layer1"}, inner{&layer, "0"}, conv1{&inner, "conv1"}, down{&inner, "downsample"},
        first{&down, "0"}, fc{&at, "fc"}, aux{&at, "fc_aux"};
    f(scope{&conv1, "weight"}, conv);
    f(scope{&first, "weight"}, projection);
    f(scope{&fc, "weight"}, weight);
    f(scope{&fc, "bias"}, bias);
    if constexpr (Aux) {
      f(scope{&aux, "weight"}, aux_weight);
      f(scope{&aux, "bias"}, aux_bias);
    }
  }
  template <class F>
  void for_each_state(F&& f, const scope& at) {
    const scope bn1{&at, "bn1"};
    f(scope{&bn1, "running_mean"}, mean);
  }
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t) {
    for_each_parameter([&](const scope& s, auto& p) { p.for_each_buffer(visit, s); }, at);
    for_each_state([&](const scope& s, auto& p) { p.for_each_buffer(visit, s); }, at);
  }
};

// Every element of the model's own is -1.
template <index_t Outputs, bool Aux = false>
struct made : block_and_head<Outputs, Aux> {
  arena memory{static_cast<block_and_head<Outputs, Aux>&>(*this), 1};
  made() {
    this->for_each_parameter([](const scope&, auto& p) { std::fill_n(p.value.data, p.value.count, -1.0F); },
                             scope{});
    std::fill_n(this->mean.value.data, 2, -1.0F);
  }
  std::vector<float> operator[](const std::string& wanted) {
    std::vector<float> values;
    for (const wanted_tensor& t : wanted_tensors(static_cast<block_and_head<Outputs, Aux>&>(*this)))
      if (t.name == wanted) values = t.now;
    return values;
  }
};

struct tensor {
  std::vector<index_t> shape;
  std::vector<float> values;
};
using tensors = std::map<std::string, tensor>;

// A network with three outputs, elements counted from 0 on.
tensors network(index_t outputs = 3) {
  tensors all = {{"layer1.0.conv1.weight", {{2, 1, 2, 2}, {}}},
                 {"layer1.0.downsample.0.weight", {{2, 1, 1, 1}, {}}},
                 {"bn1.running_mean", {{2}, {}}},
                 {"fc.weight", {{outputs, 3}, {}}},
                 {"fc.bias", {{outputs}, {}}}};
  float next = 0;
  for (auto& [name, t] : all) {
    index_t count = 1;
    for (const index_t extent : t.shape) count *= extent;
    for (index_t i = 0; i < count; ++i) t.values.push_back(next++);
  }
  return all;
}

tensors renamed(const std::function<std::string(std::string)>& name) {
  tensors all;
  for (auto& [old, t] : network()) all.emplace(name(old), t);
  return all;
}
std::function<std::string(std::string)> behind(const std::string& prefix) {
  return [=](const std::string& name) { return prefix + name; };
}
std::string replaced(std::string text, const std::string& a, const std::string& b) {
  if (const auto at = text.find(a); at != std::string::npos) text.replace(at, a.size(), b);
  return text;
}

struct counters {
  std::vector<std::string> names;
};

std::vector<std::byte> file_of(const tensors& all, const counters& beside = {}) {
  safetensors_writer writer;
  for (const auto& [name, t] : all) writer.add_f32(name, t.shape, t.values);
  for (const std::string& name : beside.names) writer.add_i64(name, {}, std::vector<std::int64_t>{7});
  return writer.bytes();
}

template <class Model>
loading_notes load(Model& model, const std::vector<std::byte>& bytes,
                   head_of_file head = head_of_file::same) {
  return load_foreign_weights(model, safetensors_file::from_memory(bytes, "net"), head);
}
template <class Model>
std::string refusal(Model& model, const std::vector<std::byte>& bytes,
                    head_of_file head = head_of_file::same) {
  return spankey_test::message_of([&] { (void)load(model, bytes, head); });
}

}  // namespace

TEST_CASE("foreign_weights: names as wrappers, other libraries and checkpoints spell them") {
  struct spelling {
    tensors file;
    counters beside;
    loading_notes notes;
  };
  const auto usual = [](const std::string& name) {
    return replaced(replaced(name, "downsample", "shortcut"), "fc.", "linear.");
  };
  const std::string other =
      "other names for the same layers: layer1.0.shortcut.0.weight, linear.bias, linear.weight";
  for (const spelling& s : {
           spelling{network(), {}, {}},
           spelling{renamed(behind("module.")), {}, {}},
           spelling{renamed(behind("_orig_mod.module.")), {}, {}},
           spelling{
               renamed([](const std::string& n) { return replaced(n, "conv1", "conv1._orig_mod"); }), {}, {}},
           spelling{renamed(behind("net.")), {}, {"names without \"net.\" before them"}},
           spelling{renamed(behind("state_dict.model.module.")),
                    {{"epoch", "state_dict.model.module.bn1.num_batches_tracked"}},
                    {"names without \"state_dict.model.\" before them",
                     "left out: epoch, state_dict.model.module.bn1.num_batches_tracked"}},
           spelling{renamed(behind("module.")), {{"n_averaged"}}, {"left out: n_averaged"}},
           spelling{
               renamed(usual), {{"bn1.num_batches_tracked"}}, {other, "left out: bn1.num_batches_tracked"}},
       }) {
    made<3> model;
    CHECK(load(model, file_of(s.file, s.beside)) == s.notes);
    for (const auto& [name, t] : network()) CHECK(model[name] == t.values);
  }
}

TEST_CASE("foreign_weights: everything that does not fit is said at once, and nothing is loaded") {
  made<3> model;
  tensors wrong = network();
  wrong.erase("fc.bias");
  wrong.erase("bn1.running_mean");
  wrong["conv9.weight"] = {{2}, {1, 2}};
  wrong["layer1.0.shortcut.0.weight"] = wrong["layer1.0.downsample.0.weight"];
  wrong["fc.weight"] = {{1000, 3}, std::vector<float>(3000)};
  CHECK(refusal(model, file_of(wrong)) ==
        "[spankey.weights.110] net: expected the model's 5 tensors; 2 missing: fc.bias (3), bn1.running_mean "
        "(2); "
        "2 left over: conv9.weight F32 (2), layer1.0.shortcut.0.weight F32 (2, 1, 1, 1); 1 of another shape: "
        "fc.weight (1000, 3) where (3, 3) is expected");
  tensors twice = renamed(behind("model."));
  for (auto& [name, t] : renamed(behind("ema."))) twice.emplace(name, t);
  CHECK(refusal(model, file_of(twice)) ==
        "[spankey.weights.112] net: found the model's tensors twice, under \"ema.\" and under \"model.\"; "
        "expected one "
        "set of them");
  CHECK(refusal(model, file_of({})).find("5 missing") != std::string::npos);
  // A number that is no counter may be part of what the network computes.
  tensors scaled = network();
  scaled["logit_scale"] = {{}, {4}};
  CHECK(refusal(model, file_of(scaled)).find("1 left over: logit_scale F32 ()") != std::string::npos);
  for (const auto& [name, t] : network()) CHECK(model[name] == std::vector<float>(t.values.size(), -1));
}

TEST_CASE("foreign_weights: other floating-point types become float, and what float cannot hold is refused") {
  struct stored {
    dtype type;
    std::vector<std::uint64_t> bits;
    std::vector<float> values;
    const char* note;
  };
  const auto with_bias = [](dtype type, const std::vector<std::uint64_t>& bits) {
    safetensors_writer writer;
    for (const auto& [name, t] : network())
      if (name != "fc.bias") writer.add_f32(name, t.shape, t.values);
    std::vector<std::byte> bytes;
    for (const std::uint64_t element : bits) {
      const auto parts = std::as_bytes(std::span(&element, 1))
                             .first(static_cast<std::size_t>(describe_dtype(type).bits / 8));
      bytes.insert(bytes.end(), parts.begin(), parts.end());
    }
    writer.add("fc.bias", type, {3}, bytes);
    return writer.bytes();
  };
  for (const stored& s : {
           // 1, -2, the largest; the smallest subnormal, the largest one, the smallest normal
           stored{dtype::f16, {0x3C00, 0xC000, 0x7BFF}, {1, -2, 65504}, "F16 widened to F32"},
           stored{dtype::f16,
                  {0x0001, 0x03FF, 0x8400},
                  {0x1p-24F, 0x1.ff8p-15F, -0x1p-14F},
                  "F16 widened to F32"},
           stored{dtype::bf16, {0x3F80, 0xC000, 0x7F7F}, {1, -2, 0x1.fep127F}, "BF16 widened to F32"},
           stored{dtype::f64,
                  {0x3FF0000000000000, 0x3FB999999999999A, 0xC7EFFFFFE0000000},
                  {1, 0.1F, std::numeric_limits<float>::lowest()},
                  "F64 rounded to F32"},
       }) {
    made<3> model;
    CHECK(load(model, with_bias(s.type, s.bits)) == loading_notes{s.note});
    CHECK(model["fc.bias"] == s.values);
  }
  made<3> model;
  CHECK(refusal(model, with_bias(dtype::f64, {0, 0x7E37E43C8800759C, 0})) ==  // 1e300
        "[spankey.weights.111] net: tensor \"fc.bias\": found 1e+300, expected numbers that F32 can hold");
  CHECK(refusal(model, with_bias(dtype::f64, {0, 0x47EFFFFFF0000000, 0})).find("weights.111") !=
        std::string::npos);
  CHECK(
      refusal(model, with_bias(dtype::i32, {1, 2, 3})).find("1 of no floating-point type: fc.bias I32 (3)") !=
      std::string::npos);
  CHECK(model["fc.bias"] == std::vector<float>(3, -1));
}

TEST_CASE("foreign_weights: a head may differ by its refusal where the caller lets it") {
  made<4> reject;
  CHECK(refusal(reject, file_of(network(3))).find("2 of another shape") != std::string::npos);
  const auto notes = load(reject, file_of(network(3)), head_of_file::may_differ);
  CHECK(notes.size() == 2);
  CHECK(notes.front() ==
        "fc.weight: (3, 3) in the file, (4, 3) here; the first 3 rows are the file's, the other as the "
        "network was initialised");
  const auto three = network(3);
  auto rows = three.at("fc.weight").values;
  rows.insert(rows.end(), 3, -1.0F);
  CHECK(reject["fc.weight"] == rows);
  CHECK(reject["fc.bias"].back() == -1);

  made<3> plain;  // the reject class goes
  const auto four = network(4);
  CHECK(load(plain, file_of(four), head_of_file::may_differ).front() ==
        "fc.weight: (4, 3) in the file, (3, 3) here; the first 3 rows are the file's");
  CHECK(plain["fc.bias"] ==
        std::vector<float>(four.at("fc.bias").values.begin(), four.at("fc.bias").values.end() - 1));

  made<3, true> beside;
  CHECK(load(beside, file_of(network(3)), head_of_file::may_differ).front() ==
        "fc_aux.weight is not in the file: as the network was initialised");
  CHECK(beside["fc_aux.weight"] == std::vector<float>(3, -1));
  tensors with_aux = renamed(behind("module."));
  with_aux["module.fc_aux.weight"] = {{1, 3}, {1, 2, 3}};
  with_aux["module.fc_aux.bias"] = {{1}, {1}};
  CHECK(load(plain, file_of(with_aux), head_of_file::may_differ) ==
        loading_notes{"left out: module.fc_aux.bias, module.fc_aux.weight"});
  CHECK(refusal(plain, file_of(network(5)), head_of_file::may_differ).find("2 of another shape") !=
        std::string::npos);
}

namespace {

// A table that is the head as well, and a map whose attention files have masks for; only their tensors.
struct table_and_map {
  parameter<float> table{{.o = 2, .i = 3, .file_rank = 2, .inputs_first = true}, {}, {}, {}},
      map{{.o = 6, .i = 2, .file_rank = 2, .inputs_first = true}, {}, {}, {}};

  template <class F>
  void for_each_parameter(F&& f, const scope& at) {
    const scope wte{&at, "wte"}, h{&at, "h"}, block{&h, "0"}, attn{&block, "attn"}, c_attn{&attn, "c_attn"};
    f(scope{&wte, "weight"}, table);
    f(scope{&c_attn, "weight"}, map);
  }
  template <class F>
  void for_each_state(F&&, const scope&) {}
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t) {
    for_each_parameter([&](const scope& s, auto& p) { p.for_each_buffer(visit, s); }, at);
  }
};

tensors language_model(const std::string& prefix) {
  return {{prefix + "wte.weight", {{3, 2}, {1, 2, 3, 4, 5, 6}}},
          {prefix + "h.0.attn.c_attn.weight", {{2, 6}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}}}};
}

}  // namespace

TEST_CASE("foreign_weights: a head that is tied to its table, and masks of an attention") {
  const std::vector<float> table = {1, 2, 3, 4, 5, 6};
  const auto loads = [&](const tensors& file, const loading_notes& notes) {
    table_and_map model;
    const arena memory(model, 1);
    CHECK(load(model, file_of(file)) == notes);
    for (const wanted_tensor& t : wanted_tensors(model))
      if (t.name == tied_table) CHECK(t.now == table);
  };
  const std::string no_prefix = "names without \"transformer.\" before them",
                    once_more = "lm_head.weight is wte.weight once more";
  tensors file = language_model("transformer.");
  file["lm_head.weight"] = {{3, 2}, table};
  loads(file, {no_prefix, once_more});
  file["transformer.h.0.attn.bias"] = {{1, 1, 2, 2}, {1, 0, 1, 1}};
  file["transformer.h.0.attn.masked_bias"] = {{}, {-1e4F}};
  loads(file,
        {no_prefix, once_more, "left out: transformer.h.0.attn.bias, transformer.h.0.attn.masked_bias"});
  file = language_model("transformer.");
  file.erase("transformer.wte.weight");
  file["lm_head.weight"] = {{3, 2}, table};
  loads(file, {no_prefix, "other names for the same layers: lm_head.weight"});

  table_and_map model;
  const arena memory(model, 1);
  file = language_model("");
  file["lm_head.weight"] = {{3, 2}, {1, 2, 3, 4, 5, 7}};
  CHECK(refusal(model, file_of(file)) ==
        "[spankey.weights.113] net: tensor \"lm_head.weight\": expected wte.weight once more, found "
        "7.000000 where that has 6.000000, as element 5");
  file["lm_head.weight"] = {{2, 3}, table};
  CHECK(refusal(model, file_of(file)) ==
        "[spankey.weights.113] net: tensor \"lm_head.weight\": expected wte.weight once more, F32 (3, 2), "
        "found "
        "F32 (2, 3)");
  file.erase("lm_head.weight");
  file["h.0.mlp.bias"] = {{2}, {1, 2}};
  CHECK(refusal(model, file_of(file)).find("1 left over: h.0.mlp.bias F32 (2)") != std::string::npos);
  file.erase("h.0.mlp.bias");
  // The last matrix is no head that may differ.
  file["h.0.attn.c_attn.weight"] = {{3, 6}, std::vector<float>(18)};
  CHECK(refusal(model, file_of(file), head_of_file::may_differ).find("1 of another shape") !=
        std::string::npos);
}
