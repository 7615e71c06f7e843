"""The weights that rdalib ships, and those that it shipped once."""

from importlib import resources
from pathlib import Path

from rdalib.weights_file import weights_id


def weights_folder() -> Path:
    return Path(str(resources.files("rdalib"))) / "weights"


def shipped_names() -> list[str]:
    """The names of the models that rdalib ships."""
    return sorted(path.stem for path in weights_folder().glob("*.safetensors"))


def shipped_weights(name: str) -> Path:
    """The path of a weights file that rdalib ships. Raises: ValueError."""
    path = weights_folder() / f"{name}.safetensors"
    if not path.exists():
        names = ", ".join(shipped_names())
        raise ValueError(f"no model {name!r}; there are {names}, or name a .safetensors file")
    return path


def earlier_weights(replaced: bytes) -> str:
    """What reads files of weights that rdalib shipped once, as a sentence; "" for other weights.

    `weights/earlier.tsv` lists them: id, model, date, and the last commit that has them.
    """
    for row in (weights_folder() / "earlier.tsv").read_text().splitlines():
        weights, model, date, commit = row.split("\t")
        if weights == replaced.hex():
            return (
                f"made with the weights {model} of {date}, since replaced: "
                f"`git checkout {commit}` and `make setup` give the version that reads it"
            )
    return ""


def weights_path(name: str) -> Path:
    """Where weights are: a model of rdalib by name, or a .safetensors file. Raises: ValueError."""
    return Path(name) if name.endswith(".safetensors") else shipped_weights(name)


def shipped_name(weights: bytes) -> str | None:
    """The name of the model of rdalib whose files name their weights so; None if there is none."""
    for name in shipped_names():
        if weights_id(shipped_weights(name).read_bytes()) == weights:
            return name
    return None
