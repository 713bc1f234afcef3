#include "sweep_page.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "ablation_curves.hpp"
#include "condition_view.hpp"
#include "html_text.hpp"
#include "marks.hpp"
#include "page.hpp"

namespace {

using spankey::figure;
using spankey::figure_names;
constexpr std::array figures = {figure::semantic, figure::masked, figure::calibrated, figure::reject};

std::string listed(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : ", ") + text;
  return all;
}

std::string subtitle(const sweep_results& sweep) {
  std::string text = sweep.name;
  if (!sweep.source.empty()) text += "; " + sweep.source;
  if (!sweep.seeds.empty()) text += (sweep.seeds.size() == 1 ? "; seed " : "; seeds ") + listed(sweep.seeds);
  return text;
}

bool has_published(const sweep_results& sweep) {
  return std::any_of(sweep.rows.begin(), sweep.rows.end(), [](const sweep_row& row) {
    return std::any_of(row.conditions.begin(), row.conditions.end(),
                       [](const condition_result& c) { return c.published.has_value(); });
  });
}

std::string rows_section(const sweep_results& sweep) {
  std::string html = heading("Rows");
  std::vector<std::string> boxes;
  for (const figure f : figures) {
    std::vector<bar_group> groups;
    for (const sweep_row& row : sweep.rows) {
      if (!has_figure(row.conditions, f, option_of(row.options, "deny"))) continue;
      std::vector<share_bar> bars = condition_bars(row.conditions, f);
      for (share_bar& bar : bars) bar.tip = row.name + ", " + bar.tip;
      if (!bars.empty()) groups.push_back({row.name, std::move(bars)});
    }
    const auto number = static_cast<std::size_t>(f);
    const std::string name(figure_names[number]);
    if (!groups.empty()) boxes.push_back(panel(name, figure_notes[number], bar_chart(groups, name)));
  }
  if (boxes.empty()) return html + paragraph("No row has results yet.", true);
  html += paragraph(
      "Shares of the test images, mean over seeds. Invalid keys stand under the name of their family.");
  std::vector<condition_result> all;
  for (const sweep_row& row : sweep.rows) all.insert(all.end(), row.conditions.begin(), row.conditions.end());
  html += legend(bar_legend(all, " over seeds")) + gate_note(all) + panels("bars", boxes);
  for (const sweep_row& row : sweep.rows) html += not_finite_note(row.conditions);
  return html;
}

std::string published_section(const sweep_results& sweep) {
  if (!has_published(sweep)) return {};
  html_table table(
      "Semantic accuracy here and as published",
      {{"row", false}, {"condition", false}, {"here"}, {"published"}, {"difference"}, {"low"}, {"high"}});
  for (const sweep_row& row : sweep.rows) {
    html_table::group group{row.name, {}};
    for (const condition_result& c : row.conditions) {
      if (!c.published) continue;
      const auto& here = c.figures[static_cast<std::size_t>(figure::semantic)];
      group.rows_html.push_back(
          row_head(c.name) + share_cell(here ? std::optional(here->mean) : std::nullopt) +
          share_cell(c.published) + number_cell(here ? difference_text(here->mean - *c.published) : "") +
          bounds_cells(here ? here->bounds : std::nullopt));
    }
    table.add(group);
  }
  return heading("Beside the published values") + table.html();
}

// Options that all rows share; nothing where the rows' files name none.
shown_settings common_options(const std::vector<sweep_row>& rows) {
  shown_settings common;
  if (rows.empty()) return common;
  for (const auto& option : rows.front().options) {
    const bool everywhere = std::all_of(rows.begin(), rows.end(), [&](const sweep_row& row) {
      return std::find(row.options.begin(), row.options.end(), option) != row.options.end();
    });
    if (everywhere) common.push_back(option);
  }
  return common;
}

std::string links(const sweep_row& row, const std::string& cells) {
  std::string html;
  for (const std::string& cell : row.cells) {
    html += (html.empty() ? "" : ", ") +
            ("<a href=\"" + cells + url_segment(cell) + "/\">" + escaped(cell) + "</a>");
  }
  return html;
}

std::string runs_section(const sweep_results& sweep, const std::string& cells) {
  html_table table("Rows: what each sets, and its runs",
                   {{"row", false}, {"flags", false}, {"finished"}, {"runs", false}});
  for (const sweep_row& row : sweep.rows) {
    std::vector<std::string> flags;
    for (const auto& [name, value] : row.flags) flags.push_back(name + " " + value);
    table.add({row.name,
               {text_cell(listed(flags)) + number_cell(std::to_string(row.finished)) + "<td>" +
                links(row, cells) + "</td>"}});
  }
  std::string html = heading("What ran") + table.html();
  const shown_settings common = common_options(sweep.rows);
  if (!common.empty()) html += paragraph("The same in all rows:", true) + option_list(common);
  return html;
}

// A row from its figure on; `with_published`: with the two cells of a published value.
std::string number_row(std::string_view name, const figure_value& value, bool with_published,
                       const std::optional<double>& published = std::nullopt) {
  std::vector<std::string> seeds;
  for (const double seed : value.seeds) seeds.push_back(share_text(seed));
  std::string row = row_head(name) + share_cell(value.mean) + bounds_cells(value.bounds);
  if (with_published)
    row += share_cell(published) + number_cell(published ? difference_text(value.mean - *published) : "");
  return row + text_cell(listed(seeds));
}

// Rows of one condition, under its name once.
void add_rows(html_table::group& group, std::string_view condition, std::vector<std::string> rows) {
  if (rows.empty()) return;
  rows.front() =
      "<td rowspan=\"" + std::to_string(rows.size()) + "\">" + escaped(condition) + "</td>" + rows.front();
  std::move(rows.begin(), rows.end(), std::back_inserter(group.rows_html));
}

std::string numbers_section(const sweep_results& sweep) {
  const bool with_published = has_published(sweep);
  std::vector<html_table::column> columns = {
      {"row", false}, {"condition", false}, {"figure", false}, {"mean"}, {"low"}, {"high"}};
  if (with_published) columns.insert(columns.end(), {{"published"}, {"difference"}});
  columns.push_back({"seeds", false});
  html_table table("results.json: mean over seeds, 95 % interval of that mean, and the value of every seed",
                   columns);
  for (const sweep_row& row : sweep.rows) {
    html_table::group group{row.name, {}};
    for (const condition_result& c : row.conditions) {
      std::vector<std::string> rows;
      for (const figure f : figures) {
        const auto number = static_cast<std::size_t>(f);
        if (const auto& value = c.figures[number])
          rows.push_back(number_row(figure_names[number], *value, with_published, published_of(c, f)));
      }
      add_rows(group, c.name, std::move(rows));
    }
    if (row.absorption) add_rows(group, "absorption", {number_row("index", *row.absorption, with_published)});
    table.add(group);
  }
  return heading("Every number") + table.html();
}

}  // namespace

std::string sweep_page(const sweep_results& sweep, const std::string& cells) {
  return html_page(sweep.title, subtitle(sweep),
                   rows_section(sweep) + published_section(sweep) + ablation_sections(sweep.rows) +
                       runs_section(sweep, cells) + numbers_section(sweep));
}
