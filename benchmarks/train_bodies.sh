#!/usr/bin/env bash
# How the packaged weights were made: 600 generated bodies, 540 to train on and 60 to choose the epoch.
# Needs `pip install -c constraints.txt -e '.[bodies]'`. The run can be stopped and resumed.
#
#   benchmarks/train_bodies.sh [WORK]     (default: out/bodies)
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="${BIN:-.venv/bin}:$PATH"
work=${1:-out/bodies}
[ -e "$work/data/labels.json" ] || gaugeconv data bodies --count 600 --seed 1000 --out "$work/data"
if [ -e "$work/run/config.json" ]; then
  gaugeconv train "$work/data" --out "$work/run" --resume
else
  gaugeconv train "$work/data" --out "$work/run" --epochs 12 --val-every 2 --threads 1
fi
python -m benchmarks.trained "$work/run" train_bodies
cp "$work/run/best.safetensors" gaugeconv/models/weights/bodies.safetensors
