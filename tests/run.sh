#!/usr/bin/env bash
# All tests, on a bare machine with bash, Python and pip; a process for each core. Arguments go to pytest:
#     tests/run.sh tests/feat -k mfcc
#     tests/run.sh --kernels [tests/train ...]    # again with the kernels that the libraries choose on other machines
set -euo pipefail
cd "$(dirname "$0")/.."
source ./path.sh
export OMP_NUM_THREADS=1

run_tests() {
    python -m pytest -n auto --maxprocesses=8 --dist=worksteal "$@"
}

if [ "${1:-}" = --kernels ]; then
    shift
    failed=
    for kernels in ATEN_CPU_CAPABILITY={avx2,default} {MKL_ENABLE_INSTRUCTIONS,ONEDNN_MAX_CPU_ISA}=AVX2; do
        echo "== $kernels"
        (export "$kernels" && run_tests "$@") || failed+=" $kernels"
    done
    [ -z "$failed" ] || { echo "tests/run.sh: failed with$failed" >&2; exit 1; }
    exit 0
fi
if [ $# -eq 0 ]; then
    ruff check .
    ruff format --check .
    pyright
fi
run_tests "$@"
