# Sourced by the recipes and the tests: makes .venv from constraints.txt if it is missing (about two minutes),
# then puts the programs and steps on PATH. With an active environment that has houseblend, nothing is installed.
HOUSEBLEND_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

_houseblend_make_venv() (
    set -euo pipefail
    cd "$HOUSEBLEND_ROOT"
    wanted=$(cat constraints.txt pyproject.toml setup.py | sha256sum | cut -d' ' -f1)
    exec 9>.venv.lock
    flock 9
    [ "$(cat .venv/houseblend-installed 2>/dev/null)" = "$wanted" ] && return 0
    echo "path.sh: making .venv from constraints.txt (about two minutes)" >&2
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "path.sh: python3 must be 3.10 or newer" >&2; return 1; }
    python3 -m venv .venv
    .venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt "torch==$(sed -n 's/^torch==//p' constraints.txt)"
    .venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[synth,mpi,onnx,test]'
    echo "$wanted" >.venv/houseblend-installed
)

if [ -n "${VIRTUAL_ENV:-}" ] && python3 -c 'import houseblend' 2>/dev/null; then
    :
else
    _houseblend_make_venv || return 1 2>/dev/null || exit 1
    PATH=$HOUSEBLEND_ROOT/.venv/bin:$PATH
fi
export PATH=$HOUSEBLEND_ROOT/bin:$HOUSEBLEND_ROOT/steps:$PATH
export LC_ALL=C PYTHONUTF8=1
