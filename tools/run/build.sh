# Configuring and building a preset into build/PRESET, shown or not; sourced by ./run.
# shellcheck shell=sh

# One compiler job per core and per 2 GB of free memory.
jobs() {
  awk -v cores="$(nproc)" '/^MemAvailable:/ { jobs = int($2 / 2000000) }
    END { print jobs < 1 ? 1 : jobs < cores ? jobs : cores }' /proc/meminfo
}

# Warnings are errors with the compilers that the project is checked with; a newer one may know more of them.
strict() {
  case $(${CXX:-g++} --version 2>/dev/null | head -n 1) in
    *g++*" 12."*) echo ON ;;
    *) echo OFF ;;
  esac
}

configure() { # configure PRESET [CMAKE FLAGS]
  preset=$1
  shift
  cmake --preset "$preset" "$@" >"build/$preset.log" 2>&1 || {
    cat "build/$preset.log" >&2
    return 1
  }
  grep -E '^-- spankey:' "build/$preset.log" || true
}

build() { # build PRESET TARGET...
  preset=$1
  shift
  cmake --build "build/$preset" --parallel "$(jobs)" --target "$@"
}

# What a build has done, from the log of ninja: steps, and the time left by the weight of what is missing. A network's
# kernels take as long to compile as six other files.
build_state() { # build_state LOG SECONDS
  awk -v elapsed="$2" '
    match($0, /^\[[0-9]+\/[0-9]+\]/) {
      split(substr($0, 2, RLENGTH - 2), count, "/")
      networks += / Building .*\/network_[^/]*\.cpp\.o$/
    }
    END {
      if (!count[2]) { printf "reading the build files"; exit }
      heavy = 5 * (networks > wanted ? networks : wanted)
      printf "step %d of %d, %d:%02d", count[1], count[2], elapsed / 60, elapsed % 60
      done = count[1] + 5 * networks
      left = done > 0 ? elapsed * (count[2] + heavy - done) / done : 0
      if (done > 2) printf ", about %d:%02d left", left / 60, left % 60
    }' wanted="$network_count" "$1"
}

# The same as build, on one line of the terminal; elsewhere a line a step. All of the log where it fails.
build_shown() { # build_shown PRESET TARGET...
  log=build/$1-build.log
  began=$(date +%s)
  build "$@" >"$log" 2>&1 &
  builder=$!
  trap 'kill $builder 2>/dev/null; exit 130' INT TERM
  shown=""
  while running=yes; kill -0 $builder 2>/dev/null || running=""; do
    state=$(build_state "$log" $(($(date +%s) - began)))
    if [ -t 1 ]; then
      printf '\rrun: compiling: %-50s' "$state"
    elif [ "${state%%,*}" != "$shown" ]; then
      say "compiling: $state"
    fi
    shown=${state%%,*}
    [ -n "$running" ] || break
    sleep 1
  done
  [ ! -t 1 ] || echo
  trap - INT TERM
  wait $builder || {
    cat "$log" >&2
    stop "this did not compile; all of it is in $log"
  }
}
