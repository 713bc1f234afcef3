#include "page.hpp"

#include <utility>

#include "html_text.hpp"
#include "marks.hpp"
#include "spankey/core/version.hpp"
#include "style.hpp"

std::string html_page(std::string_view title, std::string_view subtitle, const std::string& body_html) {
  std::string html = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  html += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  html +=
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\">\n";
  html += "<meta name=\"color-scheme\" content=\"light dark\">\n";
  html += "<title>" + escaped(title) + "</title>\n<style>" + std::string(page_style) +
          "</style>\n</head>\n<body>\n";
  html += "<header>\n<h1>" + escaped(title) + "</h1>\n";
  if (!subtitle.empty()) html += paragraph(subtitle, true);
  html += "</header>\n<main>\n" + body_html + "</main>\n";
  return html + "<footer>spankey " SPANKEY_VERSION_STRING "</footer>\n</body>\n</html>\n";
}

std::string heading(std::string_view text) { return "<h2>" + escaped(text) + "</h2>\n"; }

std::string paragraph(std::string_view text, bool soft) {
  return (soft ? "<p class=\"soft\">" : "<p>") + escaped(text) + "</p>\n";
}

std::string panels(std::string_view kind, const std::vector<std::string>& boxes_html) {
  std::string html = "<div class=\"panels " + std::string(kind) + "\">\n";
  for (const std::string& box : boxes_html) html += box;
  return html + "</div>\n";
}

std::string panel(std::string_view title, std::string_view note, const std::string& svg) {
  std::string html = "<figure>\n<figcaption><h3>" + escaped(title) + "</h3>";
  if (!note.empty()) html += "<p>" + escaped(note) + "</p>";
  return html + "</figcaption>\n" + svg + "</figure>\n";
}

std::string legend(const std::vector<legend_entry>& entries) {
  std::string html = "<ul class=\"legend\">\n";
  for (const legend_entry& entry : entries) {
    html += "<li><svg aria-hidden=\"true\" viewBox=\"0 0 28 14\">" + entry.sample_svg + "</svg>" +
            escaped(entry.text) + "</li>\n";
  }
  return html + "</ul>\n";
}

std::string line_sample(std::size_t series) {
  return "<path class=\"line " + colour_class(series) + "\" d=\"M2 7H26\"/>" + series_mark(series, 14, 7);
}

std::string bar_sample(std::size_t series) {
  return "<rect class=\"bar " + colour_class(series) + "\" x=\"2\" y=\"2.5\" width=\"24\" height=\"9\"/>";
}

namespace {

// A long list breaks behind its commas.
std::string breakable(std::string_view text) {
  std::string html;
  for (const char c : escaped(text)) (html += c) += c == ',' ? "<wbr>" : "";
  return html;
}

}  // namespace

std::string option_list(const shown_settings& options) {
  std::string html = "<dl class=\"options\">\n";
  for (const auto& [name, value] : options) {
    // "deny-warmup 0" fits a column; a path may not.
    const bool is_long = columns_of(name) + columns_of(value) > 22;
    html += (is_long ? "<div class=\"long\"><dt>" : "<div><dt>") + escaped(name) + "</dt><dd>" +
            (value.empty() ? "\xE2\x80\x93" : breakable(value)) + "</dd></div>\n";
  }
  return html + "</dl>\n";
}

std::string html_table::html() const {
  const std::string name = escaped(caption_);
  // Not a <caption>, which is as wide as the table and would scroll with it.
  std::string html = "<p class=\"caption\">" + name +
                     "</p>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" " + "aria-label=\"" + name +
                     "\">\n<table>\n<thead><tr>";
  for (const column& c : columns_)
    html += (c.numeric ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">") + escaped(c.name) + "</th>";
  html += "</tr></thead>\n";
  // Groups of one row stand together, without a line between them.
  bool is_open = false;
  const auto close = [&] { html += std::exchange(is_open, false) ? "</tbody>\n" : ""; };
  for (const group& g : groups_) {
    if (g.rows_html.empty()) continue;
    const bool is_single = g.rows_html.size() == 1;
    if (!is_single) close();
    if (!std::exchange(is_open, true)) html += "<tbody>\n";
    std::string lead = is_single ? "<th scope=\"row\" class=\"name\">"
                                 : "<th scope=\"rowgroup\" class=\"name\" rowspan=\"" +
                                       std::to_string(g.rows_html.size()) + "\">";
    lead += escaped(g.name) + "</th>";
    for (const std::string& row : g.rows_html) html += "<tr>" + std::exchange(lead, "") + row + "</tr>\n";
    if (!is_single) close();
  }
  close();
  return html + "</table>\n</div>\n";
}

std::string text_cell(std::string_view text) { return "<td>" + escaped(text) + "</td>"; }
std::string row_head(std::string_view text) { return "<th scope=\"row\">" + escaped(text) + "</th>"; }
std::string number_cell(std::string_view text) { return "<td class=\"n\">" + escaped(text) + "</td>"; }
