// What checkpoint/training_state.hpp declares.
#pragma once

#include "spankey/checkpoint/training_state.hpp"

namespace spankey {

training_state training_state_of(const safetensors_file& file) {
  const safetensors_metadata& metadata = file.metadata();
  const auto text_of = [&](std::string_view name) {
    const auto entry = metadata.find(name);
    return entry == metadata.end() ? std::string() : entry->second;
  };
  if (text_of("format") != training_state_format)
    fail("checkpoint.103", file.name(), "expected ", in_quotes(training_state_format), ", found ",
         in_quotes(text_of("format")));
  check_checksums(file, true);
  if (text_of("spankey") != SPANKEY_VERSION_STRING)
    fail("checkpoint.104", file.name(), "was written by version ", printable(text_of("spankey")),
         " of the library, this is " SPANKEY_VERSION_STRING ": it would not go on as it began");
  training_state state;
  training_position::for_each_entry(state.at, [&](const char* name, auto& value) {
    const std::string text = text_of(name);
    if (!read_number(text, value))
      fail("checkpoint.101", file.name(), "expected a number as ", name, " in the metadata, found ",
           in_quotes(text));
  });
  for (const auto& [name, value] : metadata)
    if (name.starts_with(note_prefix)) state.notes.emplace(name.substr(note_prefix.size()), value);
  return state;
}

}  // namespace spankey
