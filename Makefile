# `make` explains the verbs. Everything runs in the project's own virtual environment.
PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed
SMOKE ?= build/smoke
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

help:            ## say what can be made
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */\1\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(INSTALLED)  ## install the project and its tested versions into .venv
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "newstance needs Python 3.11 or later; say which with make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[tracking,notebooks,serving,export,labelling,scaling,test]'
	touch $@

reproduce: $(INSTALLED)  ## run the whole pipeline: corpus, experiments, comparison, report
	dvc repro
	newstance readme
	@echo
	@echo "Report:      reports/index.html"
	@echo "Results:     reports/tables/, runs/; dvc metrics show"
	@echo "Notebooks:   reports/notebooks/; make lab"
	@echo "Champions:   newstance serve; newstance predict FILE; newstance champion --dry-run"
	@echo "MLflow UI:   $(VENV)/bin/mlflow ui --backend-store-uri sqlite:///mlflow.db"

study: $(INSTALLED)  ## run the long experiments: several seeds, ablations, learning curves (hours on a CPU)
	dvc repro --keep-going study/dvc.yaml
	newstance readme

benchmarks: $(INSTALLED)  ## run the published data sets, where NEWSTANCE_DATA_DIR says they are (hours on a CPU)
ifdef NEWSTANCE_DATA_DIR
	data="$$(cd "$$NEWSTANCE_DATA_DIR" && pwd)" && cd published && NEWSTANCE_DATA_DIR="$$data" dvc repro --keep-going dvc.yaml
	newstance readme
else
	@echo "Skipped: set NEWSTANCE_DATA_DIR to the folder of the published data sets (docs/benchmarks.md); the committed results stay."
endif

notebooks: $(INSTALLED)  ## execute the notebooks anew, and write them as web pages
	dvc repro notebooks

lab: $(INSTALLED)  ## open the notebooks in JupyterLab, with this environment's kernel
	$(VENV)/bin/jupyter lab notebooks

test: $(INSTALLED)  ## check style and types, run all tests, the smoke pipeline included
	ruff check src tests benchmarks notebooks
	ruff format --check src tests benchmarks notebooks
	mypy
	$(VENV)/bin/python tests/fetch_browser.py
	$(VENV)/bin/python tests/fetch_postgres.py
	OMP_NUM_THREADS=1 pytest -n 2 --dist loadfile --no-loadscope-reorder

smoke: smokefiles  ## run the same stages on a small slice, in build/smoke
	cd $(SMOKE) && dvc repro

smokefiles: $(INSTALLED)
	rm -rf $(SMOKE)
	mkdir -p $(SMOKE)/data $(SMOKE)/reports/search $(SMOKE)/study/reports/tables $(SMOKE)/benchmarks $(SMOKE)/notebooks data/wheels
	cp -R dvc.yaml .dvcignore seeds experiments src $(SMOKE)/
	cp study/goals.yaml study/dvc.lock $(SMOKE)/study/
	cp -R published $(SMOKE)/
	rm -rf $(SMOKE)/published/dvc.yaml $(SMOKE)/published/data $(SMOKE)/published/mlartifacts
	cp notebooks/*.py $(SMOKE)/notebooks/
	cp benchmarks/*.csv $(SMOKE)/benchmarks/
	cp params.smoke.yaml $(SMOKE)/params.yaml
	ln -s $(CURDIR)/data/wheels $(SMOKE)/data/wheels
	cd $(SMOKE) && dvc init --quiet --no-scm

clean:           ## remove what was made, the environment and downloads apart
	rm -rf build runs/*/seeds study/runs/*/seeds data/clean data/labels data/prepared data/cache

.PHONY: help setup reproduce study benchmarks notebooks lab test smoke smokefiles clean
