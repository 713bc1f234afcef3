// What a list says of its layers: names, shapes, sites, where blocks begin and end; and every mistake, with its place.
#include "spankey/model/layer_list.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "error_probe.hpp"
#include "hand_made.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/model/sized_model.hpp"

using namespace spankey;

namespace {

constexpr extents image{2, 9, 7};

std::string text_of(const extents& e) {
  return std::to_string(e.channels) + "x" + std::to_string(e.height) + "x" + std::to_string(e.width);
}
std::vector<std::string> lines_of(const layer_list& net) {
  std::vector<std::string> lines;
  for (const layer_description& d : net) {
    lines.push_back(std::string(d.name.view()) + " " + text_of(d.out));
  }
  return lines;
}

// The first mistake of a list that `add` makes, and where it was found.
template <class F>
std::string mistake(F&& add, bool ends = true) {
  layer_list net("own", image);
  add(net);
  if (ends) net.head("fc", 3);
  if (net.found() == list_fault::none) return "none";
  return std::string(net.fault_at()) + ": " + std::string(sentence_of(net.found()));
}
std::string sentence(list_fault fault) { return std::string(sentence_of(fault)); }

}  // namespace

TEST_CASE("layer_list: names are PyTorch's, shapes follow from the input") {
  layer_list net("own", image);
  net.site(0).conv2d("conv1", 4, {.kernel = 5, .stride = 2, .pad = padding::none}).batch_norm2d("bn1");
  net.enter("features").relu("0").enter("deep").gelu("1").leave().leave();
  net.residual("block").conv2d("conv1", 6);
  net.residual("inner").conv2d("conv", 6).site(1).join();
  net.skip("downsample").conv2d("0", 6, {.kernel = 1}).join(activation::relu);
  net.max_pool2d("pool").site(2).linear("fc1", 9).head("fc", head_outputs(3, aux_logit::reject));
  CHECK(net.found() == list_fault::none);
  CHECK(net.name() == "own");
  CHECK(net.input() == image);
  CHECK(net.outputs().same_as(head_outputs(3, aux_logit::reject)));
  CHECK(lines_of(net) ==
        std::vector<std::string>{"gate0 2x9x7", "conv1 4x3x2", "bn1 4x3x2", "features.0 4x3x2",
                                 "features.deep.1 4x3x2", "block 4x3x2", "block.conv1 6x3x2",
                                 "block.inner 6x3x2", "block.inner.conv 6x3x2", "block.inner.gate1 6x3x2",
                                 "block.inner 6x3x2", "block.downsample 4x3x2", "block.downsample.0 6x3x2",
                                 "block 6x3x2", "pool 6x1x1", "gate2 6x1x1", "fc1 9x1x1", "fc 4x1x1"});
  REQUIRE(net.site_count() == 3);
  CHECK(net.site_shape(0) == image);
  CHECK(net.site_shape(1) == extents{6, 3, 2});
  CHECK(net.site_shape(2) == extents{6, 1, 1});
}

TEST_CASE("layer_list: a block knows its beginning, its skip path, its end, and who adds both") {
  layer_list net("own", image);
  net.residual("a").conv2d("conv1", 2).batch_norm2d("bn1").join(activation::relu);      // 0 to 3
  net.residual("b").conv2d("conv1", 3).skip("s").conv2d("0", 3, {.kernel = 1}).join();  // 4 to 8
  net.residual("c").batch_norm2d("bn1").join(activation::relu);                         // 9 to 11
  CHECK(net[0].skip == 3);
  CHECK(net[0].join == 3);
  CHECK(net[3].begin == 0);
  CHECK(net[3].sum == 2);  // the batch norm adds, and activates
  CHECK(net[2].takes_sum);
  CHECK(net[2].after == activation::relu);
  CHECK(net[4].skip == 6);
  CHECK(net[4].join == 8);
  CHECK(net[8].sum == 8);
  CHECK(net[11].sum == 11);  // a block of one norm alone
  CHECK_FALSE(net[10].takes_sum);
}

TEST_CASE("layer_list: the first mistake is kept, with the layer behind which it was made") {
  using list = layer_list;
  const auto behind = [](const char* where, list_fault fault) { return where + (": " + sentence(fault)); };
  CHECK(mistake([](list& net) { net.relu("relu1"); }) == "none");
  CHECK(mistake([](list& net) { net.relu("relu1").site(1); }) == behind("relu1", list_fault::site_order));
  CHECK(mistake([](list& net) { net.site(0).site(0); }) == behind("gate0", list_fault::site_order));
  CHECK(mistake([](list& net) { net.site(-1); }) == behind("", list_fault::site_order));
  CHECK(mistake([](list& net) {
          for (int i = 0; i < 33; ++i) net.site(i);
        }) == behind("gate31", list_fault::site_order));
  for (const conv2d_options& wrong :
       {conv2d_options{.kernel = 0}, conv2d_options{.kernel = 8}, conv2d_options{.stride = 0},
        conv2d_options{.groups = 0}, conv2d_options{.groups = 3},
        conv2d_options{.kernel = 7, .pad = padding::none}})
    CHECK(mistake([&](list& net) { net.max_pool2d("pool").conv2d("conv1", 4, wrong); }) ==
          behind("pool", list_fault::window));
  CHECK(mistake([](list& net) { net.conv2d("conv1", 0); }) == behind("", list_fault::window));
  for (const pool2d_options& wrong :
       {pool2d_options{.kernel = 0}, pool2d_options{.stride = 0}, pool2d_options{.padding = 2},
        pool2d_options{.padding = -1}, pool2d_options{.kernel = 8}})
    CHECK(mistake([&](list& net) { net.max_pool2d("pool1", wrong); }) == behind("", list_fault::window));
  CHECK(mistake([](list& net) { net.linear("fc1", 0); }) == behind("", list_fault::window));
  CHECK(mistake([](list& net) { net.residual("b").conv2d("c", 4).join(); }) ==
        behind("b.c", list_fault::shapes_differ));
  CHECK(mistake([](list& net) { net.residual("b").join(); }) == behind("b", list_fault::block));
  CHECK(mistake([](list& net) { net.join(); }) == behind("", list_fault::block));
  CHECK(mistake([](list& net) { net.skip("s"); }) == behind("", list_fault::block));
  CHECK(mistake([](list& net) { net.residual("b").relu("r").skip("s").relu("r").skip("t"); }) ==
        behind("b.s.r", list_fault::block));
  CHECK(mistake([](list& net) { net.residual("b").relu("r"); }) == behind("b.r", list_fault::block));
  CHECK(mistake([](list& net) {
          for (int i = 0; i < 9; ++i) net.residual("b");
        }) == behind("b.b.b.b.b.b.b.b", list_fault::block));
  CHECK(mistake([](list& net) { net.residual("b").relu("r").join(activation::silu); }) ==
        behind("b.r", list_fault::fused));
  CHECK(mistake([](list& net) { net.batch_norm2d("bn1", activation::gelu); }) ==
        behind("", list_fault::fused));
  CHECK(mistake([](list& net) { net.conv2d("", 4); }) == behind("", list_fault::name));
  CHECK(mistake([](list& net) { net.conv2d("same", 4).linear("same", 4); }) ==
        behind("same", list_fault::name));
  CHECK(mistake([](list& net) {  // running statistics have names, too
          net.batch_norm2d("bn", activation::identity, {.scale = false, .shift = false});
          net.batch_norm2d("bn", activation::identity, {.scale = false, .shift = false});
        }) == behind("bn", list_fault::name));
  CHECK(mistake([](list& net) { net.linear("fc_aux", 4).head("fc", head_outputs(3, aux_logit::reject)); },
                false) == behind("fc_aux", list_fault::name));
  CHECK(mistake([](list& net) { net.conv2d(std::string(64, 'x'), 4); }) == behind("", list_fault::name));
  CHECK(mistake([](list& net) { net.enter(std::string(40, 'x')).conv2d(std::string(30, 'y'), 4); }) ==
        behind("", list_fault::name));
  CHECK(mistake([](list& net) { net.relu("relu1"); }, false) == behind("", list_fault::no_head));
  CHECK(mistake([](list&) {}, false) == behind("", list_fault::no_head));
  CHECK(mistake([](list& net) { net.head("fc", 3).relu("relu1"); }) == behind("fc", list_fault::no_head));
  CHECK(mistake([](list& net) { net.head("fc0", 0); }, false) == behind("", list_fault::window));
  CHECK(mistake([](list& net) {
          for (int i = 0; i < 600; ++i) net.relu("relu");
        }) == behind("relu", list_fault::too_many));
}

TEST_CASE("layer_list: an input without an element, a name that is none") {
  for (const extents& wrong : {extents{0, 1, 1}, extents{1, 0, 1}, extents{1, 1, -3}})
    CHECK(layer_list("own", wrong).head("fc", 3).found() == list_fault::window);
  CHECK(layer_list("", image).head("fc", 3).found() == list_fault::name);
  CHECK(layer_list(std::string(64, 'x'), image).head("fc", 3).found() == list_fault::name);
}

TEST_CASE("a list of run time with a mistake is one error that says where") {
  using sized = sized_model<multiplicative, backend::reference, float>;
  const auto made = [](layer_list net) {
    return spankey_test::message_of([&] { const sized model(net.head("fc", 3)); });
  };
  CHECK(made(layer_list("own", image)) == "no error");
  CHECK(made(layer_list("own", image).relu("relu1").site(4)) ==
        "[spankey.model.101] relu1: " + sentence(list_fault::site_order));
  CHECK(made(layer_list("own", image).conv2d("conv1", -1)) ==
        "[spankey.model.101] own: " + sentence(list_fault::window));
}

TEST_CASE("the same list says the same at compile time and at run time") {
  using static_sizes = test::made_of<test::nested, multiplicative, at<0, 1, 2, 3>, backend::reference, float>;
  static_assert(static_sizes::list.found() == list_fault::none);
  static_assert(static_sizes::sites[1] == extents{6, 3, 3});
  static_sizes one;
  sized_model<multiplicative, backend::reference, float> other(test::nested(5));
  CHECK(lines_of(static_sizes::list) == lines_of(test::nested(5)));
  CHECK(std::ranges::equal(one.site_shapes(), other.site_shapes()));
  CHECK(plan_memory(one, 4).bytes() == plan_memory(other, 4).bytes());
}
