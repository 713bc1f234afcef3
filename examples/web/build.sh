#!/bin/sh
# examples/web/build.sh FOLDER: makes the page in FOLDER, from the files of this folder and the library's headers.
# Needs clang 14 or newer with wasm-ld, and the WASI C and C++ libraries: on Debian and Ubuntu
#   apt-get install clang lld wasi-libc libc++-dev-wasm32 libclang-rt-dev-wasm32
# CLANG names another compiler than clang++.
set -eu
[ $# = 1 ] || { echo "usage: $0 FOLDER" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"

# Without an entry the module is a library. -Os makes 9 KB; -O2 and -msimd128 make more, and a run takes milliseconds.
"${CLANG:-clang++}" --target=wasm32-wasi -std=c++20 -Os -DNDEBUG -fno-exceptions -fno-rtti -fno-threadsafe-statics \
  -I"$here/../../include" -nostartfiles -Wl,--no-entry -Wl,--strip-all -Wl,--gc-sections -Wl,-z,stack-size=16384 \
  "$here/session_wasm.cpp" -o "$1/session.wasm"
cp "$here/index.html" "$here/style.css" "$here/app.js" "$here/key_space.js" "$here/digit.js" \
  "$here/assets/weights.bin" "$here/assets/key_space.bin" "$here/assets/digits.bin" "$here/assets/network.json" "$1/"
