# make lab    open JupyterLab on lesson 00 (ARGS="--no-browser --port 8899" passes options on)
# make test   the unit tests, the assignments' checks and every notebook, two files at a time (JOBS=4)
# make work   bring the copies in work/ up to date; what you changed is kept and named
# make setup  only the environment, in .venv
# make notebooks  execute all notebooks and write their outputs back
# make site   the course as pages to read, in build/site, from the committed notebooks
# make release  the students' notebooks, from assignments/source
# make lint   what ruff says of code and notebooks, and mypy of types
PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin

.PHONY: lab test work setup lint notebooks release site

setup: .venv/installed .venv/kernel

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than Python 3.11; name a newer one: make setup PYTHON=python3.12"; exit 1; }
	@echo "Making .venv and installing PyTorch, JupyterLab and what they need. This takes a few"
	@echo "minutes and some gigabytes; pip says below what it is doing."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --constraint constraints.txt --editable '.[lab,train,evaluate,dev,site]'
	@touch $@

.venv/kernel: .venv/installed notebooks/kernel.py
	$(BIN)/python notebooks/kernel.py
	@touch $@

# Students work in copies: the server's root is work/, and of nbgrader they see Validate alone.
# Jupyter refuses to run as root unless told that this is meant, as in a container.
lab: setup
	@$(BIN)/python notebooks/work.py --new
	JUPYTER_CONFIG_PATH="$(CURDIR)/assignments/students$${JUPYTER_CONFIG_PATH:+:$$JUPYTER_CONFIG_PATH}" \
	  $(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) --ServerApp.root_dir=work \
	  --LabApp.default_url=/lab/tree/notebooks/00_compress_a_photo.ipynb $(ARGS)

work: setup
	@$(BIN)/python notebooks/work.py

test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

notebooks: setup
	$(BIN)/python notebooks/execute.py

site: setup
	$(BIN)/python .ci/site/build.py

release: setup
	$(BIN)/python assignments/release.py $(ARGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
