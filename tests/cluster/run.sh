#!/usr/bin/env bash
# Jobs on a real Slurm and a real GridEngine, both of this machine alone: installs them where packages can be installed (Debian,
# root), starts them for the tests, and stops them. What cannot be installed is skipped by name. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/../.."
source ./path.sh
export OMP_NUM_THREADS=1 HOUSEBLEND_TEST_CLUSTER=1

install() { # a command that it brings, packages
    local command=$1
    shift
    PATH=$PATH:/usr/sbin command -v "$command" >/dev/null && return
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null ||
        echo "tests/cluster/run.sh: $* cannot be installed here" >&2
}

install slurmctld slurm-wlm munge
install qsub gridengine-master gridengine-exec gridengine-client
exec python -m pytest -rs -p no:xdist tests/cluster "$@"
