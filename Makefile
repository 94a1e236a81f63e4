# Wheeltapper. `make` alone prints the targets; CI calls nothing else.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
SOURCE ?= simulated
# What is imported is compiled then: of 16,000 files most never are, and all together take most of a minute. It is
# compiled once only where Python may write that down: otherwise each daemon that a test starts takes 2 s of a core.
unexport PYTHONDONTWRITEBYTECODE
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-compile
RUN_STAMP := .venv/.run-$(shell sha256sum pyproject.toml | cut -c1-12)
DEV_STAMP := .venv/.dev-$(shell sha256sum pyproject.toml | cut -c1-12)

# In the order of tests/conftest.py: slow files first. One more than most boxes that build have cores: half of what
# tests do is wait.
SIDE_BY_SIDE := -n 3 --dist loadfile --no-loadscope-reorder

# Tests that listen in real time, watch a clock or boot a box mostly wait, and what the others do would make them late.
# Those in ALONE say how late something may be on a box with a core to spare.
IN_TIME := tests/browser tests/commands tests/reliability tests/sources tests/system tests/systemd
ALONE := tests/reliability/test_campaign.py tests/system/test_page_load.py

# How to run, and what: what a neighbour made late gets a second try with all cores to itself; what fails twice fails.
SAVED := .pytest_cache/second-try.txt
tested = SAVED=$(SAVED) bash scripts/test_twice.sh "$(1)" $(2)

BENCH ?=
BENCHMARK ?=
HOURS ?= 24
MINUTES ?= 120
WORKERS ?= 2

.PHONY: help run dev test test-long check fmt soak bench bench-replay bench-page-load benchmark ablations explain golden screenshots train-demo deb docs system-run system-test system-venv clean

help:  ## print the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUN_STAMP)  ## listen: the simulated pump, or SOURCE=microphone
	@bash scripts/run.sh $(SOURCE)

dev: $(DEV_STAMP) system-test  ## install what the checks and the tests need

test: export OMP_NUM_THREADS := 1
test: export OPENBLAS_NUM_THREADS := 1
test: $(DEV_STAMP) system-test  ## install what the tests need, and run them all
	@rm -f $(SAVED)
	$(call tested,$(SIDE_BY_SIDE),$(IN_TIME:%=--ignore=%))
	$(call tested,$(SIDE_BY_SIDE),$(IN_TIME) $(ALONE:%=--ignore=%))
	$(call tested,,$(ALONE))
	@if [ -s $(SAVED) ]; then echo "Passed at the second try only, and to be mended:"; cat $(SAVED); fi

test-long: $(DEV_STAMP) system-test  ## the tests again, with a hundred machines for each claim of the calibration
	WHEELTAPPER_MACHINES=100 $(BIN)/pytest -q --timeout 1200

check: $(DEV_STAMP)  ## verify: format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(DEV_STAMP)  ## rewrite: format and fixable lint
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

soak: $(DEV_STAMP) system-test  ## break everything for MINUTES, then hear HOURS of 16 machines: docs/reliability.md
	-PYTHONPATH=. $(BIN)/python tests/reliability/campaign.py --minutes $(MINUTES) --workers $(WORKERS) --json out/reliability/campaign.json
	-PYTHONPATH=. $(BIN)/python tests/reliability/soak.py --hours $(HOURS) --json out/reliability/soak.json
	PYTHONPATH=. $(BIN)/python tests/reliability/reliability_report.py --campaign out/reliability/campaign.json --soak out/reliability/soak.json

bench: $(DEV_STAMP) system-test  ## how many sources a core carries, CPU beside peers, latency; JSON on the last line (6 minutes)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python tests/bench/scale.py $(BENCH)

bench-replay: $(DEV_STAMP)  ## the technicians' page with 5,000 events and 100,000 windows; JSON on the last line
	OPENBLAS_NUM_THREADS=1 $(BIN)/python tests/bench/replay_page.py

bench-page-load: $(DEV_STAMP) system-test  ## what fifty impatient browsers cost the daemon; JSON on the last line
	OPENBLAS_NUM_THREADS=1 $(BIN)/python tests/bench/page_under_load.py

benchmark: $(DEV_STAMP)  ## judge every method on ../shared (hours): docs/benchmark.md; BENCHMARK=--smoke: a minute
	$(BIN)/python -m training.benchmark $(BENCHMARK)

ablations: $(DEV_STAMP)  ## what each part of the methods is worth, on ../shared (an hour): docs/ablations.md
	$(BIN)/python -m training.ablations $(ABLATIONS)

explain: $(DEV_STAMP)  ## which explanations can be trusted, on ../shared (hours): docs/explanations.md
	$(BIN)/python -m training.explain.study $(EXPLAIN)

train-demo: $(DEV_STAMP)  ## train the two embedded bundles again
	bash training/runs/demo.sh

golden: $(DEV_STAMP)  ## rebuild the golden log-mel and show what changed
	$(BIN)/python tests/golden/make_golden.py
	git --no-pager diff --stat -- tests/golden

screenshots: $(DEV_STAMP) system-test  ## pictures of every view of the technicians' page: out/screenshots, docs/images
	PYTHONPATH=tests:tests/browser $(BIN)/python tests/browser/screenshots.py

docs: $(DEV_STAMP)  ## regenerate docs/mqtt.md, docs/schemas, docs/sparkplug*.md, docs/metrics.md, docs/config.md and config.yaml
	$(BIN)/python -m monitor.publish.docs
	$(BIN)/python -m monitor.publish.sparkplug_docs
	$(BIN)/python tests/publish/sparkplug/tck_page.py
	$(BIN)/python -m monitor.config.docs
	$(BIN)/python -m monitor.metrics.docs

deb:  ## build a Debian package for boxes like this one, environment and all, in dist/
	@bash scripts/build_deb.sh

system-run:  ## install the system packages that `run` needs (root), or print the line to run
	@bash scripts/install_system.sh run

system-test: system-venv  ## install the system packages that the tests need (root), or print the line to run
	@bash scripts/install_system.sh test
	@bash scripts/unpack_promtool.sh .venv/promtool

system-venv:
	@bash scripts/install_system.sh venv

clean:  ## remove the environment, builds and caches; ./state (alarms, calibrations, clips) stays
	rm -rf .venv build .import_linter_cache .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

$(RUN_STAMP): pyproject.toml
	@bash scripts/install_system.sh run
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	$(PIP_INSTALL) -e '.[demo]'
	@touch $@

# Debian's packages come meanwhile, with `make -j2`; apt is one at a time.
$(DEV_STAMP): pyproject.toml | system-venv
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	$(PIP_INSTALL) -e '.[dev,train]'
	# aisfx pins numpy, only its weights are read; pysparkplug paho-mqtt<2, only its decoder is used, to hold ours against
	$(PIP_INSTALL) --no-deps 'aisfx>=0.1.2' 'pysparkplug>=0.6.1'
	bash scripts/download_bindings.sh $(BIN)/python .venv/tensorrt-bindings
	@touch $@
