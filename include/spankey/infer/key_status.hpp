// What a session says of a key file.
#pragma once

#include "spankey/infer/status.hpp"
#include "spankey/key/key_file.hpp"

namespace spankey::infer {

constexpr status status_of(key_file_state found) {
  switch (found) {
    case key_file_state::ok:
      return status::ok;
    case key_file_state::foreign:
      return status::key_format;
    case key_file_state::newer:
    case key_file_state::other_kind:
      return status::key_version;
    case key_file_state::not_finite:
      return status::key_not_finite;
    case key_file_state::damaged:
      break;
  }
  return status::key_damaged;
}

}  // namespace spankey::infer
