// The report's pure parts: text, scales, thinned series, pictures, ablations.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "report/ablation.hpp"
#include "report/bar_chart.hpp"
#include "report/html_text.hpp"
#include "report/line_chart.hpp"
#include "report/scale.hpp"

namespace {

using namespace std::string_literals;
constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

std::vector<std::string> tick_texts(const fitted_axis& axis) {
  std::vector<std::string> texts;
  for (const axis_tick& tick : axis.ticks) texts.push_back(tick.text);
  return texts;
}

}  // namespace

TEST_CASE("text from files cannot leave its place") {
  CHECK(escaped("a<b>&\"c'") == "a&lt;b&gt;&amp;&quot;c&#39;");
  CHECK(escaped("\u00e9\u4e2d\U0001F511") == "\u00e9\u4e2d\U0001F511");
  CHECK(escaped("a\0b\x1b\x7f\t\n"s) == "a\uFFFDb\uFFFD\uFFFD\t\n");
  CHECK(escaped("\xC2\x85|\xC2\xA0") == "\uFFFD|\u00A0");
  CHECK(escaped("\xff\xe2\x82") == "\uFFFD\uFFFD\uFFFD");
  CHECK(url_segment("m-4_seed~1.x") == "m-4_seed~1.x");
  CHECK(url_segment("a b/%\"\u00e9") == "a%20b%2F%25%22%C3%A9");
}

TEST_CASE("long names end in an ellipsis, between characters") {
  CHECK(shortened("gaussian", 8) == "gaussian");
  CHECK(shortened("gaussian", 5) == "gaus\u2026");
  CHECK(shortened("\u00e9\u00e9\u00e9", 2) == "\u00e9\u2026");
  CHECK(columns_of("\u00e9\u4e2dx\xff") == 5);
  CHECK(shortened("\u4e2d\u4e2d\u4e2d", 5) == "\u4e2d\u4e2d\u2026");
  CHECK(shortened("\u4e2d\u4e2d\u4e2d", 6) == "\u4e2d\u4e2d\u4e2d");
}

TEST_CASE("numbers have one form") {
  CHECK(share_text(0.99236) == ".9924");
  CHECK(share_text(1) == "1.0000");
  CHECK(share_text(0) == ".0000");
  CHECK(share_text(-0.00001) == ".0000");
  CHECK(share_text(-0.25) == "\u2212.2500");
  CHECK(share_text(-1.5) == "\u22121.5000");
  CHECK(difference_text(0.00125) == "+.0013");
  CHECK(difference_text(-0.5) == "\u2212.5000");
  CHECK(difference_text(0.00001) == ".0000");
  CHECK(difference_text(1) == "+1.0000");
  CHECK(figure_text(2.73769) == "2.7377");
  CHECK(figure_text(4e-7) == "4.00e-07");
  CHECK(figure_text(0) == "0.0000");
  CHECK(coordinate(12.04) == "12");
  CHECK(coordinate(-0.04) == "0");
  CHECK(coordinate(0.25 * 3) == "0.8");
  CHECK(tick_text(0.25) == ".25");
  CHECK(tick_text(-0.5) == "-.5");
  CHECK(tick_text(0) == "0");
  CHECK(tick_text(0.0001) == "1e-4");
  CHECK(tick_text(2e7) == "2e7");
  CHECK(tick_text(120000) == "120000");
}

TEST_CASE("axes begin and end at round numbers around their data") {
  CHECK(tick_texts(linear_axis(0, 2.73)) == std::vector<std::string>{"0", "1", "2", "3"});
  CHECK(tick_texts(linear_axis(0, 0.1)) == std::vector<std::string>{"0", ".05", ".1"});
  CHECK(tick_texts(linear_axis(-3, 3)) == std::vector<std::string>{"-4", "-2", "0", "2", "4"});
  CHECK(tick_texts(logarithmic_axis(0.004, 2)) == std::vector<std::string>{".001", ".01", ".1", "1", "10"});
  CHECK(logarithmic_axis(1, 1).high == doctest::Approx(10));
  for (const double scale : {1e-9, 0.37, 1.0, 64.0, 5e8}) {
    for (const auto& data : {std::pair{0.0, 1.0}, {0.9, 1.1}, {-1.0, 0.0}, {0.5, 0.5}, {0.0, 0.0}}) {
      const double low = data.first * scale, high = data.second * scale;
      const fitted_axis axis = linear_axis(low, high);
      CAPTURE(low);
      CHECK(axis.low <= low + 1e-12 * scale);
      CHECK(axis.high >= high - 1e-12 * scale);
      CHECK(axis.low < axis.high);
      CHECK(axis.ticks.size() >= 2);
      CHECK(axis.ticks.size() <= 7);
    }
  }
  const axis_scale linear{.low = 1, .high = 3, .from = 100, .to = 0};
  CHECK(linear(1.5) == doctest::Approx(75));
  const axis_scale logarithmic{.low = 1, .high = 100, .from = 0, .to = 10, .logarithmic = true};
  CHECK(logarithmic(10) == doctest::Approx(5));
}

TEST_CASE("a thinned series keeps every extreme, every gap and its order") {
  std::vector<chart_point> points(10000);
  for (std::size_t i = 0; i < points.size(); ++i)
    points[i] = {.x = static_cast<double>(i), .y = std::sin(static_cast<double>(i) / 700)};
  points[1234].y = 50;
  points[6789].y = -50;
  points[8000].y = no_number;
  const auto kept = thinned(points, 300);
  CHECK(kept.size() <= 302);
  CHECK(kept.size() >= 290);
  CHECK(std::is_sorted(kept.begin(), kept.end(), [](const auto& a, const auto& b) { return a.x < b.x; }));
  const auto has = [&](double x) {
    return std::any_of(kept.begin(), kept.end(), [&](const auto& p) { return p.x == x; });
  };
  CHECK(has(1234));
  CHECK(has(6789));
  CHECK(has(8000));
  CHECK(thinned(points, 10000).size() == 10000);
  CHECK(thinned({}, 10).empty());
  for (chart_point& p : points) p.y = no_number;
  CHECK(thinned(points, 10).size() == 5);
}

TEST_CASE("curves break where there is no value and stay inside their axes") {
  line_chart chart{
      .text = "a & b", .x_name = "step", .x = linear_axis(0, 4), .y = share_axis(), .series = {}};
  chart.series.push_back({.colour = 1,
                          .style = line_style::thin,
                          .points = {{0, 0}, {1, 1}, {2, no_number}, {3, 0.5}, {4, no_number}}});
  chart.series.push_back({.colour = 2,
                          .style = line_style::marked,
                          .points = {{.x = 0, .y = 0.5, .low = -3, .high = 7, .tip = "<"}, {4, no_number}}});
  const std::string svg = drawn(chart);
  CHECK(count(svg, "aria-label=\"a &amp; b\"") == 1);
  CHECK(count(svg, "d=\"M38 146L101.5 8M228.5 77h0\"") == 1);
  CHECK(count(svg, "<title>&lt;</title>") == 1);
  CHECK(count(svg, "M38 146L38 8") + count(svg, "M38 8L38 146") == 1);  // the interval, cut at 0 and 1
  CHECK(count(svg, "nan") == 0);
}

TEST_CASE("series at one place stand beside each other") {
  line_chart chart{
      .text = "", .x_name = "m", .x = linear_axis(0, 4), .y = share_axis(), .series = {}, .beside = 4};
  for (const std::size_t colour : {0U, 1U, 2U}) {
    const chart_point p{.x = 2, .y = 0.5, .low = 0.25, .high = 0.75};
    chart.series.push_back({.colour = colour, .style = line_style::published, .points = {p}});
    chart.series.push_back({.colour = colour, .style = line_style::marked, .points = {p}});
  }
  const std::string svg = drawn(chart);
  CHECK(count(svg, "M161 111.5L161 42.5") + count(svg, "M161 42.5L161 111.5") ==
        2);  // those of one colour together
  CHECK(count(svg, "L165 ") > 0);
  CHECK(count(svg, "L169 ") > 0);
  CHECK(count(svg, "class=\"interval c1\"") == 2);
}

TEST_CASE("bars say in words what they show") {
  const std::string svg = bar_chart({{"m 4",
                                      {{.label = "valid",
                                        .tip = "valid key",
                                        .colour = 1,
                                        .value = 0.5,
                                        .low = 0.25,
                                        .high = 1.5,
                                        .worst = 0.125,
                                        .published = 0.75},
                                       {.label = "x", .tip = "y"}}}},
                                    "semantic");
  CHECK(count(svg,
              "aria-label=\"semantic; valid key .5000, 95 % interval .2500 to 1.5000, worst key .1250, "
              "published .7500; y no value\"") == 1);
  CHECK(count(svg, "class=\"bar c1\"") == 1);
  CHECK(count(svg, "class=\"published\"") == 1);
  CHECK(count(svg, "class=\"worst\"") == 1);
}

TEST_CASE("ablations are rows that differ in one number, or in the sites") {
  const auto row = [](const char* name, shown_settings options) {
    sweep_row r;
    r.name = name;
    r.options = std::move(options);
    return r;
  };
  const std::vector<sweep_row> rows = {
      row("m 16", {{"m", "16"}, {"gamma", "2"}, {"sites", "0"}, {"inject", "mul"}}),
      row("m 8", {{"inject", "mul"}, {"sites", "0"}, {"gamma", "2"}, {"m", "8"}}),
      row("add", {{"m", "8"}, {"gamma", "2"}, {"sites", "0"}, {"inject", "add"}}),
      row("both", {{"m", "4"}, {"gamma", "1"}, {"sites", "0"}, {"inject", "mul"}}),
      row("two sites", {{"m", "8"}, {"gamma", "2"}, {"sites", "0,2"}, {"inject", "mul"}}),
      row("odd", {{"m", "nan"}, {"gamma", "3"}, {"sites", "0"}, {"inject", "mul"}}),
      row("odder", {{"m", "8x"}, {"gamma", "3"}, {"sites", "0"}, {"inject", "mul"}}),
      row("unknown", {}),
  };
  const auto found = find_ablations(rows);
  REQUIRE(found.size() == 2);
  CHECK(found[0].flag == "m");
  CHECK(found[0].is_number);
  REQUIRE(found[0].entries.size() == 2);
  CHECK(found[0].entries[0].row == &rows[1]);
  CHECK(found[0].entries[1].row == &rows[0]);
  CHECK(found[1].flag == "sites");
  CHECK(!found[1].is_number);
  CHECK(found[1].entries[0].value == "0");
  CHECK(found[1].entries[1].row == &rows[4]);
  CHECK(find_ablations({}).empty());
}
