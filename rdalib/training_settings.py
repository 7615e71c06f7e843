"""What a training run is: its settings, and its checkpoint."""

import io
from dataclasses import dataclass
from os import PathLike
from typing import Any

import torch

from rdalib.files import write_file


@dataclass(frozen=True)
class TrainingSettings:
    """What a run is. Learning rates are Adam's."""

    steps: int
    batch: int = 8
    patch: int = 256
    largest_scale: float = 1.0  # of the patches, and the share of them with other colours:
    recoloured: float = 0.0  # see patches.RandomPatches
    hidden: int = 128
    latent: int = 192
    convolved: int | None = None  # latent channels with a convolutional path too; None: all
    side_channels: int = 0  # channels of side information; 0: a factorised prior
    context: bool = False  # a context model on top of it
    frozen: bool = False  # all but the context model stays as it is
    learning_rate: float = 1e-3
    warmup_steps: int = 200
    decay: float = 0.2  # the last part of the run, in which the learning rate falls to zero
    linear_factor: float = 0.1  # the linear paths start near their optimum: smaller steps
    relative: bool = False  # a percent of each patch's loss counts alike: see relative_losses
    quantization: str = "mixed"  # noise for the rate, rounding into the synthesis; or "noise"
    clip_norm: float = 5.0
    compiled: bool = False  # by torch.compile: faster steps; other rounding and other noise
    data: str = ""  # the photographs, and the weights that the run began at: for the record
    start: str = ""
    seed: int = 0


OLD_NAMES = {"side": "side_channels"}  # of settings, in checkpoints made before


def write_checkpoint(path: str | PathLike[str], state: dict[str, Any]) -> None:
    """Write all that a run needs to go on, whole or not at all."""
    buffer = io.BytesIO()  # torch.save makes a RuntimeError of a full disk
    torch.save(state, buffer)
    write_file(path, buffer.getbuffer())


def read_checkpoint(path: str | PathLike[str]) -> tuple[TrainingSettings, dict[str, Any]]:
    """(settings, all that was saved) of a run. Raises: ValueError if the file is no checkpoint."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        settings = {OLD_NAMES.get(name, name): value for name, value in state["settings"].items()}
        return TrainingSettings(**settings), state
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except (PermissionError, MemoryError):
        raise
    except Exception:  # whatever a foreign file leads the unpickler to
        raise ValueError(f"{path} is not a checkpoint of rda train") from None
