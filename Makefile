# The two commands: `make run` and `make test`. Each sets up what it needs, once.
.DEFAULT_GOAL := help
.PHONY: help run test measure soak mutants setup check fmt bench smoke-model lock clean

PYTHON_OF_VENV := .venv/bin/python
ARGS ?=

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

run: ## set up, then start everything on this machine (ARGS="--port 9000")
	@scripts/setup.sh run
	@# Through launch.py: should make be killed, what it started ends as well.
	@exec $(PYTHON_OF_VENV) -I -S pybot/services/local/launch.py $$PPID 15 \
		$(PYTHON_OF_VENV) -m pybot up $(ARGS)

test: setup ## every check and every test
	@scripts/check.sh
	@scripts/test.sh $(ARGS)

measure: setup ## every test, and whether they reach enough of the code and of the schema
	@scripts/test.sh --measured $(ARGS)

soak: setup ## the tests that grow, ten times as large (ARGS="--soak 100 --seed 5 tests/faults")
	@scripts/test.sh --soak 10 $(ARGS)
	@$(if $(ARGS),,scripts/mutants.sh && scripts/mutants.sh --sample 200)

mutants: setup ## change the code a little, many times over: the tests must notice (ARGS="--sample 200")
	@scripts/mutants.sh $(ARGS)

setup: ## set up alone, for run and test
	@scripts/setup.sh test

check: setup ## the checks alone
	@scripts/check.sh

fmt: setup ## format the code
	@$(PYTHON_OF_VENV) -m ruff format . && $(PYTHON_OF_VENV) -m ruff check --fix .
	@npm --prefix frontend run format

bench: setup ## what Pybot costs, as ratios (ARGS="--full", ARGS="hundred idle"; docs/scaling.md)
	@$(PYTHON_OF_VENV) -m benchmarks $(ARGS)

smoke-model: setup ## ask the local model each example prompt three times, through the whole stack
	@$(PYTHON_OF_VENV) -m tests.e2e.smoke_model $(ARGS)

lock: ## resolve the Python packages again (requirements/*.txt)
	@scripts/lock.sh

clean: ## remove what was made; .pybot/ (your data) stays
	@rm -rf .venv .venv.new .venv-kernels .venv-gateway .venv-manifests .venv-clients .venv-mutants pybot/web \
		frontend/node_modules frontend/dist \
		frontend/test-results frontend/playwright-report tests/clients/javascript/node_modules dist build \
		.pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find pybot tests scripts -name __pycache__ -prune -exec rm -rf {} +
