#include "text_report.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "metrics_report.hpp"
#include "report_line.hpp"

namespace {

using nlohmann::json;
using namespace spankey;

template <class F>
json for_conditions(const text_report& report, const F& condition) {
  json found = {{"no_key", condition(report.no_key)}};
  if (!report.valid_key) return found;
  found["valid_key"] = condition(*report.valid_key);
  json families = json::object();
  for (const auto& invalid : report.invalid_keys)
    families[spelled_rule(invalid.rule)] = condition(invalid.summary);
  if (!families.empty()) found["invalid_key"] = families;
  return found;
}

json text_condition(const text_summary& c) {
  json entry = {{"keys", c.keys}, {"tokens_per_key", c.tokens_per_key}};
  for (std::size_t f = 0; f < c.figures.size(); ++f)
    entry[std::string(text_figure_names[f])] = {{"mean", c.figures[f].mean}, {"worst", c.figures[f].worst}};
  entry["perplexity"] = perplexity(c[text_figure::bits].mean);
  entry["masked_perplexity"] = perplexity(c[text_figure::masked_bits].mean);
  return entry;
}

json text_means(const text_summary& c) {
  json entry = json::object();
  for (std::size_t f = 0; f < c.figures.size(); ++f)
    entry[std::string(text_figure_names[f])] = {{"mean", c.figures[f].mean}};
  return entry;
}

}  // namespace

json to_json(const text_report& report) { return for_conditions(report, text_condition); }
std::string metrics_text(const text_report& report) { return to_json(report).dump(2) + "\n"; }
json means_of(const text_report& report) { return for_conditions(report, text_means); }

std::string table(const text_report& report) {
  std::string text =
      "                    bits a byte     perplexity  masked bits     masked      semantic        masked    "
      "   "
      "   reject\n"
      "                      mean  worst               mean   worst    perplexity  mean  worst     mean  "
      "worst  "
      "   mean  worst    keys x tokens\n";
  const auto add = [&](const std::string& name, const text_summary& c) {
    char cell[64];
    const auto both = [&](text_figure f, const char* of_one, const char* of_many) {
      if (c.keys == 1) {
        std::snprintf(cell, sizeof cell, of_one, c[f].mean);  // one key is the worst, too
      } else {
        std::snprintf(cell, sizeof cell, of_many, c[f].mean, c[f].worst);
      }
      text += cell;
    };
    const auto uncertainty = [&](text_figure f) {
      std::snprintf(cell, sizeof cell, "  %8.2f  ", perplexity(c[f].mean));
      text += cell;
    };
    std::snprintf(cell, sizeof cell, "%-18s", name.c_str());
    text += cell;
    both(text_figure::bits, "  %6.3f      -", "  %6.3f %6.3f");
    uncertainty(text_figure::bits);
    both(text_figure::masked_bits, "  %6.3f      -", "  %6.3f %6.3f");
    uncertainty(text_figure::masked_bits);
    for (const text_figure f : {text_figure::semantic, text_figure::masked, text_figure::reject})
      both(f, "  %.4f      -", "  %.4f %.4f");
    std::snprintf(cell, sizeof cell, "    %4lld x %lld\n", static_cast<long long>(c.keys),
                  static_cast<long long>(c.tokens_per_key));
    text += cell;
  };
  add("no key", report.no_key);
  if (report.valid_key) add("valid key", *report.valid_key);
  for (const auto& invalid : report.invalid_keys) add(spelled_rule(invalid.rule), invalid.summary);
  return text;
}

std::string text_table_legend() {
  return "bits a byte  -log2 of the probability of the byte that comes; perplexity: 2^bits\n"
         "masked bits  the same for one who ignores the refusal: among bytes alone\n"
         "semantic     right guesses; a refusal is none     masked  those of one who ignores the refusal\n"
         "reject       refusals\n"
         "A gate holds where valid keys need few bits, and no key and invalid keys need as many as without\n"
         "having read the text (masked, too). worst: the key that is the worst for the gate.\n";
}

std::string line_of(const text_report& report) {
  const auto text = [](const text_summary& c) {
    char figures[96];
    std::snprintf(figures, sizeof figures, "%.3f bits, %.3f masked, %.3f refused", c[text_figure::bits].mean,
                  c[text_figure::masked_bits].mean, c[text_figure::reject].mean);
    return std::string(figures);
  };
  return report_line("test text", report, text);
}
