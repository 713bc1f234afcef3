// How conditions and figures look on every page: names, notes, colours, bars and the cells of tables.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "bar_chart.hpp"
#include "page.hpp"
#include "results.hpp"

/// A line under the heading of each figure.
inline constexpr std::array<const char*, spankey::figure_names.size()> figure_notes = {
    "Right answers; a refusal is none.", "Right answers of one who ignores the refusal.",
    "The same, after putting every class's logits on one scale first.", "Refusals."};

/// Series number of a condition among those of its picture: grey for no key, blue for valid keys, then the families of
/// invalid keys in their order, sixteen of which differ in colour or sign.
std::size_t condition_colour(const std::vector<condition_result>& conditions, std::size_t index);

/// A bar for every condition that has this figure, or a published value of it; all invalid keys in one colour.
std::vector<share_bar> condition_bars(const std::vector<condition_result>& conditions, spankey::figure f);

/// A sentence about answers that were NaN or infinity; empty where there were none.
std::string not_finite_note(const std::vector<condition_result>& conditions);

/// Whether any condition has this figure, and it says something: refusals where `deny` is a mode that can refuse, or where
/// there are any.
bool has_figure(const std::vector<condition_result>& conditions, spankey::figure f, const std::string& deny);

/// What the bars of these conditions mean, and their intervals over `what`, where there are such.
std::vector<legend_entry> bar_legend(const std::vector<condition_result>& conditions,
                                     const std::string& what);

/// How to read a gate from the bars; empty where there are no keys.
std::string gate_note(const std::vector<condition_result>& conditions);

/// "deny": the value of this option; "" where there is none.
std::string option_of(const shown_settings& options, std::string_view name);

/// The absorption index in words.
std::string absorption_text(double index);

/// The published value of a figure: semantic accuracy only.
std::optional<double> published_of(const condition_result& condition, spankey::figure f);

/// A share in a cell, empty where there is none.
std::string share_cell(const std::optional<double>& share);

/// "low" and "high" in two cells.
std::string bounds_cells(const std::optional<spankey::interval>& bounds);
