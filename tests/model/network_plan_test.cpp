// The memory plan of a step: no operation reads what another value was placed over. Networks compute in the arena what they
// compute where every buffer has a place of its own, bit for bit.
#include "spankey/model/network_plan.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "../testing/model_probe.hpp"
#include "hand_made.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/model/small_resnet.hpp"
#include "spankey/model/vit_tiny.hpp"

using namespace spankey;

namespace {

// Memory of a model without any sharing, filled with a number that shows.
class memory_apart {
 public:
  template <class Model>
  memory_apart(Model& model, index_t samples) : planned_(model.planned()) {
    model.for_each_buffer(*this, scope{}, samples);
    planned_.plan(samples, &owner_);
  }
  ~memory_apart() { planned_.forget(); }
  memory_apart(const memory_apart&) = delete;
  memory_apart& operator=(const memory_apart&) = delete;

  template <class T>
  void operator()(const scope&, buffer<T>& b, index_t count, lifetime, const span_of_use& = {}) {
    const auto size = static_cast<std::size_t>(count) * sizeof(T);
    blocks_.push_back(std::make_unique<std::byte[]>(size));
    b.data = reinterpret_cast<T*>(blocks_.back().get());
    b.count = count;
    bytes_ += memory_plan::padded(size);
  }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  planned_memory& planned_;
  planned_memory* owner_ = nullptr;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::size_t bytes_ = 0;
};

template <class Model>
using probe_apart = test::model_probe<Model, memory_apart>;

// Everything that two steps leave: logits, gradients of parameters and keys, statistics.
template <class Probe>
std::vector<std::vector<double>> left_by(Probe& probe) {
  std::vector<std::vector<double>> all;
  for (int step = 0; step < 2; ++step) {
    const auto z = probe.backward();
    all.emplace_back(z.data(), z.data() + z.size());
    probe.model.for_each_parameter([&](const scope&, parameter<double>& p) {
      all.emplace_back(p.gradient.data, p.gradient.data + p.gradient.count);
    });
    for (const auto& site : probe.key_gradients)
      for (const auto& gradient : site) all.push_back(gradient);
    probe.model.for_each_state(
        [&](const scope&, state<double>& s) { all.emplace_back(s.value.data, s.value.data + s.count); });
  }
  return all;
}

template <class Model>
void check_in_both_memories() {
  for (const index_t groups : {1, 3}) {
    CAPTURE(groups);
    test::model_probe<Model> shared(groups, 2, 0.7F);
    probe_apart<Model> apart(groups, 2, 0.7F);
    CHECK(left_by(shared) == left_by(apart));
    CHECK(plan_memory(shared.model, 2 * groups).bytes() <= apart.memory().bytes());
  }
}

template <auto Layers, class Sites>
using network = test::made_of<Layers, multiplicative, Sites, backend::reference, double>;

// Of every register: nothing mentions it outside of its span. Of every value: who reads it does so within its span.
void check_spans(const layer_list& list) {
  std::vector<layer_description> entries(list.begin(), list.end());
  std::vector<layer_traits> traits(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto made = make_layer<backend::reference, double>(entries[i], i, lifetime::output);
    if (made != nullptr) traits[i] = made->traits();
    if (entries[i].kind == layer_kind::site)
      traits[i] = {.reads_x = true, .in_place = true, .may_pass_on = true};
  }
  const network_plan plan = plan_network(entries, traits);
  const int forwards = static_cast<int>(plan.forward.size());
  const auto within = [](const span_of_use& use, int at) { return use.first <= at && at <= use.last; };
  int at = 0;
  for (const forward_operation& op : plan.forward) {
    for (const int read : {op.x, op.addend})
      if (read >= 0) CHECK(within(plan.output[static_cast<std::size_t>(read)], at));
    ++at;
  }
  std::vector<bool> written(plan.registers.size(), false);
  for (const backward_operation& op : plan.backward) {
    const auto i = static_cast<std::size_t>(op.layer);
    for (const int r : {op.dy, op.dx})
      if (r != no_register) CHECK(within(plan.registers[static_cast<std::size_t>(r)].use, at));
    if (op.dy != no_register)
      CHECK(written[static_cast<std::size_t>(op.dy)]);  // nothing reads what nobody wrote
    if (op.accumulates || op.kind == backward_kind::add) CHECK(written[static_cast<std::size_t>(op.dx)]);
    if (op.dx != no_register) written[static_cast<std::size_t>(op.dx)] = true;
    if (op.kind == backward_kind::layer && entries[i].kind != layer_kind::head) {
      CHECK(within(plan.state[i], at));
      if (traits[i].reads_y) CHECK(within(plan.output[i], at));
    }
    ++at;
  }
  CHECK(at == forwards + static_cast<int>(plan.backward.size()));
}

}  // namespace

TEST_CASE("network_plan: every operation finds what it reads within its span") {
  for (const auto& list : {test::vocabulary(5), test::nested(5), test::pre_activation(5), test::odd_blocks(5),
                           test::transformer(5), test::site_and_head(5), small_resnet_layers(5)}) {
    CAPTURE(list.name());
    check_spans(list);
  }
}

TEST_CASE("network_plan: registers go on in place; a gradient is copied only where F would overwrite it") {
  const auto count_of = [](const layer_list& list, backward_kind kind) {
    std::vector<layer_description> entries(list.begin(), list.end());
    std::vector<layer_traits> traits(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (const auto made = make_layer<backend::reference, double>(entries[i], i, lifetime::output);
          made != nullptr)
        traits[i] = made->traits();
    const network_plan plan = plan_network(entries, traits);
    return std::count_if(plan.backward.begin(), plan.backward.end(),
                         [&](const backward_operation& op) { return op.kind == kind; });
  };
  CHECK(count_of(small_resnet_layers(5), backward_kind::copy) == 0);
  CHECK(count_of(small_resnet_layers(5), backward_kind::add) == 0);
  CHECK(count_of(small_resnet_layers(5), backward_kind::sum) == 0);
  CHECK(count_of(small_resnet_layers(5), backward_kind::recompute) == 6);  // bn1 of every block
  CHECK(count_of(vit_tiny_layers(5), backward_kind::recompute) == 12);     // GELU of every block
  CHECK(count_of(test::odd_blocks(5), backward_kind::copy) > 0);
  CHECK(count_of(test::odd_blocks(5), backward_kind::add) > 0);
}

TEST_CASE("network_plan: in shared memory a step leaves what it leaves in memory apart, bit for bit") {
  check_in_both_memories<network<test::vocabulary, at<0, 1, 2>>>();
  check_in_both_memories<network<test::nested, at<0, 1, 2, 3>>>();
  check_in_both_memories<network<test::pre_activation, at<0, 1, 2>>>();
  check_in_both_memories<network<test::odd_blocks, at<0, 1, 2>>>();
  check_in_both_memories<network<test::transformer, at<0, 1, 2>>>();
  check_in_both_memories<network<test::site_and_head, at<0>>>();
}

TEST_CASE("network_plan: memory is what a step needs at its peak, not the sum") {
  network<test::nested, at<0, 1, 2, 3>> model;
  std::size_t sum = 0, kept = 0;
  const memory_plan plan = plan_memory(model, 64);
  for (const memory_entry& e : plan.entries()) (e.life == lifetime::kept ? kept : sum) += e.bytes;
  CHECK(plan.bytes() - kept < sum * 2 / 3);
}

TEST_CASE("network_plan: so does a network whose gate leaves sites out, and hands their input on") {
  check_in_both_memories<network<test::nested, at<3>>>();
  check_in_both_memories<network<test::odd_blocks, at<1>>>();
  check_in_both_memories<network<test::transformer, at<1>>>();
  check_in_both_memories<network<test::vocabulary, at<>>>();
}
