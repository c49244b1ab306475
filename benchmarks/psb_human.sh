#!/usr/bin/env bash
# Real scans: a segmenter for PSB Human, split 0, in 10 minutes on 2 cores, geometry included. The 8 test
# shapes are seen once, at the end; there is no validation split, so the last weights are taken.
#
#   benchmarks/psb_human.sh [WORK]     (default: out/psb)
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="${BIN:-.venv/bin}:$PATH"
work=${1:-out/psb}
python -m benchmarks.psb convert Human "$work/data" --seed 0
start=$(date +%s)
gaugeconv train "$work/data" --out "$work/run" --minutes 9 --augment 7 --seed 0
python -m benchmarks.psb evaluate Human --weights "$work/run/best.safetensors" --record psb_human \
  --training-seconds $(($(date +%s) - start))
