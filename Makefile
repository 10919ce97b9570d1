# What a newcomer needs: `make demo` shows the tool at work, `make test` runs every check.
# Both set up what is missing in .venv and rebuild only what changed.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
CARGO ?= cargo
VENV := .venv
BIN := $(VENV)/bin
TARGET := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)

RUST_SOURCES := $(shell find crates -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock
DEMO := examples/demo.pcap
WORKERS ?= 2

# The virtual environment comes first on the path, so that its maturin builds the extension.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint rust-test python-test docs figures random-law train-verdict accuracy bench bench-peers fuzz lab deny lock dist clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

demo: $(VENV)/.built ## set up .venv and measure a real capture: table, alerts, picture
	@echo
	@echo '$$ wiretropy scan $(DEMO) --threshold 7.9 --expected-ports 22,443'
	@$(BIN)/wiretropy scan $(DEMO) --threshold 7.9 --expected-ports 22,443
	@echo
	@echo '$$ wiretropy plot $(DEMO) --side resp -o demo/trajectories.png'
	@mkdir -p demo
	@$(BIN)/wiretropy plot $(DEMO) --side resp -o demo/trajectories.png

test: lint rust-test docs python-test ## every check: linters, types, layers, Rust, docs, Python

lint: $(VENV)/.built $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest wiretropy._core
	$(BIN)/lint-imports --no-logo
	$(CARGO) fmt --all --check

rust-test:
	$(CARGO) clippy --locked --workspace --all-targets --quiet -- -D warnings
	$(CARGO) test --locked --workspace --quiet
	@if command -v cargo-deny >/dev/null; then $(MAKE) --no-print-directory deny; \
	else echo 'cargo-deny is not installed: licences and advisories of crates are not checked (make deny)'; fi

python-test: $(VENV)/.built $(VENV)/.dev
	$(BIN)/pytest -n $(WORKERS)

docs: $(VENV)/.built $(VENV)/.dev ## build the documentation into docs/_build/html
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

figures: $(VENV)/.built ## draw the figures of the documentation again
	$(BIN)/python docs/figures/make_figures.py
	$(BIN)/python docs/figures/make_law_figures.py
	$(BIN)/python docs/figures/make_report_figure.py
	$(BIN)/python docs/figures/make_judging_figure.py

random-law: $(VENV)/.built ## compute the shipped tables of the law of random bytes again (some minutes)
	$(BIN)/python -c 'from wiretropy.entropy import random_curves, random_nodes; random_nodes.save(); random_curves.save()'

train-verdict: $(VENV)/.built ## train what verdicts rest on again (needs what bench/coding/README.md names, and the corpus)
	$(BIN)/python -m bench.verdict.train_opaque
	$(BIN)/python -m bench.verdict.train_segments  # and build the core again
	$(BIN)/python -m bench.verdict.train_flows
	$(BIN)/python -m bench.coding.fetch
	$(BIN)/python -m bench.coding.streams
	$(BIN)/python -m bench.verdict.material
	$(BIN)/python -m bench.verdict.measure_encodings train  # prints what stands in encoding.PROBABILITIES
	$(BIN)/python -m bench.verdict.traffic
	$(BIN)/python -m bench.verdict.sides
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m bench.verdict.train_coding  # small matrices: threads would only wait
	$(BIN)/python -m bench.verdict.train_full_encryption

accuracy: $(VENV)/.built ## measure how right verdicts are and write bench/ACCURACY.md (the first time an hour or two)
	$(BIN)/python -m bench.accuracy $(ACCURACY_FLAGS)

bench: $(VENV)/.built ## measure against the targets and write bench/RESULTS.md
	$(BIN)/python bench/run.py $(BENCH_FLAGS)

fuzz: ## run each fuzz target for FUZZ_SECONDS (60); needs cargo-fuzz
	python3 fuzz/seeds.py
	@for target in containers decode reassembly engine; do \
		(cd fuzz && RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS) $(FUZZ_FLAGS)) || exit 1; \
	done

FUZZ_SECONDS ?= 60
FUZZ_FLAGS := -max_len=65536 -timeout=10 -rss_limit_mb=1024

lab: $(VENV)/.built ## record labelled traffic of real programs into lab-out/ (root, see lab/install.sh)
	$(BIN)/python -m lab --out lab-out

bench-peers: ## install the other programs that bench compares with (Debian; root or sudo)
	bench/install-peers.sh

deny: ## check licences, advisories and sources of crates (needs cargo-deny)
	$(CARGO) deny --workspace check

lock: ## resolve the Python packages again (needs uv)
	uv pip compile pyproject.toml --group build $(LOCK_FLAGS) -o requirements/run.lock
	uv pip compile pyproject.toml --group dev --group docs -c requirements/run.lock $(LOCK_FLAGS) -o requirements/dev.lock

LOCK_FLAGS := --universal --python-version 3.11 --generate-hashes --no-header --quiet

dist: $(VENV)/.run ## build wheel and source distribution into dist/
	$(BIN)/maturin build --release --locked --sdist --out dist

clean: ## remove everything that was built, .venv included
	rm -rf $(VENV) $(TARGET) demo dist docs/_build src/wiretropy/_core*.so

# Stamps: each is newer than what was installed or built.

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'wiretropy needs Python 3.11 or later: make PYTHON=/path/to/python3.11'; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: requirements/run.lock | $(VENV)/.created
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r $<
	@touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r $<
	@touch $@

$(VENV)/.built: $(RUST_SOURCES) pyproject.toml $(VENV)/.run
	@echo 'Building wiretropy; the first time takes some minutes.'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@
