#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
#
# The example program, linked with nothing but libroost, runs an artifact, and refuses a damaged one
# and a wrong number of values with a message.
# usage: example.sh RUN_MODEL WRITE_MLP
set -euo pipefail
run_model=$1
write_mlp=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$write_mlp" "$dir/mlp.roost"

fail() {
    echo "FAIL: $*"
    exit 1
}

answer=$("$run_model" "$dir/mlp.roost" 0.5 -0.25 1 2)
echo "answer: $answer"
# The network ends in a softmax: three numbers that sum to one.
awk '{ s = $1 + $2 + $3; exit !(NF == 3 && s > 0.99999 && s < 1.00001) }' <<<"$answer" ||
    fail "not three probabilities: $answer"

"$run_model" "$dir/mlp.roost" 1 2 2>"$dir/err" && fail "two numbers were taken for four"
grep -q '2 numbers, expected 4' "$dir/err" || fail "$(cat "$dir/err")"

head -c 5000 "$dir/mlp.roost" >"$dir/cut.roost"
"$run_model" "$dir/cut.roost" 0.5 -0.25 1 2 2>"$dir/err" && fail "a truncated file was run"
grep -q '5000 bytes' "$dir/err" || fail "$(cat "$dir/err")"
echo PASS
