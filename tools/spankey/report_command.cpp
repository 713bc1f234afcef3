#include <cstdio>
#include <filesystem>

#include "commands.hpp"
#include "flag_checks.hpp"
#include "output_file.hpp"
#include "program_command.hpp"
#include "report/gate_picture.hpp"
#include "report/html_text.hpp"
#include "report/read_run.hpp"
#include "report/read_sweep.hpp"
#include "report/run_page.hpp"
#include "report/sweep_page.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/atomic_file.hpp"
#include "spankey/file/printable.hpp"

namespace {

namespace fs = std::filesystem;
using spankey::fail;
using spankey::printable;

// The folder of a sweep's runs as the page at `out` links to it.
std::string cells_url(const fs::path& folder, const fs::path& out) {
  std::error_code code;
  const fs::path page_folder = fs::weakly_canonical(fs::absolute(out, code).parent_path(), code);
  const fs::path way = (fs::weakly_canonical(folder, code) / "cells").lexically_relative(page_folder);
  std::string url;
  for (const fs::path& part : way) url += url_segment(part.string()) + "/";
  return url;
}

int write(const fs::path& out, const std::string& text) {
  spankey::write_file_atomically(out.string(), text, spankey::file_mode::shared);
  std::printf("wrote %s\n", printable(out.string()).c_str());
  return 0;
}

void declare_report_flags(flag_set& flags, report_options& request) {
  flags.add_option("DIR", request.folder, "folder of a run, or of a sweep")
      ->check(path_text("FOLDER"))
      ->required();
  flags.add_option("--out", request.out, "page (default: DIR/report.html)")->check(path_text("FILE"));
  flags
      .add_option(
          "--picture", request.picture,
          "instead of the page: a run's gate as one SVG picture (of a run evaluated with --families all)")
      ->check(path_text("FILE"));
  flags.add_flag("--dark", request.dark, "colours of the picture for a dark page");
  flags
      .add_option("--metrics", request.metrics,
                  "of a run: another evaluation's file (default: DIR/metrics.json)")
      ->check(path_text("FILE"));
}

}  // namespace

int report(const report_options& request) {
  const fs::path folder(request.folder);
  std::error_code code;
  if (!fs::is_directory(folder, code))
    fail("report.101", printable(request.folder), "expected the folder of a run or a sweep, found no folder");
  if (request.dark && request.picture.empty()) fail("report.108", "--dark", "needs --picture");
  if (!request.picture.empty()) {
    require_output("--picture", request.picture);
    if (!fs::exists(folder / "config.json", code))
      fail("report.102", printable(request.folder),
           "--picture shows a run (config.json), found no such file");
    const picture_theme theme = request.dark ? picture_theme::dark : picture_theme::light;
    return write(request.picture, gate_picture(read_run(request.folder, request.metrics), theme));
  }
  const fs::path out = request.out.empty() ? folder / "report.html" : fs::path(request.out);
  require_output("--out", out.string());
  std::string page;
  if (fs::exists(folder / "results.json", code)) {
    if (!request.metrics.empty())
      fail("report.107", "--metrics", "found one for a sweep; expected it for a run");
    page = sweep_page(read_sweep(request.folder), cells_url(folder, out));
  } else if (fs::exists(folder / "config.json", code)) {
    page = run_page(read_run(request.folder, request.metrics));
  } else {
    fail("report.102", printable(request.folder),
         "expected a run (config.json) or a sweep (results.json), found neither file");
  }
  return write(out, page);
}

program_command report_entry() {
  return plain<report_options, declare_report_flags, report>(
      "report", "write the results of a run or a sweep as one page of HTML");
}
