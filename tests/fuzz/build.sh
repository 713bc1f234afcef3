#!/bin/sh
# Builds the harnesses with libFuzzer, as OSS-Fuzz does: CXX, CXXFLAGS, LIB_FUZZING_ENGINE and OUT may be set outside.
#   tests/fuzz/build.sh [NAME...]       all of them, or these: safetensors key_space ...
# Into $OUT (build/fuzz): NAME_fuzz, NAME_fuzz_seed_corpus (a folder; a .zip for OSS-Fuzz) and NAME_fuzz.dict.
set -eu
cd "$(dirname "$0")/../.."
: "${CXX:=clang++}" "${OUT:=build/fuzz}" "${LIB_FUZZING_ENGINE:=-fsanitize=fuzzer}"
sanitizers=-fsanitize=fuzzer-no-link,address,undefined,float-cast-overflow
: "${CXXFLAGS:=-O1 -g -fno-omit-frame-pointer $sanitizers -fno-sanitize-recover=all}"
mkdir -p "$OUT"
program=tools/spankey
[ $# != 0 ] || set -- $(cd tests/fuzz && ls ./*_fuzz.cpp | sed 's|.*/||; s/_fuzz\.cpp$//')
for name in "$@"; do
  sources=tests/fuzz/${name}_fuzz.cpp
  packages=""
  case $name in
    config | results)
      sources="$sources tests/fuzz/networks.cpp" packages="-ltbb"
      while read -r part; do sources="$sources $program/$part.cpp"; done <$program/json_parts.txt
      ;;
    key_space | key_file | maps | gguf | release) packages="-ltbb" ;;
    gzip) packages="-lz" ;;
    lock | sealed_key) packages="-ltbb -lopenblas -lsodium" ;;
    picture) packages="-ltbb -lpng -ljpeg" ;;
  esac
  # The system's headers with their own warnings aside; -isystem where Debian puts OpenBLAS.
  # shellcheck disable=SC2086
  $CXX -std=c++20 $CXXFLAGS -Iinclude -Itests/fuzz -I$program -isystem /usr/include/x86_64-linux-gnu/openblas-pthread \
    $sources $LIB_FUZZING_ENGINE $packages -o "$OUT/${name}_fuzz"
  if [ -n "${FUZZING_ENGINE:-}" ]; then
    (cd "tests/fuzz/corpus/$name" && zip -q -r - .) >"$OUT/${name}_fuzz_seed_corpus.zip"
  fi
  [ ! -e "tests/fuzz/$name.dict" ] || cp "tests/fuzz/$name.dict" "$OUT/${name}_fuzz.dict"
  echo "built $OUT/${name}_fuzz"
done
