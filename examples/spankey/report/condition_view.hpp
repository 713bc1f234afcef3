// How conditions and figures look on every page: names, notes, colours, bars and the cells of tables.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "bar_chart.hpp"
#include "page.hpp"
#include "results.hpp"

/// A line under the heading of each figure.
inline constexpr std::array<const char*, spankey::figure_names.size()> figure_notes = {
    "Right answers of the whole head.", "Right answers when the reject output is ignored.",
    "The same after standardising each class's logits.", "Refusals."};

/// Series number of a condition among those of its picture: grey for no key, blue for valid keys, then the
/// families of invalid keys in their order.
std::size_t condition_colour(const std::vector<condition_result>& conditions, std::size_t index);

/// A bar for every condition that has this figure, or a published value of it; all invalid keys in one colour.
std::vector<share_bar> condition_bars(const std::vector<condition_result>& conditions, spankey::figure f);

/// A sentence about answers that were NaN or infinity; empty where there were none.
std::string not_finite_note(const std::vector<condition_result>& conditions);

/// Whether any condition has this figure.
bool has_figure(const std::vector<condition_result>& conditions, spankey::figure f);

/// The published value of a figure: semantic accuracy only.
std::optional<double> published_of(const condition_result& condition, spankey::figure f);

/// A share in a cell, empty where there is none.
std::string share_cell(const std::optional<double>& share);

/// "low" and "high" in two cells.
std::string bounds_cells(const std::optional<spankey::interval>& bounds);
