// From a trained model to the image that a session reads: weights as float, bf16 or int8, each batch norm folded into
// the weights before it (a batch norm that stands by itself: into w = 1, b = 0).
//   w'(.., o) = w(.., o) f(o)   b'(o) = (b(o) - mean(o)) f(o) + beta(o)   f(o) = gamma(o) / sqrt(variance(o) + epsilon)
//   int8: scale(o) = max |w'(.., o)| / 127, rounded to nearest
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

namespace spankey::infer {

/// The weights of one operation, in the model's own layout: (kh, kw, i, o), which is (i, o) for a linear map.
struct folded_weights {
  std::string name;  // of the parameter
  std::vector<double> weights, bias;

  /// Fails with infer.103 where a number is not finite, or too large for a float or a bf16.
  void require_storable() const {
    constexpr double largest = 3.3e38;
    for (const std::vector<double>* numbers : {&weights, &bias})
      for (const double v : *numbers)
        if (!is_finite(v) || std::abs(v) > largest)
          fail("infer.103", name, "found ", v, " among its weights with batch norm, expected finite numbers");
  }
  /// Becomes what a batch norm of the map's outputs, with its running statistics, makes of them.
  void normalise(const std::vector<double>& gamma, const std::vector<double>& beta,
                 const std::vector<double>& mean, const std::vector<double>& variance, double epsilon) {
    for (std::size_t o = 0; o < bias.size(); ++o) {
      const double factor = gamma[o] / std::sqrt(variance[o] + epsilon);
      for (std::size_t i = o; i < weights.size(); i += bias.size()) weights[i] *= factor;
      bias[o] = (bias[o] - mean[o]) * factor + beta[o];
    }
  }
  /// The weights and biases of another map of the same input, as further outputs: fc_aux beside fc.
  void join(const folded_weights& other) {
    const std::size_t outputs = bias.size(), more = other.bias.size(), rows = weights.size() / outputs;
    std::vector<double> all;
    for (std::size_t row = 0; row < rows; ++row) {
      all.insert(all.end(), weights.begin() + static_cast<std::ptrdiff_t>(row * outputs),
                 weights.begin() + static_cast<std::ptrdiff_t>((row + 1) * outputs));
      all.insert(all.end(), other.weights.begin() + static_cast<std::ptrdiff_t>(row * more),
                 other.weights.begin() + static_cast<std::ptrdiff_t>((row + 1) * more));
    }
    weights = std::move(all);
    bias.insert(bias.end(), other.bias.begin(), other.bias.end());
  }
};

/// The weights of one operation: those of its entry of the list, with its batch norm.
template <class Model>
folded_weights fold(Model& model, const operation& op) {
  const auto numbers = [](const auto& buffer) {
    return std::vector<double>(buffer.data, buffer.data + buffer.count);
  };
  const auto outputs = static_cast<std::size_t>(op.channels);
  // The parameters of an entry in order: weights of a map, or scale of a norm, and its bias, where there is one.
  const auto parameters_of = [&](int entry) {
    std::vector<folded_weights> found;
    model.for_each_parameter_of(static_cast<std::size_t>(entry), [&](const scope& name, auto& p) {
      const auto count = static_cast<std::size_t>(p.dims.o);
      if (name.name == "weight") {
        found.push_back({name.str(), numbers(p.value), std::vector<double>(count)});
      } else {
        if (found.empty()) found.push_back({name.str(), std::vector<double>(count, 1.0), {}});  // of a norm
        found.back().bias = numbers(p.value);
      }
    });
    return found;
  };
  folded_weights all{{}, std::vector<double>(outputs, 1.0), std::vector<double>(outputs)};
  if (op.kind == operation_kind::embedding || (op.kind == operation_kind::tokens && op.context > 0)) {
    model.for_each_parameter_of(static_cast<std::size_t>(op.entry), [&](const scope& name, auto& p) {
      all.name = name.str();
      all.weights = numbers(p.value);
    });
    all.weights.resize(static_cast<std::size_t>(op.weight_count()));  // of positions that no window reaches
    return all;
  }
  if (op.kind == operation_kind::tokens) {
    // Positions; the class token, shown before them, is added to the first one.
    std::vector<double> first;
    model.for_each_parameter_of(static_cast<std::size_t>(op.entry), [&](const scope& name, auto& p) {
      all.name = name.str();
      all.weights = numbers(p.value);
      if (first.empty() && op.tokens().class_token) first = all.weights;
    });
    for (std::size_t c = 0; c < first.size(); ++c) all.weights[c] += first[c];
    return all;
  }
  if (op.entry != no_entry) {
    const std::vector<folded_weights> maps = parameters_of(op.entry);
    all = maps.front();
    for (std::size_t i = 1; i < maps.size(); ++i) all.join(maps[i]);  // fc_aux beside fc
  }
  if (op.norm != no_entry) {
    const auto norm = static_cast<std::size_t>(op.norm);
    folded_weights scale{{}, std::vector<double>(outputs, 1.0), std::vector<double>(outputs)};
    for (folded_weights& trained : parameters_of(op.norm))
      scale = std::move(trained);  // of a norm that has them
    if (all.name.empty()) all.name = std::string(model.layers()[norm].name.view());
    if (op.kind == operation_kind::layer_norm) {
      all.weights = scale.weights, all.bias = scale.bias;
    } else {
      std::vector<std::vector<double>> statistics;  // mean, variance
      model.for_each_state_of(norm, [&](const scope&, auto& s) { statistics.push_back(numbers(s.value)); });
      all.normalise(scale.weights, scale.bias, statistics.at(0), statistics.at(1),
                    model.layers()[norm].norm.epsilon);
    }
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
/// infer.111 a network of tokens that cannot read one after another, infer.112 adapters.
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
  header.injector = static_cast<std::uint32_t>(gate.injector) | (gate.guarded ? image_header::guarded : 0);
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
    const folded_weights w = fold(model, op);
    w.require_storable();
    const image_part& part = parts[i];
    const std::size_t columns = w.bias.size();
    for (std::size_t o = 0; o < columns; ++o) {
      double scale = 1;
      if constexpr (std::is_same_v<Weight, std::int8_t>) {
        double largest = 0;
        for (std::size_t j = o; j < w.weights.size(); j += columns)
          largest = std::max(largest, std::abs(w.weights[j]));
        const auto stored = static_cast<float>(largest > 0 ? largest / 127 : 1);
        std::memcpy(image.data() + part.scale + o * sizeof stored, &stored, sizeof stored);
        scale = static_cast<double>(stored);
      }
      const auto bias = static_cast<float>(w.bias[o]);
      std::memcpy(image.data() + part.bias + o * sizeof bias, &bias, sizeof bias);
      for (std::size_t j = o; j < w.weights.size(); j += columns) {
        Weight stored;
        if constexpr (std::is_same_v<Weight, std::int8_t>) {
          stored = static_cast<std::int8_t>(std::clamp(std::nearbyint(w.weights[j] / scale), -127.0, 127.0));
        } else {
          stored = static_cast<Weight>(w.weights[j]);
        }
        std::memcpy(image.data() + part.weights + j * sizeof stored, &stored, sizeof stored);
      }
    }
  }
  std::memcpy(image.data(), &header, sizeof header);
  header.checksum = checksum_of_image(image.data(), image.size());
  std::memcpy(image.data(), &header, sizeof header);
  return image;
}

}  // namespace spankey::infer

#include "spankey/core/macros_on.hpp"
