#!/usr/bin/env bash
# All that only a GPU can show, in one call of at most so many seconds:
#
#     bash benchmarks/gpu.sh OUT [SECONDS] [DEVICE]
#
# Checks of the CUDA paths; steps of recipes/rotmnist.toml against plain networks of as many channels and parameters
# and stock escnn; the keys of [performance]; and training at the paper's scale for the time that is left, from where an
# earlier call with the same OUT stopped. Each part leaves its file in OUT when it ends, and one that fails or takes too
# long does not keep the others from their turn. STEERGAN_DATA names the folder with MNIST's files, without which nothing
# is trained.
set -uo pipefail
cd "$(dirname "$0")/.."
out=$(realpath -m "${1:?usage: bash benchmarks/gpu.sh OUT [SECONDS] [DEVICE]}")
end=$((SECONDS + ${2:-500}))
device=${3:-cuda}
mkdir -p "$out"
failed=()

# part NAME SHARE COMMAND...: for at most SHARE percent of the time that is left; SIGTERM lets training save.
part() {
    local name=$1 limit=$(((end - SECONDS) * $2 / 100))
    shift 2
    echo "== $name: at most $limit s"
    timeout --signal=TERM --kill-after=20 "$limit" "$@" 2>&1 | tee "$out/$name.txt"
    local code=${PIPESTATUS[0]}
    # 124: stopped by the clock; 130: training that saved and was stopped.
    [[ $code -eq 0 || $name == train && ($code -eq 124 || $code -eq 130) ]] || failed+=("$name ($code)")
}

steergan="python -m steergan_cli"
part doctor 10 $steergan doctor
part checks 40 python -m benchmarks accelerator --device "$device" --json "$out/checks.json"
part step 35 $steergan benchmark step --recipe recipes/rotmnist.toml --only step --repeats 10 --device "$device" --json "$out/step.json"
part performance 40 python -m benchmarks performance --recipe recipes/rotmnist.toml --repeats 5 --device "$device" --record "$out/performance.json"
if [[ -n ${STEERGAN_DATA:-} ]]; then
    part train 95 $steergan train recipes/rotmnist.toml --set "data.path=$STEERGAN_DATA/mnist" --device "$device" --out "$out/rotmnist"
fi
echo "${#failed[@]} parts failed${failed[*]:+: ${failed[*]}}"
[[ ${#failed[@]} -eq 0 ]]
