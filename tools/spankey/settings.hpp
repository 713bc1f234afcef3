// The settings of a training run, each said once: its flag, its member, what it may be and what it means. The flags of
// train and describe, their help, config.json and the flags of an experiment all follow from this list.
//
// A new setting is a member of run_options with its default, and a line in settings.cpp; recipes.cpp where the run's data,
// model or regime decide the default.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "flag_checks.hpp"
#include "run_options.hpp"

/// Where a setting's value stands; an optional one is a secret that is never written.
using run_member =
    std::variant<std::string run_options::*, bool run_options::*, double run_options::*,
                 std::int64_t run_options::*, std::uint64_t run_options::*, std::vector<int> run_options::*,
                 std::vector<double> run_options::*, std::optional<std::uint64_t> run_options::*>;

struct setting {
  const char* name;  // of the flag, without --
  run_member member;
  std::string help;
  value_check allowed;
  const char* heading;
  bool in_config;  // else it is of this machine and this call, or a secret
  bool may_be_missing =
      false;  // in a config.json of an older version; an empty list or text, or 0, is left out of a new
              // one, so that such a run goes on
};

/// All of them, in the order of help.
const std::vector<setting>& settings();
/// Names of those that say what a data set is, beside --data.
const std::vector<std::string>& data_settings();
/// What the setting of this name may be, for flags of other commands.
const value_check& allowed_for(std::string_view name);

/// Calls f(setting, value) for every setting of a run_options.
template <class Options, class F>
void for_each_setting(Options& options, const F& f) {
  for (const setting& s : settings()) std::visit([&](auto member) { f(s, options.*member); }, s.member);
}

/// The same for those of config.json.
template <class Options, class F>
void for_each_in_config(Options& options, const F& f) {
  for_each_setting(options, [&](const setting& s, auto& value) {
    if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(value)>, std::optional<std::uint64_t>>) {
      if (s.in_config) f(s, value);
    }
  });
}
