#include "run_data.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data_sets.hpp"
#include "network.hpp"
#include "own_data.hpp"
#include "pieces.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/random.hpp"
#include "spankey/data/cifar10.hpp"
#include "spankey/data/cifar100.hpp"
#include "spankey/data/glyphs.hpp"
#include "spankey/data/grammar.hpp"
#include "spankey/data/gzip.hpp"
#include "spankey/data/idx.hpp"
#include "spankey/data/linear_task.hpp"
#include "spankey/data/mnist_family.hpp"
#include "spankey/data/resize.hpp"
#include "spankey/file/checksum.hpp"
#include "spankey/file/number_text.hpp"
#include "spankey/file/printable.hpp"

namespace {

using namespace spankey;

index_t count_of(const run_options& options, split part, index_t training, index_t test) {
  const index_t limit = part == split::train ? options.train_limit : options.test_limit;
  return limit > 0 ? limit : part == split::train ? training : test;
}

// A number of samples that there are not is no mistake of the data set's, and none to keep quiet about.
void report_limit(split part, index_t limit, index_t samples) {
  if (limit <= samples) return;
  const bool training = part == split::train;
  std::fprintf(stderr,
               "--%s-limit: asked for %lld samples, the data set has %lld of %s: all of them are used\n",
               training ? "train" : "test", static_cast<long long>(limit), static_cast<long long>(samples),
               training ? "training" : "test");
}

// Those whose files are known; a user's own are read elsewhere.
image_dataset read_known_images(const run_options& options, split part) {
  const std::filesystem::path root(options.data_root);
  const std::string& data = options.data;
  const std::string emnist = "emnist-";
  if (data == "cifar10") return load_cifar10(root, part);
  if (data == "cifar100") return load_cifar100(root, part, cifar100_labels::fine);
  if (data == "cifar100-coarse") return load_cifar100(root, part, cifar100_labels::coarse);
  if (data == "mnist") return load_mnist(root, part, open_file_or_gzip);
  if (data == "fashion-mnist") return load_fashion_mnist(root, part, open_file_or_gzip);
  if (data == "kmnist") return load_kmnist(root, part, open_file_or_gzip);
  if (data == "qmnist") return load_qmnist(root, part, open_file_or_gzip);
  if (data.starts_with(emnist)) return load_emnist(root, data.substr(emnist.size()), part, open_file_or_gzip);
  fail("flag.115", "--data", "found ", data, ", which holds features; ", options.model, " takes images");
}

template <class Data>
Data limited(Data data, const run_options& options, split part) {
  const index_t limit = count_of(options, part, 0, 0);
  report_limit(part, limit, data.size());
  return limit > 0 && limit < data.size() ? take_first(std::move(data), limit) : data;
}

// Without constants.
image_dataset read_images(const run_options& options, split part) {
  if (has_own_features(options))
    fail("flag.115", "--data", "found features in ", printable(options.images), "; ", options.model,
         " takes images");
  const bool own = kind_of_data(options.data) == "own";
  image_dataset data =
      limited(own ? load_own_images(options, part) : read_known_images(options, part), options, part);
  return options.resize > 0 ? resized(std::move(data), options.resize, options.resize) : data;
}

// What the constants were measured on is what the run then trains on: it is read once.
struct training_images {
  std::string of;  // the run's configuration
  image_dataset data;
};
std::optional<training_images>& measured_images() {
  static std::optional<training_images> kept;
  return kept;
}

std::string text_of(const extents& e) {
  return "C=" + std::to_string(e.channels) + " H=" + std::to_string(e.height) +
         " W=" + std::to_string(e.width);
}

// The other part is what the network was made for; of this one only its files know.
template <class Data>
void require_as_expected(const run_options& options, split part, const Data& data, const extents& sample,
                         index_t classes) {
  if (data.sample != sample)
    fail("flag.150", "--data", "the ", part == split::train ? "training" : "test", " part of ", options.data,
         " has ", text_of(data.sample), "; ", options.model, " takes ", text_of(sample));
  if (data.classes != classes)
    fail("flag.150", "--data", "found ", options.data, ", which has ", data.classes, " classes; ",
         options.model, " answers with ", classes);
}

// As the published ones are: a few digits, which config.json shows as they are.
double rounded(float value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", static_cast<double>(value));
  return std::strtod(text, nullptr);
}

}  // namespace

run_options with_facts(const run_options& options) {
  return kind_of_data(options.data) == "own" ? with_own_facts(options) : options;
}

run_options with_pixel_constants(const run_options& options) {
  if (!options.mean.empty() || brings_pixel_constants(options.data) || options.data == "linear" ||
      is_text(options.data) || has_own_features(options))
    return options;
  run_options measured = options;
  image_dataset data = read_images(options, split::train);
  const pixel_constants found = measured_pixels(data);
  std::string text;
  for (std::size_t c = 0; c < found.mean.size(); ++c) {
    measured.mean.push_back(rounded(found.mean[c]));
    measured.deviation.push_back(std::max(1e-6, rounded(found.deviation[c])));
    char one[64];
    std::snprintf(one, sizeof one, "%s %g / %g", c == 0 ? "" : ",", measured.mean[c], measured.deviation[c]);
    text += one;
  }
  std::printf("data: mean / deviation of %lld training images:%s\n", static_cast<long long>(data.size()),
              text.c_str());
  measured_images() = {to_json(measured).dump(), std::move(data)};
  return measured;
}

image_dataset load_images(const run_options& options, split part, const extents& image, index_t classes) {
  if (options.data == "glyphs")
    return make_glyphs(count_of(options, part, 4000, 1000), options.seed, part, image);
  std::optional<training_images>& kept = measured_images();
  image_dataset data;
  if (part == split::train && kept && kept->of == to_json(options).dump()) {
    data = std::move(kept->data);
    kept.reset();
  } else {
    data = read_images(options, part);
  }
  require_as_expected(options, part, data, image, classes);
  pixels_of(options).give_to(data);
  return data;
}

pixel_constants pixels_of(const run_options& options) {
  if (!options.mean.empty())
    return {{options.mean.begin(), options.mean.end()}, {options.deviation.begin(), options.deviation.end()}};
  return options.data == "glyphs"          ? glyph_pixels(input_of(options).channels)
         : options.data == "cifar10"       ? cifar10_pixels()
         : options.data == "mnist"         ? mnist_pixels()
         : options.data == "fashion-mnist" ? fashion_mnist_pixels()
                                           : pixel_constants{};
}

feature_dataset load_features(const run_options& options, split part, const extents& features,
                              index_t classes) {
  if (options.data == "linear")
    return make_linear_task(count_of(options, part, 4000, 1000), options.seed, part);
  if (!has_own_features(options))
    fail("flag.115", "--data", "found ", options.data, ", which holds images; ", options.model,
         " takes features (linear)");
  feature_dataset data = limited(load_own_features(options, part), options, part);
  require_as_expected(options, part, data, features, classes);
  return data;
}

namespace {

// Files of a list, as they are named or below --data-root.
std::vector<text_piece> pieces_of(const run_options& options, const std::string& files) {
  std::vector<text_piece> pieces;
  for_each_piece(files, [&](const std::string& name) {
    std::error_code code;
    const std::filesystem::path below = std::filesystem::path(options.data_root) / name;
    const bool here = std::filesystem::exists(name, code) || !std::filesystem::exists(below, code);
    pieces.push_back(text_of_file(here ? name : below.string()));
  });
  return pieces;
}

}  // namespace

text_dataset load_text(const run_options& options, split part, index_t length) {
  if (!is_text(options.data))
    fail("flag.115", "--data", "found ", options.data, ", which is no text; ", options.model,
         " takes text (grammar, text)");
  if (options.vocabulary > 0)
    fail("flag.231", "--vocabulary",
         "found a run of a tokenizer's tokens, which was imported; expected one of "
         "bytes: spankey generate --score FILE says what the other makes of a text");
  const bool training = part == split::train;
  if (options.data == "grammar") {
    // Sentences that no training text reaches.
    constexpr std::uint64_t of_test = std::uint64_t{1} << 40;
    const index_t sentences = count_of(options, part, 20'000, 2'000);
    return {options.data,
            {text_in_memory(grammar_text(options.seed, training ? 0 : of_test, sentences))},
            length};
  }
  std::vector<text_piece> pieces;
  if (!options.test_text.empty()) {
    pieces = pieces_of(options, training ? options.text : options.test_text);
  } else {
    const double tested = options.test_share > 0 ? options.test_share : 0.1;
    text_parts parts = cut_texts(pieces_of(options, options.text), 1 - tested);
    pieces = training ? std::move(parts.before) : std::move(parts.behind);
  }
  return limited(text_dataset(options.data, std::move(pieces), length), options, part);
}

text_dataset drawn_text(index_t n, std::uint64_t seed, index_t length) {
  const auto sentences =
      static_cast<index_t>(std::ceil(static_cast<double>(n * length + 1) / (grammar_sentence_length() - 10)));
  return {"noise", {text_in_memory(grammar_text(seed, 0, sentences))}, length};
}

image_dataset drawn_images(index_t n, std::uint64_t seed, const extents& shape, index_t classes) {
  image_dataset data;
  data.name = "noise";
  data.sample = shape;
  data.classes = classes;
  data.mean.assign(static_cast<std::size_t>(shape.channels), 0.5F);
  data.deviation.assign(static_cast<std::size_t>(shape.channels), 0.25F);
  const random_source source(seed, stream::glyphs);
  for (index_t i = 0; i < n * shape.size(); ++i)
    data.pixels.push_back(static_cast<std::uint8_t>(source.below(static_cast<std::uint64_t>(i), 256)));
  for (index_t i = 0; i < n; ++i) data.labels.push_back(static_cast<class_label>(i % classes));
  return data;
}

feature_dataset drawn_features(index_t n, std::uint64_t seed, const extents& shape, index_t classes) {
  feature_dataset data{"noise", shape, classes, {}, {}};
  const random_source source(seed, stream::glyphs);
  for (index_t i = 0; i < n * shape.size(); ++i)
    data.values.push_back(static_cast<float>(source.gaussian(static_cast<std::uint64_t>(i))));
  for (index_t i = 0; i < n; ++i) data.labels.push_back(static_cast<class_label>(i % classes));
  return data;
}

// Labels as numbers of the type that a run's checkpoint has counted since there are checkpoints, where that has room for
// them: a run of an older version goes on.
std::uint32_t checksum_of(const image_dataset& data) {
  const std::uint32_t pixels = crc32(std::as_bytes(std::span(data.pixels)));
  if (data.classes > 256) return crc32(std::as_bytes(std::span(data.labels)), pixels);
  std::vector<std::uint8_t> labels;
  for (const class_label label : data.labels) labels.push_back(static_cast<std::uint8_t>(label));
  return crc32(std::as_bytes(std::span(labels)), pixels);
}
std::uint32_t checksum_of(const feature_dataset& data) {
  const std::vector<std::int32_t> labels(data.labels.begin(), data.labels.end());
  return crc32(std::as_bytes(std::span(labels)), crc32(std::as_bytes(std::span(data.values))));
}
std::uint32_t checksum_of(const text_dataset& data) {
  std::vector<int> tokens(65536);
  std::uint32_t sum = 0;
  for (index_t first = 0; first < data.tokens(); first += static_cast<index_t>(tokens.size())) {
    const index_t count = std::min(static_cast<index_t>(tokens.size()), data.tokens() - first);
    data.read(first, count, tokens.data());
    sum = crc32(std::as_bytes(std::span(tokens).first(static_cast<std::size_t>(count))), sum);
  }
  return sum;
}

namespace {

// A number of --augment; `most` is what the data's images allow, and is checked with them.
double amount_of(const std::string& piece, double most) {
  const std::size_t at = std::min(piece.find('@'), piece.size());
  double amount = -1;
  if (at == piece.size() || !read_number(std::string_view(piece).substr(at + 1), amount) ||
      !(amount >= 0 && amount <= most))
    fail("flag.153", "--augment", "found '", printable(piece), "', expected ", piece.substr(0, at),
         "@ and a number from 0 to ", most);
  return amount;
}

}  // namespace

augmentation augmentation_named(const std::string& text) {
  augmentation what;
  for_each_piece(text, [&](const std::string& piece) {
    const std::string name = piece.substr(0, piece.find('@'));
    if (piece == "none") return;
    if (name == "crop") {
      what.pad = static_cast<index_t>(amount_of(piece, 1024));
    } else if (name == "rotate") {
      what.rotate_degrees = amount_of(piece, 180);
    } else if (name == "shift") {
      what.shift_fraction = amount_of(piece, 1);
    } else if (piece == "reflect") {
      what.reflect = true;
    } else if (piece == "flip") {
      what.flip = true;
    } else if (piece == "alternate") {
      what.flip = what.alternate = true;
    } else {
      fail("flag.153", "--augment", "found '", printable(piece),
           "', expected none, crop@PIXELS, reflect, flip, alternate, rotate@DEGREES or shift@SHARE");
    }
  });
  return what;
}

augmentation augmentation_of(const run_options& options) {
  if (!options.augment.empty()) return augmentation_named(options.augment);
  const std::string kind = kind_of_data(options.data);
  if (kind == "cifar10") return {.pad = 4, .flip = true};
  if (kind == "mnist") return {.rotate_degrees = 6, .shift_fraction = 0.06};
  if (kind == "fashion-mnist") return {.rotate_degrees = 8, .shift_fraction = 0.06};
  return {};  // glyphs are drawn at every position already; features are not augmented, nor what nobody knows
}
