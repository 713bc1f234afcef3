# What the commands of ./run need, and installing what is missing; sourced by ./run.
# shellcheck shell=sh

# What each command needs, as Debian and Ubuntu name it.
build_packages="g++ cmake ninja-build libtbb-dev libopenblas-pthread-dev"
program_packages="$build_packages nlohmann-json3-dev zlib1g-dev libsodium-dev libpng-dev libjpeg-dev"
test_packages="$program_packages doctest-dev libbenchmark-dev python3 python3-numpy"
bench_packages="$program_packages libbenchmark-dev python3"
# Used where the system offers them; what needs them is skipped, by name, where it does not.
test_extras="libxtensor-dev libeigen3-dev python3-torch chromium libopenmpi-dev openmpi-bin"
# The processors of tests/targets: a compiler and a machine to run on for each.
test_extras="$test_extras gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib qemu-system-arm
  g++-aarch64-linux-gnu qemu-user clang lld nodejs wasi-libc libc++-dev-wasm32 libclang-rt-dev-wasm32"

cmake_floor=3.25
gxx_floor=12

on_path() { command -v "$1" >/dev/null 2>&1; }

# at_least VERSION FLOOR: compares dotted numbers.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

cmake_version() { cmake --version 2>/dev/null | sed -n 's/^cmake version \([0-9.]*\).*/\1/p'; }
gxx_version() { g++ -dumpfullversion 2>/dev/null || true; }

# A tool that is here and new enough counts, whoever installed it; a library counts when its package does.
present() {
  case $1 in
    g++) [ -n "${CXX:-}" ] || { on_path g++ && at_least "$(gxx_version)" $gxx_floor; } ;;
    cmake) on_path cmake && at_least "$(cmake_version)" $cmake_floor ;;
    ninja-build) on_path ninja ;;
    python3) [ -x /usr/bin/python3 ] ;;
    *) [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ;;
  esac
}

missing_of() {
  for package in "$@"; do
    present "$package" || printf '%s ' "$package"
  done
}

# Newest version that apt offers; empty when there is none.
offered() { apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: //p' | grep -v '(none)' || true; }

is_root() { [ "$(id -u)" = 0 ]; }

apt() {
  if is_root; then become=""; else become=sudo; fi
  $become env DEBIAN_FRONTEND=noninteractive apt-get -q "$@"
}

# The system's compiler or CMake can be too old: say so before anything is installed.
check_offers() {
  for tool in "cmake $cmake_floor CMake" "g++ $gxx_floor g++"; do
    # shellcheck disable=SC2086
    set -- $tool
    case " $missing" in *" $1 "*) ;; *) continue ;; esac
    version=$(offered "$1" | sed 's/^[0-9]*://; s/[^0-9.].*//')
    [ -z "$version" ] || at_least "$version" "$2" ||
      stop "$3 >= $2 is required, and this system offers $version: use Debian 12, Ubuntu 24.04 or newer, or put a newer $1 on PATH (a compiler may also be named by CXX)"
  done
}

# need REQUIRED EXTRAS: two lists of packages.
# shellcheck disable=SC2086
need() {
  [ -z "${SPANKEY_NO_INSTALL:-}" ] || return 0
  missing=$(missing_of $1)
  extras=""
  if on_path apt-get; then extras=$(missing_of $2); fi
  if [ -n "$missing" ] && ! on_path apt-get; then
    printf '%s\n' "run: this machine has no apt. Please install, under the names your system gives them:" \
      "  CMake >= $cmake_floor, ninja, a C++20 compiler (g++ >= $gxx_floor or clang >= 14)" \
      "  oneTBB, OpenBLAS (a build with threads, not a serial one)" \
      "  for the program: nlohmann-json, zlib, libsodium; optional: libpng, libjpeg-turbo" \
      "  for the tests:   doctest, Google Benchmark, Python 3 with numpy; optional: xtensor, Eigen, Open MPI, PyTorch, Chromium, QEMU" \
      "                   with compilers for arm-none-eabi and aarch64, clang with wasi-libc and libc++ for wasm32, Node" \
      "  (Debian's names of what is not found here: $missing)" \
      "Then tell this script not to look for packages: SPANKEY_NO_INSTALL=1 ./run ..." >&2
    exit 2
  fi
  [ -n "$missing$extras" ] || return 0
  if ! is_root && ! on_path sudo; then
    [ -z "$missing" ] || stop "neither root nor sudo: please have these installed: $missing"
    say "neither root nor sudo: going on without $extras"
    return 0
  fi

  updated=no
  for package in $missing $extras; do
    if [ $updated = no ] && [ -z "$(offered "$package")" ]; then
      apt update
      updated=yes
    fi
  done
  check_offers
  wanted=$missing
  for package in $extras; do
    if [ -n "$(offered "$package")" ]; then wanted="$wanted$package "; else say "this system offers no $package"; fi
  done
  [ -n "$wanted" ] || return 0
  say "installing $wanted"
  if ! apt install -y --no-install-recommends $wanted; then
    [ $updated = no ] || stop "apt could not install: $wanted"
    apt update # the package lists were too old
    apt install -y --no-install-recommends $wanted || stop "apt could not install: $wanted"
  fi
  missing=$(missing_of $1)
  [ -z "$missing" ] ||
    stop "still missing or too old: $missing(CMake >= $cmake_floor and g++ >= $gxx_floor are required)"
}

# Debian lets libopenblas.so.0 point to a build that is not safe to call from several threads.
check_openblas() {
  on_path update-alternatives || return 0
  for name in $(update-alternatives --get-selections 2>/dev/null | awk '/^libopenblas\.so\.0-/ { print $1 }'); do
    case $(update-alternatives --query "$name" | sed -n 's/^Value: //p') in
      *openblas-serial*)
        stop "libopenblas.so.0 resolves to libopenblas0-serial, which is built without locking: update-alternatives --auto $name" ;;
    esac
  done
}

install_deps() {
  need "$test_packages" "$test_extras"
  check_openblas
  say "everything is installed"
}
