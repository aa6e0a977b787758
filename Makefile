# Every target sets up what it needs; nothing but Python 3.11 or newer, pip and make has to be there.

VENV := .venv
BIN := $(VENV)/bin

# A stamp names the lock it was made from, so a changed lock installs again and an unchanged one costs nothing.
stamp = $(VENV)/.installed-$(1)-$(shell cat locks/$(1).txt locks/build.txt pyproject.toml 2>/dev/null | cksum | cut -d ' ' -f 1)
RUNTIME := $(call stamp,runtime)
DEV := $(call stamp,dev)
READY := $(or $(wildcard $(DEV)),$(RUNTIME))

PIP_INSTALL := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-deps

heading = @printf '\n== %s\n' "$(1)"

.DEFAULT_GOAL := help
.PHONY: help demo test lint messages bench soak vulnerabilities openapi locks clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 24

demo: $(READY) ## make the demo company, scan it, serve the page
	@$(BIN)/ona demo

test: lint ## all checks and all tests (what CI runs)
	$(call heading,pytest)
	@$(BIN)/python -m pytest -m "not soak" -n 2 --dist loadfile -q -rs --durations=10

lint: $(DEV) ## formatting, lint, types, import rules, declared dependencies
	$(call heading,ruff format)
	@$(BIN)/ruff format --check --output-format concise .
	$(call heading,ruff check)
	@$(BIN)/ruff check --output-format concise .
	$(call heading,mypy --strict)
	@$(BIN)/mypy
	$(call heading,import rules)
	@$(BIN)/lint-imports
	$(call heading,declared dependencies)
	@$(BIN)/deptry .

messages: $(DEV) ## collect what the pages say into the catalogues
	@PYTHONPATH=. $(BIN)/python tests/messages.py

bench: $(DEV) ## benchmarks and acceptance bars, each with its table
	@failed=; for script in tests/benchmarks/bench_*.py; do \
	  printf '\n== %s\n' "$$script"; $(BIN)/python "$$script" || failed="$$failed $$script"; \
	done; \
	if [ -n "$$failed" ]; then printf '\nBars missed or scripts failed:%s\n' "$$failed"; exit 1; fi

soak: $(DEV) ## sweeps that take hours, outside make test
	@$(BIN)/python -m pytest -m soak -q -rs

vulnerabilities: $(DEV) ## look every locked release up in a database of known vulnerabilities; needs the internet
	@$(BIN)/python tests/fixtures/vulnerabilities.py $(OPTIONS)

openapi: $(DEV) ## write docs/openapi.json anew after a change of the API
	@mkdir -p docs; $(BIN)/python -c 'from pathlib import Path; from api.app import create_app; from api.document import text_of; \
	from pipelines.settings import Settings; Path("docs/openapi.json").write_text(text_of(create_app(Settings()).openapi()))'

locks: ## resolve the dependencies again and write locks/*.txt (needs uv)
	@PATH="$(BIN):$$PATH"; command -v uv >/dev/null || { \
	  echo "make locks needs uv, which is no dependency of the project: pip install uv"; exit 1; }; \
	compile() { uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-header --no-emit-index-url --no-emit-find-links $(UPGRADE) "$$@"; }; \
	set -e; \
	compile pyproject.toml --all-extras -o locks/dev.txt; \
	compile pyproject.toml --extra badges --extra google --extra microsoft --extra slack --extra postgres -c locks/dev.txt -o locks/service.txt; \
	compile pyproject.toml -c locks/dev.txt -o locks/runtime.txt; \
	compile --group build -c locks/dev.txt -o locks/build.txt

clean: ## remove the virtual environment and caches; never data
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUNTIME) $(DEV): $(VENV)/.installed-%: | $(BIN)/pip
	@echo "Installing the locked packages of locks/$(firstword $(subst -, ,$*)).txt (one to three minutes, once) ..."
	@rm -f $(VENV)/.installed-*
	@$(PIP_INSTALL) --only-binary :all: --require-hashes -r locks/build.txt -r locks/$(firstword $(subst -, ,$*)).txt
	@$(PIP_INSTALL) --no-build-isolation -e .
	@$(BIN)/python -m pip check --disable-pip-version-check >/dev/null || $(BIN)/python -m pip check
	@touch $@

# The first Python that runs, is new enough and can make a virtual environment; a version manager's shim may exist and not run.
$(BIN)/pip:
	@for candidate in $(PYTHON) python3.11 python3 python3.12 python3.13 python3.14 python; do \
	  "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  found=$$candidate; break; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "No Python 3.11 or newer on the PATH. Install one, or name it: make PYTHON=/path/to/python3.11 ..."; exit 1; \
	fi; \
	if ! "$$found" -c 'import venv, ensurepip' 2>/dev/null; then \
	  echo "$$found has no venv module. On Debian and Ubuntu: apt-get install python3-venv; then run make again."; exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$found" --version) ..."; \
	"$$found" -m venv --clear $(VENV)
