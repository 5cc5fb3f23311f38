# Shared by the scripts: steps that are done once, one line of progress each, one line of error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

STAMPS=.venv/stamps
PYTHON_OF_VENV=.venv/bin/python  # never the scripts in .venv/bin: spaces in paths break their first line
export PIP_DISABLE_PIP_VERSION_CHECK=1
export PYRIGHT_PYTHON_CACHE_DIR="$PWD/.venv/pyright" PYRIGHT_PYTHON_IGNORE_WARNINGS=1

die() {
    echo "pybot: $*" >&2
    exit 1
}

# The content of files, and the words given, as one number.
digest() {
    { printf '%s\n' "$PWD"; cat; } | cksum
}

# files_of FOLDER…: every file below, without what is installed or made there.
files_of() {
    find "$@" \( -name node_modules -o -name dist -o -name '*-report' -o -name test-results \
        -o -name '*.tsbuildinfo' -o -name graphql-env.d.ts \) -prune -o -type f -print0 | sort -z
}

# step NAME TITLE COMMAND…: run the command unless it has been run for the same input (stdin).
step() {
    local name=$1 title=$2 key started=$SECONDS
    shift 2
    key=$(digest)
    if [[ -f $STAMPS/$name && $(<"$STAMPS/$name") == "$key" ]]; then
        return
    fi
    mkdir -p "$STAMPS"
    rm -f "$STAMPS/$name"
    if ! "$@" >"$STAMPS/$name.log" 2>&1 </dev/null; then
        tail -n 15 "$STAMPS/$name.log" >&2
        die "$title failed (all it said: $STAMPS/$name.log)"
    fi
    printf '%s' "$key" >"$STAMPS/$name"
    echo "  $title: $((SECONDS - started)) s"
}

# check TITLE COMMAND…: run the command, show what it says only when it fails.
check() {
    local title=$1 started=$SECONDS said
    shift
    if ! said=$("$@" 2>&1 </dev/null); then
        printf '%s\n' "$said" >&2
        die "$title: failed"
    fi
    echo "  $title: ok, $((SECONDS - started)) s"
}
