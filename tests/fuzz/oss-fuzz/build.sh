#!/bin/bash -eu
# OSS-Fuzz sets CXX, CXXFLAGS, LIB_FUZZING_ENGINE, FUZZING_ENGINE and OUT. Its runners have no shared libraries of
# Debian's: those that the harnesses need go along.
"$SRC"/spankey/tests/fuzz/build.sh
mkdir -p "$OUT"/lib
for program in "$OUT"/*_fuzz; do
  ldd "$program" | awk '/libtbb|libopenblas|libsodium|libz\.|libpng|libjpeg|libgcc_s|libstdc/ { print $3 }' | xargs -r cp -Lt "$OUT"/lib
  patchelf --set-rpath '$ORIGIN/lib' "$program"
done
