// Sessions of weights in blocks: what an image holds is what they compute with, on both engines; and what is refused.
// Costs 15 s to compile.
#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "infer/trained_network.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/infer/sized_tables.hpp"
#include "spankey/model/llama.hpp"

using namespace spankey;
using infer::status;
using test::block;
using test::distance;

namespace {

// Rows of one block and a part of one, and of two.
struct small_llama {
  static constexpr llama_size size{.vocabulary = 37,
                                   .context = 7,
                                   .channels = 40,
                                   .hidden = 70,
                                   .layers = 2,
                                   .heads = 4,
                                   .kv_heads = 2,
                                   .theta = 100};
};
template <class Backend>
using network = llama<small_llama, gate<runtime, at<0, 1>>, Backend, float>;
constexpr gpt_size small{
    .vocabulary = 32, .context = 9, .channels = 36, .layers = 1, .heads = 3, .tokens = 7};
using gpt_network = gpt<small, gate<runtime, at<0>>, backend::reference, float>;

constexpr int text[] = {3, 31, 0, 17, 17, 5, 20};

template <class Model, class Weight>
struct reader {
  using session_type = infer::session<Model, Weight>;
  block image{session_type::image_bytes}, memory{session_type::memory_bytes};
  session_type session;

  explicit reader(const std::vector<std::byte>& made) {
    REQUIRE(made.size() == session_type::image_bytes);
    std::copy(made.begin(), made.end(), image.span().begin());
    REQUIRE(session.open(image.span(), memory.span()) == status::ok);
  }
  std::vector<float> read_all() {
    std::vector<float> all;
    infer::answer<Model> answer;
    for (const int token : text) {
      REQUIRE(session.read(token, answer) == status::ok);
      all.insert(all.end(), answer.logits.begin(), answer.logits.end());
    }
    return all;
  }
};

// Puts what an image in blocks holds of an operation into the model, element by element.
template <class Model>
void take_weights(Model& model, const std::vector<std::byte>& image) {
  using layout = infer::image_layout<Model, int8_blocks>;
  for (std::size_t i = 0; i < layout::operations.size(); ++i) {
    const infer::operation& op = layout::operations[i];
    if (op.entry == infer::no_entry || infer::block_count(op) == 0) continue;
    const auto view = layout::view(image.data(), i);
    const bool is_map = op.kind == infer::operation_kind::convolution;
    const index_t of_row = blocks_of(is_map ? op.in.channels : op.channels);
    index_t first = 0;  // maps of one input stand side by side
    model.for_each_parameter_of(static_cast<std::size_t>(op.entry), [&](const scope& name, auto& p) {
      if (is_map && name.name != "weight") return;
      const index_t columns = p.dims.o;
      for (index_t j = 0; j < p.value.count && j < op.weight_count(); ++j) {
        const index_t row = is_map ? first + j % columns : j / columns,
                      c = is_map ? j / columns : j % columns;
        const index_t k = row * of_row + c / numbers_of_block;
        const auto whole = static_cast<float>(view.weights[k * numbers_of_block + c % numbers_of_block]);
        p.value.data[j] = whole * static_cast<float>(view.scale[k]);
      }
      first += columns;
    });
  }
}

// A session of an image in blocks answers as one of floats does, of the weights that the blocks stand for; and an image that is
// made of those has the same bytes, but the fingerprint.
template <class Model>
void check_of_image(double tolerance) {
  const auto from = std::make_unique<test::trained<Model>>(injector_kind::multiplicative);
  const index_t classes = index_t(Model::outputs) - 2;
  const std::vector<float> exact =
      reader<Model, float>(infer::make_image<float>(from->model, classes)).read_all();
  std::vector<std::byte> made = infer::make_image<int8_blocks>(from->model, classes);
  const std::vector<float> found = reader<Model, int8_blocks>(made).read_all();
  take_weights(from->model, made);
  const std::vector<float> expected =
      reader<Model, float>(infer::make_image<float>(from->model, classes)).read_all();
  CHECK(distance(found, expected) < tolerance);
  CHECK(distance(exact, expected) > 1e-4);  // else it was not the blocks' numbers that were compared
  CHECK(distance(found, exact) < 0.05);
  std::vector<std::byte> again = infer::make_image<int8_blocks>(from->model, classes);
  REQUIRE(again.size() == made.size());
  for (std::vector<std::byte>* image : {&made, &again}) {
    infer::image_header header;
    std::memcpy(&header, image->data(), sizeof header);
    header.network = header.checksum = 0;
    std::memcpy(image->data(), &header, sizeof header);
  }
  CHECK(made == again);
}

}  // namespace

TEST_CASE("session in blocks: computes with the numbers of its image") {
  SUBCASE("reference") { check_of_image<network<backend::reference>>(1e-5); }
  SUBCASE("reference, positions of a table and biases") { check_of_image<gpt_network>(1e-5); }
  SUBCASE("cpu, where activations are rounded, too") { check_of_image<network<backend::cpu>>(0.02); }
}

TEST_CASE("session in blocks: scales and norms that are no numbers open nothing, nor do other images") {
  using model = network<backend::reference>;
  using layout = infer::image_layout<model, int8_blocks>;
  const auto from = std::make_unique<test::trained<model>>(injector_kind::multiplicative);
  reader<model, int8_blocks> r(infer::make_image<int8_blocks>(from->model, 35));
  const auto opened_with = [&](std::size_t at, auto value) {
    std::vector<std::byte> before(r.image.span().begin(), r.image.span().end());
    std::memcpy(r.image.span().data() + at, &value, sizeof value);
    infer::image_header header;
    std::memcpy(&header, r.image.span().data(), sizeof header);
    header.checksum = infer::checksum_of_image(r.image.span().data(), r.image.span().size());
    std::memcpy(r.image.span().data(), &header, sizeof header);
    const status said = r.session.open(r.image.span(), r.memory.span());
    std::copy(before.begin(), before.end(), r.image.span().begin());
    return said;
  };
  int tables = 0, vectors = 0;
  for (std::size_t i = 0; i < layout::operations.size(); ++i) {
    const infer::operation& op = layout::operations[i];
    const auto blocks = static_cast<std::size_t>(infer::block_count(op));
    const std::size_t weights = static_cast<std::size_t>(op.weight_count());
    if (blocks > 0) {
      ++tables;
      for (const std::size_t k : {std::size_t{0}, blocks - 1}) {
        const std::size_t at = layout::parts[i].scale + k * sizeof(bf16);
        CHECK(opened_with(at, bf16(std::numeric_limits<float>::quiet_NaN())) == status::image_not_finite);
        CHECK(opened_with(at, bf16(3e38F)) == status::image_not_finite);  // 128 times as much is none
        CHECK(opened_with(at, bf16(1e30F)) == status::ok);
      }
    } else if (weights > 0) {
      ++vectors;
      const std::size_t at = layout::parts[i].weights + (weights - 1) * sizeof(float);
      CHECK(opened_with(at, std::numeric_limits<float>::infinity()) == status::image_not_finite);
    }
  }
  CHECK(tables == 9);
  CHECK(vectors == 5);
  CHECK(opened_with(offsetof(infer::image_header, weights), std::uint32_t{2}) == status::image_weights);
  CHECK(opened_with(0, std::byte{'S'}) == status::ok);
}

TEST_CASE("session in blocks: is for networks of tokens") {
  constexpr layer_list list = mlp_on({16, 1, 1}, 5);
  const auto refused = [](const auto& make) {
    try {
      make();
    } catch (const error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  const std::string of_tables = refused([&] { infer::sized_tables<backend::cpu, int8_blocks> t(list); });
  CHECK(of_tables ==
        "[spankey.infer.113] mlp: found int8_blocks for a network of whole samples, expected one of tokens");
  using model = mlp<5, gate<runtime, at<0>>, backend::reference, float>;
  const auto from = std::make_unique<test::trained<model>>(injector_kind::additive);
  CHECK(refused([&] { (void)infer::make_image<int8_blocks>(from->model, 5); }) == of_tables);
}
