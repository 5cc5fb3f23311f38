#!/usr/bin/env bash
# Mutation tests, in an environment of their own that has the packages of the tests as well.
source "$(dirname "$0")/lib.sh"

make_mutants() {
    local packages
    packages=$("$PYTHON_OF_VENV" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    "$PYTHON_OF_VENV" -m uv venv --clear --python "$PYTHON_OF_VENV" .venv-mutants &&
        "$PYTHON_OF_VENV" -m uv pip install --python .venv-mutants/bin/python \
            -r requirements/mutants.txt &&
        echo "$packages" >"$(.venv-mutants/bin/python -c \
            'import sysconfig; print(sysconfig.get_path("purelib"))')/tests.pth"
}

[[ -x .venv-mutants/bin/python ]] || rm -f "$STAMPS/mutants"
step mutants "Tools for mutations" make_mutants < <(cat requirements/{mutants,dev}.txt)
exec .venv-mutants/bin/python -m tests.mutants "$@"
