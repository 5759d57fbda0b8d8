# Everything a user types. `make` alone prints this list; `make conformance` needs nothing set up before.

SHELL := /bin/bash
.DEFAULT_GOAL := help

TARGET  ?= lab
SUITE   ?= all
MODE    ?= $(or $(PROFILE),full)
MESH    ?=
WORKERS ?= 0
REPORTS ?= reports
# Of our own tests: how many files at once. They wait more than they work, but a lab holds 30 of the 128 inotify
# instances that a user has, and some tests need two labs: with three, labs wait for each other now and then.
TEST_WORKERS ?= 2
# What settle times may be: p95=2s,max=5s
SETTLE_BUDGET ?=
# What test-quick leaves out of tests/: what starts labs, nodes and kubectl, and most of what starts Envoy or Chromium.
SLOW := e2e node compare kube/api kube/webhooks kube/controllers mesh/envoy mesh/config/istio_1_0 \
    mesh/test_faults.py fixtures/report/comparing/test_page.py fixtures/report/tabling/test_table.py
# They hold no inotify instances of a lab.
QUICK_WORKERS ?= 3
# The room of tests/ whose tests need real Istio, or Go to build it: part of test-istio.
ON_ISTIO := tests/e2e/istio
# Beside the tests, which wait more than they work; in a process group of its own, which a Ctrl-C ends.
LINTS = setsid bash -c '$(VENV)/bin/mypy && $(VENV)/bin/lint-imports'
STRICTLY := -W error -W default::pytest.PytestUnraisableExceptionWarning -o verbosity_test_cases=0
ARGS    ?=
FAULTS  ?=
RUNS    ?= 200
# Of comparisons with real Istio: what to generate, how many, and of which kind.
SEED    ?= 1
N       ?= 500
WHAT    ?= all
# Of Istio on the lab: which version of it, or where its programs are that somebody has built.
ISTIO   ?=
ISTIO_BINARIES ?=
# Of comparisons of reports: which ones, what to fail on, and where a page for people is put.
OLD     ?=
NEW     ?=
FAIL_ON ?=
PAGE    ?=
# Of tables and badges: where they are put.
OUT     ?=
# Of manifests to try: a file or a folder of them, and the grid that must be seen.
POLICIES ?=
GRID ?=
# Of clusters: which one (KUBECONFIG is taken from the environment), and what to do before and after.
CONTEXT   ?=
INSTALL_MESH ?=
KEEP      ?=
REGISTRY  ?=
IP_FAMILY ?=
NODE_IMAGE ?=
DRY_RUN   ?=

include tools/variables.mk

# A run starts a dozen Python programs, each of which would otherwise compile the project anew.
unexport PYTHONDONTWRITEBYTECODE

VENV   := .venv
PYTHON := $(VENV)/bin/python
# What is installed, each with all of the one before: for a run against a cluster, for the lab, for our own tests.
CLUSTER := $(VENV)/.ready-cluster
LAB     := $(VENV)/.ready-lab
DEV     := $(VENV)/.ready-dev
SYSTEM  := tools/system-packages.sh
CLI    := $(PYTHON) -m fixtures.cli
LOCKED := --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-header

.PHONY: help
help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  Variables of make conformance, and their defaults:"
	@echo "    TARGET=lab|kind|cluster  SUITE=all  MODE=full|quick  MESH=  (the reference)  WORKERS=0"
	@echo "    REPORTS=reports  SETTLE_BUDGET=p95=2s,max=5s  ARGS='-k strict -v'"
	@echo "    for kind and cluster: CONTEXT=name  KEEP=1  REGISTRY=mirror.example.com  INSTALL_MESH=1  IP_FAMILY=ipv4|ipv6|dual"
	@echo "    for kind: NODE_IMAGE=kindest/node:v1.34.4"
	@echo "    DRY_RUN=1 only prints what would be done; 0, no and false mean no"

# On one line, whatever is not given.
RUN = $(strip $(PYTHON) -m pytest suites --target $(TARGET) --suite $(SUITE) --mode $(MODE) $(if $(MESH),--mesh $(MESH)) \
    $(if $(CONTEXT),--context $(CONTEXT)) $(if $(call is_on,INSTALL_MESH),--install) $(if $(call is_on,KEEP),--keep) \
    $(if $(REGISTRY),--registry $(REGISTRY)) $(if $(IP_FAMILY),--ip-family $(IP_FAMILY)) \
    $(if $(NODE_IMAGE),--node-image $(NODE_IMAGE)) $(if $(SETTLE_BUDGET),--settle-budget $(SETTLE_BUDGET)) \
    $(if $(call is_on,DRY_RUN),--dry-run) -n $(or $(WORKERS),0) --reports $(or $(REPORTS),reports))

.PHONY: conformance
conformance: setup ## Run the suites against a mesh: in the embedded lab, or TARGET=kind|cluster
	$(RUN) $(ARGS)

.PHONY: istio
istio: $(LAB) ## Build Istio for the lab (needs Go): ISTIO=version, or ISTIO_BINARIES=folder
	@$(PYTHON) -m tools.istio $(if $(ISTIO),--version $(ISTIO)) $(if $(ISTIO_BINARIES),--binaries $(ISTIO_BINARIES))

.PHONY: try
try: setup ## Try your own manifests in a lab, and see who can reach whom: POLICIES=folder  GRID=file  MESH=istio
	@$(CLI) try $(or $(POLICIES),$(error POLICIES=folder says what to try)) $(if $(GRID),--grid $(GRID)) \
	    $(if $(MESH),--mesh $(MESH))

.PHONY: profiles
profiles: $(CLUSTER) ## List the mesh profiles, or check one: MESH=path
	@$(CLI) profiles $(MESH)

.PHONY: images
images: $(CLUSTER) ## List all images that a run needs: MESH=name  REGISTRY=prefix  NODE_IMAGE=image  ARGS='--format json'
	@$(CLI) images $(if $(MESH),--mesh $(MESH)) $(if $(REGISTRY),--prefix $(REGISTRY)) \
	    $(if $(NODE_IMAGE),--node-image $(NODE_IMAGE)) $(ARGS)

.PHONY: test
test: $(DEV) ## The project's own tests: lint, types, import contracts, and tests/ except what needs real Istio
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	@$(LINTS) >$(VENV)/.lints 2>&1 & lints=$$!; trap "kill -- -$$lints 2>/dev/null" INT TERM; \
	$(PYTHON) -m pytest tests --ignore $(ON_ISTIO) $(STRICTLY) \
	    -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder --timeout 240 $(ARGS); tests=$$?; \
	wait $$lints; lints=$$?; cat $(VENV)/.lints; exit $$((tests ? tests : lints))

.PHONY: test-quick
test-quick: $(DEV) ## The project's own quick tests: without labs, nodes and kubectl, and with few proxies and browsers
	$(VENV)/bin/ruff check .
	$(PYTHON) -m pytest tests $(addprefix --ignore tests/,$(SLOW)) -n $(QUICK_WORKERS) --dist loadfile --timeout 60 \
	    -o verbosity_test_cases=0 $(ARGS)

.PHONY: test-istio
test-istio: $(DEV) ## The project's own tests that need real Istio (make istio), and those of mesh behaviour, on Istio
	$(PYTHON) -m pytest $(ON_ISTIO) $(STRICTLY) -n $(TEST_WORKERS) --dist loadfile --timeout 240 $(ARGS)
	$(PYTHON) -m pytest tests/mesh tests/e2e/sidecars tests/e2e/transcripts --plane istio $(STRICTLY) $(ARGS)

.PHONY: verify-report
verify-report: $(CLUSTER) ## Check a report: FILE=conformance-report.yaml
	@$(PYTHON) -m tools.verify_report $(or $(FILE),$(REPORTS)/conformance-report.yaml)

.PHONY: compare
compare: setup ## Compare two reports: OLD=a.yaml  NEW=b.yaml  FAIL_ON=regression,coverage,settle  PAGE=compared.html
	@$(CLI) compare $(OLD) $(NEW) $(if $(FAIL_ON),--fail-on $(FAIL_ON)) $(if $(PAGE),--page $(PAGE)) $(ARGS)

.PHONY: table
table: setup ## Make a table of meshes from many reports: REPORTS=folder  OUT=table
	@$(CLI) table $(or $(REPORTS),reports) --output $(or $(OUT),table) $(ARGS)

.PHONY: badge
badge: setup ## Make a badge for a report: FILE=conformance-report.yaml  OUT=folder
	@$(CLI) badge $(or $(FILE),$(REPORTS)/conformance-report.yaml) --output $(or $(OUT),.) $(ARGS)

.PHONY: faults
faults: $(LAB) ## Check that the suites catch every deliberately wrong mesh; write docs/faults.md: MESH=istio  SUITE=extended
	$(PYTHON) -m tools.faults $(if $(call given,SUITE),--suite $(SUITE)) $(if $(MESH),--mesh $(MESH)) $(FAULTS)

.PHONY: signatures
signatures: $(LAB) ## Record which cases fail on each deliberately wrong mesh, for diagnoses: FAULTS="name ..."  SUITE=extended
	$(PYTHON) -m tools.faults --record $(if $(call given,SUITE),--suite $(SUITE)) $(FAULTS)

.PHONY: compare-istio
compare-istio: $(DEV) ## Compare Istio and the reference with generated objects, and list the differences: SEED=1  N=500
	@$(PYTHON) -m tests.compare --what $(or $(WHAT),all) --seed $(or $(SEED),1) --number $(or $(N),500) $(ARGS)

.PHONY: soak
soak: $(LAB) ## Run the suites RUNS times in shuffled order and under load: SUITE=extended  MESH=istio
	$(PYTHON) -m tools.soak --runs $(RUNS) --suite $(SUITE) $(if $(MESH),--mesh $(MESH))

.PHONY: bench
bench: $(LAB) ## Measure the lab and the suite on this machine
	$(PYTHON) -m tools.bench

.PHONY: setup
setup: $(if $(filter lab,$(TARGET)),$(LAB),$(CLUSTER)) ## Install what a run needs: system packages and a virtual environment
	@$(SYSTEM) $(TARGET)

$(VENV)/.ready-%: requirements/%.lock
	@$(SYSTEM) $(TARGET)
	@tools/environment.sh $(VENV) $*

.PHONY: lock
lock: $(DEV) ## Pin the newest versions that pyproject.toml allows (needs uv)
	uv pip compile pyproject.toml --group lab --group dev --upgrade $(LOCKED) -o requirements/dev.lock
	uv pip compile pyproject.toml --group lab -c requirements/dev.lock $(LOCKED) -o requirements/lab.lock
	uv pip compile pyproject.toml -c requirements/dev.lock $(LOCKED) -o requirements/cluster.lock

.PHONY: clean
ifdef CONTEXT
clean: $(CLUSTER) ## Remove caches and the virtual environment; with CONTEXT=name, what a dead run left in a cluster
	$(CLI) clean --context $(CONTEXT) $(if $(MESH),--mesh $(MESH)) $(if $(call is_on,DRY_RUN),--dry-run) $(ARGS)
else
clean:
	rm -rf $(VENV) reports .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
endif
