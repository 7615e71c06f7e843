"""Training: minimise rate + lam * distortion over random patches, each with its own lambda.

A run is fixed by its settings: the random numbers of a step follow from the seed and the number of
the step. So a run that was stopped and resumed ends at the weights of one that never stopped (bit
for bit on a CPU in float32).

Several processes, one a GPU, share the work of each step (torchrun). All of them draw the same
patches and lambdas, each computes on its share, and DistributedDataParallel gives all of them the
mean of their gradients: that of the whole batch.
"""

import csv
import io
import os
import signal
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from rdalib.autoencoder import RateDistortionAutoencoder
from rdalib.files import write_file, written_beside
from rdalib.quality import LEVELS, quality_to_lambda
from rdalib.transforms import STRIDE

LINEAR_PATHS = ("analysis.linear.", "synthesis.linear.")
VALIDATION_QUALITIES = (8.0, 24.0, 40.0, 56.0)
SHARED_STREAM = 2**10 - 1  # of random numbers, one for all processes; below: each one's own


@dataclass(frozen=True)
class TrainingSettings:
    """What a run is. Learning rates are Adam's."""

    steps: int
    batch: int = 8
    patch: int = 256
    largest_scale: float = 1.0  # of the patches, and the share of them with other colours:
    recoloured: float = 0.0  # see datasets.RandomPatches
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
    quantization: str = "mixed"  # noise for the rate, rounding into the synthesis; or "noise"
    clip_norm: float = 5.0
    compiled: bool = False  # by torch.compile: faster steps; other rounding and other noise
    data: str = ""  # the photographs, and the weights that the run began at: for the record
    start: str = ""
    seed: int = 0


OLD_NAMES = {"side": "side_channels"}  # of settings, in checkpoints made before


class Training:
    """A run in progress: the model, the optimizer and the step count."""

    def __init__(self, settings, patches, device="cpu"):
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
        self.model.to(self.device, memory_format=torch.channels_last)
        self.parallel = DistributedDataParallel(self.model) if processes > 1 else self.model
        if settings.compiled:
            self.parallel = torch.compile(self.parallel)
        linear, others = [], []
        for name, parameter in self.model.named_parameters():
            if settings.frozen and not name.startswith("context."):
                parameter.requires_grad_(False)
                continue
            (linear if name.startswith(LINEAR_PATHS) else others).append(parameter)
        groups = [
            {"params": others, "factor": 1.0},
            {"params": linear, "factor": settings.linear_factor},
        ]
        groups = [group for group in groups if group["params"]]
        self.optimizer = torch.optim.Adam(groups)

    def start_from(self, weights):
        """Take the networks of another autoencoder, and of its prior what has the same shape.

        weights: its state dict. Its latent channels are the first of this one's, which may have
        more. Raises: ValueError if it has more itself, or convolutions of another size.
        """
        own = self.model.state_dict()  # shares its memory with the model
        for name, tensor in weights.items():
            if name.endswith(("linear.weight", "linear.bias", "log_steps", "log_gains")):
                place = own[name][tuple(map(slice, tensor.shape))]
            elif name in own:
                place = own[name]
            else:
                continue  # of the other prior
            if place.shape == tensor.shape:
                place.copy_(tensor)
            elif not name.startswith(("prior", "hyperprior", "context")):
                raise ValueError("those weights are of networks of another size")

    def learning_rate(self):
        """Linear warm-up, constant, and in the last part of the run a straight line to zero.

        A run can be made longer as long as its rate has not begun to fall.
        """
        settings = self.settings
        left = (settings.steps - self.step) / (settings.decay * settings.steps)
        warm = (self.step + 1) / settings.warmup_steps
        return settings.learning_rate * max(0.0, min(1.0, warm, left))

    def advance(self):
        """One step. Returns the means of rate_bpp, distortion and loss over this process's share.

        They come as one tensor on the device, so that nothing waits for the numbers.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = group["factor"] * self.learning_rate()
        means = self.gradient()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        self.step += 1
        return means

    def gradient(self):
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
        # rate + lam * distortion grows about as sqrt(lam): the division keeps them all in play.
        losses = (output.rate_bpp + lam * output.distortion) / lam.sqrt()
        self.optimizer.zero_grad()
        losses.mean().backward()
        return torch.stack((output.rate_bpp, output.distortion, losses)).detach().mean(dim=1)

    @contextmanager
    def _noise(self):
        """The noise of this step, which differs between processes; the caller's chance stays."""
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(self._seed(self.rank))
            yield

    def _seed(self, stream):
        """A number for each step and each random stream: a process's rank, or SHARED_STREAM."""
        return (self.settings.seed * 2**32 + self.step) * (SHARED_STREAM + 1) + stream

    def save(self, path):
        """Write a checkpoint, whole or not at all; of several processes only the first does."""
        if self.rank:
            return
        state = {
            "settings": asdict(self.settings),
            "photographs": self.patches.fingerprint(),
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        buffer = io.BytesIO()  # torch.save makes a RuntimeError of a full disk
        torch.save(state, buffer)
        write_file(path, buffer.getbuffer())

    @classmethod
    def resume(cls, path, patches, device="cpu"):
        """Go on from a checkpoint.

        Raises: ValueError if the file is not one, or the run's photographs were others.
        """
        settings, state = read_checkpoint(path)
        training = cls(settings, patches, device)
        try:
            photographs = state["photographs"]
            training.step = state["step"]
            training.model.load_state_dict(state["model"])
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
        checkpoint,
        log,
        progress=None,
        validation=(),
        every=50,
        validate_every=500,
        checkpoint_seconds=180,
    ):
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
        log = _Log(log, self.step)
        saved, sums, count, safe = time.monotonic(), 0.0, 0, None
        interrupted = []  # a step must not be left half done
        signals = (signal.SIGINT, signal.SIGTERM)
        handlers = [signal.signal(s, lambda *_: interrupted.append(True)) for s in signals]
        try:
            while self.step < self.settings.steps and not interrupted:
                sums, count = sums + self.advance(), count + 1
                if progress is not None:
                    progress.update()
                last = self.step == self.settings.steps
                if self.step % every == 0 or last:
                    self._check_finite(safe)
                    means = (sums / count).tolist()
                    due = validation and (self.step % validate_every == 0 or last)
                    log.add(
                        self.step,
                        *means,
                        self.learning_rate(),
                        self.validation_loss(validation) if due else None,
                    )
                    if progress is not None:
                        progress.set_postfix_str(f"{means[0]:.3f} bpp, distortion {means[1]:.1f}")
                    sums, count = 0.0, 0
                if time.monotonic() - saved > checkpoint_seconds:
                    self._check_finite(safe)
                    self.save(checkpoint)
                    saved, safe = time.monotonic(), checkpoint
        finally:
            for each, handler in zip(signals, handlers, strict=True):
                signal.signal(each, handler)
        self.seconds = log.seconds()
        self._check_finite(safe)
        self.save(checkpoint)
        if interrupted:
            raise KeyboardInterrupt

    def _check_finite(self, checkpoint):
        """Raises: ValueError where training has diverged. checkpoint: the last that was saved."""
        finite = [parameter.isfinite().all() for parameter in self.model.parameters()]
        if not torch.stack(finite).all():
            what = f"resume from {checkpoint}" if checkpoint else "begin again"
            raise ValueError(
                f"training diverged before step {self.step}: {what} with --precision float32"
            )

    @torch.no_grad()
    def validation_loss(self, photos):
        """The loss at four qualities, rounded as in a file: its mean over photographs.

        photos: y, float tensors (3, H, W), sides multiples of 64.
        """
        losses = []
        for y in photos:
            for quality in VALIDATION_QUALITIES:
                quality = torch.tensor([quality], device=self.device)
                output = self.model(y[None].to(self.device), quality, "round")
                lam = quality_to_lambda(quality)
                losses.append((output.rate_bpp + lam * output.distortion) / lam.sqrt())
        return float(torch.stack(losses).mean())


def read_checkpoint(path):
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


@contextmanager
def joined_processes(device):
    """Join the processes that torchrun started, if it did. Gives the device of this one.

    device: "cpu" or "cuda", of which each process on a machine takes its own.
    """
    if not dist.is_torchelastic_launched():
        yield device
        return
    if device == "cuda":
        if int(os.environ["LOCAL_RANK"]) >= torch.cuda.device_count():
            raise ValueError(f"more processes here than GPUs, {torch.cuda.device_count()}")
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device != "cpu" else "gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()


def rank_and_world_size():
    """(rank of this process, number of processes): (0, 1) where there is only one."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def faster_precision(training):
    """ "bfloat16" or "float32": in which a step of this run is faster here, by timing both.

    Some processors have units for bfloat16 and are twice as fast with it; others work it out
    from float32, at a sixth of the speed. One answer for all processes. The run is not moved.
    """
    seconds = {}
    for training.precision in ("float32", "bfloat16"):
        for _ in range(2):  # the first step pays for memory and kernels
            start = time.monotonic()
            training.gradient().sum().item()
            seconds[training.precision] = time.monotonic() - start
    training.optimizer.zero_grad()
    return _same_for_all(min(seconds, key=seconds.get), training.device)


def steps_for_minutes(training, minutes, trial=6):
    """How many steps of a run fit in `minutes`, from the time of a few that do not move it."""
    training.gradient()
    start = time.monotonic()
    for _ in range(trial):
        training.gradient().sum().item()
    seconds = (time.monotonic() - start) / trial
    training.optimizer.zero_grad()
    return _same_for_all(max(1, int(minutes * 60 / seconds)), training.device)


def _same_for_all(value, device):
    """The first process's value: there is one clock for all."""
    values = [value]
    if dist.is_initialized():
        dist.broadcast_object_list(values, device=device)
    return values[0]


class _Log:
    """A CSV file of the run; on resume, rows after the checkpoint are dropped."""

    columns = (
        "step",
        "seconds",
        "rate_bpp",
        "distortion",
        "loss",
        "learning_rate",
        "validation_loss",  # empty where it was not measured
    )

    def __init__(self, path, step):
        self.path = Path(path)
        rows = []
        if step and self.path.exists():
            with open(self.path, newline="") as file:
                rows = [row for row in csv.reader(file) if len(row) == len(self.columns)]
            rows = [row for row in rows if row[0].isdigit() and int(row[0]) <= step]
        self.start = time.monotonic() - (float(rows[-1][1]) if rows else 0.0)
        with written_beside(self.path) as beside, open(beside, "w", newline="") as file:
            csv.writer(file).writerows([self.columns, *rows])

    def seconds(self):
        return time.monotonic() - self.start

    def add(self, step, rate_bpp, distortion, loss, learning_rate, validation_loss=None):
        row = (step, f"{self.seconds():.1f}", f"{rate_bpp:.5f}", f"{distortion:.4f}", f"{loss:.5f}")
        measured = "" if validation_loss is None else f"{validation_loss:.5f}"
        with open(self.path, "a", newline="") as file:
            csv.writer(file).writerow((*row, f"{learning_rate:.3g}", measured))
