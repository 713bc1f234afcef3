# ./run demo; sourced by ./run.
# shellcheck shell=sh

# Small enough for half a minute of two cores, and long enough for a gate that holds: tests/program/demo_slow_test.py.
demo_flags="--data glyphs --model small_cnn --sites 1,2 --per-site-key --per-site-basis --subspace-dim 8
  --coefficients unit_cube --offset 0.5 --spread 0.1
  --deny-weight 1.5 --seal-weight 2 --optimizer adam --weight-decay 0 --schedule one-cycle --lr 0.005 --epochs 6 --batch 32
  --train-limit 8000 --test-limit 1000 --eval-keys 20 --eval-images 200
  --families gaussian,orthogonal,norm_matched,permuted,sign_flipped,other_space,zero"

# Folder runs/demo, or the next one that is free.
free_run() {
  free=runs/demo
  number=1
  while [ -e "$free" ]; do
    number=$((number + 1))
    free=runs/demo-$number
  done
  echo "$free"
}

demo() {
  need "$program_packages" ""
  check_openblas
  mkdir -p build
  # Another network of --model, and the folder of --out, where FLAGS name them.
  networks=small_cnn
  out=""
  before=""
  for flag in "$@"; do
    case $before in
      --model) networks="small_cnn;$flag" ;;
      --out) out=$flag ;;
    esac
    case $flag in
      --model=*) networks="small_cnn;${flag#*=}" ;;
      --out=*) out=${flag#*=} ;;
    esac
    before=$flag
  done
  case $networks in *";small_cnn") networks=small_cnn ;; esac
  network_count=$(echo "$networks" | tr ';' '\n' | wc -l)
  cuda=OFF
  [ ! -e /dev/nvidia0 ] || cuda=AUTO
  configure demo "-DSPANKEY_CUDA=$cuda" "-DSPANKEY_PROGRAM_NETWORKS=$networks"
  build_shown demo spankey_program
  if [ -z "$out" ]; then
    out=$(free_run)
    set -- "$@" --out "$out"
  fi
  program=build/demo/bin/spankey
  # Flags of the demo that FLAGS do not give.
  kept=""
  for word in $demo_flags; do
    case $word in
      --*)
        passed_over=""
        for flag in "$@"; do
          case $flag in "$word" | "$word="*) passed_over=yes ;; esac
        done
        ;;
    esac
    [ -n "$passed_over" ] || kept="$kept $word"
  done
  # shellcheck disable=SC2086
  set -- train $kept "$@"
  say "$program $*"
  [ "$networks" != small_cnn ] ||
    say "small_cnn (20,000 parameters) on drawn images, not ResNet-18 on real ones, so that the table is here in a minute:"
  "$program" "$@"
  cat <<TEXT
What to do next:
  $program report $out          # its curves, bars and tables as one page: $out/report.html
  $program eval --run $out --families all --out $out/all.json    # every family of wrong keys
  $program convert --run $out --out net.image --key-out unit.key # weights and a key to ship: docs/inference.md
TEXT
}
