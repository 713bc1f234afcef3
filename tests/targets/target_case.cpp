// Trains a small gate, as the build machine of a product would, and writes what its firmware holds:
//   target_case FOLDER         FOLDER/float/case.hpp and FOLDER/int8/case.hpp: weight image, two keys, some images
//   target_case FOLDER MNIST   the same with the images of MNIST in that folder instead of drawn ones
// Prints, for each of the two, the lines `answer` that firmware.cpp has to print: for float weights those of the trained
// model itself, for int8 those of a session here; and `label IMAGE CLASS` for the images.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "spankey/infer/make_image.hpp"
#include "spankey/infer/session.hpp"
#include "spankey/train.hpp"

namespace {

using namespace spankey;
constexpr index_t train_count = 2000, test_count = 200, classes = 10;
static_assert(glyph_classes == classes && mnist_classes == classes);
using gates = at<1, 2>;
using network = small_cnn<reject_class::outputs(classes), gate<multiplicative, gates>, backend::cpu, float>;

// Drawn images as small_cnn reads them: the middle 28 x 28 pixels, gray.
image_dataset gray_glyphs(index_t count, split part) {
  const image_dataset drawn = make_glyphs(count, 1, part);
  image_dataset gray;
  gray.name = "gray glyphs";
  gray.sample = extents_of<network::input>;
  gray.classes = drawn.classes;
  gray.labels = drawn.labels;
  gray.mean = {0.333F}, gray.deviation = {0.257F};
  const index_t edge = gray.sample.width, margin = (drawn.sample.width - edge) / 2;
  for (index_t i = 0; i < count; ++i) {
    for (index_t pixel = 0; pixel < edge * edge; ++pixel) {
      const index_t row = pixel / edge + margin, column = pixel % edge + margin;
      const std::uint8_t* const rgb = drawn.image(i) + (row * drawn.sample.width + column) * 3;
      gray.pixels.push_back(static_cast<std::uint8_t>((rgb[0] + rgb[1] + rgb[2]) / 3));
    }
  }
  return gray;
}

// The first samples of a data set.
image_dataset first_of(image_dataset data, index_t count) {
  data.labels.resize(static_cast<std::size_t>(count));
  data.pixels.resize(static_cast<std::size_t>(count * data.sample.size()));
  return data;
}

// One key, by site: in memory order for the model, in file order for a session.
struct key_of_case {
  site_buffers memory;
  std::array<std::vector<float>, 2> file;

  explicit key_of_case(key_space& space, bool valid) : memory(space.sites(), 1) {
    const random_source source{1, stream::evaluation, 0};
    if (valid) {
      space.draw_valid(source, 1, memory.outputs());
    } else {
      space.draw_invalid({invalid_family::gaussian}, source, 1, memory.outputs());
    }
    for (std::size_t s = 0; s < file.size(); ++s) {
      const extents& shape = space.sites()[s].shape;
      file[s].resize(static_cast<std::size_t>(shape.size()));
      for (index_t i = 0; i < shape.size(); ++i)
        file[s][static_cast<std::size_t>(file_index(shape, i))] = memory.outputs()[s][i];
    }
  }
};

struct deployed {
  std::vector<std::vector<float>> images;
  std::vector<std::vector<std::uint8_t>> pixels;  // the same, as they lie in the data set
  const key_of_case &valid, &invalid;
};

template <class T>
void write_floats(std::ostream& out, const T& values) {
  char text[32];
  for (const float v : values) {
    std::snprintf(text, sizeof text, "%aF,", static_cast<double>(v));
    out << text;
  }
}

void write_key(std::ostream& out, const char* name, const key_of_case& key) {
  out << "constexpr case_key " << name << " = {{";
  write_floats(out, key.file[0]);
  out << "}, {";
  write_floats(out, key.file[1]);
  out << "}};\n";
}

void write_case(const std::filesystem::path& folder, const char* weight, const std::vector<std::byte>& image,
                const deployed& d) {
  std::filesystem::create_directories(folder);
  std::ofstream out(folder / "case.hpp");
  out << "#pragma once\n#include <cstdint>\nusing case_weight = " << weight << ";\n"
      << "alignas(16) constexpr std::uint32_t case_weights[] = {";
  for (std::size_t i = 0; i < image.size(); i += 4) {
    std::uint32_t four;
    std::memcpy(&four, image.data() + i, 4);
    out << four << "U,";
  }
  out << "};\nconstexpr std::uint8_t case_images[][" << network::input::size << "] = {";
  for (const auto& pixels : d.pixels) {
    out << '{';
    for (const std::uint8_t byte : pixels) out << unsigned{byte} << ',';
    out << "},";
  }
  out << "};\nstruct case_key { float site1[" << d.valid.file[0].size() << "], site2["
      << d.valid.file[1].size() << "]; };\n";
  write_key(out, "case_valid", d.valid);
  write_key(out, "case_invalid", d.invalid);
  if (!out.flush()) {
    std::cerr << "target_case: cannot write " << folder << '\n';
    std::exit(2);
  }
}

template <class Logits>
void print_answer(const char* weights, const char* state, std::size_t image, const Logits& logits) {
  const auto semantic = std::max_element(logits.begin(), logits.begin() + classes) - logits.begin();
  std::printf("%s answer %s %zu %td %d", weights, state, image, semantic,
              logits[classes] > logits[static_cast<std::size_t>(semantic)] ? 1 : 0);
  for (const float z : logits) std::printf(" %08x", static_cast<unsigned>(std::bit_cast<std::uint32_t>(z)));
  std::printf("\n");
}

void answers_of_model(network& model, const deployed& d) {
  const auto print = [&](const char* state, const key_of_case* key) {
    model_keys<float, network::sites.size()> keys{};
    if (key != nullptr) key->memory.bind(keys, 0, false);
    for (std::size_t i = 0; i < d.images.size(); ++i) {
      const auto z = model.forward(pass{}, {d.images[i].data(), 1}, keys);
      print_answer("float", state, i, std::vector<float>(z.data(), z.data() + index_t(network::outputs)));
    }
  };
  print("none", nullptr), print("valid", &d.valid), print("invalid", &d.invalid), print("wiped", nullptr);
}

void answers_of_session(const std::vector<std::byte>& image, const deployed& d) {
  using int8_session = infer::session<network, std::int8_t>;
  alignas(infer::image_alignment) static std::byte weights[int8_session::image_bytes];
  alignas(infer::image_alignment) static std::byte memory[int8_session::memory_bytes];
  std::copy(image.begin(), image.end(), weights);
  int8_session session;
  const auto must = [](infer::status s) {
    if (s == infer::status::ok) return;
    std::cerr << "target_case: " << infer::message_of(s) << '\n';
    std::exit(2);
  };
  must(session.open(weights, memory));
  const auto print = [&](const char* state, const key_of_case* key) {
    if (key != nullptr) {
      const std::array<std::span<const float>, 2> keys = {key->file[0], key->file[1]};
      must(session.bind(keys));
    }
    for (std::size_t i = 0; i < d.images.size(); ++i) {
      infer::answer<network> answer;
      must(session.run(d.pixels[i], answer));
      print_answer("int8", state, i, answer.logits);
    }
  };
  print("none", nullptr), print("valid", &d.valid), print("invalid", &d.invalid);
  session.wipe_key();
  print("wiped", nullptr);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2 && count != 3) {
    std::cerr << "usage: target_case FOLDER [MNIST_FOLDER]\n";
    return 2;
  }
  const std::filesystem::path folder = arguments[1];
  const bool drawn = count == 2;
  const auto images = [&](split part, index_t samples) {
    return drawn ? gray_glyphs(samples, part) : first_of(load_mnist(arguments[2], part), samples);
  };
  const image_dataset train = images(split::train, train_count), test = images(split::test, test_count);
  key_space space({.subspace_dim = 8, .per_site_key = true, .per_site_basis = true, .seed = 7},
                  sites_of<network>(gates::numbers));
  const objective<reject_class> goal{.classes = classes, .weight = 0.5, .on = deny_on::wrong_and_none};
  const training_options options{
      .epochs = 6, .batch = 50, .rate = {.learning_rate = 2e-3}, .adam = adam_options{}, .augment = {}};
  auto model = std::make_unique<network>();
  set_injector(*model, multiplicative{.gamma = 2});
  keep_second_moment(*model);
  const arena memory(*model, goal.groups() * options.batch);
  initialise(*model, options.seed);
  silent_observer observer;
  trainer(*model, goal, &space, train, options).run(observer);
  const gate_report gate =
      gate_evaluation(*model, &space, test, 50, {.keys = 4, .images_per_key = 200}).run();
  std::printf("gate valid %.3f invalid %.3f none %.3f\n", (*gate.valid_key)[figure::semantic].mean,
              gate.invalid_keys.front().summary[figure::semantic].mean, gate.no_key[figure::semantic].mean);

  const key_of_case valid(space, true), invalid(space, false);
  deployed d{{}, {}, valid, invalid};
  const sample_writer<image_dataset, float> writer(test, "target_case");
  for (index_t i = 0; i < (drawn ? 4 : 20); ++i) {
    d.images.emplace_back(static_cast<std::size_t>(network::input::size));
    writer.write(i, d.images.back().data());
    d.pixels.emplace_back(test.image(i), test.image(i) + network::input::size);
    std::printf("label %td %d\n", i, test.label(i));
  }
  const infer::pixel_normalisation pixels = infer::pixels_of(test.mean, test.deviation);
  const auto floats = infer::make_image<float>(*model, classes, pixels);
  const auto bytes = infer::make_image<std::int8_t>(*model, classes, pixels);
  write_case(folder / "float", "float", floats, d);
  write_case(folder / "int8", "std::int8_t", bytes, d);
  answers_of_model(*model, d);
  answers_of_session(bytes, d);
  return 0;
}
