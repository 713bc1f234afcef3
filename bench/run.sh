# ./run bench; sourced by ./run.
# shellcheck shell=sh

# A Python that has PyTorch; nothing where there is none.
python_with_torch() {
  for python in python3 /usr/bin/python3; do
    if "$python" -c "import torch" 2>/dev/null; then
      echo $python
      return
    fi
  done
}

bench() {
  write=""
  tables=yes
  comparison=""
  wants_value=""
  count=$#
  while [ "$count" -gt 0 ]; do
    flag=$1
    shift
    count=$((count - 1))
    if [ -n "$wants_value" ]; then
      comparison="$comparison --python $flag"
      wants_value=""
      continue
    fi
    case $flag in
      --write) write=--write ;;
      --growth) comparison="$comparison --table compare_pytorch --table growth" ;;
      --python) wants_value=yes ;;
      --benchmark_filter=* | --benchmark_list_tests*)
        tables=""
        set -- "$@" "$flag"
        ;;
      *) set -- "$@" "$flag" ;;
    esac
  done
  [ -z "$wants_value" ] || stop "--python needs a name after it"
  case $tables$write$comparison in
    "" | *--python*) need "$bench_packages" "" ;;
    *) need "$bench_packages" python3-torch ;;
  esac
  check_openblas
  mkdir -p build
  configure bench
  build bench all
  for program in build/bench/bin/spankey_bench_*; do
    [ -x "$program" ] || continue
    say "$program"
    "$program" "$@"
  done
  [ -z "$write" ] || python3 bench/kernel/measure_conv2d.py $write
  if [ -z "$write$tables" ]; then
    say "skipped: compile budget and comparison with PyTorch (a choice of benchmarks was given)"
    return
  fi
  case $comparison in
    *--python*) ;;
    *)
      torch=$(python_with_torch)
      comparison=${torch:+$comparison --python $torch}
      ;;
  esac
  say "compile budget"
  # shellcheck disable=SC2086
  python3 bench/compile/measure_compile.py $write
  if [ -z "$comparison" ]; then
    say "skipped: comparison with PyTorch (no Python that has torch)"
    return
  fi
  say "comparison with PyTorch"
  # shellcheck disable=SC2086
  python3 bench/compare_pytorch.py $comparison $write
}
