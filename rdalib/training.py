"""Training: minimise rate + lam * distortion over random patches, each with its own lambda.

A run is fixed by its settings: the random numbers of a step follow from the seed and the number of
the step. So a run that was stopped and resumed ends at the weights of one that never stopped (bit
for bit on a CPU in float32).

What a run gives is the mean of its weights over the last hundred steps or so (see averaging).

Several processes, one a GPU, share the work of each step (torchrun). All of them draw the same
patches and lambdas, each computes on its share, and DistributedDataParallel gives all of them the
mean of their gradients: that of the whole batch.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from os import PathLike
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.parallel import DistributedDataParallel

from rdalib.autoencoder import RateDistortionAutoencoder, relative_losses
from rdalib.averaging import mean_of_weights, restore_mean
from rdalib.interruption import deferred_signals
from rdalib.processes import rank_and_world_size
from rdalib.quality import LEVELS, quality_to_lambda
from rdalib.training_log import TrainingLog
from rdalib.training_settings import TrainingSettings, read_checkpoint, write_checkpoint
from rdalib.transforms import STRIDE
from rdalib.validation import check_finite, validation_loss

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor
    from tqdm import tqdm

    from rdalib.patches import RandomPatches

LINEAR_PATHS = ("analysis.linear.", "synthesis.linear.")
SHARED_STREAM = 2**10 - 1  # of random numbers, one for all processes; below: each one's own


class Training:
    """A run in progress: the model, the optimizer and the step count."""

    def __init__(
        self, settings: TrainingSettings, patches: RandomPatches, device: torch.device | str = "cpu"
    ) -> None:
        """settings: TrainingSettings; patches: RandomPatches of the settings' patch size.

        Where torch.distributed is initialised, this is one process of several.
        Raises: ValueError for a batch that they cannot share alike, or patches of another size.
        """
        self.settings, self.patches, self.device = settings, patches, torch.device(device)
        self.step = 0
        self.precision = "float32"  # of the convolutions; probabilities are always float32
        self.seconds = 0.0  # of training, as the log counts them
        self.rank, processes = rank_and_world_size()
        if settings.batch % processes:
            raise ValueError(f"a batch of {settings.batch} is no multiple of {processes} processes")
        if settings.patch != patches.size:
            raise ValueError(
                f"the run is on patches of {settings.patch} x {settings.patch} pixels, "
                f"these have {patches.size} x {patches.size}"
            )
        self.share = slice(self.rank, None, processes)
        torch.manual_seed(settings.seed)
        self.model = RateDistortionAutoencoder(
            settings.hidden,
            settings.latent,
            settings.side_channels,
            settings.convolved,
            settings.context,
        )
        generator = torch.Generator().manual_seed(settings.seed)
        blocks = patches.blocks(STRIDE, 60_000, generator).cpu()
        self.model.start_from_principal_components(blocks)
        self.model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.mean = mean_of_weights(self.model, lambda: self.step)
        self.parallel: Any = DistributedDataParallel(self.model) if processes > 1 else self.model
        if settings.compiled:
            self.parallel = torch.compile(self.parallel)
        others: dict[str, Any] = {"params": [], "factor": 1.0}
        linear: dict[str, Any] = {"params": [], "factor": settings.linear_factor}
        for name, parameter in self.model.named_parameters():
            if settings.frozen and not name.startswith("context."):
                parameter.requires_grad_(False)
            else:
                group = linear if name.startswith(LINEAR_PATHS) else others
                group["params"].append(parameter)
        groups = [group for group in (others, linear) if group["params"]]
        self.optimizer = torch.optim.Adam(groups)

    @property
    def averaged(self) -> RateDistortionAutoencoder:
        """The networks that the run gives, with the mean of the weights of the last steps."""
        return self.mean.module  # type: ignore[return-value]

    def learning_rate(self) -> float:
        """Linear warm-up, constant, and in the last part of the run a straight line to zero.

        A run can be made longer as long as its rate has not begun to fall.
        """
        settings = self.settings
        left = (settings.steps - self.step) / (settings.decay * settings.steps)
        warm = (self.step + 1) / settings.warmup_steps
        return settings.learning_rate * max(0.0, min(1.0, warm, left))

    def advance(self) -> Float[Tensor, 3]:
        """One step. Returns the means of rate_bpp, distortion and loss over this process's share.

        They come as one tensor on the device, so that nothing waits for the numbers.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = group["factor"] * self.learning_rate()
        means = self.gradient()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        self.mean.update_parameters(self.model)
        self.step += 1
        return means

    def gradient(self) -> Float[Tensor, 3]:
        """The gradient of this step's loss, set on the parameters. Returns what `advance` does."""
        settings = self.settings
        generator = torch.Generator().manual_seed(self._seed(SHARED_STREAM))
        y = self.patches.sample(settings.batch, generator, self.share, self.step)
        y = y.to(memory_format=torch.channels_last)
        # One lambda from each of as many equal ranges as there are patches: less chance, same mean.
        place = torch.randperm(settings.batch, generator=generator)
        place = place + torch.rand(settings.batch, generator=generator)
        quality = (LEVELS - 1) / settings.batch * place[self.share]
        quality = quality.to(self.device, non_blocking=True)
        lam = quality_to_lambda(quality)
        bfloat16 = self.precision == "bfloat16"
        with self._noise(), torch.autocast(self.device.type, torch.bfloat16, enabled=bfloat16):
            output = self.parallel(y, quality, settings.quantization)
        losses = output.losses(lam)
        self.optimizer.zero_grad()
        aim = relative_losses(losses) if settings.relative else losses
        aim.mean().backward()
        return torch.stack((output.rate_bpp, output.distortion, losses)).detach().mean(dim=1)

    @contextmanager
    def _noise(self) -> Iterator[None]:
        """The noise of this step, which differs between processes; the caller's chance stays."""
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(self._seed(self.rank))
            yield

    def _seed(self, stream: int) -> int:
        """A number for each step and each random stream: a process's rank, or SHARED_STREAM."""
        return (self.settings.seed * 2**32 + self.step) * (SHARED_STREAM + 1) + stream

    def save(self, path: str | PathLike[str]) -> None:
        """Write a checkpoint, whole or not at all; of several processes only the first does."""
        if self.rank:
            return
        state = {
            "settings": asdict(self.settings),
            "photographs": self.patches.fingerprint(),
            "step": self.step,
            "model": self.model.state_dict(),
            "averaged": self.mean.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        write_checkpoint(path, state)

    @classmethod
    def resume(
        cls, path: str | PathLike[str], patches: RandomPatches, device: torch.device | str = "cpu"
    ) -> Training:
        """Go on from a checkpoint.

        Raises: ValueError if the file is not one, or the run's photographs were others.
        """
        settings, state = read_checkpoint(path)
        training = cls(settings, patches, device)
        try:
            photographs = state["photographs"]
            training.step = state["step"]
            training.model.load_state_dict(state["model"])
            restore_mean(training.mean, state)
            training.optimizer.load_state_dict(state["optimizer"])
        except (KeyError, RuntimeError, ValueError):
            raise ValueError(f"{path} is not a checkpoint of rda train") from None
        if photographs != patches.fingerprint():
            what = f" ({settings.data})" if settings.data else ""
            raise ValueError(
                f"{path} was trained on other photographs{what}: name the same ones as --data, "
                "or begin a new run with --start"
            )
        return training

    def run(
        self,
        checkpoint: str | PathLike[str],
        log: str | PathLike[str],
        progress: tqdm | None = None,
        validation: Sequence[Float[Tensor, "3 H W"]] = (),
        every: int = 50,
        validate_every: int = 500,
        checkpoint_seconds: float = 180,
    ) -> None:
        """Train to the end; a checkpoint every few minutes, a row in the CSV log every 50 steps.

        checkpoint, log: paths; progress: a tqdm bar or None; validation: photographs y, on which
        the loss is measured every 500 steps and at the end. Ctrl-C or SIGTERM ends the step in
        hand, saves a checkpoint and raises KeyboardInterrupt. To be called from the main thread.
        Of several processes the first writes, its share of each batch is what the log shows, and
        after Ctrl-C the last checkpoint may be the one of minutes before.
        Raises: ValueError if training diverges; the last checkpoint is then of before.
        """
        if self.rank:
            while self.step < self.settings.steps:
                self.advance()
            return
        rows = TrainingLog(log, self.step)
        saved, safe = time.monotonic(), None
        sums, count = torch.zeros(3, device=self.device), 0
        with deferred_signals() as interrupted:  # a step must not be left half done
            while self.step < self.settings.steps and not interrupted:
                sums, count = sums + self.advance(), count + 1
                if progress is not None:
                    progress.update()
                last = self.step == self.settings.steps
                if self.step % every == 0 or last:
                    check_finite(self.model, self.step, safe)
                    means = (sums / count).tolist()
                    due = validation and (self.step % validate_every == 0 or last)
                    measured = validation_loss(self.averaged, validation) if due else None
                    rows.add(self.step, means, self.learning_rate(), measured)
                    if progress is not None:
                        progress.set_postfix_str("{:.3f} bpp, distortion {:.1f}".format(*means))
                    sums, count = torch.zeros_like(sums), 0
                if time.monotonic() - saved > checkpoint_seconds:
                    check_finite(self.model, self.step, safe)
                    self.save(checkpoint)
                    saved, safe = time.monotonic(), checkpoint
        self.seconds = rows.seconds()
        check_finite(self.model, self.step, safe)
        self.save(checkpoint)
        if interrupted:
            raise KeyboardInterrupt
