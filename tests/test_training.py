import csv
import dataclasses
import math
import signal
import time
from functools import partial
from itertools import pairwise

import pytest
import torch

from rdalib import autoencoder
from rdalib.autoencoder import RateDistortionAutoencoder, quality_to_lambda
from rdalib.averaging import moving_mean
from rdalib.images import sample_photo, write_photo
from rdalib.pace import faster_precision, steps_for_minutes
from rdalib.patches import RandomPatches
from rdalib.training import Training, TrainingSettings

SETTINGS = TrainingSettings(steps=12, batch=2, patch=32, hidden=8, latent=12, warmup_steps=4)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two small photograph files."""
    folder = tmp_path_factory.mktemp("photos")
    for name in ("coffee", "chelsea"):
        write_photo(sample_photo(name)[:, 50:178, 50:178], folder / f"{name}.png")
    return sorted(folder.iterdir())


class Patches(RandomPatches):
    """Principal components from fewer blocks: a start within milliseconds."""

    def blocks(self, side, count, generator):
        return super().blocks(side, min(count, 1000), generator)


@pytest.fixture(scope="module")
def patches(photos):
    return Patches(photos, size=SETTINGS.patch)


class Interruption:
    """A progress bar that is interrupted, as by Ctrl-C, once `steps` steps are done."""

    def __init__(self, steps):
        self.left = steps

    def update(self):
        self.left -= 1
        if not self.left:
            signal.raise_signal(signal.SIGINT)

    def set_postfix_str(self, text):
        pass


def rows_of(log):
    with open(log, newline="") as file:
        return list(csv.DictReader(file))


def steps_of(log):
    return [int(row["step"]) for row in rows_of(log)]


def training_of(steps, patches):
    training = Training(SETTINGS, patches)
    for _ in range(steps):
        training.advance()
    return training


def assert_equal_runs(first, second):
    assert first.step == second.step
    for networks in ("model", "averaged"):
        one, other = (getattr(run, networks).parameters() for run in (first, second))
        assert all(map(torch.equal, one, other))
    one, other = (run.optimizer.state_dict()["state"] for run in (first, second))
    assert one.keys() == other.keys()
    for key in one:
        assert all(torch.equal(one[key][name], other[key][name]) for name in one[key])


@pytest.fixture(scope="module")
def uninterrupted(patches, tmp_path_factory):
    training, folder = Training(SETTINGS, patches), tmp_path_factory.mktemp("run")
    training.run(folder / "whole.pt", folder / "whole.csv", every=3)
    return training


def test_the_same_settings_give_the_same_run(patches, uninterrupted):
    assert_equal_runs(training_of(SETTINGS.steps, patches), uninterrupted)


def test_another_seed_gives_another_run(patches, uninterrupted):
    other = Training(dataclasses.replace(SETTINGS, seed=1), patches)
    for _ in range(SETTINGS.steps):
        other.advance()
    assert not torch.equal(other.model.log_steps, uninterrupted.model.log_steps)


@pytest.mark.parametrize("steps", [1, 5, 11])
def test_an_interrupted_and_resumed_run_equals_an_uninterrupted_one(
    patches, tmp_path, uninterrupted, steps
):
    checkpoint, log = tmp_path / "stopped.pt", tmp_path / "stopped.csv"
    training = Training(SETTINGS, patches)
    with pytest.raises(KeyboardInterrupt):
        training.run(checkpoint, log, Interruption(steps), every=3)
    torch.manual_seed(99)  # the next process starts from other chances
    resumed = Training.resume(checkpoint, patches)
    assert resumed.step == steps
    resumed.run(checkpoint, log, every=3)
    assert_equal_runs(resumed, uninterrupted)
    assert_equal_runs(Training.resume(checkpoint, patches), uninterrupted)


def test_a_killed_run_goes_on_from_its_last_checkpoint(patches, tmp_path, uninterrupted):
    checkpoint, log = tmp_path / "killed.pt", tmp_path / "killed.csv"
    training = Training(SETTINGS, patches)
    with pytest.raises(KeyboardInterrupt):
        training.run(checkpoint, log, Interruption(4), every=2)
    at_four = checkpoint.read_bytes()
    training = Training.resume(checkpoint, patches)
    with pytest.raises(KeyboardInterrupt):
        training.run(checkpoint, log, Interruption(5), every=2)
    assert steps_of(log) == [2, 4, 6, 8]
    checkpoint.write_bytes(at_four)  # as if killed after step 9, with no later checkpoint
    resumed = Training.resume(checkpoint, patches)
    assert_equal_runs(resumed, training_of(4, patches))
    resumed.run(checkpoint, log, every=2)
    assert_equal_runs(resumed, uninterrupted)


def test_a_run_with_side_information_resumes_to_the_same_weights(photos, tmp_path):
    settings = dataclasses.replace(SETTINGS, patch=64, side_channels=4, convolved=8, steps=4)
    patches, checkpoint = Patches(photos, size=settings.patch), tmp_path / "run.pt"
    whole = Training(settings, patches)
    for _ in range(2):
        whole.advance()
    whole.save(checkpoint)
    resumed = Training.resume(checkpoint, patches)
    for _ in range(2):
        whole.advance()
        resumed.advance()
    assert_equal_runs(resumed, whole)


def test_rows_after_the_checkpoint_are_dropped_on_resume(patches, tmp_path):
    checkpoint, log = tmp_path / "run.pt", tmp_path / "log.csv"
    training = training_of(5, patches)
    training.save(checkpoint)
    with pytest.raises(KeyboardInterrupt):
        training.run(tmp_path / "later.pt", log, Interruption(6), every=1)
    with open(log, "a") as file:
        file.write("999,1.0,1,1,1,1,\n")
    assert steps_of(log) == [6, 7, 8, 9, 10, 11, 999]
    Training.resume(tmp_path / "later.pt", patches).run(tmp_path / "later.pt", log, every=1)
    assert steps_of(log) == [6, 7, 8, 9, 10, 11, 12]
    Training.resume(checkpoint, patches).run(checkpoint, log, every=1)
    assert steps_of(log) == [6, 7, 8, 9, 10, 11, 12]


def test_a_checkpoint_leaves_the_run_as_it_was(patches, tmp_path, uninterrupted):
    training = Training(SETTINGS, patches)
    training.run(tmp_path / "often.pt", tmp_path / "often.csv", checkpoint_seconds=0)
    assert_equal_runs(training, uninterrupted)


def test_the_log_has_the_means_of_its_steps_and_the_last_one(patches, tmp_path):
    settings = dataclasses.replace(SETTINGS, steps=7)
    training, log = Training(settings, patches), tmp_path / "log.csv"
    by_hand = Training(settings, patches)
    sums = torch.stack([by_hand.advance() for _ in range(7)])
    training = Training(settings, patches)
    training.run(tmp_path / "run.pt", log, every=5)
    rows = rows_of(log)
    assert list(rows[0]) == [
        "step",
        "seconds",
        "rate_bpp",
        "distortion",
        "loss",
        "learning_rate",
        "validation_loss",
    ]
    assert steps_of(log) == [5, 7]
    for row, expected in zip(rows, (sums[:5].mean(dim=0), sums[5:].mean(dim=0)), strict=True):
        values = [float(row[key]) for key in ("rate_bpp", "distortion", "loss")]
        assert values == pytest.approx(expected.tolist(), abs=1e-3)
    assert 0 <= float(rows[0]["seconds"]) <= float(rows[1]["seconds"])


def test_a_new_run_starts_a_new_log(patches, tmp_path):
    log = tmp_path / "log.csv"
    for _ in range(2):
        Training(SETTINGS, patches).run(tmp_path / "run.pt", log, every=6)
    assert steps_of(log) == [6, 12]


def test_seconds_go_on_after_a_resume(patches, tmp_path):
    checkpoint, log = tmp_path / "run.pt", tmp_path / "log.csv"
    with pytest.raises(KeyboardInterrupt):
        Training(SETTINGS, patches).run(checkpoint, log, Interruption(7), every=3)
    rows = rows_of(log)
    rows[-1]["seconds"] = "1000.0"
    with open(log, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    Training.resume(checkpoint, patches).run(checkpoint, log, every=3)
    assert [float(row["seconds"]) >= 1000 for row in rows_of(log)] == [False, True, True, True]


def test_the_learning_rate_warms_up_stays_and_ends_at_exactly_zero(patches):
    settings = dataclasses.replace(SETTINGS, steps=1000, warmup_steps=100, learning_rate=1e-3)
    training = Training(settings, patches)
    rates = []
    for training.step in range(1001):
        rates.append(training.learning_rate())
    assert rates[0] == pytest.approx(1e-3 / 100)
    assert rates[49] == pytest.approx(0.5e-3)
    assert all(earlier < later for earlier, later in pairwise(rates[:100]))
    assert set(rates[100:800]) == {1e-3}
    assert all(earlier > later for earlier, later in pairwise(rates[800:]))
    assert rates[900] == pytest.approx(0.5e-3)
    assert rates[1000] == 0


def test_a_run_made_longer_before_its_rate_falls_is_the_longer_run(patches, tmp_path):
    settings = dataclasses.replace(SETTINGS, steps=10, warmup_steps=2)
    longer = dataclasses.replace(settings, steps=20)
    first, whole = Training(settings, patches), Training(longer, patches)
    for _ in range(8):
        first.advance()
    first.save(tmp_path / "run.pt")
    resumed = Training.resume(tmp_path / "run.pt", patches)
    resumed.settings = longer
    for training in (resumed, whole):
        while training.step < 20:
            training.advance()
    assert_equal_runs(resumed, whole)


def test_training_leaves_the_callers_chance_alone(patches):
    training = Training(SETTINGS, patches)
    torch.manual_seed(3)
    expected = torch.rand(5)
    torch.manual_seed(3)
    training.advance()
    assert torch.equal(torch.rand(5), expected)


def test_a_run_is_not_resumed_on_other_photographs(patches, photos, tmp_path):
    settings = dataclasses.replace(SETTINGS, data="holidays")
    Training(settings, patches).save(tmp_path / "run.pt")
    fewer = Patches(photos[:1], size=SETTINGS.patch)
    with pytest.raises(ValueError, match=r"run\.pt was trained on other photographs \(holidays\)"):
        Training.resume(tmp_path / "run.pt", fewer)
    assert Training.resume(tmp_path / "run.pt", Patches(photos, size=SETTINGS.patch)).step == 0


@pytest.mark.parametrize("signal_sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_step_in_hand_and_saves(patches, tmp_path, signal_sent):
    class Sender(Interruption):
        def update(self):
            signal.raise_signal(signal_sent)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        Training(SETTINGS, patches).run(tmp_path / "run.pt", tmp_path / "log.csv", Sender(1))
    assert Training.resume(tmp_path / "run.pt", patches).step == 1
    assert signal.getsignal(signal.SIGTERM) == before


def test_the_validation_loss_is_that_of_rounded_latents_at_four_qualities(patches, tmp_path):
    settings = dataclasses.replace(SETTINGS, steps=6)
    training, log = Training(settings, patches), tmp_path / "log.csv"
    y = patches.sample(2, torch.Generator().manual_seed(1))
    training.run(tmp_path / "run.pt", log, validation=list(y), every=2, validate_every=4)
    measured = [row["validation_loss"] for row in rows_of(log)]
    assert [bool(value) for value in measured] == [False, True, True]
    losses = []
    for quality in (8, 24, 40, 56):
        quality = torch.full((2,), float(quality))
        with torch.no_grad():
            output = training.averaged(y, quality, "round")
        lam = quality_to_lambda(quality)
        losses.append((output.rate_bpp + lam * output.distortion) / lam.sqrt())
    assert float(measured[-1]) == pytest.approx(float(torch.stack(losses).mean()), abs=1e-4)


def test_a_run_gives_the_mean_of_its_last_weights(patches, tmp_path):
    training, steps = Training(SETTINGS, patches), []
    for _ in range(SETTINGS.steps):
        training.advance()
        steps.append(training.model.log_gains.detach().clone())
    mean = steps[0]
    for count, weights in enumerate(steps[1:], 1):
        share = 1 / (1 + count / 10)  # of the last step: the mean is of a tenth of the steps
        mean = (1 - share) * mean + share * weights
    assert torch.allclose(training.averaged.log_gains, mean, atol=1e-7)
    assert not torch.allclose(mean, steps[-1], atol=1e-7)
    late = moving_mean(torch.zeros(1), torch.ones(1), 10**6)
    assert float(late) == pytest.approx(1 / 100)  # of the last hundred


def test_the_mean_of_a_checkpoint_that_has_none_begins_at_its_weights(patches, tmp_path):
    training = training_of(3, patches)
    training.save(tmp_path / "run.pt")
    state = torch.load(tmp_path / "run.pt", weights_only=True)
    del state["averaged"]
    torch.save(state, tmp_path / "old.pt")
    resumed = Training.resume(tmp_path / "old.pt", patches)
    one, other = resumed.averaged.parameters(), training.model.parameters()
    assert all(map(torch.equal, one, other))


def test_the_faster_precision_is_chosen_and_the_run_not_moved(patches, monkeypatch):
    training, other = Training(SETTINGS, patches), Training(SETTINGS, patches)
    for slow, fast in (("float32", "bfloat16"), ("bfloat16", "float32")):

        def gradient(slow=slow):
            time.sleep(0.05 if training.precision == slow else 0)
            return torch.zeros(3)

        monkeypatch.setattr(training, "gradient", gradient)
        assert faster_precision(training) == fast
    monkeypatch.undo()
    assert faster_precision(training) in ("float32", "bfloat16")
    training.precision = "float32"
    for run in (training, other):
        for _ in range(2):
            run.advance()
    assert_equal_runs(training, other)


def test_every_batch_has_one_lambda_from_each_part_of_the_range(patches):
    training = Training(dataclasses.replace(SETTINGS, batch=4), patches)
    drawn = []

    def forward(y, quality, quantization):
        drawn.append(quality)
        return training.model(y, quality, quantization)

    training.parallel = forward
    for _ in range(20):
        training.advance()
    drawn = torch.stack(drawn)  # (steps, batch)
    parts = (drawn / (63 / 4)).floor()
    assert torch.equal(parts.sort(dim=1).values, torch.arange(4.0).expand(20, 4))
    assert len(parts[:, 0].unique()) == 4  # no place of a batch keeps to one part
    places = drawn / (63 / 4) % 1
    assert places.min() < 0.1 and places.max() > 0.9 and len(places.unique()) == 80


def test_a_compiled_run_takes_the_same_steps_but_for_rounding(photos, monkeypatch):
    # The graph is run as it was traced: to compile it would take a minute.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    settings = dataclasses.replace(SETTINGS, side_channels=4, patch=64)
    patches = Patches(photos, size=settings.patch)
    plain = Training(settings, patches)
    compiled = Training(dataclasses.replace(settings, compiled=True), patches)
    assert compiled.parallel is not compiled.model
    for _ in range(3):
        torch.testing.assert_close(compiled.advance(), plain.advance(), rtol=1e-3, atol=0)


def test_a_relative_run_counts_a_percent_of_every_patch_alike(patches):
    plain = Training(dataclasses.replace(SETTINGS, batch=1), patches)
    relative = Training(dataclasses.replace(SETTINGS, batch=1, relative=True), patches)
    for step in range(3):
        plain.step = relative.step = step
        loss = plain.gradient()[2]
        torch.testing.assert_close(relative.gradient()[2], loss)
        for ours, theirs in zip(relative.model.parameters(), plain.model.parameters(), strict=True):
            torch.testing.assert_close(ours.grad, 10 / (1 + loss) * theirs.grad)


def test_patches_of_another_size_are_refused(patches):
    with pytest.raises(ValueError, match="on patches of 64 x 64 pixels, these have 32 x 32"):
        Training(dataclasses.replace(SETTINGS, patch=64), patches)


def test_the_linear_paths_take_smaller_steps(patches):
    training = Training(SETTINGS, patches)
    training.advance()
    others, linear = training.optimizer.param_groups
    training.step = 0
    assert others["lr"] == pytest.approx(training.learning_rate())
    assert linear["lr"] == pytest.approx(0.1 * training.learning_rate())
    named = dict(training.model.named_parameters())
    names = {
        name for name in named if any(named[name] is parameter for parameter in linear["params"])
    }
    paths = ("analysis.linear", "synthesis.linear")
    assert names == {f"{path}.{part}" for path in paths for part in ("weight", "bias")}


def test_training_starts_from_principal_components(patches):
    training = Training(SETTINGS, patches)
    weight = training.model.analysis.linear.weight.detach().flatten(1)
    torch.testing.assert_close(weight @ weight.T, torch.eye(12), rtol=0, atol=1e-5)


@pytest.mark.parametrize("quantization", ["noise", "mixed"])
def test_thirty_steps_unlearn_a_wrong_brightness(patches, quantization):
    settings = dataclasses.replace(
        SETTINGS, steps=30, batch=8, quantization=quantization, learning_rate=5e-3
    )
    training = Training(settings, patches)
    y = patches.sample(64, torch.Generator().manual_seed(7))
    quality = torch.linspace(0, 63, 64)
    lam = quality_to_lambda(quality)

    @torch.no_grad()
    def loss():
        output = training.model(y, quality, "round")
        return float(((output.rate_bpp + lam * output.distortion) / lam.sqrt()).mean())

    at_principal_components = loss()  # which thirty tiny steps hardly better
    with torch.no_grad():
        training.model.synthesis.convolutional[-1].bias += 0.05
    before = loss()
    for _ in range(30):
        training.advance()
    assert loss() - at_principal_components < 0.1 * (before - at_principal_components)


def test_bfloat16_leaves_probabilities_and_weights_in_float32(patches):
    training, exact = Training(SETTINGS, patches), Training(SETTINGS, patches)
    training.precision = "bfloat16"
    rate, distortion, loss = training.advance().tolist()
    expected = exact.advance().tolist()
    assert [rate, distortion, loss] == pytest.approx(expected, rel=0.02)
    assert [rate, distortion, loss] != expected
    assert {parameter.dtype for parameter in training.model.parameters()} == {torch.float32}


def test_a_checkpoint_under_old_names_goes_on(patches, photos, tmp_path):
    settings = dataclasses.replace(SETTINGS, side_channels=4, patch=64)
    training = Training(settings, Patches(photos, size=64))
    training.save(tmp_path / "run.pt")
    state = torch.load(tmp_path / "run.pt", weights_only=True)
    state["settings"]["side"] = state["settings"].pop("side_channels")
    torch.save(state, tmp_path / "old.pt")
    resumed = Training.resume(tmp_path / "old.pt", Patches(photos, size=64))
    assert resumed.settings == settings
    assert_equal_runs(resumed, training)


def test_a_foreign_file_is_no_checkpoint(patches, photos, tmp_path):
    path = tmp_path / "foreign.pt"
    for content in (b"", b"no checkpoint", photos[0].read_bytes()):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"foreign\.pt is not a checkpoint of rda train"):
            Training.resume(path, patches)
    for state in ({}, [1, 2], {"settings": {"colour": "red"}}, RateDistortionAutoencoder(4, 4)):
        torch.save(state, path)
        with pytest.raises(ValueError, match=r"foreign\.pt is not a checkpoint of rda train"):
            Training.resume(path, patches)
    with pytest.raises(ValueError, match="no such file"):
        Training.resume(tmp_path / "absent.pt", patches)


def test_a_checkpoint_cut_short_is_refused(patches, tmp_path):
    path = tmp_path / "run.pt"
    Training(SETTINGS, patches).save(path)
    data = path.read_bytes()
    for length in (10, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match="is not a checkpoint"):
            Training.resume(path, patches)


def test_steps_for_minutes_is_positive_and_grows_with_the_time(patches):
    training = Training(SETTINGS, patches)
    few = steps_for_minutes(training, 1e-9, trial=1)
    many = steps_for_minutes(training, 600, trial=1)
    assert training.step == 0
    assert few == 1
    assert many > 600  # a step of the tiniest model takes less than a minute


def test_a_run_that_diverges_ends_with_one_line_and_no_checkpoint(patches, tmp_path):
    training = Training(SETTINGS, patches)
    with torch.no_grad():
        training.model.log_steps.fill_(math.nan)
    with pytest.raises(ValueError, match="training diverged before step 3: begin again"):
        training.run(tmp_path / "run.pt", tmp_path / "log.csv", every=3)
    assert not (tmp_path / "run.pt").exists()


def test_a_run_that_diverges_keeps_its_last_good_checkpoint_and_names_it(patches, tmp_path):
    training, checkpoint = Training(SETTINGS, patches), tmp_path / "run.pt"

    class Poison(Interruption):
        def update(self):
            if training.step == 4:
                with torch.no_grad():
                    training.model.log_steps.fill_(math.nan)

    with pytest.raises(ValueError, match=r"diverged before step \d+: resume from .*run\.pt with"):
        training.run(checkpoint, tmp_path / "log.csv", Poison(9), checkpoint_seconds=0)
    resumed = Training.resume(checkpoint, patches)
    assert resumed.step == 3
    assert all(parameter.isfinite().all() for parameter in resumed.model.parameters())


# Beginning at other weights


@pytest.mark.parametrize("side, other_side", [(0, 0), (4, 0), (0, 4), (4, 4)])
def test_a_run_can_begin_at_the_networks_of_either_model(patches, photos, side, other_side):
    other = Training(dataclasses.replace(SETTINGS, seed=5, side_channels=other_side), patches).model
    theirs = other.state_dict()
    training = Training(
        dataclasses.replace(SETTINGS, patch=64, side_channels=side), Patches(photos, size=64)
    )
    training.model.start_from(theirs)
    own = training.model.state_dict()
    common = [name for name in own if name in theirs]
    assert {"analysis.linear.weight", "synthesis.convolutional.0.weight"} < set(common)
    assert side != other_side or len(common) == len(own)
    assert all(torch.equal(own[name], theirs[name]) for name in common)
    training.advance()


def test_weights_of_another_size_are_refused(patches):
    with pytest.raises(ValueError, match="networks of another size"):
        Training(SETTINGS, patches).model.start_from(RateDistortionAutoencoder(8, 16).state_dict())


# Several processes


def without_chance(z):
    """Instead of noise, which differs between processes: a fixed offset for each latent."""
    return z + 0.4 * torch.sin(1000 * z).detach()


def gradients_of(training):
    return [parameter.grad for parameter in training.model.parameters()]


def share_of_a_run(rank, processes, settings, photos, folder):
    """Three steps as one of several processes: the gradients of the first, the weights at last."""
    autoencoder.add_uniform_noise = without_chance
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=processes
    )
    training = Training(settings, Patches(photos, size=settings.patch))
    training.advance()
    gradients = [gradient.clone() for gradient in gradients_of(training)]
    training.advance()
    training.advance()
    training.save(folder / f"{rank}.checkpoint")
    torch.save((gradients, training.model.state_dict()), folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("side", [0, 4])
def test_two_processes_have_the_gradients_of_one_with_the_whole_batch(
    photos, tmp_path, monkeypatch, side
):
    settings = dataclasses.replace(SETTINGS, batch=4, patch=64, side_channels=side, clip_norm=1e9)
    torch.multiprocessing.spawn(share_of_a_run, (2, settings, photos, tmp_path), nprocs=2)
    monkeypatch.setattr(autoencoder, "add_uniform_noise", without_chance)
    alone = Training(settings, Patches(photos, size=settings.patch))
    alone.advance()
    (first, weights), (second, others) = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    for one, other, gradient in zip(first, second, gradients_of(alone), strict=True):
        assert torch.equal(one, other)
        assert torch.norm(one - gradient) <= 1e-4 * torch.norm(gradient)
    assert all(torch.equal(weights[name], others[name]) for name in weights)
    assert (tmp_path / "0.checkpoint").exists()
    assert not (tmp_path / "1.checkpoint").exists()


def test_processes_see_different_patches_and_noise(patches):
    first, second = Training(SETTINGS, patches), Training(SETTINGS, patches)
    second.rank, second.share = 1, slice(1, None, 2)
    first.share = slice(0, None, 2)
    losses = {tuple(training.advance().tolist()) for training in (first, second)}
    assert len(losses) == 2
    second.share, second.step = first.share, 0
    second.model.load_state_dict(Training(SETTINGS, patches).model.state_dict())
    assert tuple(second.advance().tolist()) not in losses  # the first's patches, other noise


def test_a_batch_that_processes_cannot_share_is_refused(patches, monkeypatch):
    monkeypatch.setattr("rdalib.training.rank_and_world_size", lambda: (0, 3))
    with pytest.raises(ValueError, match="a batch of 2 is no multiple of 3 processes"):
        Training(SETTINGS, patches)


def test_shares_of_a_batch_make_the_whole(patches):
    def sample(share):
        return patches.sample(6, torch.Generator().manual_seed(3), share)

    shares = [sample(slice(rank, None, 2)) for rank in (0, 1)]
    assert torch.equal(torch.stack(shares, dim=1).flatten(0, 1), sample(slice(None)))
