# Answers to problem set 1 that students give: data for tests/test_assignments.py, never imported.

# %% q1 wrong: torch.round, ties to the even neighbour
def round_to_grid(z, step, offset=0.0):
    return offset + step * torch.round((z - offset) / step)


# %% q1 wrong: the offset is not put back
def round_to_grid(z, step, offset=0.0):
    return step * torch.floor((z - offset) / step + 0.5)


# %% q1 wrong: the offset is not taken off first
def round_to_grid(z, step, offset=0.0):
    return offset + step * torch.floor(z / step + 0.5)


# %% q1 wrong: the integers instead of the grid points
def round_to_grid(z, step, offset=0.0):
    return torch.floor((z - offset) / step + 0.5)


# %% q1 wrong: truncation, towards zero
def round_to_grid(z, step, offset=0.0):
    return offset + step * torch.trunc((z - offset) / step + 0.5)


# %% q1 wrong: ties away from zero
def round_to_grid(z, step, offset=0.0):
    x = (z - offset) / step
    return offset + step * torch.sign(x) * torch.floor(x.abs() + 0.5)


# %% q1 wrong: ceil
def round_to_grid(z, step, offset=0.0):
    return offset + step * torch.ceil((z - offset) / step)


# %% q1 wrong: half added after multiplying by the step
def round_to_grid(z, step, offset=0.0):
    return offset + step * torch.floor((z - offset + 0.5) / step)


# %% q1 right: ceil after taking a half off, minus the ties: -floor is ceil of the negative
def round_to_grid(z, step, offset=0.0):
    return offset - step * torch.ceil(-(z - offset) / step - 0.5)


# %% q1 right: NumPy inside
def round_to_grid(z, step, offset=0.0):
    grid = np.floor((z.numpy() - np.asarray(offset)) / np.asarray(step) + 0.5)
    return torch.from_numpy(grid * np.asarray(step) + np.asarray(offset)).to(z.dtype)


# %% q1 right: distances to the two neighbours
def round_to_grid(z, step, offset=0.0):
    below = offset + step * torch.floor((z - offset) / step)
    above = below + step
    return torch.where(z - below < above - z, below, above)


# %% q2 wrong: the sign ignored
def round_with_dead_zone(z, theta):
    return torch.floor(z + theta)


# %% q2 wrong: a half whatever theta is
def round_with_dead_zone(z, theta):
    return torch.sign(z) * torch.floor(z.abs() + 0.5)


# %% q2 wrong: theta on the wrong side
def round_with_dead_zone(z, theta):
    return torch.sign(z) * torch.floor(z.abs() + 1 - theta)


# %% q2 wrong: truncation of the shifted value, with its sign
def round_with_dead_zone(z, theta):
    return torch.trunc(z + theta)


# %% q2 wrong: the sign is lost
def round_with_dead_zone(z, theta):
    return torch.floor(z.abs() + theta)


# %% q2 wrong: theta fixed to the example's
def round_with_dead_zone(z, theta):
    return torch.sign(z) * torch.floor(z.abs() + 1 / 3)


# %% q2 wrong: the sign by a division, which is nan at zero
def round_with_dead_zone(z, theta):
    return z / z.abs() * torch.floor(z.abs() + theta)


# %% q2 wrong: whole numbers of another dtype
def round_with_dead_zone(z, theta):
    return (torch.sign(z) * torch.floor(z.abs() + theta)).long()


# %% q2 wrong: right above zero, plain rounding below
def round_with_dead_zone(z, theta):
    return torch.where(z > 0, torch.floor(z + theta), torch.floor(z + 0.5))


# %% q2 right: copysign
def round_with_dead_zone(z, theta):
    return torch.copysign(torch.floor(z.abs() + theta), z)


# %% q2 right: where
def round_with_dead_zone(z, theta):
    return torch.where(z < 0, -torch.floor(theta - z), torch.floor(z + theta))


# %% q2 right: ceil and trunc
def round_with_dead_zone(z, theta):
    return torch.trunc(z + theta * torch.sign(z))


# %% q3 wrong: not centred
def add_grid_noise(z, step, generator=None):
    return z + step * torch.rand(z.shape, generator=generator, dtype=z.dtype)


# %% q3 wrong: centred by a half, not by half a step
def add_grid_noise(z, step, generator=None):
    return z + step * torch.rand(z.shape, generator=generator, dtype=z.dtype) - 0.5


# %% q3 wrong: the step ignored
def add_grid_noise(z, step, generator=None):
    return z + torch.rand(z.shape, generator=generator, dtype=z.dtype) - 0.5


# %% q3 wrong: twice as wide
def add_grid_noise(z, step, generator=None):
    return z + step * (2 * torch.rand(z.shape, generator=generator, dtype=z.dtype) - 1)


# %% q3 wrong: half as wide
def add_grid_noise(z, step, generator=None):
    return z + step / 2 * (torch.rand(z.shape, generator=generator, dtype=z.dtype) - 0.5)


# %% q3 wrong: Gaussian with the right variance
def add_grid_noise(z, step, generator=None):
    noise = torch.randn(z.shape, generator=generator, dtype=z.dtype) / math.sqrt(12)
    return z + step * noise.clamp(-0.5, 0.5)


# %% q3 wrong: one number for the whole tensor
def add_grid_noise(z, step, generator=None):
    return z + step * (torch.rand(1, generator=generator, dtype=z.dtype) - 0.5)


# %% q3 wrong: one number a channel, the shape of the step
def add_grid_noise(z, step, generator=None):
    shape = step.shape if isinstance(step, torch.Tensor) else (1,)
    return z + step * (torch.rand(shape, generator=generator, dtype=z.dtype) - 0.5)


# %% q3 wrong: no noise at all
def add_grid_noise(z, step, generator=None):
    return z


# %% q3 wrong: one noise for all channels and images
def add_grid_noise(z, step, generator=None):
    return z + step * (torch.rand(z.shape[-2:], generator=generator, dtype=z.dtype) - 0.5)


# %% q3 wrong: the generator is not used
def add_grid_noise(z, step, generator=None):
    return z + step * (torch.rand(z.shape, dtype=z.dtype) - 0.5)


# %% q3 wrong: always the same noise
def add_grid_noise(z, step, generator=None):
    generator = torch.Generator().manual_seed(0)
    return z + step * (torch.rand(z.shape, generator=generator, dtype=z.dtype) - 0.5)


# %% q3 wrong: the step multiplies z too
def add_grid_noise(z, step, generator=None):
    return step * (z + torch.rand(z.shape, generator=generator, dtype=z.dtype) - 0.5)


# %% q3 wrong: the gradient is lost
def add_grid_noise(z, step, generator=None):
    return (z + step * (torch.rand(z.shape, generator=generator, dtype=z.dtype) - 0.5)).detach()


# %% q3 right: uniform_ in place
def add_grid_noise(z, step, generator=None):
    noise = torch.empty_like(z).detach().uniform_(-0.5, 0.5, generator=generator)
    return z + noise * step


# %% q3 right: half a step minus a random part of one
def add_grid_noise(z, step, generator=None):
    random = torch.rand(*z.shape, generator=generator).to(z)
    return z + step / 2 - random * step


# %% q4 wrong: p itself
def noisy_triangle(x, w):
    return (w - x.abs()).clamp(min=0) / w**2


# %% q4 wrong: the cdf's formula used outside the triangle
def noisy_triangle(x, w):
    def cdf(t):
        return 0.5 + t / w - t * t.abs() / (2 * w**2)

    return cdf(x + 0.5) - cdf(x - 0.5)


# %% q4 wrong: clamped on the left only
def noisy_triangle(x, w):
    def cdf(t):
        t = t.clamp(min=-w)
        return 0.5 + t / w - t * t.abs() / (2 * w**2)

    return cdf(x + 0.5) - cdf(x - 0.5)


# %% q4 wrong: a box of width two
def noisy_triangle(x, w):
    def cdf(t):
        t = t.clamp(-w, w)
        return 0.5 + t / w - t * t.abs() / (2 * w**2)

    return (cdf(x + 1) - cdf(x - 1)) / 2


# %% q4 wrong: the unit interval to the right of x
def noisy_triangle(x, w):
    def cdf(t):
        t = t.clamp(-w, w)
        return 0.5 + t / w - t * t.abs() / (2 * w**2)

    return cdf(x + 1) - cdf(x)


# %% q4 wrong: the probability of the rounded latent, for every x
def noisy_triangle(x, w):
    def cdf(t):
        t = t.clamp(-w, w)
        return 0.5 + t / w - t * t.abs() / (2 * w**2)

    n = torch.floor(x + 0.5)
    return cdf(n + 0.5) - cdf(n - 0.5)


# %% q4 wrong: the absolute value forgotten
def noisy_triangle(x, w):
    def cdf(t):
        t = t.clamp(-w, w)
        return 0.5 + t / w - t * t / (2 * w**2)

    return cdf(x + 0.5) - cdf(x - 0.5)


# %% q4 wrong: the logarithm
def noisy_triangle(x, w):
    def cdf(t):
        t = t.clamp(-w, w)
        return 0.5 + t / w - t * t.abs() / (2 * w**2)

    return -torch.log(cdf(x + 0.5) - cdf(x - 0.5))


# %% q4 right: NumPy
def noisy_triangle(x, w):
    def cdf(t):
        t = np.clip(t, -w, w)
        return 0.5 + t / w - t * np.abs(t) / (2 * w**2)

    x = np.asarray(x)
    return torch.as_tensor(cdf(x + 0.5) - cdf(x - 0.5))


# %% q4 right: in halves, by where
def noisy_triangle(x, w):
    def cdf(t):
        left, right = (t + w) ** 2 / (2 * w**2), 1 - (w - t) ** 2 / (2 * w**2)
        inside = torch.where(t < 0, left, right)
        return torch.where(t < -w, torch.zeros_like(t), torch.where(t > w, 1.0, inside))

    return cdf(x + 0.5) - cdf(x - 0.5)


# %% q5 wrong: nats
def bits_per_pixel(z_rounded, table):
    largest = table.shape[1] // 2
    channel = torch.arange(table.shape[0])[:, None, None]
    nats = -torch.log(table[channel, z_rounded + largest])
    return nats.sum(dim=(1, 2, 3)) / (256 * z_rounded[0, 0].numel())


# %% q5 wrong: the minus sign forgotten
def bits_per_pixel(z_rounded, table):
    channel = torch.arange(table.shape[0])[:, None, None]
    bits = torch.log2(table[channel, z_rounded + table.shape[1] // 2])
    return bits.sum(dim=(1, 2, 3)) / (256 * z_rounded[0, 0].numel())


# %% q5 wrong: mean where the sum is asked
def bits_per_pixel(z_rounded, table):
    largest = table.shape[1] // 2
    channel = torch.arange(table.shape[0])[:, None, None]
    return -torch.log2(table[channel, z_rounded + largest]).mean(dim=(1, 2, 3))


# %% q5 wrong: divided by the pixels of the latent
def bits_per_pixel(z_rounded, table):
    largest = table.shape[1] // 2
    channel = torch.arange(table.shape[0])[:, None, None]
    bits = -torch.log2(table[channel, z_rounded + largest])
    return bits.sum(dim=(1, 2, 3)) / z_rounded[0, 0].numel()


# %% q5 wrong: one number for the whole batch
def bits_per_pixel(z_rounded, table):
    largest = table.shape[1] // 2
    channel = torch.arange(table.shape[0])[:, None, None]
    bits = -torch.log2(table[channel, z_rounded + largest])
    return bits.sum() / (256 * z_rounded[:, 0].numel())


# %% q5 wrong: the table is entered at n instead of n + K
def bits_per_pixel(z_rounded, table):
    channel = torch.arange(table.shape[0])[:, None, None]
    bits = -torch.log2(table[channel, z_rounded])
    return bits.sum(dim=(1, 2, 3)) / (256 * z_rounded[0, 0].numel())


# %% q5 wrong: one-off
def bits_per_pixel(z_rounded, table):
    largest = table.shape[1] // 2
    channel = torch.arange(table.shape[0])[:, None, None]
    bits = -torch.log2(table[channel, z_rounded + largest - 1])
    return bits.sum(dim=(1, 2, 3)) / (256 * z_rounded[0, 0].numel())


# %% q5 wrong: the first channel's table for all
def bits_per_pixel(z_rounded, table):
    bits = -torch.log2(table[0][z_rounded + table.shape[1] // 2])
    return bits.sum(dim=(1, 2, 3)) / (256 * z_rounded[0, 0].numel())


# %% q5 wrong: entropy of the table instead of the bits of these symbols
def bits_per_pixel(z_rounded, table):
    entropy = -(table * torch.log2(table)).sum()
    return (entropy / 256).repeat(len(z_rounded))


# %% q5 wrong: colours counted as pixels
def bits_per_pixel(z_rounded, table):
    largest = table.shape[1] // 2
    channel = torch.arange(table.shape[0])[:, None, None]
    bits = -torch.log2(table[channel, z_rounded + largest])
    return bits.sum(dim=(1, 2, 3)) / (3 * 256 * z_rounded[0, 0].numel())


# %% q5 right: a loop over the channels
def bits_per_pixel(z_rounded, table):
    total = 0.0
    for c in range(table.shape[0]):
        total = total - table[c][z_rounded[:, c] + table.shape[1] // 2].log2().sum(dim=(1, 2))
    return total / z_rounded[0, 0].numel() / 256


# %% q5 right: NumPy, float64
def bits_per_pixel(z_rounded, table):
    bits, n = -np.log2(table.double().numpy()), z_rounded.numpy() + table.shape[1] // 2
    rates = [
        sum(bits[c][image[c]].sum() for c in range(len(bits))) / (256 * image[0].size)
        for image in n
    ]
    return torch.tensor(rates)


# %% q5 right: gather on the logarithms, in nats, then converted
def bits_per_pixel(z_rounded, table):
    B, C, h, w = z_rounded.shape
    index = (z_rounded + (table.shape[1] - 1) // 2).permute(1, 0, 2, 3).reshape(C, -1)
    nats = -table.log().gather(1, index).reshape(C, B, h * w).sum(dim=(0, 2))
    return nats / math.log(2) / (16 * h * 16 * w)


# %% q6 wrong: straight through everything
def bent_straight_through(z):
    z_hat = torch.sinh(torch.floor(torch.asinh(z) + 0.5))
    return z + (z_hat - z).detach()


# %% q6 wrong: no straight-through
def bent_straight_through(z):
    return torch.sinh(torch.floor(torch.asinh(z) + 0.5))


# %% q6 wrong: everything detached
def bent_straight_through(z):
    return torch.sinh(torch.floor(torch.asinh(z) + 0.5)).detach()


# %% q6 wrong: no rounding going forward
def bent_straight_through(z):
    return torch.sinh(torch.asinh(z))


# %% q6 wrong: rounds outside the bent axis
def bent_straight_through(z):
    return torch.sinh(torch.asinh(z + (torch.floor(z + 0.5) - z).detach()))


# %% q6 wrong: the detach on the wrong term
def bent_straight_through(z):
    bent = torch.asinh(z)
    return torch.sinh(bent.detach() + (torch.floor(bent + 0.5) - bent))


# %% q6 wrong: asinh has no derivative
def bent_straight_through(z):
    bent = torch.asinh(z)
    rounded = z + (torch.floor(bent + 0.5) - z).detach()
    return torch.sinh(rounded)


# %% q6 wrong: the derivative of sinh at the value before rounding
class _Bent(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return torch.sinh(torch.floor(torch.asinh(z) + 0.5))

    @staticmethod
    def backward(ctx, gradient):
        (z,) = ctx.saved_tensors
        return gradient * torch.cosh(torch.asinh(z)) / torch.sqrt(1 + z * z)


def bent_straight_through(z):
    return _Bent.apply(z)


# %% q6 right: an autograd function for the rounding
class _Round(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        return torch.floor(z + 0.5)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


def bent_straight_through(z):
    return torch.sinh(_Round.apply(torch.asinh(z)))


# %% q6 right: no_grad and a difference
def bent_straight_through(z):
    bent = z.asinh()
    with torch.no_grad():
        error = torch.floor(bent + 0.5) - bent
    return (bent + error).sinh()


# %% q7 wrong: the noisy rate left in nats
def rate_gap_bits(m, w):
    boundary = math.floor(m) + 0.5
    above = min(max((m + w / 2 - boundary) / w, 0.0), 1.0)
    return w / 2 + sum(p * math.log2(p) for p in (above, 1 - above) if p > 0)


# %% q7 wrong: the entropy in nats
def rate_gap_bits(m, w):
    boundary = math.floor(m) + 0.5
    above = min(max((m + w / 2 - boundary) / w, 0.0), 1.0)
    return w / 2 / math.log(2) + sum(p * math.log(p) for p in (above, 1 - above) if p > 0)


# %% q7 wrong: the sign
def rate_gap_bits(m, w):
    boundary = math.floor(m) + 0.5
    above = min(max((m + w / 2 - boundary) / w, 0.0), 1.0)
    return -sum(p * math.log2(p) for p in (above, 1 - above) if p > 0) - w / 2 / math.log(2)


# %% q7 wrong: z always rounded to the integer next to m
def rate_gap_bits(m, w):
    return w / 2 / math.log(2)


# %% q7 wrong: 0 log 0 is nan
def rate_gap_bits(m, w):
    above = torch.tensor(min(max((m + w / 2 - math.floor(m) - 0.5) / w, 0.0), 1.0))
    p = torch.stack((above, 1 - above))
    return w / 2 / math.log(2) + (p * torch.log2(p)).sum()


# %% q7 wrong: works only between 0 and 1
def rate_gap_bits(m, w):
    above = min(max((m + w / 2 - 0.5) / w, 0.0), 1.0)
    return w / 2 / math.log(2) + sum(p * math.log2(p) for p in (above, 1 - above) if p > 0)


# %% q7 wrong: a coin toss whenever the boundary is inside
def rate_gap_bits(m, w):
    inside = abs(m - math.floor(m) - 0.5) < w / 2
    return w / 2 / math.log(2) - inside


# %% q7 wrong: multiplied by ln 2
def rate_gap_bits(m, w):
    boundary = math.floor(m) + 0.5
    above = min(max((m + w / 2 - boundary) / w, 0.0), 1.0)
    return w / 2 * math.log(2) + sum(p * math.log2(p) for p in (above, 1 - above) if p > 0)


# %% q7 right: by integration, both rates
def rate_gap_bits(m, w):
    x = (np.arange(400_000) + 0.5) / 400_000 * 4 - 2  # around m
    p = np.clip(np.minimum(x + 0.5, w / 2) - np.maximum(x - 0.5, -w / 2), 0, None) / w
    noisy = -np.sum(p[p > 0] * np.log2(p[p > 0])) * 1e-5
    z = np.floor(m + w * ((np.arange(100_000) + 0.5) / 100_000 - 0.5) + 0.5)
    share = np.unique(z, return_counts=True)[1] / len(z)
    return noisy + np.sum(share * np.log2(share))


# %% q7 right: torch, xlogy
def rate_gap_bits(m, w):
    fraction = torch.tensor(m - math.floor(m) - 0.5, dtype=torch.float64)
    above = (0.5 + fraction / w).clamp(0, 1)
    nats = -torch.xlogy(above, above) - torch.xlogy(1 - above, 1 - above)
    return (w / 2 - nats) / math.log(2)


# %% q8 wrong: the decoder leaves the dither in
def dithered_encode(z, u):
    return torch.floor(z + u + 0.5)


def dithered_decode(n, u):
    return n


# %% q8 wrong: shifted twice the same way
def dithered_encode(z, u):
    return torch.floor(z + u + 0.5)


def dithered_decode(n, u):
    return n + u


# %% q8 wrong: plain rounding, no dither
def dithered_encode(z, u):
    return torch.floor(z + 0.5)


def dithered_decode(n, u):
    return n


# %% q8 wrong: the dither is added by the decoder only
def dithered_encode(z, u):
    return torch.floor(z + 0.5)


def dithered_decode(n, u):
    return n + u


# %% q8 wrong: half of the dither
def dithered_encode(z, u):
    return torch.floor(z - u / 2 + 0.5)


def dithered_decode(n, u):
    return n + u / 2


# %% q8 wrong: rounded down, not to the nearest
def dithered_encode(z, u):
    return torch.floor(z - u)


def dithered_decode(n, u):
    return n + u


# %% q8 wrong: not integers, everything is sent
def dithered_encode(z, u):
    return z - u


def dithered_decode(n, u):
    return n + u


# %% q8 wrong: the encoder draws its own dither
def dithered_encode(z, u):
    return torch.floor(z - torch.rand_like(z) + 1)


def dithered_decode(n, u):
    return n + u


# %% q8 right: the other sign, and torch.round
def dithered_encode(z, u):
    return torch.round(z + u)


def dithered_decode(n, u):
    return n - u


# %% q8 right: integers as integers
def dithered_encode(z, u):
    return torch.ceil(z - u - 0.5).to(torch.int64)


def dithered_decode(n, u):
    return n.double() + u


# %% q9 wrong: drawn with pyplot on a figure of its own
def draw_errors(ax, widths, plain, dithered):
    _, ax = plt.subplots()
    ax.semilogx(widths, plain, "-", label="plain")
    ax.semilogx(widths, dithered, "--", label="dithered")
    ax.set(xlabel="width", ylabel="error")
    ax.legend()
    return ax


fig, ax = plt.subplots()
ax = draw_errors(ax, widths, plain, dithered)


# %% q9 wrong: a linear x axis
def draw_errors(ax, widths, plain, dithered):
    ax.plot(widths, plain, "-", label="plain")
    ax.plot(widths, dithered, "--", label="dithered")
    ax.set(xlabel="width", ylabel="error")
    ax.legend()
    return ax


# %% q9 wrong: both axes logarithmic
def draw_errors(ax, widths, plain, dithered):
    ax.loglog(widths, plain, "-", label="plain")
    ax.loglog(widths, dithered, "--", label="dithered")
    ax.set(xlabel="width", ylabel="error")
    ax.legend()
    return ax


# %% q9 wrong: dots where curves are asked
def draw_errors(ax, widths, plain, dithered):
    ax.scatter(widths, plain, marker="o", label="plain")
    ax.scatter(widths, dithered, marker="s", label="dithered")
    ax.set(xscale="log", xlabel="width", ylabel="error")
    ax.legend()
    return ax


# %% q9 wrong: no labels on the axes
def draw_errors(ax, widths, plain, dithered):
    ax.semilogx(widths, plain, "-", label="plain")
    ax.semilogx(widths, dithered, "--", label="dithered")
    ax.legend()
    return ax


# %% q9 wrong: no legend
def draw_errors(ax, widths, plain, dithered):
    ax.semilogx(widths, plain, "-")
    ax.semilogx(widths, dithered, "--")
    ax.set(xlabel="width", ylabel="error")
    return ax


# %% q9 wrong: colour alone
def draw_errors(ax, widths, plain, dithered):
    ax.semilogx(widths, plain, "r", label="plain")
    ax.semilogx(widths, dithered, "g", label="dithered")
    ax.set(xlabel="width", ylabel="error")
    ax.legend()
    return ax


# %% q9 wrong: the curves exchanged
def draw_errors(ax, widths, plain, dithered):
    ax.semilogx(widths, dithered, "--", label="plain")
    ax.semilogx(widths, plain, "-", label="dithered")
    ax.set(xlabel="width", ylabel="error")
    ax.legend()
    return ax


# %% q9 wrong: other names for the arguments, and the notebook's variables drawn
def draw_errors(ax, widths_, plain_, dithered_):
    ax.semilogx(widths, plain, "-", label="plain")
    ax.semilogx(widths, dithered, "--", label="dithered")
    ax.set(xlabel="width", ylabel="error")
    ax.legend()
    return ax


# %% q9 right: markers, set_xscale, a reference line besides
def draw_errors(ax, widths, plain, dithered):
    ax.plot(widths, plain, marker="o", label="plain")
    ax.plot(widths, dithered, marker="s", label="dithered")
    ax.axhline(1 / 12, color="0.8")
    ax.set_xscale("log")
    ax.set_xlabel("width in steps")
    ax.set_ylabel("mean squared error")
    ax.legend(loc="lower right")
    return ax


# %% q9 right: a loop
def draw_errors(ax, widths, plain, dithered):
    for errors, style, name in ((plain, "k-", "plain"), (dithered, "b:", "dithered")):
        ax.plot(np.array(widths), np.array(errors), style, label=name)
    ax.set(xscale="log", xlabel="σ", ylabel="MSE")
    ax.legend()
    return ax


# %% q9 wrong: a legend that has the second name beside a line of reference
def draw_errors(ax, widths, plain, dithered):
    ax.semilogx(widths, plain, "-")
    ax.axhline(1 / 12, ls="-.")
    ax.semilogx(widths, dithered, "--")
    ax.set(xlabel="width", ylabel="error")
    ax.legend(["plain", "dithered"])
    return ax


# %% q9 right: names given to the legend
def draw_errors(ax, widths, plain, dithered):
    ax.semilogx(widths, plain, "-")
    ax.semilogx(widths, dithered, "--")
    ax.set(xlabel="width", ylabel="error")
    ax.legend(["plain", "dithered"])
    return ax


# %% q9 right: a line of reference with a name of its own, two kinds of dashes
def draw_errors(ax, widths, plain, dithered):
    ax.plot(widths, plain, color="k", dashes=(5, 1), label="plain")
    ax.plot(widths, dithered, color="k", dashes=(1, 1), label="dithered")
    ax.plot(widths, np.full(len(widths), 1 / 12), color="0.8", label="1/12")
    ax.set(xscale="log", xlabel="width", ylabel="error")
    ax.legend()
    return ax
