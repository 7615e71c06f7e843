"""The shape of the project: which module imports which, and versions that must not drift."""

import ast
import re
import tomllib
from itertools import chain
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent

# What each module of rdalib may import from rdalib. Leaves know nothing of each other.
MAY_IMPORT = {
    "files": set(),
    "quantization": set(),
    "priors": set(),
    "transforms": set(),
    "distortion": set(),
    "sound": set(),
    "instruments": {"sound"},
    "sound_formats": {"sound"},
    "bit_depth": set(),
    "colour": set(),
    "containers": set(),
    "photo_files": {"bit_depth", "bitstream", "colour", "containers"},
    "images": {"bit_depth", "files", "photo_files"},
    "quality": set(),
    "arithmetic_coding": set(),
    "escapes": set(),
    "entropy_coding": {"escapes"},
    "plots": set(),
    "figures": {"files", "plots"},
    "plane": {"priors", "quantization"},
    "exercises": set(),
    "datasets": {"images"},
    "patches": {"photo_files"},
    "bitstream": set(),
    "classical": {"images", "photo_files"},
    "hyperprior": {"priors"},
    "context": {"hyperprior", "quality", "quantization"},
    "autoencoder": {"context", "hyperprior", "priors", "quality", "quantization", "transforms"},
    "processes": set(),
    "pace": {"processes", "training"},
    "training_settings": {"files"},
    "averaging": set(),
    "interruption": set(),
    "validation": {"autoencoder", "quality"},
    "training_log": {"files"},
    "training": {
        "autoencoder",
        "averaging",
        "interruption",
        "patches",
        "processes",
        "quality",
        "training_log",
        "training_settings",
        "transforms",
        "validation",
    },
    "strips": set(),
    "photographs": {"bitstream", "photo_files"},
    "latent_coding": {"autoencoder", "entropy_coding", "escapes", "transforms"},
    "hyperprior_coding": {
        "autoencoder",
        "entropy_coding",
        "hyperprior",
        "images",
        "latent_coding",
        "strips",
    },
    "integer_context": {"context", "hyperprior"},
    "coding_order": {
        "context",
        "hyperprior",
        "hyperprior_coding",
        "integer_context",
        "latent_coding",
        "quality",
    },
    "context_coding": {
        "autoencoder",
        "coding_order",
        "context",
        "entropy_coding",
        "hyperprior",
        "hyperprior_coding",
        "integer_context",
        "latent_coding",
        "quantization",
    },
    "weights_file": {
        "autoencoder",
        "context",
        "context_coding",
        "entropy_coding",
        "escapes",
        "hyperprior",
        "hyperprior_coding",
        "integer_context",
        "latent_coding",
        "quality",
    },
    "export": {
        "autoencoder",
        "context_coding",
        "entropy_coding",
        "files",
        "hyperprior",
        "hyperprior_coding",
        "images",
        "integer_context",
        "latent_coding",
        "priors",
        "quality",
        "transforms",
        "weights_file",
    },
    "refinement": {
        "autoencoder",
        "distortion",
        "entropy_coding",
        "images",
        "latent_coding",
        "quality",
        "transforms",
    },
    "codec": {
        "refinement",
        "bitstream",
        "entropy_coding",
        "images",
        "latent_coding",
        "photographs",
        "quality",
        "rate_search",
        "shipped",
        "strips",
        "transforms",
        "weights_file",
    },
    "shipped": {"weights_file"},
    "rate_search": {"distortion", "quality"},
    "results": set(),
    "kept_points": set(),
    "ladder": {"evaluation", "images", "results"},
    "evaluation": {"classical", "codec", "distortion", "images", "kept_points", "quality"},
}


def modules():
    return sorted((ROOT / "rdalib").glob("*.py"))


def imported_from_rdalib(path):
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            parts = node.module.split(".")
            if parts[0] == "rdalib":
                names |= {parts[1]} if parts[1:] else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {a.name.split(".")[1] for a in node.names if a.name.startswith("rdalib.")}
    return names


def test_imports_go_one_way():
    by_name = {path.stem: path for path in modules()}
    on_top = {"__init__", "__main__", "cli", "codec_commands", "train_command"}
    on_top |= {
        "argument_types",
        "arguments",
        "train_arguments",
        "evaluation_commands",
        "fetch_command",
        "terminal",
    }
    assert set(by_name) == set(MAY_IMPORT) | on_top
    for name, allowed in MAY_IMPORT.items():
        assert imported_from_rdalib(by_name[name]) <= allowed, name


def test_no_module_has_250_lines():
    """A module holds one idea; one that is longer holds two."""
    lengths = {path.name: len(path.read_text().splitlines()) for path in modules()}
    assert len(lengths) > 50
    assert {name: lines for name, lines in lengths.items() if lines >= 250} == {}


def test_training_needs_neither_the_entropy_coder_nor_the_network():
    text = "".join(
        (ROOT / "rdalib" / f"{name}.py").read_text()
        for name in (
            "training",
            "autoencoder",
            "hyperprior",
            "transforms",
            "priors",
            "quantization",
        )
    )
    assert "constriction" not in text and "pooch" not in text


def constraints():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_dependency_is_pinned_within_its_range():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {normal(name): version for name, version in constraints().items()}
    extras = project["optional-dependencies"].values()
    for dependency in [*project["dependencies"], *chain(*extras)]:
        name, least = re.match(r"([\w.-]+)>=([\d.]+)", dependency).groups()
        version = pinned[normal(name)]
        assert [*map(int, version.split("."))] >= [*map(int, least.split("."))], name


def test_conda_environment_installs_the_project_under_the_same_constraints():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, pip = environment["dependencies"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "python=" + project["requires-python"].removeprefix(">=") in conda
    assert "--constraint constraints.txt" in pip["pip"]
    assert "--editable .[lab,train,evaluate,dev]" in pip["pip"]
    assert conda == ["python=3.11", "pip"]  # every other package comes through the project
