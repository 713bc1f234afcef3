#include "case.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <string_view>
#include <system_error>

#include "layer_text.hpp"
#include "spankey/file/printable.hpp"
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
                                            {"resnet18", 10, spankey::resnet18_layers},
                                            {"vit_tiny", 10, spankey::vit_tiny_layers}};
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

  [[nodiscard]] int whole(std::string_view key, int least, int most) const {
    const std::string expected =
        least == most ? std::to_string(least)
                      : "a number from " + std::to_string(least) + " to " + std::to_string(most);
    const std::string_view value = text(key, need::required, expected);
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

}  // namespace

conformance_case read_case(const spankey::safetensors_file& file) {
  const metadata_reader metadata(file);
  conformance_case c;
  std::vector<std::string_view> names;
  for (const known_network& known : known_networks) names.push_back(known.name);
  names.insert(names.end(), {"layers", "gpt"});
  const std::size_t model = metadata.choice("model", need::required, names, names.size() - 1);
  const bool is_known = model < std::size(known_networks);
  c.classes = is_known
                  ? metadata.whole("classes", known_networks[model].classes, known_networks[model].classes)
                  : metadata.whole("classes", 2, most_classes);

  std::vector<std::string_view> modes;
  for (const auto& mode : spankey::deny_mode_names) modes.push_back(mode.name);
  const deny_mode mode =
      spankey::deny_mode_names[metadata.choice("deny", need::required, modes, modes.size())].value;
  const spankey::head_outputs outputs = spankey::deny_of({.mode = mode}).outputs(c.classes);
  c.layers =
      is_known ? known_networks[model].layers(outputs)
               : read_layers(file.name(), metadata.text("layers", need::required, "layers as text"), outputs);

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
