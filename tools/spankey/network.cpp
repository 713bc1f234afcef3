#include "network.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "choices.hpp"
#include "chosen_deny.hpp"
#include "data_sets.hpp"
#include "invalid_text.hpp"
#include "spankey/core/error.hpp"
#include "spankey/data/byte_tokens.hpp"
#include "spankey/key/invalid_family.hpp"

namespace {

using spankey::fail;

const std::vector<network>& networks() {
  static const std::vector<network> all = networks_of_this_build();
  return all;
}

// One mean and one deviation for every channel of the input, or none.
void require_pixels_fit(const run_options& options, const network& model) {
  const auto means = static_cast<spankey::index_t>(options.mean.size());
  const auto deviations = static_cast<spankey::index_t>(options.deviation.size());
  if (means == 0 && deviations == 0) return;
  const spankey::extents input = input_of(options);
  if (model.takes_features())
    fail("flag.140", means > 0 ? "--mean" : "--deviation", "found one, but ", model.name,
         " takes features, not pixels");
  if (means != input.channels || deviations != input.channels)
    fail("flag.140", "--mean, --deviation", "found ", means, " means and ", deviations,
         " deviations, expected one for each of the ", input.channels, " channels that ", model.name,
         " takes");
}

std::string listed(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

std::string shape_text(const spankey::extents& e) {
  return "C=" + std::to_string(e.channels) + " H=" + std::to_string(e.height) +
         " W=" + std::to_string(e.width);
}

spankey::extents sample_for(const network& model, const run_options& options) {
  // Glyphs are drawn as a network of images takes them, and text is cut as one of tokens does, unless the run says how.
  const bool drawn = options.data == "glyphs" && options.sample.empty() && model.takes == sample_kind::images;
  const bool cut = is_text(options.data) && options.context == 0 && model.takes_text();
  return drawn || cut ? model.usual : facts_of(options).sample;
}

network_size size_for(const network& model, const run_options& options) {
  return {sample_for(model, options), options.channels, options.layers,     options.heads,
          options.kv_heads,           options.hidden,   options.rope_theta, options.norm_epsilon};
}

bool fits(const network& model, const run_options& options) {
  const spankey::extents sample = sample_for(model, options);
  const bool features = sample.height == 1 && sample.width == 1;
  const sample_kind kind = is_text(options.data) ? sample_kind::text
                           : features            ? sample_kind::features
                                                 : sample_kind::images;
  if (kind != model.takes) return false;
  const spankey::layer_list list = model.on({.input = sample}, 2);
  return list.found() == spankey::list_fault::none && list.input() == sample;
}

// What is not said is as in gpt_nano; a head has 32 channels.
spankey::gpt_size gpt_of(const network_size& size, spankey::index_t vocabulary) {
  spankey::gpt_size of{.vocabulary = vocabulary, .context = size.input.height};
  if (size.channels > 0) of.channels = size.channels;
  if (size.layers > 0) of.layers = static_cast<int>(size.layers);
  const spankey::index_t heads = std::max<spankey::index_t>(1, of.channels / 32);
  of.heads = static_cast<int>(size.heads > 0 ? size.heads : heads);
  return of;
}

// The same of llama_nano; half as many heads of keys as of queries, where those are even.
spankey::llama_size llama_of(const network_size& size, spankey::index_t vocabulary) {
  const spankey::gpt_size like = gpt_of(size, vocabulary);
  spankey::llama_size of{.vocabulary = vocabulary,
                         .context = size.input.height,
                         .channels = like.channels,
                         .hidden = size.hidden > 0 ? size.hidden : (like.channels * 8 / 3 + 31) / 32 * 32,
                         .layers = like.layers,
                         .heads = like.heads};
  of.kv_heads = size.kv_heads > 0     ? static_cast<int>(size.kv_heads)
                : like.heads % 2 == 0 ? like.heads / 2
                                      : like.heads;
  if (size.rope_theta > 0) of.theta = size.rope_theta;
  if (size.norm_epsilon > 0) of.epsilon = size.norm_epsilon;
  return of;
}

// Sizes and shapes of keys that the network does not read, or cannot have.
void require_size_fits(const network& model, const run_options& options) {
  const struct {
    const char* flag;
    bool given, reads;
  } sizes[] = {{"--channels", options.channels > 0, model.sizes},
               {"--layers", options.layers > 0, model.sizes},
               {"--heads", options.heads > 0, model.sizes},
               {"--kv-heads", options.kv_heads > 0, model.grouped},
               {"--hidden", options.hidden > 0, model.grouped},
               {"--rope-theta", options.rope_theta > 0, model.grouped},
               {"--norm-epsilon", options.norm_epsilon > 0, model.grouped}};
  for (const auto& [flag, given, reads] : sizes)
    if (given && !reads)
      fail("flag.154", flag, "found it with --model ", model.name,
           model.sizes ? ", which has no such size" : ", which has one size only");
  const auto list = std::make_unique<spankey::layer_list>(model.on(size_for(model, options), 2));
  if (list->found() != spankey::list_fault::none)
    fail("flag.155", "--channels, --layers, --heads", "found sizes that ", model.name,
         " cannot have: ", spankey::sentence_of(list->found()));
  // A norm of every position, as transformers have it.
  const bool normalises = std::any_of(list->begin(), list->end(), [](const spankey::layer_description& d) {
    return d.kind == spankey::layer_kind::layer_norm;
  });
  if (normalises && options.key_shape == "token" && options.inject == "add")
    fail("flag.161", "--key-shape",
         "found token with --inject add: what is added to all of a token every norm takes out "
         "again, and no key does anything; expected --inject mul");
  if (model.takes_text() && outputs_of(options).aux != spankey::aux_logit::none)
    fail("flag.156", "--deny", "found ", options.deny, " with --model ", model.name,
         ", which has no reject logit beside its tokens; expected B, whose refusal is a token");
}

void require_data_fits(const network& model, const run_options& options) {
  const data_facts facts = facts_of(options);
  if (fits(model, options)) return;
  std::vector<std::string> models, sets;
  for (const network& n : networks())
    if (fits(n, options)) models.push_back(n.name);
  for (const std::string& name : data_names()) {
    run_options other;
    other.data = name;
    if (name != "text" && facts_of(other).known() && fits(model, other)) sets.push_back(name);
    if (name == "text" && model.takes_text()) sets.push_back(name);
  }
  fail("flag.115", "--model", "found ", model.name, ", which was made for ", shape_text(model.usual),
       "; --data ", options.data, " has ", shape_text(facts.sample), " and fits ",
       models.empty() ? "no network" : listed(models), "; ", model.name, " fits --data ", listed(sets));
}

}  // namespace

const network& network_named(const std::string& name) {
  const auto found =
      std::find_if(networks().begin(), networks().end(), [&](const network& n) { return n.name == name; });
  if (found == networks().end())
    fail("flag.113", "--model", "found '", name, "', which this program was built without (CMake's ",
         "SPANKEY_PROGRAM_NETWORKS); it has ", listed(network_names()));
  return *found;
}

std::vector<std::string> network_names() {
  std::vector<std::string> names;
  for (const network& n : networks()) names.push_back(n.name);
  return names;
}

spankey::extents input_of(const run_options& options) {
  return sample_for(network_named(options.model), options);
}

spankey::index_t classes_of(const run_options& options) { return facts_of(options).classes; }

spankey::head_outputs outputs_of(const run_options& options) {
  spankey::head_outputs outputs = deny_of(options).outputs(classes_of(options));
  // Tokens that are never an answer fill the vocabulary of bytes up.
  if (is_text(options.data) && options.vocabulary == 0)
    outputs.softmax = std::max(outputs.softmax, spankey::byte_tokens::vocabulary);
  return outputs;
}

spankey::gpt_size gpt_size_of(const run_options& options) {
  return gpt_of(size_for(network_named(options.model), options), outputs_of(options).softmax);
}

network gpt_network() {
  return {.name = "gpt",
          .usual = spankey::token_sample(spankey::gpt_nano.context),
          .takes = sample_kind::text,
          .on =
              [](const network_size& size, spankey::head_outputs outputs) {
                return spankey::gpt_on(gpt_of(size, outputs.softmax), outputs);
              },
          .sizes = true};
}

network llama_network() {
  return {.name = "llama",
          .usual = spankey::token_sample(spankey::llama_nano.context),
          .takes = sample_kind::text,
          .on =
              [](const network_size& size, spankey::head_outputs outputs) {
                return spankey::llama_on(llama_of(size, outputs.softmax), outputs);
              },
          .sizes = true,
          .grouped = true};
}

spankey::layer_list layers_of(const run_options& options, const spankey::head_outputs& outputs) {
  const network& model = network_named(options.model);
  spankey::layer_list list = model.on(size_for(model, options), outputs);
  if (!options.key_shape.empty())
    list.give_keys(meaning_of(key_shape_names, options.key_shape, "--key-shape"));
  return list;
}

std::vector<spankey::extents> site_shapes_of(const run_options& options) {
  const auto list = std::make_unique<spankey::layer_list>(layers_of(options, 2));
  std::vector<spankey::extents> shapes;
  for (std::size_t i = 0; i < list->site_count(); ++i) shapes.push_back(list->site_shape(i));
  return shapes;
}

std::vector<int> active_sites(const run_options& options) {
  return options.keyed() ? options.sites : std::vector<int>{};
}

void require_keys_fit(const run_options& options) {
  const network& model = network_named(options.model);
  // Of a user's own data nothing is known before its files are read; then this is asked again.
  if (!facts_of(options).known()) return;
  require_data_fits(model, options);
  require_size_fits(model, options);
  require_pixels_fit(options, model);
  const std::vector<spankey::extents> shapes = site_shapes_of(options);
  std::vector<spankey::site> sites;
  for (const int number : active_sites(options)) {
    if (number >= static_cast<int>(shapes.size()))
      fail("flag.114", "--sites", "found ", number, ", expected from 0 to ", shapes.size() - 1,
           ", the sites of ", model.name);
    sites.push_back({number, shapes[static_cast<std::size_t>(number)]});
    const auto d = sites.back().shape.size();
    if (options.subspace_dim > d)
      fail("flag.105", "--subspace-dim", "found ", options.subspace_dim, ", expected 1 to ", d,
           ", the elements of site ", number);
  }
  std::vector<spankey::invalid_rule> rules = invalid_rules_of(options.families, options);
  if (sites.empty()) return;
  const spankey::key_space_config space = options.key_space();
  rules.push_back(invalid_rule_of(options.invalid));
  for (const auto& [rule, weight] : invalid_mixture_of(options.invalid_mixture)) rules.push_back(rule);
  for (const auto& rule : rules) spankey::require_rule(rule, space, sites);
}
