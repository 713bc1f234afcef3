#include "spankey/checkpoint/weights.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "file/scratch_directory.hpp"

namespace {

using spankey::index_t;
using spankey::parameter;
using spankey::parameter_extents;
using spankey::safetensors_file;
using spankey::safetensors_writer;
using spankey::scope;
using spankey::state;
using spankey_test::scratch_directory;

// A convolution, batch norm and a linear layer; only their tensors.
template <class T>
struct two_layers {
  parameter<T> conv{{4, 3, 2, 2, 4}, {}, {}, {}}, gamma{{4, 1, 1, 1, 1}, {}, {}, {}},
      weight{{5, 4, 2, 3, 2}, {}, {}, {}}, bias{{5, 1, 1, 1, 1}, {}, {}, {}};
  state<T> mean{4, {}};

  template <class F>
  void for_each_parameter(F&& f, const scope& at) {
    const scope block{&at, "layer1"}, inner{&block, "0"}, conv1{&inner, "conv1"}, bn1{&inner, "bn1"},
        fc{&at, "fc"};
    f(scope{&conv1, "weight"}, conv);
    f(scope{&bn1, "weight"}, gamma);
    f(scope{&fc, "weight"}, weight);
    f(scope{&fc, "bias"}, bias);
  }
  template <class F>
  void for_each_state(F&& f, const scope& at) {
    const scope block{&at, "layer1"}, inner{&block, "0"}, bn1{&inner, "bn1"};
    f(scope{&bn1, "running_mean"}, mean);
  }
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t) {
    for_each_parameter([&](const scope& s, auto& p) { p.for_each_buffer(visit, s); }, at);
    for_each_state([&](const scope& s, auto& p) { p.for_each_buffer(visit, s); }, at);
  }
};

template <class T>
struct made : two_layers<T> {
  spankey::arena memory{static_cast<two_layers<T>&>(*this), 1};

  explicit made(int start = 0) {
    int next = start;
    this->for_each_parameter(
        [&](const scope&, auto& p) {
          for (index_t i = 0; i < p.dims.size(); ++i) {
            p.value.data[i] = static_cast<T>(next++);
            p.gradient.data[i] = -p.value.data[i];
          }
        },
        scope{});
    for (index_t i = 0; i < 4; ++i) this->mean.value.data[i] = static_cast<T>(next++);
  }
  [[nodiscard]] std::vector<float> all() {
    std::vector<float> values;
    this->for_each_parameter(
        [&](const scope&, auto& p) {
          for (index_t i = 0; i < p.dims.size(); ++i) values.push_back(static_cast<float>(p.value.data[i]));
        },
        scope{});
    for (index_t i = 0; i < 4; ++i) values.push_back(static_cast<float>(this->mean.value.data[i]));
    return values;
  }
};

template <class F>
std::string line_of(const F& f) {
  try {
    f();
  } catch (const spankey::error& e) {
    return e.what();
  }
  return "no error";
}

safetensors_file reopened(const safetensors_writer& writer, std::vector<std::byte>& bytes) {
  bytes = writer.bytes();
  return safetensors_file::from_memory(bytes, "test");
}

// A complete file of the model, but for one tensor that is left out.
safetensors_writer complete_but(const std::string& left_out) {
  made<float> model(1000);
  safetensors_writer full, writer;
  spankey::add_parameters(full, model);
  spankey::add_states(full, model);
  std::vector<std::byte> bytes;
  const safetensors_file file = reopened(full, bytes);
  for (const auto& [name, tensor] : file.tensors()) {
    if (name != left_out) writer.add(name, tensor.type, tensor.shape, tensor.bytes);
  }
  return writer;
}

}  // namespace

TEST_CASE("file order of a convolution is O, I, H, W; of a linear layer O and features in C, H, W") {
  made<double> model;
  const auto& dims = model.conv.dims;
  const std::vector<float> file = spankey::to_file_order(dims, model.conv.value.data);
  for (index_t o = 0; o < 4; ++o)
    for (index_t i = 0; i < 3; ++i)
      for (index_t y = 0; y < 2; ++y)
        for (index_t x = 0; x < 2; ++x)
          CHECK(file[static_cast<std::size_t>(((o * 3 + i) * 2 + y) * 2 + x)] ==
                static_cast<float>(((y * 2 + x) * 3 + i) * 4 + o));
  std::vector<double> back(file.size());
  spankey::from_file_order(dims, std::span<const float>(file), back.data());
  for (std::size_t i = 0; i < back.size(); ++i) CHECK(back[i] == model.conv.value.data[i]);

  const std::vector<float> linear = spankey::to_file_order(model.weight.dims, model.weight.value.data);
  const index_t first = static_cast<index_t>(model.weight.value.data[0]);
  for (index_t o = 0; o < 5; ++o)
    for (index_t c = 0; c < 4; ++c)
      for (index_t y = 0; y < 2; ++y)
        for (index_t x = 0; x < 3; ++x)
          CHECK(linear[static_cast<std::size_t>(o * 24 + (c * 2 + y) * 3 + x)] ==
                static_cast<float>(first + ((y * 3 + x) * 4 + c) * 5 + o));
  CHECK(line_of([&] { spankey::from_file_order(dims, std::span<const float>(linear), back.data()); }) ==
        "[spankey.weights.102] from_file_order: expected 48 elements, found 120");
}

TEST_CASE("save and load: PyTorch's names and shapes, every value, same bytes each time") {
  const scratch_directory directory;
  made<float> model(7), other(500);
  spankey::save_weights(model, directory / "a", {{"model", "two_layers"}});
  const safetensors_file file = safetensors_file::open(directory / "a");
  CHECK(file.tensors().size() == 5);
  CHECK(file.metadata().at("model") == "two_layers");
  file.require("layer1.0.conv1.weight", spankey::dtype::f32, {4, 3, 2, 2});
  file.require("layer1.0.bn1.weight", spankey::dtype::f32, {4});
  file.require("layer1.0.bn1.running_mean", spankey::dtype::f32, {4});
  file.require("fc.weight", spankey::dtype::f32, {5, 24});
  file.require("fc.bias", spankey::dtype::f32, {5});
  CHECK(other.all() != model.all());
  spankey::load_weights(other, directory / "a");
  CHECK(other.all() == model.all());
  spankey::save_weights(other, directory / "b", {{"model", "two_layers"}});
  CHECK(spankey_test::content_of(directory / "a") == spankey_test::content_of(directory / "b"));

  made<double> precise(900);
  spankey::load_weights(precise, directory / "a");
  CHECK(precise.all() == model.all());
}

TEST_CASE("prefixes, gradients, and tensors of others in the same file") {
  made<float> model(3), other(400);
  safetensors_writer writer;
  spankey::add_parameters(writer, model, "param.");
  spankey::add_parameters(writer, model, "grad.param.", spankey::parameter_part::gradient);
  spankey::add_states(writer, model, "buffer.");
  writer.add_f32("x", {1}, std::vector<float>{1});
  std::vector<std::byte> bytes;
  const safetensors_file file = reopened(writer, bytes);
  spankey::load_weights(other, file, {"param.", "buffer."});
  CHECK(other.all() == model.all());
  const std::vector<float> gradient = file.read_f32("grad.param.fc.bias", {5});
  for (std::size_t i = 0; i < 5; ++i) CHECK(gradient[i] == -model.bias.value.data[i]);
}

TEST_CASE("a load that fails names the tensor and changes nothing") {
  made<float> model(3);
  const std::vector<float> before = model.all();
  const auto load = [&](const safetensors_writer& writer) {
    std::vector<std::byte> bytes;
    const safetensors_file file = reopened(writer, bytes);
    const std::string line = line_of([&] { spankey::load_weights(model, file); });
    CHECK(model.all() == before);
    return line;
  };
  for (const char* name : {"layer1.0.conv1.weight", "fc.bias", "layer1.0.bn1.running_mean"}) {
    const std::string line = load(complete_but(name));
    CHECK(line.starts_with("[spankey.safetensors.121] test: tensor \"" + std::string(name) + "\""));
  }

  safetensors_writer wrong_shape = complete_but("fc.weight");
  wrong_shape.add_f32("fc.weight", {24, 5}, std::vector<float>(120));
  CHECK(load(wrong_shape) ==
        "[spankey.safetensors.123] test: tensor \"fc.weight\" (needed by the model's parameters): "
        "expected F32 (5, 24), found F32 (24, 5)");

  safetensors_writer wrong_type = complete_but("layer1.0.bn1.running_mean");
  wrong_type.add_i64("layer1.0.bn1.running_mean", {4}, std::vector<std::int64_t>(4));
  CHECK(load(wrong_type).starts_with("[spankey.safetensors.122] test: tensor \"layer1.0.bn1.running_mean\""));

  safetensors_writer extra = complete_but("");
  extra.add_f32("fc2.bias", {5}, std::vector<float>(5));
  CHECK(load(extra) ==
        "[spankey.weights.103] test: tensor \"fc2.bias\": expected only tensors of the model, found F32 (5)");
}

TEST_CASE("NaN and infinity in a file: the tensor is named and nothing changes, unless they are allowed") {
  const auto with = [](const char* name, std::vector<index_t> shape, float wrong) {
    std::size_t count = 1;
    for (const index_t extent : shape) count *= static_cast<std::size_t>(extent);
    std::vector<float> values(count, 1.0F);
    values[2] = wrong;
    safetensors_writer writer = complete_but(name);
    writer.add_f32(name, shape, values);
    return writer;
  };
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float wrong : {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity}) {
    for (const auto& [name, shape] :
         {std::pair<const char*, std::vector<index_t>>{"fc.bias", {5}}, {"layer1.0.bn1.running_mean", {4}}}) {
      made<float> model(3);
      const std::vector<float> before = model.all();
      std::vector<std::byte> bytes;
      const safetensors_file file = reopened(with(name, shape, wrong), bytes);
      const std::string line = line_of([&] { spankey::load_weights(model, file); });
      CHECK(line.starts_with("[spankey.weights.104] test: tensor \"" + std::string(name) + "\""));
      CHECK(line.ends_with("as element 2"));
      CHECK(model.all() == before);
      spankey::load_weights(model, file, {}, spankey::stored_numbers::any);
      CHECK(model.all() != before);
    }
  }
}

TEST_CASE("a file of far more bytes than the model has weights is refused before it is read") {
  const scratch_directory directory;
  made<float> model(3);
  const std::vector<float> before = model.all();
  spankey_test::put(directory / "huge", "");
  std::filesystem::resize_file(directory / "huge",
                               static_cast<std::uintmax_t>(spankey::weights_file_cap(model)) + 1);
  CHECK(line_of([&] { spankey::load_weights(model, directory / "huge"); }).starts_with("[spankey.io.105]"));
  CHECK(model.all() == before);
}

TEST_CASE("torchvision's counters are ignored") {
  made<float> model(3), source(1000);
  safetensors_writer writer = complete_but("");
  writer.add_i64("layer1.0.bn1.num_batches_tracked", {}, std::vector<std::int64_t>{17});
  std::vector<std::byte> bytes;
  spankey::load_weights(model, reopened(writer, bytes));
  CHECK(model.all() == source.all());
}

TEST_CASE("a model without memory is an error, not a crash") {
  two_layers<float> model;
  std::vector<std::byte> bytes;
  const safetensors_file file = reopened(complete_but(""), bytes);
  CHECK(line_of([&] {
          spankey::load_weights(model, file);
        }).starts_with("[spankey.weights.101] layer1.0.conv1.weight"));
  safetensors_writer writer;
  CHECK(line_of([&] { spankey::add_parameters(writer, model); }).starts_with("[spankey.weights.101]"));
  CHECK(line_of([&] { spankey::add_states(writer, model); }).starts_with("[spankey.weights.101]"));
}
