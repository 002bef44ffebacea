# Thin wrappers over the `hybrid` command. `make help` lists them.
# On any corpus: make index CORPUS=corpora/mine CONFIG=configs/mine.yaml

CORPUS ?= corpora/pumps
# a file, or the name of one in configs/
CONFIG ?= default
ARGS   ?=
PYTHON ?= python3
# Public question-answering sets for slow tests and benchmarks; everything works without them.
export DATA ?= ../shared/data

# of bench-search, unit vectors as .npy: windows of about 25 tokens over those sets, by the embedded model (half an hour)
# and by one that is tuned for short dimensions
VECTORS        ?= indexes/windows.npy
WINDOWS        ?= 1000000
FUNNEL_VECTORS ?= indexes/windows-tuned.npy
FUNNEL_WINDOWS ?= 102000
TUNED          ?= indexes/bench-modelfree-covidqa/embedder/model

# answers that `make bench` may spend a set, so that dev chooses the prompt of the untuned base
PROMPT_BUDGET ?= 300

VENV   := .venv
BIN    := $(VENV)/bin
HYBRID := $(BIN)/hybrid
READY  := $(VENV)/.ready
OPTIONS = --corpus $(CORPUS) --config $(CONFIG) $(ARGS)

.DEFAULT_GOAL := help
.PHONY: help setup models demo ask audit preflight index train-embed train-raft merge evaluate diagnose query test check dist bench bench-engines bench-trial bench-faults bench-diagnosis bench-audit bench-modelfree bench-ingest bench-fusion bench-rerank bench-search bench-filter bench-query bench-encode bench-speed bench-capacity clean lock bench-own bench-prompts bench-reader bench-grading bench-robust

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18
	@echo
	@echo "variables: CORPUS=$(CORPUS) CONFIG=$(CONFIG) FOLDER=my-documents ARGS=\"--set stage.key=value\" Q=\"a question\""

# the lock names every package, so that nothing is resolved; what is imported is compiled at its first import
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-compile -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

setup: $(READY)  ## virtual environment from the exact lock

# those of `make demo` and `make test`
MODELS := all-MiniLM-L6-v2 SmolLM2-135M-Instruct Qwen2.5-Coder-0.5B-Instruct

models: $(READY)  ## pull the embedded models that demo and tests need
	@$(HYBRID) models pull $(MODELS)

demo: models  ## the whole loop on the bundled corpus: before and after, and a question answered
	@$(HYBRID) loop --corpus corpora/pumps --config pumps
	@echo
	@$(HYBRID) query --corpus corpora/pumps --config pumps $(if $(Q),"$(Q)","How soon after leaving must the mechanic's write-up be in the system?")

ask: $(READY)  ## a folder of documents, nothing else needed: make ask FOLDER=my-documents Q="…"
	@test -n "$(FOLDER)" || { echo 'name a folder: make ask FOLDER=my-documents Q="a question"' >&2; exit 2; }
	@$(HYBRID) ask "$(FOLDER)" $(if $(Q),"$(Q)") $(ARGS)

audit: $(READY)  ## say whether the questions of CORPUS are good enough
	@$(HYBRID) audit $(OPTIONS)

preflight: $(READY)  ## ask whether tuning should start at all
	@$(HYBRID) preflight $(OPTIONS)

index: $(READY)  ## read, chunk and index CORPUS
	@$(HYBRID) index $(OPTIONS)

train-embed: $(READY)  ## fine-tune the embedder
	@$(HYBRID) train-embed $(OPTIONS)

train-raft: $(READY)  ## tune the generator on oracle/distractor examples
	@$(HYBRID) train-raft $(OPTIONS)

merge: $(READY)  ## merge the adapter into a plain model
	@$(HYBRID) merge $(OPTIONS)

evaluate: $(READY)  ## score the live system
	@$(HYBRID) evaluate $(OPTIONS)

diagnose: $(READY)  ## say which layer is at fault
	@$(HYBRID) diagnose $(OPTIONS)

query: $(READY)  ## ask: make query Q="…"
	@$(HYBRID) query $(OPTIONS) $(if $(Q),"$(Q)")

test: models  ## the test suite
	$(BIN)/pytest

check: $(READY)  ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

dist: $(READY)  ## the wheel and the source distribution, in dist/
	rm -rf dist
	$(BIN)/python -m build --no-isolation

bench: models  ## the loop on the public sets in DATA
	$(BIN)/python -m benchmarks.run --data $(DATA) --best-prompt $(PROMPT_BUDGET)

bench-engines: models  ## transformers and OpenVINO side by side: speed, equal answers, scores
	$(BIN)/python -m benchmarks.engines

bench-trial: $(READY)  ## the diagnosis on evaluation sets with known faults, simulated
	$(BIN)/python -m benchmarks.trial.simulate

bench-faults: models  ## the diagnosis on real answers with known faults in them: after `make demo` and `make bench`
	$(BIN)/python -m benchmarks.trial.inject --data $(DATA)

bench-diagnosis: models  ## how long a whole diagnosis takes, beside one prompt at a time
	$(BIN)/python -m benchmarks.diagnosis_speed

bench-audit: $(READY)  ## faults planted in a clean set of questions, and how many the audit finds
	$(BIN)/python -m benchmarks.audit

bench-modelfree: models  ## an embedder tuned on questions made without a model, judged by real ones
	$(BIN)/python -m benchmarks.model_free --data $(DATA)

bench-ingest: models  ## documents read and cut a second, and what a re-index costs after a change
	$(BIN)/python -m benchmarks.ingest

bench-fusion: models  ## BM25 and vectors alone and fused: after `make bench`, for the embedders that it tunes
	$(BIN)/python -m benchmarks.fusion --data $(DATA)

bench-rerank: models  ## a cross-encoder trained on train questions, and what it does to the ranking of test
	$(BIN)/python -m benchmarks.rerank --data $(DATA)

bench-search: $(READY) $(VECTORS) $(FUNNEL_VECTORS)  ## vector search beside FAISS and usearch, on a million windows of the sets in DATA
	$(BIN)/python -m benchmarks.search --vectors $(VECTORS) --funnel-vectors $(FUNNEL_VECTORS)

bench-filter: $(READY) $(VECTORS)  ## search among a part of the passages, beside FAISS's selectors
	$(BIN)/python -m benchmarks.filters --vectors $(VECTORS)

# vectors are encoded once; an encoding that was killed goes on where it was
indexes/windows.npy: | models
	$(BIN)/python -m benchmarks.encode --data $(DATA) --windows $(WINDOWS) --out $@

indexes/windows-tuned.npy: | models $(TUNED)
	$(BIN)/python -m benchmarks.encode --data $(DATA) --windows $(FUNNEL_WINDOWS) --out $@ --model $(TUNED)

indexes/bench-modelfree-covidqa/embedder/model:
	$(MAKE) bench-modelfree

bench-query: models  ## one question answered, warm and cold, beside LlamaIndex with the same models: MODEL=Qwen2.5-Coder-0.5B-Instruct
	$(BIN)/python -m benchmarks.query $(if $(MODEL),--model $(MODEL))

bench-reader: models  ## the embedded reader beside llama.cpp, the same weights and prompts: LLAMA=PYTHON that has llama-cpp-python
	$(BIN)/python -m benchmarks.reader_speed $(if $(LLAMA),--llama-python $(LLAMA))

bench-own: models  ## answers from a team's own folder, nothing tuned, beside LlamaIndex with the same models
	$(BIN)/python -m benchmarks.own --data $(DATA)

bench-prompts: models  ## the default prompt on public sets: right sources, gold among other passages, echoes
	$(BIN)/python -m benchmarks.prompts --data $(DATA)

bench-grading: $(READY)  ## refusals told from answers, and answers graded, beside labels in eight languages
	$(BIN)/python -m benchmarks.grading

bench-robust: models  ## hostile documents, hangs, kills, crowds of clients, injected orders; grades beside labels
	$(MAKE) bench-grading
	DATA=$(DATA) $(BIN)/python -m benchmarks.robust.run

bench-encode: models  ## indexing beside sentence-transformers and LlamaIndex, and every backend of the embedder
	$(BIN)/python -m benchmarks.encode --data $(DATA)

# one after the other even where make works in parallel
bench-speed:  ## every speed and memory figure beside other tools, with its ratios
	$(MAKE) bench-encode
	$(MAKE) bench-query
	$(MAKE) bench-search

bench-capacity: models  ## unit costs of large corpora, and the page that plans by them
	$(BIN)/python -m benchmarks.capacity

lock:  ## rewrite requirements.lock from what is installed
	$(BIN)/pip freeze --all --exclude-editable | grep -v '^pip==' | sed -E 's/^(torch==[0-9.]+)\+.*/\1/' > requirements.lock

clean:  ## delete the environment and all artefacts, but not reviews and committed versions
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache
	find indexes -mindepth 2 -maxdepth 2 ! -name reviews ! -name data -exec rm -rf {} +
	find indexes -mindepth 1 -maxdepth 1 -type d -empty -delete
