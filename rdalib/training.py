"""Training: minimise rate + lam * distortion over random patches, each with its own lambda.

A run is fixed by its settings and its seed. A checkpoint holds everything the next step depends
on, so a run that was stopped and resumed ends at the weights of one that never stopped (bit for
bit on a CPU in float32).
"""

import csv
import io
import math
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from rdalib.autoencoder import LEVELS, RateDistortionAutoencoder, quality_to_lambda
from rdalib.files import write_file, written_beside
from rdalib.transforms import STRIDE


@dataclass(frozen=True)
class TrainingSettings:
    """What a run is. Learning rates are Adam's."""

    steps: int
    batch: int = 8
    patch: int = 256
    hidden: int = 128
    latent: int = 192
    side: int = 0  # channels of side information; 0: a factorised prior
    learning_rate: float = 1e-3
    final_learning_rate: float = 1e-6
    warmup_steps: int = 200
    linear_factor: float = 0.1  # the linear paths start near their optimum: smaller steps
    quantization: str = "mixed"  # noise for the rate, rounding into the synthesis; or "noise"
    clip_norm: float = 5.0
    bfloat16: bool = True  # for the convolutions; probabilities are always float32
    seed: int = 0


class Training:
    """A run in progress: the model, the optimizer, the step count and the sources of chance."""

    def __init__(self, settings, patches, device="cpu"):
        """settings: TrainingSettings; patches: RandomPatches of the settings' patch size."""
        self.settings, self.patches, self.device = settings, patches, torch.device(device)
        self.step = 0
        self.seconds = 0.0  # of training, as the log counts them
        self.generator = torch.Generator().manual_seed(settings.seed)
        torch.manual_seed(settings.seed)
        self.model = RateDistortionAutoencoder(settings.hidden, settings.latent, settings.side)
        blocks = patches.blocks(STRIDE, 60_000, self.generator).cpu()
        self.model.start_from_principal_components(blocks)
        self.model.to(self.device)
        linear, others = [], []
        for name, parameter in self.model.named_parameters():
            (linear if ".linear." in name else others).append(parameter)
        groups = [
            {"params": others, "factor": 1.0},
            {"params": linear, "factor": settings.linear_factor},
        ]
        self.optimizer = torch.optim.Adam(groups)

    def start_from(self, path):
        """Take from a weights file whatever has a name and shape of this model's.

        path: a .safetensors file of rda train, of either model. Raises: ValueError, OSError.
        """
        mine = self.model.state_dict()
        try:
            theirs = load_file(path)
        except SafetensorError:
            raise ValueError(f"{path} is not a weights file of rda train") from None
        shared = {
            name: tensor.float()
            for name, tensor in theirs.items()
            if name in mine and mine[name].shape == tensor.shape
        }
        if "analysis.linear.weight" not in shared:
            raise ValueError(f"{path} holds no networks of this size")
        self.model.load_state_dict(shared, strict=False)

    def learning_rate(self):
        """Linear warm-up, then a cosine down to the final rate."""
        settings = self.settings
        progress = self.step / settings.steps
        cosine = 0.5 + 0.5 * math.cos(math.pi * progress)
        rate = settings.final_learning_rate
        rate += (settings.learning_rate - settings.final_learning_rate) * cosine
        return rate * min(1.0, (self.step + 1) / settings.warmup_steps)

    def advance(self):
        """One step. Returns (rate_bpp, distortion, loss), means over the batch, as tensors."""
        settings = self.settings
        for group in self.optimizer.param_groups:
            group["lr"] = group["factor"] * self.learning_rate()
        y = self.patches.sample(settings.batch, self.generator)
        quality = (LEVELS - 1) * torch.rand(settings.batch, generator=self.generator)
        quality = quality.to(self.device)
        lam = quality_to_lambda(quality)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=settings.bfloat16):
            output = self.model(y, quality, settings.quantization)
        # rate + lam * distortion grows about as sqrt(lam): the division keeps them all in play.
        losses = (output.rate_bpp + lam * output.distortion) / lam.sqrt()
        self.optimizer.zero_grad()
        losses.mean().backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip_norm)
        self.optimizer.step()
        self.step += 1
        return torch.stack((output.rate_bpp, output.distortion, losses)).detach().mean(dim=1)

    def save(self, path):
        """Write a checkpoint, whole or not at all."""
        state = {
            "settings": asdict(self.settings),
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "patches": self.generator.get_state(),
            "noise": torch.get_rng_state(),
            "noise_cuda": torch.cuda.get_rng_state() if self.device.type == "cuda" else None,
        }
        buffer = io.BytesIO()  # torch.save makes a RuntimeError of a full disk
        torch.save(state, buffer)
        write_file(path, buffer.getbuffer())

    @classmethod
    def resume(cls, path, patches, device="cpu"):
        """Go on from a checkpoint. Raises: ValueError if the file is not one."""
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            training = cls(TrainingSettings(**state["settings"]), patches, device)
        except FileNotFoundError:
            raise ValueError(f"{path}: no such file") from None
        except Exception:  # whatever a foreign file leads the unpickler to
            raise ValueError(f"{path} is not a checkpoint of rda train") from None
        training.step = state["step"]
        training.model.load_state_dict(state["model"])
        training.optimizer.load_state_dict(state["optimizer"])
        training.generator.set_state(state["patches"])
        torch.set_rng_state(state["noise"])
        if training.device.type == "cuda" and state["noise_cuda"] is not None:
            torch.cuda.set_rng_state(state["noise_cuda"])
        return training

    def run(self, checkpoint, log, progress=None, every=50, checkpoint_seconds=180):
        """Train to the end; a checkpoint every few minutes, a row in the CSV log every 50 steps.

        checkpoint, log: paths; progress: a tqdm bar or None. Ctrl-C ends the step in hand, saves
        a checkpoint and raises KeyboardInterrupt. To be called from the main thread.
        """
        log = _Log(log, self.step)
        saved, sums, count = time.monotonic(), 0.0, 0
        interrupted = []  # half a step must not be saved: chance has moved on, the weights not
        handler = signal.signal(signal.SIGINT, lambda *_: interrupted.append(True))
        try:
            while self.step < self.settings.steps and not interrupted:
                sums, count = sums + self.advance(), count + 1
                if progress is not None:
                    progress.update()
                if self.step % every == 0 or self.step == self.settings.steps:
                    rate_bpp, distortion, loss = (sums / count).tolist()
                    log.add(self.step, rate_bpp, distortion, loss, self.learning_rate())
                    if progress is not None:
                        progress.set_postfix_str(f"{rate_bpp:.3f} bpp, distortion {distortion:.1f}")
                    sums, count = 0.0, 0
                if time.monotonic() - saved > checkpoint_seconds:
                    self.save(checkpoint)
                    saved = time.monotonic()
        finally:
            signal.signal(signal.SIGINT, handler)
        self.seconds = log.seconds()
        self.save(checkpoint)
        if interrupted:
            raise KeyboardInterrupt


def steps_for_minutes(settings, patches, device, minutes, trial=6):
    """How many steps fit in `minutes`, from the time of a few: measured once, before a run."""
    training = Training(settings, patches, device)
    training.advance()  # the first step pays for memory and kernels
    start = time.monotonic()
    for _ in range(trial):
        training.advance().sum().item()
    seconds = (time.monotonic() - start) / trial
    return max(1, int(minutes * 60 / seconds))


class _Log:
    """A CSV file of the run; on resume, rows after the checkpoint are dropped."""

    columns = ("step", "seconds", "rate_bpp", "distortion", "loss", "learning_rate")

    def __init__(self, path, step):
        self.path = Path(path)
        rows = []
        if step and self.path.exists():
            with open(self.path, newline="") as file:
                rows = [row for row in list(csv.reader(file))[1:] if int(row[0]) <= step]
        self.start = time.monotonic() - (float(rows[-1][1]) if rows else 0.0)
        with written_beside(self.path) as beside, open(beside, "w", newline="") as file:
            csv.writer(file).writerows([self.columns, *rows])

    def seconds(self):
        return time.monotonic() - self.start

    def add(self, step, rate_bpp, distortion, loss, learning_rate):
        row = (step, f"{self.seconds():.1f}", f"{rate_bpp:.5f}", f"{distortion:.4f}", f"{loss:.5f}")
        with open(self.path, "a", newline="") as file:
            csv.writer(file).writerow((*row, f"{learning_rate:.3g}"))
