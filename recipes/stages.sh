# Sourced by every recipe's run.sh with its arguments: options, environment, and the function `stage`. A recipe whose
# stages stand in another file names it in `stage_list` before; one with an option of its own names that in `own_option`, and
# finds its value in `own_value`. Above the first command of a stage stands `#: NAME  what it makes, where, how long it takes`.
#
#   --work DIR         where everything is written (default: work/ beside run.sh)
#   --corpus DIR       where the recordings are (each recipe says what else it tries)
#   --dbn yes          the DNN begins with a deep belief network, stage dbn
#   --stage NAME       begin with this stage
#   --stop-stage NAME  end after this stage
#   --help             what each stage does, how long it takes, where results go
set -euo pipefail
trap '' XFSZ # a limit on file size is an error that names the file, not a silent end

recipe=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$recipe/../.." && pwd)
work=$recipe/work corpus='' dbn='' first_stage='' last_stage='' list_only=''

usage_error() { echo "run.sh: $1; see $0 --help" >&2; exit 2; }

while [ $# -gt 0 ]; do
    case $1 in
        --help) sed -n 's/^#   /  /p' "${BASH_SOURCE[0]}" "$0"; echo; echo "Example: $0 --work /tmp/work --stop-stage mono"; echo; echo "Stages:"; list_only=yes; shift; continue ;;
        --*=*) name=${1%%=*} value=${1#*=}; shift ;;
        --*) name=$1 value=${2-}; [ $# -ge 2 ] || usage_error "$1 needs a value"; shift 2 ;;
        *) usage_error "unexpected argument $1" ;;
    esac
    case $name in
        --work) work=$(realpath -m "$value") ;;
        --corpus) corpus=$(realpath -m "$value") ;;
        --dbn) [ "$value" = yes ] || usage_error "--dbn is yes, or not there"; dbn=$value ;;
        --stage) first_stage=$value ;;
        --stop-stage) last_stage=$value ;;
        "${own_option:-none}") own_value=$value ;;
        *) usage_error "unknown option $name" ;;
    esac
done

for wanted in $first_stage $last_stage; do
    grep -qE "^ *stage(_each)? $wanted " "$0" ${stage_list:+"$recipe/$stage_list"} || usage_error "there is no stage $wanted"
done

# stage NAME COMMAND...: run one command of the stage NAME, if it is among those asked for. Several commands may share
# a name. How long each took: `hb status WORK`.
stage() {
    stage_begins "$1" || return 0
    "${@:2}" || stage_fails $? "$@"
}

# stage_each NAME WORDS COMMAND...: the same of one command for each of the words, which stands where {} does in the command.
# They run at the same time, so that starting one is work beside another's; all end before the recipe goes on. What they say
# comes line by line, behind their word.
stage_each() {
    local name=$1 words=$2 word process lines running=() readers=() status=0
    stage_begins "$name" || return 0
    shift 2
    for word in $words; do
        exec {lines}> >(trap '' INT; exec sed -u "s/^/$word: /" >&2)
        readers+=($!)
        "${@//\{\}/$word}" 2>&"$lines" &
        running+=($!)
        exec {lines}>&-
    done
    for process in "${running[@]}"; do
        wait "$process" || status=$?
    done
    wait "${readers[@]}" 2>/dev/null || true
    [ $status = 0 ] || stage_fails $status "$name" "$@"
}

stage_reached=${first_stage:+no} stage_over='' stage_shown=''
stage_begins() {
    local shown=$stage_shown
    if [ -n "$list_only" ]; then
        stage_shown=$1
        [ "$1" = "$shown" ] || sed -n "s/^#: \($1  .*\)/  \1/p" "$0" ${stage_list:+"$recipe/$stage_list"} | grep . || echo "  $1"
        return 1
    fi
    [ "$1" != "$first_stage" ] || stage_reached=
    [ -z "$stage_over" ] || [ "$1" = "$last_stage" ] || exit 0
    [ "$1" != "$last_stage" ] || stage_over=yes
    [ -z "$stage_reached" ] || return 1
    stage_shown=$1
    [ "$1" = "$shown" ] || echo "== $1" >&2
}

stage_fails() { echo "run.sh: stage $2 failed (status $1): ${*:3}" >&2; exit "$1"; }

if [ -z "$list_only" ]; then
    source "$root/path.sh"
    mkdir -p "$work"
    cd "$work"
    export HOUSEBLEND_RECIPE=$$ # a step that sees this as its parent ends with it
fi
