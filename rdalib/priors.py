"""Densities p(z) with a cdf, and the mass they give to an interval, stable far into the tails.

The mass of the bin [z - width/2, z + width/2] is what everything else needs: at an integer
multiple of the width it is the probability of the rounded latent, and elsewhere it is (width
times) the density of the noisy one, p convolved with the box. One function serves both.

Every prior here is a module with one method, `log_tails(z)`: the natural logarithms of
P(Z <= z) and of P(Z > z). Close to one a probability has no digits left to tell neighbours
apart, close to zero it has all of them, so a bin is measured from the nearer tail.

Source: Balle et al., ICLR 2017, section 3; Balle et al., ICLR 2018, appendix 6.1 (learned cdf).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

NATS_PER_BIT = math.log(2.0)


def nats_to_bits(nats: Any) -> Any:
    """Convert nats to bits: divide by ln 2. Works on numbers, arrays and tensors."""
    return nats / NATS_PER_BIT


class Prior(Protocol):
    """What every density here has."""

    def log_tails(self, z: Tensor, /) -> tuple[Tensor, Tensor]: ...


def interval_nats(
    prior: Prior, z: Float[Tensor, "*shape"], width: float | Tensor
) -> Float[Tensor, "*shape"]:
    """-ln of the mass that `prior` gives to [z - width/2, z + width/2], in nats.

    z: float tensor of a shape the prior accepts; width: positive number or tensor that
    broadcasts against z. Returns a tensor of z's shape, finite wherever the logarithms of
    both tails are.
    """
    log_below_lower, log_above_lower = prior.log_tails(z - width / 2)
    log_below_upper, log_above_upper = prior.log_tails(z + width / 2)
    left = log_below_upper < log_above_lower  # the interval lies in the left tail
    larger = torch.where(left, log_below_upper, log_above_lower)
    smaller = torch.where(left, log_below_lower, log_above_upper)
    return -log_difference(larger, smaller)


def log_difference(
    log_a: Float[Tensor, "*shape"], log_b: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """ln(a - b) from ln a and ln b, for a > b >= 0, without leaving the logarithms."""
    tiny = torch.finfo(log_a.dtype).tiny
    return log_a + torch.log((-torch.expm1(log_b - log_a)).clamp(min=tiny))


class _Symmetric(nn.Module):
    """A location and a scale, both trainable; the right tail is the left one mirrored."""

    log_standard_cdf: Callable[[Tensor], Tensor]

    def __init__(
        self,
        loc: float | Tensor = 0.0,
        scale: float | Tensor = 1.0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.loc = nn.Parameter(torch.as_tensor(loc, dtype=dtype).clone())
        self.log_scale = nn.Parameter(torch.as_tensor(scale, dtype=dtype).log())

    def log_tails(
        self, z: Float[Tensor, "*shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        x = (z - self.loc) * torch.exp(-self.log_scale)
        return self.log_standard_cdf(x), self.log_standard_cdf(-x)


class Gaussian(_Symmetric):
    """The normal density with mean `loc` and standard deviation `scale`."""

    log_standard_cdf = staticmethod(torch.special.log_ndtr)


class Laplace(_Symmetric):
    """The two-sided exponential, exp(-|z - loc| / scale) / (2 scale)."""

    @staticmethod
    def log_standard_cdf(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        right = torch.log1p(-0.5 * torch.exp(-x.clamp(min=0.0)))
        return torch.where(x < 0, x - math.log(2.0), right)


class Logistic(_Symmetric):
    """The density whose cdf is the sigmoid of (z - loc) / scale."""

    log_standard_cdf = staticmethod(F.logsigmoid)


class Mixture(nn.Module):
    """A weighted sum of component densities; the weights are the softmax of `logits`."""

    def __init__(self, components: Iterable[nn.Module], logits: Any = None) -> None:
        super().__init__()
        self.components: Any = nn.ModuleList(components)
        equal = torch.zeros(len(self.components))
        self.logits = nn.Parameter(equal if logits is None else torch.as_tensor(logits).clone())

    def log_tails(
        self, z: Float[Tensor, "*shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        log_weights = F.log_softmax(self.logits, dim=0)
        tails = [torch.stack(component.log_tails(z)) for component in self.components]
        return tuple(torch.logsumexp(torch.stack(tails, dim=-1) + log_weights, dim=-1))


class LearnedCdf(nn.Module):
    """One learned density a channel: the cdf is a small network, monotone by construction.

    cdf(z) = sigmoid(g(z)). Each layer of g is a matrix with positive entries (a softplus sees to
    that), a bias, and h -> h + tanh(a) tanh(h), which rises everywhere since |tanh(a)| < 1. A
    chain of increasing functions increases, so cdf(z) does, from 0 to 1.

    channels: C. z: (B, C, ...).
    scale: the initial spread of the density, a number or a tensor (C,).
    Source: Balle, Minnen, Singh, Hwang, Johnston, ICLR 2018, appendix 6.1.
    """

    def __init__(
        self, channels: int, scale: float | Tensor = 1.0, widths: Sequence[int] = (3, 3)
    ) -> None:
        super().__init__()
        sizes = (1, *widths, 1)
        gain = (1 / torch.as_tensor(scale, dtype=torch.float32)).expand(channels)[:, None, None]
        gain = gain ** (1 / (len(sizes) - 1))  # the layers share it: their product is 1 / scale
        self.matrices, self.biases = nn.ParameterList(), nn.ParameterList()
        for size_in, size_out in pairwise(sizes):
            matrix = (gain / size_in).expand(channels, size_out, size_in)
            softplus_inverse = matrix + torch.log(-torch.expm1(-matrix))  # without overflow
            self.matrices.append(nn.Parameter(softplus_inverse))
            self.biases.append(nn.Parameter(torch.rand(channels, size_out, 1) - 0.5))
        self.factors = nn.ParameterList(torch.zeros(channels, width, 1) for width in widths)
        nn.init.zeros_(self.biases[-1])

    def logit(self, z: Float[Tensor, "B C *n"]) -> Float[Tensor, "B C *n"]:
        """g(z), the logarithm of the odds cdf : 1 - cdf. z and result: (B, C, ...)."""
        h = z.transpose(0, 1).reshape(z.shape[1], 1, -1)  # (C, 1, n)
        for matrix, bias, factor in zip(self.matrices, self.biases, self.factors, strict=False):
            h = torch.baddbmm(bias, F.softplus(matrix), h)
            h = h + torch.tanh(factor) * torch.tanh(h)
        h = torch.baddbmm(self.biases[-1], F.softplus(self.matrices[-1]), h)  # the last: no tanh
        return h.reshape(z.shape[1], z.shape[0], *z.shape[2:]).transpose(0, 1)

    def log_tails(
        self, z: Float[Tensor, "B C *n"]
    ) -> tuple[Float[Tensor, "B C *n"], Float[Tensor, "B C *n"]]:
        logit = self.logit(z)
        return F.logsigmoid(logit), F.logsigmoid(-logit)
