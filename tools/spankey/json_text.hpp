// Text and JSON from files that anybody may have made: regular files of bounded size, objects without duplicates, bounded
// nesting. A FIFO does not hang the reader, /dev/zero does not fill the memory, and no nesting exhausts the stack: values
// of nlohmann-json are copied and written recursively.
//
//   json.101  an object names a member twice     json.102  nested deeper than json_depth_cap
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/file/printable.hpp"

inline constexpr int json_depth_cap = 32;
/// Largest files, in bytes: what a person or `train` writes, what an evaluation or a sweep writes, a log.
inline constexpr std::ptrdiff_t config_cap = 1 << 20, results_cap = 16 << 20, log_cap = 256 << 20;

/// All of a file. Fails with `id` where it is no regular file, larger than `largest`, or cannot be read.
std::string text_of_file(const std::string& file, const char* id, std::ptrdiff_t largest);

/// Fails with `id`: "WHERE, line 3, column 7: is not JSON: unexpected '}'". Lines count from `first_line`; `byte` is the
/// last one that was read, from 1 on.
[[noreturn]] void refuse_json(std::string_view text, const std::string& where, const char* id,
                              std::size_t first_line, std::size_t byte, const std::string& why);

/// `text`, whose first line is the file's `first_line`, as JSON. Fails with `id` where it is none; `where` names the file.
template <class Json>
Json json_of(std::string_view text, const std::string& where, const char* id,
             std::size_t first_line = 1) try {
  std::vector<std::set<std::string>> names;  // of the objects that are open
  return Json::parse(text.begin(), text.end(),
                     [&](int depth, nlohmann::json::parse_event_t event, Json& parsed) {
                       using nlohmann::json;
                       if (depth > json_depth_cap)
                         spankey::fail("json.102", spankey::printable(where), "is nested deeper than ",
                                       json_depth_cap, " levels");
                       if (event == json::parse_event_t::object_start) {
                         names.emplace_back();
                       } else if (event == json::parse_event_t::object_end) {
                         names.pop_back();
                       } else if (event == json::parse_event_t::key) {
                         const auto& name = parsed.template get_ref<const std::string&>();
                         if (!names.back().insert(name).second)
                           spankey::fail("json.101", spankey::printable(where), "names ",
                                         spankey::in_quotes(name), " twice in one object");
                       }
                       return true;
                     });
} catch (const nlohmann::json::parse_error& problem) {
  refuse_json(text, where, id, first_line, problem.byte, problem.what());
} catch (const nlohmann::json::exception& problem) {  // a number beyond all numbers
  refuse_json(text, where, id, first_line, 0, problem.what());
}
