# ./run test; sourced by ./run.
# shellcheck shell=sh

passed=""
skipped=""
pass() { passed="${passed:+$passed, }$1"; }
skip() {
  say "skipped: $1"
  skipped="${skipped:+$skipped, }$1"
}

# check NAME COMMAND...: stops the whole test at the first step that fails.
check() {
  name=$1
  shift
  say "---- $name"
  start=$(date +%s)
  counted=""
  "$@" || {
    printf 'run test: FAILED: %s; passed before it: %s\n' "$name" "${passed:-nothing}" >&2
    exit 1
  }
  pass "$name ($counted$(($(date +%s) - start)) s)"
}

run_ctest() { # run_ctest PRESET [CTEST FLAGS]
  preset=$1
  shift
  log=build/$preset-tests.log
  ctest --preset "$preset" --parallel "$(jobs)" --output-log "$log" "$@" || return 1
  counted="$(sed -n 's/.* out of \([0-9]*\)$/\1 tests, /p' "$log")"
  for test in $(sed -n 's/^\t* *[0-9]* - \(.*\) (Skipped)$/\1/p' "$log"); do skip "$preset: $test"; done
}

release_tests() {
  # Once is enough: clang compiles every header alone, where it is (clang_sources).
  if on_path clang++; then set -- --exclude-regex '^headers_compile_alone$'; else set --; fi
  # Where nvcc is, one architecture shows that its part compiles and links; all of them: cmake --preset cuda.
  configure release -DSPANKEY_BUILD_TESTS=ON "-DSPANKEY_BUILD_BENCH=$long" -DSPANKEY_BUILD_EXAMPLES=ON "-DSPANKEY_LONG_TESTS=$long" \
    -DCMAKE_CUDA_ARCHITECTURES=90 "-DSPANKEY_WARNINGS_AS_ERRORS=$(strict)" &&
    build release all && run_ctest release "$@"
}

sanitizer_tests() {
  configure asan "-DSPANKEY_LONG_TESTS=$long" "-DSPANKEY_WARNINGS_AS_ERRORS=$(strict)" && build asan all && run_ctest asan
}

noexcept_tests() { configure noexcept "-DSPANKEY_WARNINGS_AS_ERRORS=$(strict)" && build noexcept all && run_ctest noexcept; }

# Several runs at once. The other tests have one run each, whose loops are those that run here.
thread_tests() {
  configure tsan "-DSPANKEY_WARNINGS_AS_ERRORS=$(strict)" &&
    build tsan spankey_test_concurrency && run_ctest tsan --tests-regex '^concurrency$'
}

# Ten minutes a harness, two at a time.
fuzz_tests() { tests/fuzz/build.sh && python3 tests/fuzz/run.py --seconds 600; }

# Headers, consumer projects and compile-time messages; the rest of the tests is built by g++ only, to save time.
clang_sources() { configure clang && run_ctest clang --label-regex source; }

formatted() {
  find include src tests bench examples tools \( -name '*.hpp' -o -name '*.inl' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' -o -name '*.h' \) \
    -exec clang-format --dry-run -Werror {} +
}

# Slow tests choose their counts by these; without --long by their own defaults.
long_tests() {
  export SPANKEY_LONG=1 SPANKEY_KILLS="${SPANKEY_KILLS:-2000}" SPANKEY_ALLOCATIONS="${SPANKEY_ALLOCATIONS:-0}"
}

run_tests() {
  long=OFF
  for flag in "$@"; do
    case $flag in
      --long)
        long=ON
        long_tests
        ;;
      *) stop "test: unknown flag '$flag' (there is --long)" ;;
    esac
  done
  need "$test_packages" "$test_extras"
  check_openblas
  mkdir -p build
  began=$(date +%s)
  # First what takes seconds. Versions of clang-format disagree in details; the sources follow version 14.
  case $(clang-format --version 2>/dev/null) in
    *"version 14."*) check format formatted ;;
    *) skip "format (no clang-format 14)" ;;
  esac
  check release release_tests
  check "address+undefined sanitizers" sanitizer_tests
  check "thread sanitizer" thread_tests
  check "no exceptions" noexcept_tests
  if on_path clang++; then check clang clang_sources; else skip "clang (no clang++)"; fi
  if [ $long = ON ]; then
    if on_path clang++; then check fuzzing fuzz_tests; else skip "fuzzing (no clang++)"; fi
  fi
  printf 'run test: passed in %s s: %s; skipped: %s\n' "$(($(date +%s) - began))" "$passed" "${skipped:-nothing}"
}
