"""Instruments made of numbers: strings, bells, a drum, a pipe, and tunes for them.

Every sound is a function of its arguments and of `random`, a NumPy Generator: the same seed makes
the same sound on every machine. An instrument takes a pitch in hertz (20 to 4000) and a length in
seconds, and returns a float64 array (samples,) of RATE samples a second, none beyond -1 and 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.signal import lfilter

from rdalib.sound import RATE

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

Instrument = Callable[[float, float, np.random.Generator], np.ndarray]


def plucked_string(pitch: float, seconds: float, random: np.random.Generator) -> np.ndarray:
    """A burst of noise runs round a loop of one period; each round smooths it a little.

    Source: Karplus and Strong, 1983; the fractional delay after Jaffe and Smith, 1983.
    """
    whole, part = divmod(RATE / pitch - 0.5, 1)  # the average below delays by half a sample
    whole = int(whole)
    burst = np.zeros(int(seconds * RATE))
    burst[:whole] = random.uniform(-1, 1, whole)[: len(burst)]
    loop = np.zeros(whole + 3)
    loop[0] = 1
    loop[whole:] -= 0.996 * np.convolve([0.5, 0.5], [1 - part, part])
    y = lfilter([0.5, 0.5], loop, burst)
    return y / np.abs(y).max()


def bell(pitch: float, seconds: float, random: np.random.Generator) -> np.ndarray:
    """Nine partials that are no multiples of one pitch, the higher the sooner gone."""
    t = np.arange(int(seconds * RATE)) / RATE
    ratios = (0.5, 1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.4)
    y = np.zeros(len(t))
    for ratio, level in zip(ratios, (0.4, 0.7, 0.6, 0.4, 1, 0.4, 0.3, 0.25, 0.15), strict=True):
        wave = np.sin(2 * np.pi * ratio * pitch * t + random.uniform(0, 2 * np.pi))
        y += level * wave * np.exp(-t * (1.2 + ratio * pitch / 600)) * (ratio * pitch < RATE / 2)
    return y / np.abs(y).max()


def drum(pitch: float, seconds: float, random: np.random.Generator) -> np.ndarray:
    """A falling tone and a short burst of noise. `pitch` in hertz is where the tone ends."""
    t = np.arange(int(seconds * RATE)) / RATE
    body = np.sin(2 * np.pi * (pitch * t + 8 * (1 - np.exp(-20 * t)))) * np.exp(-9 * t)
    y = body + 0.35 * random.standard_normal(len(t)) * np.exp(-25 * t)
    return y / np.abs(y).max()


def pipe(pitch: float, seconds: float, random: np.random.Generator) -> np.ndarray:
    """A blown pipe: six harmonics with vibrato, breath noise, a soft beginning and end."""
    t = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * pitch * t + 0.75 * np.sin(2 * np.pi * 5 * t) * np.minimum(2 * t, 1)
    y = 0.02 * lfilter([1], [1, -0.7], random.standard_normal(len(t)))
    for k, level in enumerate((1, 0.5, 0.35, 0.15, 0.12, 0.06), start=1):
        y += 0.5 * level * np.sin(k * phase) * (k * pitch < RATE / 2)
    return y * np.clip(t / 0.06, 0, 1) * np.clip((seconds - t) / 0.08, 0, 1)


def play(
    notes: Iterable[tuple[float, Instrument, float, float, float]],
    seconds: float,
    random: np.random.Generator,
) -> Float[Tensor, " samples"]:
    """Notes (start in seconds, instrument, pitch in hertz, length, level), added up to a y."""
    y = np.zeros(int(seconds * RATE))
    for start, instrument, pitch, length, level in notes:
        first = int(start * RATE)
        note = instrument(pitch, min(length, seconds - start), random)[: len(y) - first]
        y[first : first + len(note)] += level * note
    return torch.from_numpy(0.5 * y / np.abs(y).max()).float()


def random_tune(random: np.random.Generator, seconds: float = 5.0) -> Float[Tensor, " samples"]:
    """A walk over a pentatonic scale on strings, bells or both, with a bass and a drum."""
    steps = np.array([0, 2, 4, 7, 9, 12, 14, 16, 19, 21, 24])  # in semitones
    base, beat, with_bells = random.integers(45, 60), random.uniform(0.18, 0.4), random.random()
    notes, start, place = [], 0.0, int(random.integers(len(steps)))
    while start < seconds - 0.3:
        place = int(np.clip(place + random.integers(-2, 3), 0, len(steps) - 1))
        instrument = bell if random.random() < with_bells - 0.4 else plucked_string
        level = random.uniform(0.5, 1)
        notes.append((start, instrument, midi_pitch(base + steps[place]), 2.0, level))
        if random.random() < 0.3:
            low = midi_pitch(base - 12 + steps[random.integers(3)])
            notes.append((start, plucked_string, low, 2.0, 0.6))
        if random.random() < 0.3:
            notes.append((start, drum, 60.0, 1.0, random.uniform(0.4, 0.9)))
        start += beat * random.choice([1, 1, 2])
    return play(notes, seconds, random)


def midi_pitch(number: float) -> float:
    """Hertz of a key of the piano: 69 is the A of 440 Hz, and 12 more are an octave."""
    return 440.0 * 2 ** ((number - 69) / 12)
