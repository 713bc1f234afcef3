// Text from outside (paths, tensor names) made safe for a one-line error message.
//
// A name in a file may hold line breaks, zero bytes or megabytes of text. Control characters become \xNN
// (core/escape.hpp), and so do bytes that are no UTF-8; long text is cut: an error stays one readable line whatever the
// file says.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "spankey/core/compiled.hpp"

namespace spankey {

/// `text` with control characters and invalid UTF-8 written as \xNN, and at most about `longest` bytes of it
/// ("..." marks the cut).
SPANKEY_INLINE std::string printable(std::string_view text, std::size_t longest = 200);

/// printable() between double quotes.
inline std::string in_quotes(std::string_view text) { return '"' + printable(text) + '"'; }

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/file/printable.inl"
#endif
