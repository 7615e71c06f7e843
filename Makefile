# make lab    open JupyterLab on notebook 00 (ARGS="--no-browser --port 8899" passes options on)
# make test   the unit tests, the assignments' checks and every notebook
# make setup  only the environment, in .venv
# make notebooks  execute all notebooks and write their outputs back
# make release  the students' notebooks, from assignments/source
# make lint   what ruff says of code and notebooks
PYTHON ?= python3
BIN := .venv/bin

.PHONY: lab test setup lint notebooks release

setup: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than Python 3.11; name a newer one: make setup PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[lab,train,evaluate,dev]'
	@touch $@

# Jupyter refuses to run as root unless told that this is meant, as in a container. The server's
# root is the project, so that lessons and assignments are both within reach.
lab: setup
	$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) --ServerApp.root_dir=. \
	  --LabApp.default_url=/lab/tree/notebooks/00_compress_a_photo.ipynb $(ARGS)

test: setup
	$(BIN)/python -m pytest $(ARGS)

notebooks: setup
	$(BIN)/python notebooks/execute.py

release: setup
	$(BIN)/python assignments/release.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
