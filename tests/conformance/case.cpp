#include "case.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <string_view>
#include <system_error>

#include "layer_text.hpp"
#include "spankey/data/byte_tokens.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/model/gpt.hpp"
#include "spankey/model/mlp.hpp"
#include "spankey/model/resnet18.hpp"
#include "spankey/model/small_cnn.hpp"
#include "spankey/model/small_resnet.hpp"
#include "spankey/model/vit_tiny.hpp"

namespace conformance {
namespace {

using spankey::deny_mode;
using spankey::fail;
using spankey::in_quotes;

enum class need { required, optional };

/// A network of the library, with the classes that its cases have.
struct known_network {
  std::string_view name;
  int classes;
  spankey::layer_list (*layers)(spankey::head_outputs);
};
constexpr known_network known_networks[] = {{"mlp", 5, spankey::mlp_layers},
                                            {"small_cnn", 10, spankey::small_cnn_layers},
                                            {"small_resnet", 10, spankey::small_resnet_layers},
                                            {"resnet18", 10, spankey::resnet18_layers}};
constexpr int vit_classes = 10;
/// Of gpt: rows of the position table.
constexpr int usual_context = 128, most_context = 1024;
/// A label has 16 bits.
constexpr int most_classes = 65535;

class metadata_reader {
 public:
  explicit metadata_reader(const spankey::safetensors_file& file) : file_(file) {}

  /// The value; empty where the case does not need it and does not give it.
  [[nodiscard]] std::string_view text(std::string_view key, need n, std::string_view expected) const {
    const auto found = file_.metadata().find(key);
    const bool given = found != file_.metadata().end();
    if (n == need::optional && (!given || found->second == "none")) return {};
    if (!given)
      fail("case.101", file_.name(), "metadata ", in_quotes(key), ": expected ", expected, ", found nothing");
    return found->second;
  }

  [[noreturn]] void reject(std::string_view key, std::string_view expected, std::string_view found) const {
    fail("case.102", file_.name(), "metadata ", in_quotes(key), ": expected ", expected, ", found ",
         in_quotes(found));
  }

  /// Position of the value in `known`; those from `supported` on are valid, but not in this version.
  [[nodiscard]] std::size_t choice(std::string_view key, need n, const std::vector<std::string_view>& known,
                                   std::size_t supported) const {
    const auto list = [&](std::size_t count) {
      std::string all;
      for (std::size_t i = 0; i < count; ++i)
        all.append(i == 0 ? "" : i + 1 == count ? " or " : ", ").append(known[i]);
      return all;
    };
    const std::string_view value = text(key, n, list(known.size()));
    if (value.empty() && n == need::optional) return 0;
    const auto at = static_cast<std::size_t>(std::find(known.begin(), known.end(), value) - known.begin());
    if (at == known.size()) reject(key, list(known.size()), value);
    if (at >= supported) {
      fail("case.103", file_.name(), "metadata ", in_quotes(key), ": ", value,
           " is not in this version; expected ", list(supported));
    }
    return at;
  }

  [[nodiscard]] double number(std::string_view key, need n,
                              double lowest = -std::numeric_limits<float>::max()) const {
    const std::string expected = lowest == 0 ? "a finite number >= 0" : "a finite number";
    const std::string_view value = text(key, n, expected);
    if (value.empty() && n == need::optional) return 0;
    double parsed = 0;
    const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), parsed);
    if (code != std::errc() || end != value.data() + value.size() || !std::isfinite(parsed) ||
        parsed < lowest || parsed > static_cast<double>(std::numeric_limits<float>::max())) {
      reject(key, expected, value);
    }
    return parsed;
  }

  /// `usual` where the case does not give it and need not.
  [[nodiscard]] int whole(std::string_view key, int least, int most, need n = need::required,
                          int usual = 0) const {
    const std::string expected =
        least == most ? std::to_string(least)
                      : "a number from " + std::to_string(least) + " to " + std::to_string(most);
    const std::string_view value = text(key, n, expected);
    if (value.empty() && n == need::optional) return usual;
    int parsed = 0;
    const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), parsed);
    if (code != std::errc() || end != value.data() + value.size() || parsed < least || parsed > most)
      reject(key, expected, value);
    return parsed;
  }

  /// "0,2,3" -> {0, 2, 3}; any order, each once, all below `count`.
  [[nodiscard]] std::vector<int> sites(need n, int count) const {
    const std::string expected =
        count == 0 ? std::string("no site: the network has none")
                   : "different site numbers from 0 to " + std::to_string(count - 1) + " separated by commas";
    const std::string_view value = text("sites", n, expected);
    std::vector<int> sites;
    if (value.empty() && n == need::optional) return sites;
    for (std::string_view rest = value;;) {
      const std::string_view item = rest.substr(0, rest.find(','));
      int site = -1;
      const auto [end, code] = std::from_chars(item.data(), item.data() + item.size(), site);
      const bool fresh = std::find(sites.begin(), sites.end(), site) == sites.end();
      if (code != std::errc() || end != item.data() + item.size() || site < 0 || site >= count || !fresh)
        reject("sites", expected, value);
      sites.push_back(site);
      if (item.size() == rest.size()) return sites;
      rest.remove_prefix(item.size() + 1);
    }
  }

 private:
  const spankey::safetensors_file& file_;
};

/// The nano size, of as many tokens as the samples have.
spankey::layer_list gpt_of(const spankey::safetensors_file& file, const metadata_reader& metadata,
                           spankey::key_shape keys) {
  spankey::gpt_size size = spankey::gpt_nano;
  size.heads = metadata.whole("heads", 1, static_cast<int>(size.channels), need::optional, size.heads);
  if (size.channels % size.heads != 0)
    metadata.reject("heads", "a divisor of 128", metadata.text("heads", need::required, ""));
  size.context = metadata.whole("context", 1, most_context, need::optional, usual_context);
  size.tokens = file.require("x", spankey::dtype::i64, {spankey::any_extent, spankey::any_extent}).shape[1];
  if (size.tokens < 1 || size.tokens > size.context) {
    fail("case.111", file.name(), "tensor \"x\": expected samples of 1 to ", size.context, " tokens, found ",
         size.tokens);
  }
  size.keys = keys;
  return spankey::gpt_on(size, spankey::byte_tokens::vocabulary);
}

/// Sets the classes, the layers and how keys lie in the file.
void read_network(conformance_case& c, const spankey::safetensors_file& file, const metadata_reader& metadata,
                  deny_mode mode) {
  std::vector<std::string_view> names;
  for (const known_network& known : known_networks) names.push_back(known.name);
  names.insert(names.end(), {"vit_tiny", "gpt", "layers"});
  const std::string_view model = names[metadata.choice("model", need::required, names, names.size())];
  const auto outputs = [&] { return spankey::deny_of({.mode = mode}).outputs(c.classes); };
  if (model == "vit_tiny" || model == "gpt") {
    c.keys = static_cast<spankey::key_shape>(
        metadata.choice("key_shape", need::optional, {"element", "channel", "token"}, 3));
  }
  if (model == "gpt") {
    if (mode == deny_mode::reject_head)
      metadata.reject("deny", "a mode without a logit beside the softmax", "B_aux");
    c.of_tokens = true;
    c.classes =
        mode == deny_mode::none ? int{spankey::byte_tokens::vocabulary} : int{spankey::byte_tokens::semantic};
    c.layers = gpt_of(file, metadata, *c.keys);
  } else if (model == "vit_tiny") {
    c.classes = metadata.whole("classes", vit_classes, vit_classes);
    c.layers = spankey::vit_on("vit_tiny", {3, 32, 32}, outputs(), {.key = *c.keys});
  } else if (model == "layers") {
    c.classes = metadata.whole("classes", 2, most_classes);
    c.layers = read_layers(file.name(), metadata.text("layers", need::required, "layers as text"), outputs());
  } else {
    const known_network& known = *std::find_if(std::begin(known_networks), std::end(known_networks),
                                               [&](const known_network& k) { return k.name == model; });
    c.classes = metadata.whole("classes", known.classes, known.classes);
    c.layers = known.layers(outputs());
  }
}

}  // namespace

conformance_case read_case(const spankey::safetensors_file& file) {
  const metadata_reader metadata(file);
  conformance_case c;
  std::vector<std::string_view> modes;
  for (const auto& mode : spankey::deny_mode_names) modes.push_back(mode.name);
  const deny_mode mode =
      spankey::deny_mode_names[metadata.choice("deny", need::required, modes, modes.size())].value;
  read_network(c, file, metadata, mode);

  constexpr spankey::injector_kind injectors[] = {
      spankey::injector_kind::none, spankey::injector_kind::additive, spankey::injector_kind::multiplicative};
  c.injector.kind = injectors[metadata.choice("inject", need::required, {"none", "add", "mul"}, 3)];
  const bool keyed = c.injector.kind != spankey::injector_kind::none;
  const need injection = keyed ? need::required : need::optional;
  c.injector.gamma = static_cast<float>(metadata.number("gamma", injection));
  c.sites = metadata.sites(injection, static_cast<int>(c.layers.site_count()));
  if (!keyed) c.sites.clear();

  const auto needed_by = [&](std::initializer_list<deny_mode> modes_with_it) {
    return std::find(modes_with_it.begin(), modes_with_it.end(), mode) != modes_with_it.end()
               ? need::required
               : need::optional;
  };
  const need denial = mode == deny_mode::none ? need::optional : need::required;
  c.deny_weight = metadata.number("deny_weight", denial);
  c.on = metadata.choice("deny_on", denial, {"wrong", "wrong+no"}, 2) == 0 ? spankey::deny_on::wrong
                                                                           : spankey::deny_on::wrong_and_none;
  c.statistics = metadata.choice("batch_statistics", need::optional, {"per_group", "joint"}, 2) == 0
                     ? spankey::batch_statistics::per_group
                     : spankey::batch_statistics::joint;
  c.deny = {.mode = mode,
            .gap = metadata.number(
                "gap", needed_by({deny_mode::entropy_floor, deny_mode::entropy_floor_and_margin})),
            .margin1 = metadata.number("margin1", needed_by({deny_mode::margin, deny_mode::margin_top,
                                                             deny_mode::entropy_floor_and_margin})),
            .margin2 = metadata.number("margin2", needed_by({deny_mode::margin_top})),
            .seal_weight = metadata.number("seal_weight", needed_by({deny_mode::sealed}))};

  c.learning_rate = metadata.number("lr", need::required, 0);
  c.optimizer.momentum = metadata.number("momentum", need::required, 0);
  c.optimizer.weight_decay = metadata.number("weight_decay", need::required, 0);
  c.optimizer.nesterov = metadata.choice("nesterov", need::required, {"0", "1"}, 2) == 1;
  if (c.optimizer.nesterov && c.optimizer.momentum == 0) {
    metadata.reject("nesterov", "0 where momentum is 0", metadata.text("nesterov", need::required, "0"));
  }
  c.precision = metadata.choice("precision", need::required, {"fp32", "bf16"}, 2) == 0 ? precision_kind::fp32
                                                                                       : precision_kind::bf16;
  return c;
}

}  // namespace conformance
