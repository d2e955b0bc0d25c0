#!/usr/bin/env bash
# What needs a card, in under five minutes: networks, Kaldi's trajectories and trainings of every strategy on it, then a step
# beside its bare products. Without a card it says so and ends well. PYTHON: an interpreter whose torch knows the card, by
# default that of the project's environment.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ -z "${PYTHON:-}" ]; then
    source ./path.sh
    PYTHON=python
fi
export OMP_NUM_THREADS=1 PYTHONPATH=$PWD/src
if ! "$PYTHON" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
    echo "tests/device/run.sh: torch finds no card here: nothing was run" >&2
    exit 0
fi
"$PYTHON" -m pytest -p no:xdist --durations=5 tests/device
"$PYTHON" tests/device/bench_card.py "$@"
