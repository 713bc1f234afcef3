// The pieces of a report's page: the page itself, boxes with pictures, legends, tables, lists of options.
//
// Pure functions from text to HTML. Names and values are escaped here; what is called `html` or `svg` is already.
// The page needs nothing but itself, and its content security policy says so: no script, no request.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "results.hpp"

/// A whole page; the title stands in its h1 too, and `subtitle` under it.
std::string html_page(std::string_view title, std::string_view subtitle, const std::string& body_html);

std::string heading(std::string_view text);

/// A paragraph in plain words; `soft` ones are grey.
std::string paragraph(std::string_view text, bool soft = false);

/// Boxes side by side, as many as fit. `kind`: "bars" or "curves".
std::string panels(std::string_view kind, const std::vector<std::string>& boxes_html);

/// A picture under its heading and a line that says what it shows.
std::string panel(std::string_view title, std::string_view note, const std::string& svg);

/// What the signs of the pictures mean.
struct legend_entry {
  std::string sample_svg;  // around (14, 7) in a box of 28 x 14 units
  std::string text;
};
std::string legend(const std::vector<legend_entry>& entries);
std::string line_sample(std::size_t series);
std::string bar_sample(std::size_t series);

/// Names and values in as many columns as fit.
std::string option_list(const shown_settings& options);

/// A table that scrolls inside its own box. Rows come in groups, each led by a name and ended by a line.
class html_table {
 public:
  struct column {
    std::string name;
    bool numeric = true;
  };
  struct group {
    std::string name;
    std::vector<std::string> rows_html;  // the cells of a row, from the second column on
  };
  html_table(std::string caption, std::vector<column> columns)
      : caption_(std::move(caption)), columns_(std::move(columns)) {}
  void add(group rows) { groups_.push_back(std::move(rows)); }
  [[nodiscard]] std::string html() const;

 private:
  std::string caption_;
  std::vector<column> columns_;
  std::vector<group> groups_;
};

/// Cells: text, and numbers at the right edge.
std::string text_cell(std::string_view text);
std::string row_head(std::string_view text);
std::string number_cell(std::string_view text);
