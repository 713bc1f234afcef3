#!/bin/sh
# What needs a GPU, in one command of less than ten minutes:
#   on_device.sh BIN [OUT] [PART...]
# BIN holds the programs of a build with SPANKEY_CUDA=ON, and in BIN/lib the libraries that the machine lacks (oneTBB,
# OpenBLAS); OUT (default: .) gets on_device.txt and what each part printed. Parts, the first four unless named:
#   agreement    tests against the reference        conformance  against PyTorch, 44 cases in fp32 and 44 in bf16
#   sanitizer    compute-sanitizer memcheck over the tests of a training step      speed  against PyTorch
#   cifar        mode B, 40 epochs, up to ten minutes by itself; needs data/cifar-10-batches-bin, or its parent in SPANKEY_DATA
# Exit status 1 if a part failed; a part that cannot run is named as skipped.
bin=$1
out=${2:-.}
[ -n "$bin" ] || { sed -n '2,11p' "$0"; exit 2; }
shift
[ $# = 0 ] || shift
parts=${*:-agreement conformance sanitizer speed}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
python=${PYTHON:-python3}
data=${SPANKEY_DATA:-$root/data}
[ ! -d "$bin/lib" ] || export LD_LIBRARY_PATH="$bin/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
status=0
mkdir -p "$out"
: >"$out/on_device.txt"

say() { printf '%s\n' "$*" | tee -a "$out/on_device.txt"; }

# part NAME SECONDS COMMAND...
part() {
  name=$1 limit=$2
  shift 2
  start=$(date +%s)
  timeout "$limit" "$@" >"$out/$name.txt" 2>&1
  code=$?
  took=$(($(date +%s) - start))
  case $code in
    0) say "passed: $name ($took s): $(tail -n 1 "$out/$name.txt")" ;;
    77) say "skipped: $name: $(tail -n 1 "$out/$name.txt")" ;;
    *)
      say "FAILED: $name (exit status $code, $took s): $(tail -n 3 "$out/$name.txt")"
      status=1
      ;;
  esac
}

for wanted in $parts; do
  case $wanted in
    agreement) part agreement 60 "$bin/spankey_test_cuda_device" ;;
    conformance) part conformance 180 "$python" "$here/conformance_on_device.py" "$bin/spankey_conformance" ;;
    sanitizer)
      if command -v compute-sanitizer >/dev/null; then
        part sanitizer 100 compute-sanitizer --tool memcheck --error-exitcode 9 \
          "$bin/spankey_test_cuda_device" "--test-case=cuda trainer*,cuda model: small_cnn*"
      else
        say "skipped: sanitizer: no compute-sanitizer"
      fi
      ;;
    speed) part speed 240 "$python" "$root/bench/cuda/compare_pytorch.py" "$bin/spankey_bench_cuda_step" --python "$python" --repeats 2 --quick ;;
    cifar)
      if [ -d "$data/cifar-10-batches-bin" ]; then
        part cifar 600 "$bin/spankey" train --device cuda --data cifar10 --data-root "$data" --regime reference \
          --per-site-key --per-site-basis --precision bf16 --epochs 40 --out "$out/cifar"
      else
        say "skipped: cifar: no cifar-10-batches-bin in $data"
      fi
      ;;
    *) say "unknown part: $wanted"; status=2 ;;
  esac
done
exit $status
