#include "spankey/checkpoint/training_state.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "file/scratch_directory.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/data/linear_task.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/loss/deny/reject_class.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/mlp.hpp"
#include "spankey/model/small_resnet.hpp"
#include "spankey/train/trainer.hpp"

using namespace spankey;
using spankey_test::scratch_directory;

namespace {

constexpr std::uint64_t epochs = 4;
enum class optimizer { sgd, adam, averaged_sgd };

using perceptron = mlp<6, gate<multiplicative, at<0, 2>>, backend::cpu, float>;
using residual =
    small_resnet<11, gate<multiplicative, at<0, 1>>, backend::cpu, float>;  // with running statistics

feature_dataset data_of(const perceptron&) { return make_linear_task(28, 5, split::train); }
image_dataset data_of(const residual&) {
  image_dataset images{"noise", {1, 28, 28}, 10, {}, {}, {0.5F}, {0.25F}};
  const random_source random(8, stream::glyphs);
  for (index_t i = 0; i < 6; ++i) images.labels.push_back(static_cast<std::uint8_t>(i));
  for (std::uint64_t i = 0; i < 6 * 784; ++i)
    images.pixels.push_back(static_cast<std::uint8_t>(random.below(i, 256)));
  return images;
}

// A model with memory, and what its optimizer keeps.
template <class Model>
struct made {
  Model model;
  std::unique_ptr<const arena> memory;
  explicit made(optimizer kind, std::uint64_t seed = 1) {
    set_injector(model, multiplicative{.gamma = 1});
    if (kind == optimizer::adam) keep_second_moment(model);
    if (kind == optimizer::averaged_sgd) keep_average(model);
    memory = std::make_unique<const arena>(model, 3 * 8);
    initialise(model, seed);
  }
};

// Every bit that the next step depends on.
template <class Model>
std::vector<std::uint32_t> all_of(Model& model) {
  std::vector<std::uint32_t> all;
  const auto add = [&](const buffer<float>& b) {
    for (index_t i = 0; i < b.count; ++i) all.push_back(std::bit_cast<std::uint32_t>(b.data[i]));
  };
  model.for_each_parameter([&](const scope&, auto& p) {
    for (const auto* part : {&p.value, &p.momentum, &p.second_moment, &p.average}) add(*part);
  });
  model.for_each_state([&](const scope&, auto& s) { add(s.value); });
  return all;
}

// Trains from a position on; after(position) follows every step, and ends the training with false. Rate, deny weight and
// keys all change on the way. Data of 28 or 6 samples in batches of 8: the last batch of an epoch is not full.
template <class Model, class F>
std::vector<epoch_record> train(Model& model, optimizer kind, const training_position& from, const F& after) {
  const auto data = data_of(model);
  const std::vector<int> sites(Model::sites.size() > 3 ? std::vector<int>{0, 1} : std::vector<int>{0, 2});
  key_space keys({.subspace_dim = 4}, sites_of<Model>(sites));
  const objective<reject_class> goal{
      .classes = data.classes, .weight = 0.5, .on = deny_on::wrong_and_none, .deny = {}};
  training_options options{.epochs = epochs,
                           .batch = Model::sites.size() > 3 ? 4 : 8,
                           .seed = 4,
                           .rate = {.kind = schedule_kind::one_cycle, .learning_rate = 0.02},
                           .optimizer = {.momentum = 0.9, .weight_decay = 1e-3, .nesterov = true},
                           .augment = {}};
  if (kind == optimizer::adam) options.adam = adam_options{.weight_decay = 0.01, .decoupled = true};
  if (kind == optimizer::averaged_sgd) options.average = lookahead_options{.every = 2};
  options.invalid_mixture = {{invalid_family::gaussian, 1}, {invalid_family::permuted, 2}};
  options.deny_warmup = 3;
  struct watcher {
    const F& after;
    std::vector<epoch_record> records;
    void on_step(const step_record&) {}
    void on_epoch(const epoch_record& r) { records.push_back(r); }
    bool on_position(const training_position& at) { return after(at); }
  } watching{after, {}};
  trainer(model, goal, &keys, data, options).run(watching, from);
  return watching.records;
}
template <class Model>
std::vector<epoch_record> train(Model& model, optimizer kind, const training_position& from = {}) {
  return train(model, kind, from, [](const training_position&) { return true; });
}

void check_same(const epoch_record& a, const epoch_record& b) {
  CHECK(std::tuple(a.epoch, a.loss, a.cross_entropy, a.deny, a.accuracy, a.learning_rate) ==
        std::tuple(b.epoch, b.loss, b.cross_entropy, b.deny, b.accuracy, b.learning_rate));
}

// A training that was stopped after any step, and goes on in another model, ends as one that was not.
template <class Model>
void check_going_on(optimizer kind, std::uint64_t steps) {
  const scratch_directory directory;
  const auto file = [&](std::uint64_t done) { return directory / std::to_string(done); };
  made<Model> whole(kind);
  std::vector<std::vector<std::uint32_t>> after;
  const auto records = train(whole.model, kind, {}, [&](const training_position& at) {
    save_training_state(whole.model, {at, {{"note", "n"}}}, file(at.steps));
    after.push_back(all_of(whole.model));
    return true;
  });
  REQUIRE(after.size() == steps);
  REQUIRE(records.size() == epochs);

  for (std::uint64_t done = 1; done <= steps; ++done) {
    CAPTURE(done);
    made<Model> other(kind, 77 + done);
    const training_state state = load_training_state(other.model, file(done));
    CHECK(state.at.steps == done);
    CHECK(state.at.updates == done);
    CHECK(state.notes == safetensors_metadata{{"note", "n"}});
    CHECK(all_of(other.model) == after[done - 1]);
    const auto rest = train(other.model, kind, state.at);
    CHECK(all_of(other.model) == after.back());
    // The epochs' means are those of whole epochs.
    REQUIRE(rest.size() == epochs - state.at.epoch);
    for (std::size_t i = 0; i < rest.size(); ++i) check_same(rest[i], records[state.at.epoch + i]);
  }

  // What the optimizer keeps is part of it: with the weights and statistics alone it ends elsewhere.
  made<Model> forgetful(kind);
  load_weights(forgetful.model, safetensors_file::open(file(steps / 2)), {"param.", "buffer."});
  train(forgetful.model, kind, training_state_of(safetensors_file::open(file(steps / 2))).at);
  CHECK(all_of(forgetful.model) != after.back());
}

training_state state_after(std::uint64_t done) {
  return {{.epoch = done, .steps = 4 * done, .updates = 4 * done}, {}};
}

template <class F>
std::string line_of(const F& f) {
  try {
    f();
  } catch (const error& e) {
    return e.what();
  }
  return "no error";
}

// A trained model's file, but for one tensor, with `change` in its metadata and checksums that fit.
template <class Model>
safetensors_writer complete_but(const std::string& left_out, optimizer kind,
                                const safetensors_metadata& change = {}) {
  made<Model> source(kind, 9);
  const scratch_directory directory;
  train(source.model, kind, {}, [](const training_position& at) { return at.epoch + 1 < epochs; });
  save_training_state(source.model, state_after(2), directory / "state");
  const safetensors_file file = safetensors_file::open(directory / "state");
  safetensors_writer writer;
  for (const auto& [name, value] : file.metadata())
    if (!is_checksum(name)) writer.set_metadata(name, value);
  for (const auto& [name, value] : change) writer.set_metadata(name, value);
  for (const auto& [name, tensor] : file.tensors())
    if (name != left_out) writer.add(name, tensor.type, tensor.shape, tensor.bytes);
  return writer;
}

// What a model answers to a file, which must not change it.
template <class Model>
std::string answer(optimizer kind, const std::string& path) {
  made<Model> target(kind);
  train(target.model, kind);
  const std::vector<std::uint32_t> before = all_of(target.model);
  const std::string line = line_of([&] { load_training_state(target.model, path); });
  CHECK(all_of(target.model) == before);
  return line;
}
template <class Model>
std::string answer(optimizer kind, safetensors_writer writer) {
  const scratch_directory directory;
  writer.add_checksums();
  writer.write(directory / "state");
  const std::string line = answer<Model>(kind, directory / "state"), where = directory / "state";
  const std::size_t at = line.find(where);
  return at == std::string::npos ? line : line.substr(0, at) + "FILE" + line.substr(at + where.size());
}

}  // namespace

TEST_CASE("training state: a training goes on bit for bit from any step, with SGD, with Adam, and averaged") {
  check_going_on<perceptron>(optimizer::sgd, 16);
  check_going_on<perceptron>(optimizer::adam, 16);
  check_going_on<perceptron>(optimizer::averaged_sgd, 16);
}

TEST_CASE("training state: running statistics go on, too") {
  check_going_on<residual>(optimizer::sgd, 8);
  check_going_on<residual>(optimizer::adam, 8);
}

TEST_CASE("training state: what the file holds") {
  const scratch_directory directory;
  for (const optimizer kind : {optimizer::sgd, optimizer::adam, optimizer::averaged_sgd}) {
    made<residual> source(kind);
    save_training_state(source.model,
                        {{.epoch = 3, .step = 1, .steps = 13, .updates = 12, .loss = 0.1}, {{"x", "y"}}},
                        directory / "a");
    const safetensors_file file = safetensors_file::open(directory / "a");
    const auto& metadata = file.metadata();
    CHECK(metadata.size() == 2 + 10 + 1 + 1 + file.tensors().size());
    CHECK(metadata.at("format") == "spankey training state 2");
    CHECK(metadata.at("spankey") == SPANKEY_VERSION_STRING);
    CHECK(metadata.at("epoch") == "3");
    CHECK(metadata.at("step") == "1");
    CHECK(metadata.at("steps") == "13");
    CHECK(metadata.at("updates") == "12");
    CHECK(metadata.at("loss") == "0.1");
    CHECK(metadata.at("run.x") == "y");
    std::size_t parameters = 0, states = 0;
    source.model.for_each_parameter([&](const scope&, auto&) { ++parameters; });
    source.model.for_each_state([&](const scope&, auto&) { ++states; });
    CHECK(states > 0);
    CHECK(file.tensors().size() == (kind == optimizer::sgd ? 2 : 3) * parameters + states);
    for (const char* name : {"param.conv1.weight", "momentum.conv1.weight"})
      file.require(name, dtype::f32, {32, 1, 3, 3});
    file.require("buffer.bn1.running_var", dtype::f32, {32});
    CHECK(file.tensors().contains("second_moment.conv1.weight") == (kind == optimizer::adam));
    CHECK(file.tensors().contains("average.conv1.weight") == (kind == optimizer::averaged_sgd));
    save_training_state(source.model,
                        {{.epoch = 3, .step = 1, .steps = 13, .updates = 12, .loss = 0.1}, {{"x", "y"}}},
                        directory / "b");
    CHECK(spankey_test::content_of(directory / "a") == spankey_test::content_of(directory / "b"));
  }
}

TEST_CASE("training state: a file that lacks something is refused, and nothing changes") {
  for (const optimizer kind : {optimizer::sgd, optimizer::adam, optimizer::averaged_sgd}) {
    CHECK(answer<perceptron>(kind, complete_but<perceptron>("param.fc1.weight", kind)) ==
          "[spankey.safetensors.121] FILE: tensor \"param.fc1.weight\" (needed by the model's parameters): "
          "expected F32 (64, 20), found no tensor of this name");
    CHECK(answer<perceptron>(kind, complete_but<perceptron>("momentum.fc3.bias", kind)) ==
          "[spankey.safetensors.121] FILE: tensor \"momentum.fc3.bias\" (needed by the optimizer's state): "
          "expected F32 (6), found no tensor of this name");
  }
  CHECK(
      answer<perceptron>(optimizer::adam, complete_but<perceptron>("second_moment.fc2.bias", optimizer::adam))
          .starts_with("[spankey.safetensors.121] FILE: tensor \"second_moment.fc2.bias\""));
  CHECK(answer<residual>(optimizer::sgd, complete_but<residual>("buffer.bn1.running_mean", optimizer::sgd))
            .starts_with("[spankey.safetensors.121] FILE: tensor \"buffer.bn1.running_mean\""));
}

TEST_CASE("training state: another optimizer's, another model's") {
  const auto sgd = optimizer::sgd, adam = optimizer::adam;
  CHECK(answer<perceptron>(adam, complete_but<perceptron>("", sgd))
            .starts_with("[spankey.safetensors.121] FILE: tensor \"second_moment.fc1.weight\""));
  CHECK(answer<perceptron>(sgd, complete_but<perceptron>("", adam)) ==
        "[spankey.checkpoint.102] FILE: tensor \"second_moment.fc1.bias\": expected only the state of this "
        "model and its optimizer, found F32 (64)");
  CHECK(answer<perceptron>(sgd, complete_but<residual>("", sgd))
            .starts_with("[spankey.safetensors.121] FILE: tensor \"momentum.fc1.weight\""));

  using five_outputs = mlp<5, gate<multiplicative, at<0, 2>>, backend::cpu, float>;
  made<five_outputs> smaller(sgd);
  const scratch_directory directory;
  save_training_state(smaller.model, state_after(2), directory / "state");
  CHECK(answer<perceptron>(sgd, directory / "state")
            .ends_with(
                "tensor \"momentum.fc3.weight\" (needed by the optimizer's state): expected F32 (6, 32), "
                "found F32 (5, 32)"));

  safetensors_writer doubles = complete_but<perceptron>("momentum.fc1.bias", sgd);
  doubles.add_i64("momentum.fc1.bias", {64}, std::vector<std::int64_t>(64));
  CHECK(answer<perceptron>(sgd, doubles)
            .starts_with("[spankey.safetensors.122] FILE: tensor \"momentum.fc1.bias\""));
  for (const char* name : {"momentum.fc4.bias", "fc1.bias", "noise"}) {
    safetensors_writer more = complete_but<perceptron>("", sgd);
    more.add_f32(name, {1}, std::vector<float>{1});
    CHECK(answer<perceptron>(sgd, more).starts_with("[spankey.checkpoint.102] FILE: tensor \"" +
                                                    std::string(name)));
  }
  safetensors_writer more = complete_but<perceptron>("", sgd);
  more.add_f32("param.fc4.bias", {1}, std::vector<float>{1});
  CHECK(answer<perceptron>(sgd, more).starts_with("[spankey.weights.103] FILE: tensor \"param.fc4.bias\""));
}

TEST_CASE("training state: how far the run was, and who wrote it") {
  const auto sgd = optimizer::sgd;
  for (const char* done : {"", "-1", "+2", " 2", "2 ", "2.0", "two", "18446744073709551616"}) {
    CAPTURE(done);
    CHECK(answer<perceptron>(sgd, complete_but<perceptron>("", sgd, {{"step", done}})) ==
          "[spankey.checkpoint.101] FILE: expected a number as step in the metadata, found \"" +
              std::string(done) + "\"");
  }
  CHECK(answer<perceptron>(sgd, complete_but<perceptron>("", sgd, {{"seconds", "long"}}))
            .starts_with("[spankey.checkpoint.101] FILE: expected a number as seconds"));
  CHECK(answer<perceptron>(sgd, complete_but<perceptron>("", sgd, {{"spankey", "0.0.9"}})) ==
        "[spankey.checkpoint.104] FILE: was written by version 0.0.9 of the library, this "
        "is " SPANKEY_VERSION_STRING ": it would not go on as it began");
  CHECK(answer<perceptron>(sgd, complete_but<perceptron>("", sgd, {{"format", "spankey training state 1"}}))
            .starts_with("[spankey.checkpoint.103] FILE: expected \"spankey training state 2\""));
}

TEST_CASE("training state: sums come back to the last bit, not finite ones too") {
  const scratch_directory directory;
  made<perceptron> source(optimizer::sgd);
  const double inf = std::numeric_limits<double>::infinity();
  for (const double value : {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, -0.0, inf, -inf}) {
    save_training_state(source.model, {{.loss = value, .seconds = -value}, {}}, directory / "state");
    const training_position at = load_training_state(source.model, directory / "state").at;
    CHECK(std::bit_cast<std::uint64_t>(at.loss) == std::bit_cast<std::uint64_t>(value));
    CHECK(std::bit_cast<std::uint64_t>(at.seconds) == std::bit_cast<std::uint64_t>(-value));
  }
  save_training_state(source.model, {{.loss = std::nan("")}, {}}, directory / "state");
  CHECK(std::isnan(load_training_state(source.model, directory / "state").at.loss));
}

TEST_CASE("training state: a parameter or momentum that is no number is refused, unless the run trains on") {
  for (const auto part : {parameter_part::value, parameter_part::momentum, parameter_part::second_moment}) {
    const scratch_directory directory;
    made<perceptron> source(optimizer::adam);
    source.model.for_each_parameter([&](const scope& at, auto& p) {
      if (at.str() == "fc2.bias") part_of(p, part).data[1] = std::numeric_limits<float>::infinity();
    });
    save_training_state(source.model, state_after(1), directory / "state");
    const std::string name = part == parameter_part::value      ? "param."
                             : part == parameter_part::momentum ? "momentum."
                                                                : "second_moment.";
    CHECK(answer<perceptron>(optimizer::adam, directory / "state")
              .find("[spankey.weights.104] " + (directory / "state") + ": tensor \"" + name + "fc2.bias\"") ==
          0);
    made<perceptron> target(optimizer::adam);
    load_training_state(target.model, directory / "state", stored_numbers::any);
    CHECK(all_of(target.model) == all_of(source.model));
  }
}

TEST_CASE("training state: a file without checksums, and with one of them wrong") {
  const scratch_directory directory;
  complete_but<perceptron>("", optimizer::sgd).write(directory / "state");
  CHECK(answer<perceptron>(optimizer::sgd, directory / "state").starts_with("[spankey.checksum.101]"));
  safetensors_writer writer = complete_but<perceptron>("", optimizer::sgd);
  writer.add_checksums();
  writer.set_metadata("crc32.param.fc1.bias", "00000000");
  writer.write(directory / "state");
  CHECK(answer<perceptron>(optimizer::sgd, directory / "state").starts_with("[spankey.checksum.102]"));
}

TEST_CASE("training state: a truncated file, and none at all") {
  const scratch_directory directory;
  safetensors_writer writer = complete_but<perceptron>("", optimizer::sgd);
  writer.add_checksums();
  writer.write(directory / "state");
  const std::string whole = spankey_test::content_of(directory / "state");
  for (const std::size_t length :
       {std::size_t{0}, std::size_t{7}, std::size_t{100}, whole.size() / 2, whole.size() - 1}) {
    CAPTURE(length);
    spankey_test::put(directory / "part", whole.substr(0, length));
    CHECK(answer<perceptron>(optimizer::sgd, directory / "part").starts_with("[spankey.safetensors.1"));
  }
  CHECK(answer<perceptron>(optimizer::sgd, directory / "none").starts_with("[spankey."));
  made<perceptron> target(optimizer::sgd);
  CHECK(load_training_state(target.model, directory / "state").at.epoch == 2);
}

TEST_CASE("training state: a model without memory is an error, not a crash") {
  const scratch_directory directory;
  safetensors_writer writer = complete_but<perceptron>("", optimizer::adam);
  writer.add_checksums();
  writer.write(directory / "state");
  perceptron bare;
  keep_second_moment(bare);
  CHECK(
      line_of([&] { load_training_state(bare, directory / "state"); }).starts_with("[spankey.weights.101]"));
  CHECK(line_of([&] {
          save_training_state(bare, state_after(1), directory / "new");
        }).starts_with("[spankey.weights.101]"));
  // Asked for a second moment after its memory was planned.
  made<perceptron> late(optimizer::sgd);
  keep_second_moment(late.model);
  CHECK(line_of([&] { load_training_state(late.model, directory / "state"); }) ==
        "[spankey.weights.101] second_moment.fc1.weight: expected 1280 elements in memory, found 0 (make the "
        "model's "
        "arena first)");
}
