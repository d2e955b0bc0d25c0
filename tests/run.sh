#!/usr/bin/env bash
# All tests, on a bare machine with bash, Python and pip. Arguments go to pytest: tests/run.sh tests/feat -k mfcc
set -euo pipefail
cd "$(dirname "$0")/.."
source ./path.sh
export OMP_NUM_THREADS=1
if [ $# -eq 0 ]; then
    ruff check .
    ruff format --check .
    pyright
fi
exec python -m pytest "$@"
