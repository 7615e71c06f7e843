import io
import math

import numpy as np
import pytest
import soundfile
import torch

from rdalib.instruments import bell, drum, midi_pitch, pipe, play, plucked_string, random_tune
from rdalib.sound import (
    FLOOR_DB,
    RATE,
    align,
    frames,
    log_mel,
    mdct_basis,
    mel_filters,
    overlap_add,
    snr,
)
from rdalib.sound_formats import (
    FORMATS,
    best_file,
    container_bytes,
    decoded_by_soundfile,
    read_sound,
    write_as,
)


@pytest.fixture(scope="module")
def tune():
    return random_tune(np.random.default_rng(3), 2.0)


@pytest.mark.parametrize("n", [1, 2, 16, 256])
def test_shifted_mdct_rows_are_an_orthonormal_basis(n):
    A = mdct_basis(n)
    assert torch.allclose(A @ A.T, torch.eye(n, dtype=torch.float64))
    assert (A[:, n:] @ A[:, :n].T).abs().max() < 1e-12


@pytest.mark.parametrize("samples", [1, 7, 16, 100])
def test_mdct_gives_back_a_sound_of_any_length(samples):
    y = torch.randn(2, samples, dtype=torch.float64)
    A = mdct_basis(8)
    z = frames(y, 8) @ A.T
    assert z.shape == (2, math.ceil(samples / 8) + 1, 8)
    assert torch.allclose(overlap_add(z @ A, samples), y)
    assert torch.allclose(z.square().sum(), y.square().sum())


def test_overlap_add_is_the_transpose_of_frames():
    y, pieces = torch.randn(50).double(), torch.randn(8, 16).double()
    assert torch.allclose((frames(y, 8) * pieces).sum(), (y * overlap_add(pieces, 50)).sum())


def test_snr_of_a_tenth_of_the_amplitude_is_20_db(tune):
    assert snr(tune, 1.1 * tune) == pytest.approx(20, abs=1e-4)


def test_mel_filters_overlap_to_one_between_the_first_and_the_last_middle():
    total = mel_filters(20, 2048).sum(dim=0)
    assert mel_filters().min() == 0 and mel_filters().sum(dim=1).min() > 0
    assert torch.allclose(total[40:800], torch.ones(760, dtype=torch.float64))


def test_log_mel_of_a_full_sine_is_near_0_db_and_of_silence_the_floor():
    sine = torch.sin(2 * math.pi * 1000 / RATE * torch.arange(RATE))
    assert log_mel(sine)[:, 20:100].max().item() == pytest.approx(0, abs=2)
    assert torch.allclose(log_mel(0 * sine), torch.tensor(FLOOR_DB).double())


@pytest.mark.parametrize("delay", [0, 1, 700, -300])
def test_align_undoes_a_delay_and_a_gain(tune, delay):
    padded = torch.nn.functional.pad(tune, (max(delay, 0), 50))[max(-delay, 0) :]
    found, gain, aligned = align(tune, 0.7 * padded)
    assert found == delay and aligned.shape == tune.shape
    assert gain == pytest.approx(0.7, abs=0.03)  # a cut beginning is missing in the inner product
    kept = slice(max(-delay, 0), None)
    assert snr(tune[kept], aligned[kept]) > 25


@pytest.mark.parametrize("pitch", [82.4, 220, 440, 987.8])
def test_a_plucked_string_is_in_tune(pitch):
    y = plucked_string(pitch, 2.0, np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(y * np.hanning(len(y))))
    f = np.arange(len(spectrum)) * RATE / len(y)
    near = np.abs(f / pitch - 1) < 0.05
    assert f[near][spectrum[near].argmax()] == pytest.approx(pitch, abs=1)


@pytest.mark.parametrize("instrument", [plucked_string, bell, drum, pipe])
def test_an_instrument_is_bounded_and_a_function_of_its_seed(instrument):
    first, again, other = (instrument(200, 0.5, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert first.shape == (RATE // 2,) and 0.3 < np.abs(first).max() <= 1.3
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_tunes_are_half_of_full_scale_and_functions_of_their_seed(tune):
    assert tune.dtype == torch.float32 and tune.shape == (2 * RATE,)
    assert tune.abs().max() == pytest.approx(0.5)
    assert torch.equal(tune, random_tune(np.random.default_rng(3), 2.0))


def test_a_note_is_played_from_its_start_and_cut_at_the_end():
    y = play([(0.5, bell, 440.0, 9.0, 1.0)], 1.0, np.random.default_rng(0))
    assert (y[: RATE // 2] == 0).all() and y[RATE // 2 :].abs().max() == 0.5


def test_the_a_of_the_piano_has_440_hz_and_its_octave_880():
    assert midi_pitch(69) == 440 and midi_pitch(81) == 880


@pytest.mark.parametrize("name", FORMATS)
def test_the_best_file_fits_and_is_better_where_more_bytes_are_allowed(tune, name):
    points = [best_file(tune, name, limit) for limit in (9000, 14000)]
    for (data, y_hat), limit in zip(points, (9000, 14000), strict=True):
        assert len(data) <= limit and y_hat.shape == tune.shape
        assert snr(tune, y_hat) == pytest.approx(
            snr(tune, align(tune, decoded_by_soundfile(data))[2])
        )
    assert snr(tune, points[1][1]) > snr(tune, points[0][1]) > 3


@pytest.mark.parametrize("name", FORMATS)
def test_where_no_file_is_small_enough_the_smallest_comes_back(tune, name):
    data, _ = best_file(tune, name, 10)
    assert 10 < len(data) < 9000


def test_container_bytes_of_ogg_are_its_page_headers_and_its_first_packets(tune):
    for name in ("Vorbis", "Opus"):
        short, long = (write_as(y, name, 0.9) for y in (tune, tune.repeat(3)))
        shares = [container_bytes(data) for data in (short, long)]
        pages = [data.count(b"OggS") for data in (short, long)]
        assert pages[1] > pages[0] and shares[1] > shares[0] > 27 * pages[0]
        assert shares[1] - shares[0] < len(long) - len(short)
    setup = container_bytes(write_as(tune, "Vorbis", 0.9))
    assert setup > 3000 > container_bytes(write_as(tune, "Opus", 0.9))  # Vorbis sends its tables


def test_container_bytes_of_mp3_are_its_first_frame_and_four_a_frame(tune):
    data = write_as(tune, "MP3", 0.9, "CONSTANT")  # 24 kb/s: 108 bytes for 576 samples
    count = round(len(data) / 108)
    assert len(data) == pytest.approx(108 * count, abs=8)
    assert container_bytes(data) == pytest.approx(108 + 4 * (count - 1), abs=8)


def test_a_sound_file_is_read_as_one_channel_at_the_rate_of_the_lesson(tmp_path):
    t = np.arange(44_100) / 44_100
    both = np.stack((np.sin(2 * np.pi * 300 * t), np.zeros(len(t))), axis=1)
    soundfile.write(tmp_path / "tone.wav", both, 44_100)
    y = read_sound(tmp_path / "tone.wav", seconds=0.5)
    assert y.dtype == torch.float32 and y.shape == (RATE // 2,)
    assert y.abs().max() == pytest.approx(0.5)
    spectrum = torch.fft.rfft(y).abs()
    assert spectrum.argmax() == 150  # 300 Hz in half a second


def test_what_is_no_sound_is_said_in_one_line(tmp_path):
    (tmp_path / "text.wav").write_text("not a sound")
    file = io.BytesIO()
    soundfile.write(file, np.zeros(1000), RATE, format="WAV")
    (tmp_path / "silent.wav").write_bytes(file.getvalue())
    for name, reason in (("text", "no sound file"), ("none", "no sound"), ("silent", "silent")):
        with pytest.raises(ValueError, match=reason) as error:
            read_sound(tmp_path / f"{name}.wav")
        assert f"{name}.wav" in str(error.value) and "\n" not in str(error.value)
