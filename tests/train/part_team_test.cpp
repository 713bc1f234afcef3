#include "spankey/train/part_team.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/loss/deny/reject_class.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/model.hpp"
#include "spankey/train/trainer.hpp"
#include "thread_processes.hpp"

using namespace spankey;
using spankey_test::id_of;
using spankey_test::message_of;

namespace {

// Everything that couples samples or draws numbers: batch norm before and behind a site, dropout, a residual.
constexpr layer_list network_layers(head_outputs outputs) {
  layer_list net("parts", {2, 6, 6});
  net.conv2d("conv1", 4).batch_norm2d("bn1", activation::relu).site(0);
  net.conv2d("conv2", 4).batch_norm2d("bn2", activation::relu).dropout("dropout", 0.25);
  return net.max_pool2d("pool").head("fc", outputs);
}
template <class Backend, class T>
using network = model_of<network_layers, reject_class::outputs(4), gate<multiplicative, at<0>>, Backend, T>;

image_dataset noise(index_t count) {
  image_dataset images{"noise", {2, 6, 6}, 4, {}, {}, {0.5F, 0.5F}, {0.25F, 0.25F}};
  const random_source random(8, stream::glyphs);
  for (index_t i = 0; i < count; ++i) images.labels.push_back(static_cast<std::uint8_t>(i % 4));
  for (index_t i = 0; i < count * 72; ++i)
    images.pixels.push_back(static_cast<std::uint8_t>(random.below(static_cast<std::uint64_t>(i), 256)));
  return images;
}

template <class Model>
std::vector<double> state_of(Model& model) {
  std::vector<double> all;
  const auto add = [&](const auto& tensor, index_t count) {
    for (index_t i = 0; i < count; ++i) all.push_back(static_cast<double>(tensor.data[i]));
  };
  model.for_each_parameter([&](const scope&, auto& p) { add(p.value, p.dims.size()); });
  model.for_each_state([&](const scope&, auto& s) { add(s.value, s.count); });
  return all;
}

struct keeps_losses {
  std::vector<double> losses;
  void on_step(const step_record& r) { losses.push_back(r.loss), losses.push_back(r.accuracy); }
  void on_epoch(const epoch_record&) {}
};

struct outcome {
  std::vector<double> state, losses;
  bool operator==(const outcome&) const = default;
};

struct run_request {
  batch_statistics statistics = batch_statistics::per_group;
  bool mixture = false;
  gradient_format format = gradient_format::fp32;
};

// Two epochs of 40 images in batches of 16, 16 and 8.
template <class Backend, class T>
outcome train_part(const run_request& request, batch_part* part) {
  const image_dataset data = noise(40);
  network<Backend, T> model;
  set_injector(model, multiplicative{.gamma = 1});
  const objective<reject_class> goal{
      .classes = 4, .on = deny_on::wrong_and_none, .statistics = request.statistics};
  training_options options{.epochs = 2,
                           .batch = 16,
                           .seed = 4,
                           .rate = {.kind = schedule_kind::constant, .learning_rate = 0.05},
                           .augment = {.pad = 1, .flip = true}};
  if (request.mixture)
    options.invalid_mixture = {{{invalid_family::gaussian}, 1}, {{invalid_family::zero}, 1}};
  options.part = part;
  const arena memory(model, 3 * batch_of_part(options));
  initialise(model, 1);
  const std::vector<int> sites = {0};
  key_space keys({.subspace_dim = 4}, sites_of(model.site_shapes(), sites));
  keeps_losses watcher;
  trainer(model, goal, &keys, data, options).run(watcher);
  return {state_of(model), watcher.losses};
}

// Parts of `processes` processes; all end the same.
template <class Backend, class T>
outcome train(const run_request& request, index_t parts, index_t processes) {
  std::vector<std::optional<outcome>> found(static_cast<std::size_t>(parts));
  test::thread_processes all(processes);
  all.run([&](process_group& own) {
    part_team team({.parts = parts, .format = request.format}, processes == 1 ? nullptr : &own);
    team.run([&](batch_part& part) {
      found[static_cast<std::size_t>(part.number())] = train_part<Backend, T>(request, &part);
    });
  });
  for (const auto& one : found) CHECK(one == found.front());
  return *found.front();
}

double apart(const outcome& a, const outcome& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.state.size(); ++i) most = std::max(most, std::abs(a.state[i] - b.state[i]));
  for (std::size_t i = 0; i < a.losses.size(); ++i)
    most = std::max(most, std::abs(a.losses[i] - b.losses[i]));
  return most;
}
}  // namespace

namespace {
// Loss, gradients and running statistics of one step in double, whole or in parts, with a key a sample.
struct whole_step {
  static constexpr index_t samples = 8, groups = 3, size = 72, key = 144;
  using model_type = network<backend::reference, double>;
  batch_statistics statistics;
  std::size_t bucket = 50;  // of 364 gradients
  bool is_told = true;      // while the backward pass goes on
  std::vector<double> x, valid, invalid;
  std::vector<int> labels;

  explicit whole_step(batch_statistics s) : statistics(s) {
    const random_source random(2, stream::glyphs);
    const auto draw = [&](std::vector<double>& to, index_t count, index_t base) {
      for (index_t i = 0; i < count; ++i) to.push_back(random.gaussian(static_cast<std::uint64_t>(base + i)));
    };
    draw(x, samples * size, 0), draw(valid, samples * key, 10000), draw(invalid, key, 20000);
    for (index_t i = 0; i < samples; ++i) labels.push_back(static_cast<int>(i * i % 4));
  }

  std::vector<double> operator()(batch_part* part) const {
    const index_t n = part == nullptr ? samples : samples / part->parts();
    const index_t first = part == nullptr ? 0 : n * part->number();
    model_type model;
    set_injector(model, multiplicative{.gamma = 1});
    const arena memory(model, groups * n);
    initialise(model, 1);
    std::vector<double> own;
    for (index_t g = 0; g < groups; ++g)
      own.insert(own.end(), x.begin() + first * size, x.begin() + (first + n) * size);
    std::vector<site_keys<double>> keys(1);
    keys[0].group[0] = {{valid.data() + first * key, static_cast<std::size_t>(n * key)}, key};
    keys[0].group[1] = {{invalid.data(), static_cast<std::size_t>(key)}, 0};
    objective<reject_class> goal{
        .classes = 4, .on = deny_on::wrong_and_none, .statistics = statistics, .seed = 7, .step = 3};
    goal.across = part, goal.first_sample = first;
    std::optional<gradient_sum<model_type::network_type>> sum;
    if (part != nullptr) sum.emplace(network_of(model), *part, bucket);
    if (part != nullptr && is_told) goal.watch = &*sum;
    const auto result =
        compute_gradients(model, goal, batch_view<const double, model_type::input>(own.data(), groups * n),
                          labels.data() + first, keys);
    std::vector<double> all = {result.cross_entropy, result.deny, result.total,
                               static_cast<double>(result.correct)};
    if (sum) sum->finish();
    model.for_each_parameter([&](const scope&, parameter<double>& p) {
      all.insert(all.end(), p.gradient.data, p.gradient.data + p.dims.size());
    });
    model.for_each_state(
        [&](const scope&, state<double>& s) { all.insert(all.end(), s.value.data, s.value.data + s.count); });
    return all;
  }
};
}  // namespace

TEST_CASE("parts: loss, gradients and running statistics of the whole batch, in double") {
  for (const auto statistics :
       {batch_statistics::per_group, batch_statistics::joint, batch_statistics::running}) {
    const whole_step step(statistics);
    const std::vector<double> whole = step(nullptr);
    for (const index_t parts : {1, 2, 4, 8}) {
      part_team team({.parts = parts});
      team.run([&](batch_part& part) {
        const std::vector<double> cut = step(&part);
        REQUIRE(cut.size() == whole.size());
        double most = 0;
        for (std::size_t i = 0; i < whole.size(); ++i)
          most = std::max(most, std::abs(cut[i] - whole[i]) / (1 + std::abs(whole[i])));
        CHECK(most < 1e-6);  // gradients travel as floats
        CHECK(std::abs(cut[0] - whole[0]) < 1e-12);
      });
    }
  }
}

TEST_CASE("parts: the same bits whatever is summed at a time, and when") {
  whole_step step(batch_statistics::per_group);
  const auto cut = [&](bool can_be_beside, index_t processes) {
    std::vector<std::vector<double>> found(4);
    test::thread_processes all(processes, can_be_beside);
    all.run([&](process_group& own) {
      part_team team({.parts = 4}, &own);
      team.run([&](batch_part& part) { found[static_cast<std::size_t>(part.number())] = step(&part); });
    });
    for (const auto& one : found) CHECK(one == found.front());
    return found.front();
  };
  step.is_told = false, step.bucket = 1000;
  const std::vector<double> expected = cut(false, 1);
  for (const std::size_t bucket : {1U, 50U, 364U, 1000U})
    for (const bool is_told : {false, true})
      for (const bool can_be_beside : {false, true})
        for (const index_t processes : {1, 2, 4}) {
          step.bucket = bucket, step.is_told = is_told;
          CHECK(cut(can_be_beside, processes) == expected);
        }
}

namespace {
// One part of one, which writes down in what order it is asked.
class asked_part final : public batch_part {
 public:
  std::vector<std::string> asked;
  [[nodiscard]] index_t parts() const override { return 1; }
  [[nodiscard]] index_t number() const override { return 0; }
  void add(std::span<double> numbers) override {
    const char* const what = numbers.size() == 4 ? "loss" : "batch norm";  // of one channel
    if (asked.empty() || asked.back() != what) asked.emplace_back(what);
  }
  void begin_add(std::span<float> gradients) override {
    asked.push_back("begin " + std::to_string(gradients.size()));
  }
  void finish_adds() override { asked.push_back("finish"); }
  void abandon_adds() override { asked.push_back("abandon"); }
  void broadcast(std::span<std::byte>) override {}
};
}  // namespace

TEST_CASE("parts: gradients are summed while the backward pass goes on") {
  whole_step step(batch_statistics::per_group);
  step.bucket = 100;
  asked_part part;
  (void)step(&part);
  // fc has 9 x 4 x 5 + 5, bn2 2 x 4, conv2 9 x 4 x 4, bn1 2 x 4, conv1 9 x 2 x 4 gradients.
  const auto behind_loss = std::find(part.asked.begin(), part.asked.end(), "loss") + 1;
  std::string order;
  for (auto one = behind_loss; one != part.asked.end(); ++one) order += *one + ", ";
  CHECK(order == "begin 100, batch norm, begin 100, begin 100, batch norm, begin 100, begin 17, finish, ");
  part.asked.clear();
  struct forward_only {};
  const auto failing = [&] {
    whole_step::model_type model;
    const arena memory(model, 1);
    initialise(model, 1);
    gradient_sum<whole_step::model_type::network_type> sum(network_of(model), part, 100);
    sum.on_gradients(network_of(model).layers().size() - 1);
    throw forward_only{};
  };
  CHECK_THROWS_AS(failing(), forward_only);
  CHECK(part.asked == std::vector<std::string>{"begin 100", "abandon"});
}

TEST_CASE("parts: what fails while sums are under way ends them") {
  test::thread_processes(2).run([](process_group& own) {
    part_team team({.parts = 4}, &own);
    CHECK(message_of([&] {
            team.run([&](batch_part& part) {
              std::vector<float> gradients(10, 1.0F);
              std::vector<double> numbers(1);
              if (own.rank() == 0) part.begin_add(gradients);  // the other process never does
              part.add(numbers);
              struct ends_sums {
                batch_part& of;
                ~ends_sums() { of.abandon_adds(); }
              } const before_memory{part};
              if (part.number() % 2 == 1) fail("train.131", "here", "it is so");
              part.add(numbers);
            });
          }) == "[spankey.train.131] here: it is so");
  });
}

TEST_CASE("parts: a training's parts agree with the training of whole batches") {
  for (const auto statistics : {batch_statistics::per_group, batch_statistics::joint})
    for (const bool mixture : {false, true}) {
      const run_request request{.statistics = statistics, .mixture = mixture};
      const outcome whole = train_part<backend::cpu, float>(request, nullptr);
      for (const index_t parts : {2, 4, 8})
        CHECK(apart(whole, train<backend::cpu, float>(request, parts, 1)) < 1e-4);
    }
}

TEST_CASE_TEMPLATE("parts: the same bits on any number of processes", T, float, bf16) {
  for (const batch_statistics statistics : {batch_statistics::per_group, batch_statistics::joint})
    for (const gradient_format format : {gradient_format::fp32, gradient_format::bf16}) {
      const run_request request{.statistics = statistics, .format = format};
      const outcome one = train<backend::cpu, T>(request, 4, 1);
      CHECK(train<backend::cpu, T>(request, 4, 2) == one);
      CHECK(train<backend::cpu, T>(request, 4, 4) == one);
      const outcome whole = train_part<backend::cpu, T>(request, nullptr);
      const bool rounds = std::is_same_v<T, bf16> || format == gradient_format::bf16;
      CHECK(apart(whole, one) < (rounds ? 0.05 : 1e-4));
    }
}

TEST_CASE("parts: one part of one process is what a trainer without parts does") {
  CHECK(train<backend::cpu, float>({}, 1, 1) == train_part<backend::cpu, float>({}, nullptr));
}

TEST_CASE("parts: what cannot be is refused") {
  CHECK(message_of([] { part_team team({.parts = 3}); }) ==
        "[spankey.train.151] parts: found 3 parts of a batch for 1 processes, expected powers of two, and a "
        "part "
        "for every process");
  test::thread_processes(4).run(
      [](process_group& own) { CHECK(id_of([&] { part_team team({.parts = 2}, &own); }) == "train.151"); });
  // A last batch of 8 in 16 parts.
  CHECK(message_of([] {
          part_team team({.parts = 16});
          team.run([](batch_part& part) { (void)train_part<backend::cpu, float>({}, &part); });
        }) ==
        "[spankey.train.147] trainer: found batches of 16 and a last one of 8 samples, expected numbers that "
        "16 "
        "parts divide");
}

TEST_CASE("parts: what fails in one ends all") {
  for (const index_t failing : {0, 1, 3}) {
    part_team team({.parts = 4});
    int ended = 0;
    CHECK(message_of([&] {
            team.run([&](batch_part& part) {
              std::vector<double> numbers = {1};
              part.add(numbers);
              if (part.number() == failing) fail("train.131", "here", "it is so");
              part.add(numbers);
              ++ended;
            });
          }) == "[spankey.train.131] here: it is so");
    CHECK(ended == 0);
  }
}

TEST_CASE("parts: those that do not ask for the same sums are told") {
  part_team team({.parts = 2});
  CHECK(id_of([&] {
          team.run([&](batch_part& part) {
            std::vector<double> numbers(static_cast<std::size_t>(1 + part.number()));
            part.add(numbers);
          });
        }) == "train.152");
  CHECK(id_of([&] {
          team.run([&](batch_part& part) {
            std::vector<double> numbers(1);
            if (part.number() == 1) part.add(numbers);
          });
        }) == "train.152");
  for (const int fault : {0, 1})
    CHECK(id_of([&] {
            team.run([&](batch_part& part) {
              std::vector<float> gradients(static_cast<std::size_t>(1 + (fault == 0 ? part.number() : 0)));
              if (fault == 0 || part.number() == 1) part.begin_add(gradients);
              part.finish_adds();
            });
          }) == "train.152");
}
