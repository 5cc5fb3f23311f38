#!/usr/bin/env bash
# Every check that runs nothing of Pybot: style, types, architecture, the schema, the web app's own.
source "$(dirname "$0")/lib.sh"

python=$PYTHON_OF_VENV

served_schema() {
    diff -u schema.graphql <("$python" -m pybot schema)
}

check_types_with_pyright() {
    PATH="$PWD/.venv/bin:$PATH" "$python" -m pyright
}

check_imports() {
    "$python" -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'
}

check_dependencies() {
    "$python" -m deptry pybot &&
        "$python" -m deptry --non-dev-dependency-groups dev --ignore DEP002 tests benchmarks scripts
}

echo "Checking …"
check "ruff check" "$python" -m ruff check .
check "ruff format" "$python" -m ruff format --check .
check "mypy" "$python" -m mypy
check "pyright" check_types_with_pyright
check "import-linter" check_imports
check "imports are declared" check_dependencies
check "schema.graphql is what is served" served_schema
check "clients of the tests: format" frontend/node_modules/.bin/prettier \
    --config frontend/.prettierrc --check tests/clients
check "web app: lint" npm --prefix frontend run lint
check "web app: types" npm --prefix frontend run types
check "web app: unit tests" npm --prefix frontend run test
