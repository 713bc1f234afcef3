// What the settings of a run may be called where they are a choice, in the order of help, and what each name means.
#pragma once

#include <array>
#include <string>

#include "spankey/core/choice.hpp"
#include "spankey/core/key_shape.hpp"
#include "spankey/inject/runtime.hpp"
#include "spankey/layer/layer.hpp"
#include "spankey/loss/deny/deny.hpp"
#include "spankey/optim/schedule.hpp"
#include "spankey/train/evaluation_views.hpp"
#include "spankey/train/nonfinite.hpp"

inline constexpr std::array<spankey::choice<spankey::injector_kind>, 5> injector_names{
    {{"none", spankey::injector_kind::none},
     {"add", spankey::injector_kind::additive},
     {"mul", spankey::injector_kind::multiplicative},
     {"reading", spankey::injector_kind::reading},
     {"syndrome", spankey::injector_kind::none}}};  // keys are let in or not, and change nothing

inline constexpr std::array<spankey::choice<spankey::deny_on>, 2> denied_group_names{
    {{"wrong", spankey::deny_on::wrong}, {"wrong+no", spankey::deny_on::wrong_and_none}}};

inline constexpr std::array<spankey::choice<spankey::key_shape>, 3> key_shape_names{
    {{"element", spankey::key_shape::element},
     {"token", spankey::key_shape::token},
     {"channel", spankey::key_shape::channel}}};

inline constexpr std::array<spankey::choice<spankey::batch_statistics>, 3> statistics_names{
    {{"per_group", spankey::batch_statistics::per_group},
     {"joint", spankey::batch_statistics::joint},
     {"running", spankey::batch_statistics::running}}};

inline constexpr std::array<spankey::choice<spankey::schedule_kind>, 5> schedule_names{
    {{"constant", spankey::schedule_kind::constant},
     {"step", spankey::schedule_kind::step},
     {"cosine", spankey::schedule_kind::cosine},
     {"linear", spankey::schedule_kind::linear},
     {"one-cycle", spankey::schedule_kind::one_cycle}}};

inline constexpr std::array<spankey::choice<spankey::nonfinite_policy>, 3> nonfinite_names{
    {{"stop", spankey::nonfinite_policy::stop},
     {"skip_step", spankey::nonfinite_policy::skip_step},
     {"ignore", spankey::nonfinite_policy::ignore}}};

/// What the value of `flag` means. The command line and config.json hold no other value; fails with flag.100 all the same.
template <class Table>
auto meaning_of(const Table& table, const std::string& value, const char* flag) {
  return spankey::choose(table, value, "flag.100", flag);
}
