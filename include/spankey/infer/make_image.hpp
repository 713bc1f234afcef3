// From a trained model to the image that a session reads: weights as float, bf16, int8 or in blocks, each batch norm folded into
// the weights before it (a batch norm that stands by itself: into w = 1, b = 0).
//   w'(.., o) = w(.., o) f(o)   b'(o) = (b(o) - mean(o)) f(o) + beta(o)   f(o) = gamma(o) / sqrt(variance(o) + epsilon)
// For programs that convert; what only runs a network does not include it.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/infer/fingerprint.hpp"
#include "spankey/infer/image.hpp"
#include "spankey/infer/image_guard.hpp"
#include "spankey/infer/store_weights.hpp"
#include "spankey/infer/token_weights.hpp"

namespace spankey::infer {

/// The weights of one operation: those of its entry of the list, with its batch norm.
template <class Model>
auto fold(Model& model, const operation& op) {
  using number = master_t<typename Model::network_type::scalar>;
  using folded = folded_weights<number>;
  const auto doubles = [](const auto& buffer) {
    return std::vector<double>(buffer.data, buffer.data + buffer.count);
  };
  const auto span_of = [](const auto& buffer) {
    return std::span<const number>(buffer.data, static_cast<std::size_t>(buffer.count));
  };
  const auto outputs = static_cast<std::size_t>(op.channels);
  // The parameters of an entry in order: weights of a map, or scale of a norm, and its bias, where there is one.
  const auto parameters_of = [&](int entry) {
    std::vector<folded> found;
    model.for_each_parameter_of(static_cast<std::size_t>(entry), [&](const scope& name, auto& p) {
      const auto count = static_cast<std::size_t>(p.dims.o);
      const bool is_weight = name.name == "weight";
      if (is_weight || found.empty()) {
        found.emplace_back(count).name = name.str();
        if (!is_weight) found.back().keep(std::vector<number>(count, number(1)));  // of a norm
      }
      if (is_weight) {
        found.back().weights = span_of(p.value);
      } else {
        found.back().bias = doubles(p.value);
      }
    });
    return found;
  };
  folded all(outputs);
  if (op.kind == operation_kind::embedding || op.kind == operation_kind::tokens) {
    // Of positions a class token may be shown first, which is added to the first one.
    std::vector<std::span<const number>> shown;
    model.for_each_parameter_of(static_cast<std::size_t>(op.entry), [&](const scope& name, auto& p) {
      all.name = name.str();
      shown.push_back(span_of(p.value));
    });
    // A window may not reach all of the positions.
    all.weights = shown.back().first(static_cast<std::size_t>(op.weight_count()));
    if (shown.size() > 1) {
      std::vector<number> rows(all.weights.begin(), all.weights.end());
      for (std::size_t c = 0; c < shown.front().size(); ++c) rows[c] += shown.front()[c];
      all.keep(std::move(rows));
    }
    return all;
  }
  if (op.entry != no_entry) {
    std::vector<folded> maps = parameters_of(op.entry);
    all = std::move(maps.front());
    for (std::size_t i = 1; i < maps.size(); ++i) all.join(maps[i]);  // fc_aux beside fc
  } else {
    all.keep(std::vector<number>(outputs, number(1)));
  }
  if (op.norm != no_entry) {
    const auto norm = static_cast<std::size_t>(op.norm);
    folded scale(outputs);
    scale.keep(std::vector<number>(outputs, number(1)));
    for (folded& trained : parameters_of(op.norm)) scale = std::move(trained);  // of a norm that has them
    if (all.name.empty()) all.name = std::string(model.layers()[norm].name.view());
    if (op.kind == operation_kind::layer_norm) {
      scale.name = all.name;
      return scale;
    }
    std::vector<std::vector<double>> statistics;  // mean, variance
    model.for_each_state_of(norm, [&](const scope&, auto& s) { statistics.push_back(doubles(s.value)); });
    all.normalise(scale, statistics.at(0), statistics.at(1), model.layers()[norm].norm.epsilon);
  }
  return all;
}

/// The constants of a data set of images (data/dataset.hpp), one a channel. Fails with infer.110 where there are none,
/// or more than an image takes, or numbers that normalise nothing.
inline pixel_normalisation pixels_of(std::span<const float> mean, std::span<const float> deviation) {
  pixel_normalisation pixels{.channels = static_cast<std::uint32_t>(mean.size())};
  const bool counted = !mean.empty() && mean.size() <= pixel_normalisation::most_channels;
  if (!counted || mean.size() != deviation.size())
    fail("infer.110", "pixels_of", "found ", mean.size(), " means and ", deviation.size(),
         " deviations, expected one for each of 1 to ", pixel_normalisation::most_channels, " channels");
  std::copy(mean.begin(), mean.end(), pixels.mean);
  std::copy(deviation.begin(), deviation.end(), pixels.deviation);
  if (!pixels.fits(static_cast<index_t>(mean.size())))
    fail("infer.110", "pixels_of", "expected finite means, and deviations above 0");
  return pixels;
}

/// Appends what the guards of a model's sites ask keys by, for the sites of the header.
template <class Model>
void append_guard(Model& model, const image_header& header, std::vector<std::byte>& image) {
  const typename Model::network_type& network = model;
  model.for_each_site([&](int number, auto& site) {
    if (!header.takes_key(static_cast<std::size_t>(number))) return;
    const extents shape = network.site_shapes()[static_cast<std::size_t>(number)];
    const auto told = site.guard == nullptr ? decltype(site.guard->tells_by()){} : site.guard->tells_by();
    const guard_entry entry{told.limit, static_cast<std::uint32_t>(told.count),
                            static_cast<std::uint32_t>(shape.size())};
    const std::size_t at = image.size();
    image.resize(at + entry.bytes());
    std::memcpy(image.data() + at, &entry, sizeof entry);
    for (index_t row = 0; row < told.count; ++row)
      for (index_t i = 0; i < shape.size(); ++i)
        std::memcpy(image.data() + at + sizeof entry +
                        static_cast<std::size_t>(row * shape.size() + file_index(shape, i)) * sizeof(float),
                    told.values + row * shape.size() + i, sizeof(float));
  });
}

/// An image of the model's weights, gate and head; `classes` semantic classes; `pixels` as the network was trained, so
/// that a session takes bytes. Errors: memory.105 and memory.107 no weights, infer.101 another head, infer.103 weights
/// that are no numbers, infer.104 such a gamma, infer.105 one that nobody set, infer.110 another number of channels,
/// infer.111 a network of tokens that cannot read one after another, infer.112 adapters, infer.113 weights in blocks of a
/// network of whole samples.
template <ImageWeight Weight, class Model>
std::vector<std::byte> make_image(Model& model, index_t classes, const pixel_normalisation& pixels = {}) {
  require_written(model, 0, "make_image");
  const typename Model::network_type& network = model;
  const head_outputs outputs = network.head();
  const operation_table table(network.input_extents(), network.layers());
  if (!table.supported())
    fail("infer.111", "make_image", "found ", network.name(),
         ", a network of tokens that looks ahead, or does not answer for every token");
  for (const layer_description& d : network.layers())
    if (d.map.rank > 0)
      fail("infer.112", d.name.view(),
           "found adapters beside its weights, expected them merged (model/adapters.hpp)");
  if constexpr (in_blocks<Weight>) require_tokens(table, network.name());
  std::vector<image_part> parts(table.size());
  std::vector<std::byte> image(place_parts<Weight>(table.operations(), parts));
  image_header header;
  network.name().copy(header.model, sizeof header.model - 1);
  header.weights = weight_code<Weight>;
  header.classes = static_cast<std::uint32_t>(classes);
  header.softmax = static_cast<std::uint32_t>(outputs.softmax);
  header.aux = outputs.aux == aux_logit::none ? 0 : 1;
  header.pixels = pixels;
  const index_t channels = network.input_extents().channels;
  if (!pixels.fits(channels))
    fail("infer.110", "make_image", "found constants of ", pixels.channels,
         " channels, expected those of C=", channels);
  if (!fits_softmax(header, table.operations()))
    fail("infer.101", "make_image", "found ", classes, " classes and a softmax over ", header.softmax,
         ", expected as many or one fewer");
  const gate_parts gate = gate_of(model);
  header.injector = gate.injector_word() | (gate.guarded ? image_header::guarded : 0);
  header.gamma = gate.gamma;
  if (!is_finite(gate.gamma))
    fail("infer.104", "make_image", "found gamma ", gate.gamma, ", expected a finite number");
  header.sites = gate.sites;
  header.network = fingerprint_of(model);
  if (gate.guarded) append_guard(model, header, image);
  header.payload = image.size() - sizeof header;

  for (std::size_t i = 0; i < table.size(); ++i) {
    const operation& op = table[i];
    if (op.weight_count() == 0) continue;
    const auto w = fold(static_cast<typename Model::network_type&>(model), op);
    w.require_storable();
    store_weights<typename Model::backend_type, Weight>(op, w, image.data(), parts[i]);
  }
  std::memcpy(image.data(), &header, sizeof header);
  header.checksum = checksum_of_image(image.data(), image.size());
  std::memcpy(image.data(), &header, sizeof header);
  return image;
}

}  // namespace spankey::infer

#include "spankey/core/macros_on.hpp"
