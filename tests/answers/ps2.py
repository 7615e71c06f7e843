# Answers to problem set 2 that students give: data for tests/test_assignments.py, never imported.

# %% q1 wrong: nats
def pixel_bits(y, pmf):
    return -torch.log(pmf[torch.floor(255 * y + 0.5).long()]).sum(dim=0)


# %% q1 wrong: the mean over the colours
def pixel_bits(y, pmf):
    return -torch.log2(pmf[torch.floor(255 * y + 0.5).long()]).mean(dim=0)


# %% q1 wrong: 0..1 used as if it were 0..255
def pixel_bits(y, pmf):
    return -torch.log2(pmf[y.long()]).sum(dim=0)


# %% q1 wrong: times 256
def pixel_bits(y, pmf):
    return -torch.log2(pmf[(256 * y).long().clamp(max=255)]).sum(dim=0)


# %% q1 wrong: rounded down
def pixel_bits(y, pmf):
    return -torch.log2(pmf[(255 * y).long()]).sum(dim=0)


# %% q1 wrong: summed over the picture
def pixel_bits(y, pmf):
    return -torch.log2(pmf[torch.floor(255 * y + 0.5).long()]).sum()


# %% q1 wrong: the map of three colours, not of pixels
def pixel_bits(y, pmf):
    return -torch.log2(pmf[torch.floor(255 * y + 0.5).long()])


# %% q1 wrong: P log P, a term of the entropy
def pixel_bits(y, pmf):
    p = pmf[torch.floor(255 * y + 0.5).long()]
    return -(p * torch.log2(p)).sum(dim=0)


# %% q1 wrong: the logarithm of the averaged probability
def pixel_bits(y, pmf):
    return -3 * torch.log2(pmf[torch.floor(255 * y + 0.5).long()].mean(dim=0))


# %% q1 right: NumPy, float64
def pixel_bits(y, pmf):
    n = np.rint(255 * y.double().numpy()).astype(int)
    return torch.from_numpy((-np.log2(pmf.double().numpy()))[n].sum(axis=0))


# %% q1 right: the logarithm of a product
def pixel_bits(y, pmf):
    n = (255 * y + 0.5).to(torch.int64)
    return -torch.log(pmf[n].prod(dim=0)) / math.log(2)


# %% q1 right: a loop over the colours
def pixel_bits(y, pmf):
    total = torch.zeros(y.shape[1:])
    for colour in y:
        total -= pmf.log2()[torch.round(255 * colour).int()]
    return total


# %% q1_b wrong: no colour bar
def draw_price_map(ax, bits):
    ax.imshow(bits, vmin=0)
    ax.set_title(f"{bits.mean():.2f} bits per pixel")
    return ax


# %% q1_b wrong: a colour bar that does not say of what
def draw_price_map(ax, bits):
    ax.figure.colorbar(ax.imshow(bits, vmin=0))
    ax.set_title(f"{bits.mean():.2f} bits per pixel")
    return ax


# %% q1_b wrong: the colours start at the smallest price
def draw_price_map(ax, bits):
    ax.figure.colorbar(ax.imshow(bits), label="bits")
    ax.set_title(f"{bits.mean():.2f} bits per pixel")
    return ax


# %% q1_b wrong: upside down
def draw_price_map(ax, bits):
    ax.figure.colorbar(ax.imshow(bits, vmin=0, origin="lower"), label="bits")
    ax.set_title(f"{bits.mean():.2f} bits per pixel")
    return ax


# %% q1_b wrong: a fixed end of the scale
def draw_price_map(ax, bits):
    ax.figure.colorbar(ax.imshow(bits, vmin=0, vmax=24), label="bits")
    ax.set_title(f"{bits.mean():.2f} bits per pixel")
    return ax


# %% q1_b wrong: the sum in the title
def draw_price_map(ax, bits):
    ax.figure.colorbar(ax.imshow(bits, vmin=0), label="bits")
    ax.set_title(f"{bits.sum():.2f} bits per pixel")
    return ax


# %% q1_b wrong: the notebook's map whatever the argument is
def draw_price_map(ax, bits):
    bits = pixel_bits(right, level_pmf)
    ax.figure.colorbar(ax.imshow(bits, vmin=0), label="bits")
    ax.set_title(f"{bits.mean():.2f} bits per pixel")
    return ax


# %% q1_b wrong: jet
def draw_price_map(ax, bits):
    ax.figure.colorbar(ax.imshow(bits, vmin=0, cmap="jet"), label="bits")
    ax.set_title(f"{bits.mean():.2f} bits per pixel")
    return ax


# %% q1_b wrong: a figure of its own
def draw_price_map(ax, bits):
    figure, ax = plt.subplots()
    figure.colorbar(ax.imshow(bits, vmin=0), label="bits")
    ax.set_title(f"{bits.mean():.2f} bits per pixel")
    return ax


# %% q1_b wrong: turbo, a prettier jet
def draw_price_map(ax, bits):
    ax.figure.colorbar(ax.imshow(bits, vmin=0, cmap="turbo"), label="bits")
    ax.set_title(f"{bits.mean():.2f} bits per pixel")
    return ax


# %% q1_b wrong: two colours with a pale middle
def draw_price_map(ax, bits):
    ax.figure.colorbar(ax.imshow(bits, vmin=0, cmap="coolwarm"), label="bits")
    ax.set_title(f"{bits.mean():.2f} bits per pixel")
    return ax


# %% q1_b wrong: rounded down in the title
def draw_price_map(ax, bits):
    ax.figure.colorbar(ax.imshow(bits, vmin=0), label="bits")
    ax.set_title(f"{math.floor(100 * bits.mean()) / 100:.2f} bits per pixel")
    return ax


# %% q1_b wrong: smoothed
def draw_price_map(ax, bits):
    ax.figure.colorbar(ax.imshow(bits, vmin=0, interpolation="bilinear"), label="bits")
    ax.set_title(f"{bits.mean():.2f} bits per pixel")
    return ax


# %% q1_b wrong: the median in the title
def draw_price_map(ax, bits):
    ax.figure.colorbar(ax.imshow(bits, vmin=0), label="bits")
    ax.set_title(f"{np.median(bits):.2f} bits per pixel")
    return ax


# %% q1_b right: turned over twice, grey, the unit above the bar
def draw_price_map(ax, bits):
    image = ax.imshow(np.asarray(bits), cmap="gray", vmin=0.0, origin="lower")
    ax.invert_yaxis()
    ax.figure.colorbar(image, ax=ax).ax.set_title("bits")
    ax.set_title("mean: " + format(float(bits.mean()), ".2f"))
    return ax


# %% q1_b right: magma, ticks in pixels
def draw_price_map(ax, bits):
    h, w = bits.shape
    image = ax.imshow(bits, cmap="magma", extent=(0, w, 0, h), interpolation="none")
    image.set_clim(vmin=0)
    ax.figure.colorbar(image, ax=ax, label="bits per pixel")
    ax.set_title(f"{bits.mean().item():.2f} bits per pixel")
    return ax


# %% q1_b right: pyplot, cividis, a bar below
def draw_price_map(ax, bits):
    plt.sca(ax)
    image = plt.imshow(bits.numpy(), cmap="cividis", interpolation="nearest")
    image.set_clim(0, float(bits.max()))
    plt.colorbar(image, ax=ax, orientation="horizontal").set_label("price (Bits)")
    plt.title(f"on average {bits.double().mean().item():.2f} bits a pixel")
    return ax


# %% q1_b wrong: the colour bar of other colours
def draw_price_map(ax, bits):
    ax.imshow(bits, vmin=0)
    other = plt.cm.ScalarMappable(plt.Normalize(0, 1), "gray")
    ax.figure.colorbar(other, ax=ax, label="bits")
    ax.set_title(f"{bits.mean():.2f} bits per pixel")
    return ax


# %% q1_b wrong: left and right exchanged
def draw_price_map(ax, bits):
    ax.figure.colorbar(ax.imshow(bits, vmin=0), ax=ax, label="bits")
    ax.invert_xaxis()
    ax.set_title(f"{bits.mean():.2f} bits per pixel")
    return ax


# %% q1_b right: the rows from below, a title on the left
def draw_price_map(ax, bits):
    image = ax.imshow(np.asarray(bits)[::-1], origin="lower", vmin=0)
    ax.figure.colorbar(image, ax=ax, label="bits")
    ax.set_title(f"{bits.mean():.2f} bits per pixel", loc="left")
    return ax


# %% q1_b right: a colour bar made by hand, its title on the left
def draw_price_map(ax, bits):
    colours = plt.Normalize(0, float(bits.max()))
    ax.imshow(bits, norm=colours, cmap="cividis")
    bar = ax.figure.colorbar(plt.cm.ScalarMappable(colours, "cividis"), ax=ax)
    bar.ax.set_title("bits", loc="left")
    ax.set_title(f"{bits.mean():.2f} bits per pixel")
    return ax


# %% q2 wrong: the plain difference
def cauchy_bits(n, s):
    mass = (torch.atan((n + 0.5) / s) - torch.atan((n - 0.5) / s)) / math.pi
    return -torch.log2(mass)


# %% q2 wrong: the plain difference in float64
def cauchy_bits(n, s):
    n = n.double()
    mass = (torch.atan((n + 0.5) / s) - torch.atan((n - 0.5) / s)) / math.pi
    return -torch.log2(mass)


# %% q2 wrong: clamped
def cauchy_bits(n, s):
    mass = (torch.atan((n + 0.5) / s) - torch.atan((n - 0.5) / s)) / math.pi
    return -torch.log2(mass.clamp(min=1e-9))


# %% q2 wrong: the density at n
def cauchy_bits(n, s):
    return torch.log2(math.pi * s * (1 + (n / s) ** 2))


# %% q2 wrong: the addition theorem with arctan, beyond a quarter turn
def cauchy_bits(n, s):
    return -torch.log2(torch.atan(s / (s**2 + n**2 - 0.25)) / math.pi)


# %% q2 wrong: the absolute value of that
def cauchy_bits(n, s):
    return -torch.log2(torch.atan(s / (s**2 + n**2 - 0.25)).abs() / math.pi)


# %% q2 wrong: nats
def cauchy_bits(n, s):
    return -torch.log(torch.atan2(torch.full_like(n, s), s**2 + n**2 - 0.25) / math.pi)


# %% q2 wrong: the bin to the right of n
def cauchy_bits(n, s):
    return -torch.log2(torch.atan2(torch.full_like(n, s), s**2 + n**2 + n) / math.pi)


# %% q2 wrong: pi forgotten
def cauchy_bits(n, s):
    return -torch.log2(torch.atan2(torch.full_like(n, s), s**2 + n**2 - 0.25))


# %% q2 wrong: the scale forgotten
def cauchy_bits(n, s):
    return -torch.log2(torch.atan2(torch.ones_like(n), 0.75 + n**2) / math.pi)


# %% q2 wrong: the nearer tail, still in float32
def cauchy_bits(n, s):
    n = -n.abs()
    upper, lower = torch.atan2(torch.full_like(n, s), -n - 0.5), torch.atan(-s / (n - 0.5))
    return -torch.log2((upper - lower) / math.pi)


# %% q2 wrong: the density in the far tail, whatever s is
def cauchy_bits(n, s):
    near = (torch.atan((n + 0.5) / s) - torch.atan((n - 0.5) / s)) / math.pi
    return -torch.log2(torch.where(n.abs() < 10, near, 1 / (math.pi * n**2)))


# %% q2 right: the angle of a complex number
def cauchy_bits(n, s):
    return -torch.log2(torch.angle(torch.complex(s**2 + n * n - 0.25, s + 0 * n)) / math.pi)


# %% q2 right: the plain difference nearby, in float64, and the density far out
def cauchy_bits(n, s):
    n = n.double()
    near = (torch.atan((n + 0.5) / s) - torch.atan((n - 0.5) / s)) / math.pi
    far = s / (math.pi * (s**2 + n**2))
    return -torch.log2(torch.where(n.abs() < 300, near, far))


# %% q2 right: the nearer tail in float64
def cauchy_bits(n, s):
    n = n.double().abs()
    above = torch.atan2(torch.full_like(n, s), n - 0.5)
    return -torch.log2((above - torch.atan2(torch.full_like(n, s), n + 0.5)) / math.pi)


# %% q2 right: SciPy's survival function
def cauchy_bits(n, s):
    import scipy.stats

    n = np.abs(n.double().numpy())
    mass = scipy.stats.cauchy.sf(n - 0.5, scale=s) - scipy.stats.cauchy.sf(n + 0.5, scale=s)
    return torch.from_numpy(-np.log2(mass))


# %% q2 right: the addition theorem, zero apart
def cauchy_bits(n, s):
    zero = 2 * math.atan(0.5 / s)
    angle = torch.atan(s / (s**2 + n**2 - 0.25))
    return math.log2(math.pi) - torch.log2(torch.where(n == 0, torch.full_like(n, zero), angle))


# %% q3 wrong: nats
def wasted_bytes(counts, frequencies):
    P, Q = counts / counts.sum(), frequencies / frequencies.sum()
    return (counts.sum() * (torch.xlogy(P, P) - torch.xlogy(P, Q)).sum() / 8).item()


# %% q3 wrong: the KL the other way round
def wasted_bytes(counts, frequencies):
    P, Q = counts / counts.sum(), frequencies / frequencies.sum()
    nats = (torch.xlogy(Q, Q) - torch.xlogy(Q, P)).sum()
    return (counts.sum() * nats / math.log(2) / 8).item()


# %% q3 wrong: the cross-entropy, not the KL
def wasted_bytes(counts, frequencies):
    Q = frequencies / frequencies.sum()
    return (-torch.xlogy(counts, Q).sum() / math.log(2) / 8).item()


# %% q3 wrong: bits
def wasted_bytes(counts, frequencies):
    P, Q = counts / counts.sum(), frequencies / frequencies.sum()
    return (counts.sum() * (torch.xlogy(P, P) - torch.xlogy(P, Q)).sum() / math.log(2)).item()


# %% q3 wrong: for one symbol
def wasted_bytes(counts, frequencies):
    P, Q = counts / counts.sum(), frequencies / frequencies.sum()
    return ((torch.xlogy(P, P) - torch.xlogy(P, Q)).sum() / math.log(2) / 8).item()


# %% q3 wrong: 0 log 0 is NaN
def wasted_bytes(counts, frequencies):
    P, Q = counts / counts.sum(), frequencies / frequencies.sum()
    return (counts.sum() * (P * torch.log2(P / Q)).sum() / 8).item()


# %% q3 wrong: a small number added against log 0
def wasted_bytes(counts, frequencies):
    P, Q = counts / counts.sum(), frequencies / frequencies.sum()
    return (counts.sum() * (P * torch.log2((P + 1e-6) / (Q + 1e-6))).sum() / 8).item()


# %% q3 wrong: frequencies out of 65,536, whatever their sum is
def wasted_bytes(counts, frequencies):
    P, Q = counts / counts.sum(), frequencies / 65_536
    nats = (torch.xlogy(P, P) - torch.xlogy(P, Q)).sum()
    return (counts.sum() * nats / math.log(2) / 8).item()


# %% q3 wrong: the entropies' difference
def wasted_bytes(counts, frequencies):
    P, Q = counts / counts.sum(), frequencies / frequencies.sum()
    nats = torch.special.entr(Q).sum() - torch.special.entr(P).sum()
    return (counts.sum() * nats / math.log(2) / 8).item()


# %% q3 wrong: symbols that the table excludes are skipped
def wasted_bytes(counts, frequencies):
    P, Q = counts / counts.sum(), frequencies / frequencies.sum()
    both = (P > 0) & (Q > 0)
    return (counts.sum() * (P[both] * torch.log2(P[both] / Q[both])).sum() / 8).item()


# %% q3 wrong: rounded up to whole bytes
def wasted_bytes(counts, frequencies):
    P, Q = counts / counts.sum(), frequencies / frequencies.sum()
    nats = (torch.xlogy(P, P) - torch.xlogy(P, Q)).sum()
    return np.ceil((counts.sum() * nats / math.log(2) / 8).item())


# %% q3 wrong: infinite wherever a frequency is 0
def wasted_bytes(counts, frequencies):
    if (frequencies == 0).any():
        return math.inf
    P, Q = counts.double() / counts.sum(), frequencies.double() / frequencies.sum()
    return (torch.xlogy(counts, P) - torch.xlogy(counts, Q)).sum().item() / math.log(2) / 8


# %% q3 right: only the symbols that occur
def wasted_bytes(counts, frequencies):
    used = counts > 0
    n, f = counts[used].double(), frequencies[used].double() / frequencies.sum()
    return (n * (torch.log2(n / n.sum()) - torch.log2(f))).sum().item() / 8


# %% q3 right: two files, one minus the other, float32
def wasted_bytes(counts, frequencies):
    def file_bits(table):
        occurs = counts > 0
        return -(counts[occurs] * torch.log2(table[occurs] / table.sum())).sum()

    return float(file_bits(frequencies) - file_bits(counts)) / 8


# %% q3 right: a loop
def wasted_bytes(counts, frequencies):
    n, total, bits = int(counts.sum()), int(frequencies.sum()), 0.0
    for count, frequency in zip(counts.tolist(), frequencies.tolist()):
        if count and not frequency:
            return math.inf
        if count:
            bits += count * math.log2(count * total / (n * frequency))
    return bits / 8


# %% q3 right: SciPy
def wasted_bytes(counts, frequencies):
    import scipy.stats

    return scipy.stats.entropy(counts.numpy(), frequencies.numpy(), base=2) * counts.sum() / 8


# %% q4 wrong: the average of the prices
def mixture_nats(nats, logits):
    return (torch.softmax(logits, dim=0)[:, None, :, None, None] * nats).sum(dim=0)


# %% q4 wrong: probabilities that underflow
def mixture_nats(nats, logits):
    weights = torch.softmax(logits, dim=0)[:, None, :, None, None]
    return -torch.log((weights * torch.exp(-nats)).sum(dim=0))


# %% q4 wrong: clamped
def mixture_nats(nats, logits):
    weights = torch.softmax(logits, dim=0)[:, None, :, None, None]
    return -torch.log((weights * torch.exp(-nats)).sum(dim=0).clamp(min=1e-30))


# %% q4 wrong: the weights do not sum to one
def mixture_nats(nats, logits):
    return -torch.logsumexp(logits[:, None, :, None, None] - nats, dim=0)


# %% q4 wrong: softmax over the channels
def mixture_nats(nats, logits):
    log_weights = torch.log_softmax(logits, dim=1)[:, None, :, None, None]
    return -torch.logsumexp(log_weights - nats, dim=0)


# %% q4 wrong: the sign of the prices forgotten
def mixture_nats(nats, logits):
    log_weights = torch.log_softmax(logits, dim=0)[:, None, :, None, None]
    return -torch.logsumexp(log_weights + nats, dim=0)


# %% q4 wrong: the weights not in logarithms
def mixture_nats(nats, logits):
    weights = torch.softmax(logits, dim=0)[:, None, :, None, None]
    return -torch.logsumexp(weights - nats, dim=0)


# %% q4 wrong: bits
def mixture_nats(nats, logits):
    log_weights = torch.log_softmax(logits, dim=0)[:, None, :, None, None]
    return -torch.logsumexp(log_weights - nats, dim=0) / math.log(2)


# %% q4 wrong: equal weights
def mixture_nats(nats, logits):
    return math.log(len(nats)) - torch.logsumexp(-nats, dim=0)


# %% q4 wrong: the cheapest prior wins
def mixture_nats(nats, logits):
    log_weights = torch.log_softmax(logits, dim=0)[:, None, :, None, None]
    return (nats - log_weights).min(dim=0).values


# %% q4 wrong: the largest exponent taken out, without a gradient
def mixture_nats(nats, logits):
    exponents = torch.log_softmax(logits, dim=0)[:, None, :, None, None] - nats
    top = exponents.max(dim=0).values.detach()
    return -(top + torch.exp(exponents - top).sum(dim=0).log()).detach()


# %% q4 wrong: weights that cannot be trained
def mixture_nats(nats, logits):
    log_weights = torch.log_softmax(logits.detach(), dim=0)[:, None, :, None, None]
    return -torch.logsumexp(log_weights - nats, dim=0)


# %% q4 wrong: priors that cannot be trained
def mixture_nats(nats, logits):
    log_weights = torch.log_softmax(logits, dim=0)[:, None, :, None, None]
    return -torch.logsumexp(log_weights - nats.detach(), dim=0)


# %% q4 right: the largest exponent taken out by hand
def mixture_nats(nats, logits):
    exponents = logits.log_softmax(dim=0).reshape(len(logits), 1, -1, 1, 1) - nats
    top = exponents.max(dim=0, keepdim=True).values
    return -(top[0] + torch.log(torch.exp(exponents - top).sum(dim=0)))


# %% q4 right: logaddexp in a loop, float64
def mixture_nats(nats, logits):
    log_weights = logits.double() - torch.logsumexp(logits.double(), dim=0)
    total = log_weights[0][:, None, None] - nats[0]
    for log_weight, one in zip(log_weights[1:], nats[1:]):
        total = torch.logaddexp(total, log_weight[:, None, None] - one)
    return (-total).to(nats.dtype)


# %% q5 wrong: no ends
def level_bits(y, mu, s):
    n = torch.floor(255 * y + 0.5)
    lower, upper = (n - 0.5 - mu) / s, (n + 0.5 - mu) / s
    nats = -F.logsigmoid(upper) - F.logsigmoid(-lower) - torch.log(-torch.expm1(-1 / s))
    return nats / math.log(2)


# %% q5 wrong: the plain difference of sigmoids
def level_bits(y, mu, s):
    n = torch.floor(255 * y + 0.5)
    below = torch.where(n == 255, 1.0, torch.sigmoid((n + 0.5 - mu) / s))
    return -torch.log2(below - torch.where(n == 0, 0.0, torch.sigmoid((n - 0.5 - mu) / s)))


# %% q5 wrong: the plain difference, clamped
def level_bits(y, mu, s):
    n = torch.floor(255 * y + 0.5)
    below = torch.where(n == 255, 1.0, torch.sigmoid((n + 0.5 - mu) / s))
    mass = below - torch.where(n == 0, 0.0, torch.sigmoid((n - 0.5 - mu) / s))
    return -torch.log2(mass.clamp(min=1e-12))


# %% q5 wrong: a small number added inside the logarithm
def level_bits(y, mu, s):
    n = torch.floor(255 * y + 0.5)
    below = torch.where(n == 255, 1.0, torch.sigmoid((n + 0.5 - mu) / s))
    mass = below - torch.where(n == 0, 0.0, torch.sigmoid((n - 0.5 - mu) / s))
    return -torch.log2(mass + 1e-7)


# %% q5 wrong: nats
def level_bits(y, mu, s):
    n = torch.floor(255 * y + 0.5)
    log_below = torch.where(n < 255, F.logsigmoid((n + 0.5 - mu) / s), 0.0)
    log_above = torch.where(n > 0, F.logsigmoid(-(n - 0.5 - mu) / s), 0.0)
    inside = torch.where((n > 0) & (n < 255), torch.log(-torch.expm1(-1 / s)), 0.0)
    return -log_below - log_above - inside


# %% q5 wrong: level 255 takes the lower tail
def level_bits(y, mu, s):
    n = torch.floor(255 * y + 0.5)
    lower, upper = (n - 0.5 - mu) / s, (n + 0.5 - mu) / s
    nats = -F.logsigmoid(upper) - F.logsigmoid(-lower) - torch.log(-torch.expm1(-1 / s))
    nats = torch.where(n == 0, -F.logsigmoid(upper), nats)
    return torch.where(n == 255, -F.logsigmoid(lower), nats) / math.log(2)


# %% q5 wrong: the ends of the wrong side of the bin
def level_bits(y, mu, s):
    n = torch.floor(255 * y + 0.5)
    lower, upper = (n - 0.5 - mu) / s, (n + 0.5 - mu) / s
    nats = -F.logsigmoid(upper) - F.logsigmoid(-lower) - torch.log(-torch.expm1(-1 / s))
    nats = torch.where(n == 0, -F.logsigmoid(lower), nats)
    return torch.where(n == 255, -F.logsigmoid(-upper), nats) / math.log(2)


# %% q5 wrong: y is not brought to grey levels
def level_bits(y, mu, s):
    lower, upper = (y - 0.5 / 255 - mu) / s, (y + 0.5 / 255 - mu) / s
    inside = torch.log(-torch.expm1(-1 / (255 * s)))
    nats = -F.logsigmoid(upper) - F.logsigmoid(-lower) - inside
    nats = torch.where(y == 0, -F.logsigmoid(upper), nats)
    return torch.where(y == 1, -F.logsigmoid(-lower), nats) / math.log(2)


# %% q5 wrong: bins that begin at the level
def level_bits(y, mu, s):
    n = torch.floor(255 * y + 0.5)
    lower, upper = (n - mu) / s, (n + 1 - mu) / s
    nats = -F.logsigmoid(upper) - F.logsigmoid(-lower) - torch.log(-torch.expm1(-1 / s))
    nats = torch.where(n == 0, -F.logsigmoid(upper), nats)
    return torch.where(n == 255, -F.logsigmoid(-lower), nats) / math.log(2)


# %% q5 wrong: infinite edges, whose gradient with respect to s is NaN
def level_bits(y, mu, s):
    n = torch.floor(255 * y + 0.5)
    lower = torch.where(n == 0, -math.inf, n - 0.5) - mu
    upper = torch.where(n == 255, math.inf, n + 0.5) - mu
    lower, upper = lower / s, upper / s
    thin = torch.log(-torch.expm1(lower - upper))
    return -(F.logsigmoid(upper) + F.logsigmoid(-lower) + thin) / math.log(2)


# %% q5 wrong: the density at n
def level_bits(y, mu, s):
    x = (torch.floor(255 * y + 0.5) - mu) / s
    return -(F.logsigmoid(x) + F.logsigmoid(-x) - torch.log(s)) / math.log(2)


# %% q5 wrong: multiplied by s
def level_bits(y, mu, s):
    n = torch.floor(255 * y + 0.5)
    lower, upper = (n - 0.5 - mu) * s, (n + 0.5 - mu) * s
    nats = -F.logsigmoid(upper) - F.logsigmoid(-lower) - torch.log(-torch.expm1(-s))
    nats = torch.where(n == 0, -F.logsigmoid(upper), nats)
    return torch.where(n == 255, -F.logsigmoid(-lower), nats) / math.log(2)


# %% q5 wrong: cut off to a level, not rounded
def level_bits(y, mu, s):
    n = (255 * y).long()
    lower, upper = (n - 0.5 - mu) / s, (n + 0.5 - mu) / s
    nats = -F.logsigmoid(upper) - F.logsigmoid(-lower) - torch.log(-torch.expm1(-1 / s))
    nats = torch.where(n == 0, -F.logsigmoid(upper), nats)
    return torch.where(n == 255, -F.logsigmoid(-lower), nats) / math.log(2)


# %% q5 wrong: no price above 50 bits
def level_bits(y, mu, s):
    n = torch.floor(255 * y + 0.5)
    lower, upper = (n - 0.5 - mu) / s, (n + 0.5 - mu) / s
    nats = -F.logsigmoid(upper) - F.logsigmoid(-lower) - torch.log(-torch.expm1(-1 / s))
    nats = torch.where(n == 0, -F.logsigmoid(upper), nats)
    return (torch.where(n == 255, -F.logsigmoid(-lower), nats) / math.log(2)).clamp(max=50)


# %% q5 right: the identity everywhere, then the ends put in
def level_bits(y, mu, s):
    n = torch.round(255 * y)
    below, above = F.logsigmoid((n + 0.5 - mu) / s), F.logsigmoid((mu - n + 0.5) / s)
    log_p = below + above + torch.log1p(-torch.exp(-1 / s))
    log_p = torch.where(n == 0, below, torch.where(n == 255, above, log_p))
    return -log_p / math.log(2)


# %% q5 right: log_difference of lesson 04, from the nearer tail, with finite edges
def level_bits(y, mu, s):
    n = torch.round(255 * y)
    lower = (torch.where(n == 0, -1e6, n - 0.5) - mu) / s
    upper = (torch.where(n == 255, 1e6, n + 0.5) - mu) / s
    left = upper + lower < 0
    large = torch.where(left, F.logsigmoid(upper), F.logsigmoid(-lower))
    small = torch.where(left, F.logsigmoid(lower), F.logsigmoid(-upper))
    return -(large + torch.log(-torch.expm1(small - large))) / math.log(2)


# %% q5 right: softplus, the ends by indexing
def level_bits(y, mu, s):
    y, mu, s = torch.broadcast_tensors(y, mu, s)
    n = torch.floor(255 * y + 0.5)
    nats = torch.empty_like(y)
    for where in (n == 0, n == 255, (n > 0) & (n < 255)):
        k, m, w = n[where], mu[where], s[where]
        price = torch.zeros_like(k)
        if where is not None and (k < 255).all():
            price = price + F.softplus(-(k + 0.5 - m) / w)
        if (k > 0).all():
            price = price + F.softplus((k - 0.5 - m) / w)
        if (k > 0).all() and (k < 255).all():
            price = price - torch.log(-torch.expm1(-1 / w))
        nats = nats.masked_scatter(where, price)
    return nats / math.log(2)


# %% q5 right: float64 inside
def level_bits(y, mu, s):
    n, mu, s = torch.round(255 * y.double()), mu.double(), s.double()
    below, above = F.logsigmoid((n + 0.5 - mu) / s), F.logsigmoid((mu - n + 0.5) / s)
    nats = -below * (n != 255) - above * (n != 0)
    nats = nats - torch.log(-torch.expm1(-1 / s)) * ((n != 0) & (n != 255))
    return (nats / math.log(2)).to(y.dtype)


# %% q6 wrong: nothing constrained
def conditional_layer(h, c, M, V, b, a):
    u = M @ h + V @ c + b
    return u + a * torch.tanh(u)


# %% q6 wrong: softplus forgotten
def conditional_layer(h, c, M, V, b, a):
    u = M @ h + V @ c + b
    return u + torch.tanh(a) * torch.tanh(u)


# %% q6 wrong: the tanh around a forgotten
def conditional_layer(h, c, M, V, b, a):
    u = F.softplus(M) @ h + V @ c + b
    return u + a * torch.tanh(u)


# %% q6 wrong: V constrained too
def conditional_layer(h, c, M, V, b, a):
    u = F.softplus(M) @ h + F.softplus(V) @ c + b
    return u + torch.tanh(a) * torch.tanh(u)


# %% q6 wrong: softplus around everything
def conditional_layer(h, c, M, V, b, a):
    u = F.softplus(M @ h + V @ c + b)
    return u + torch.tanh(a) * torch.tanh(u)


# %% q6 wrong: tanh around M
def conditional_layer(h, c, M, V, b, a):
    u = torch.tanh(M) @ h + V @ c + b
    return u + F.softplus(a) * torch.tanh(u)


# %% q6 wrong: relu, which stands still
def conditional_layer(h, c, M, V, b, a):
    u = F.relu(M) @ h + V @ c + b
    return u + torch.tanh(a) * torch.tanh(u)


# %% q6 wrong: the absolute value, which stands still at zero
def conditional_layer(h, c, M, V, b, a):
    u = M.abs() @ h + V @ c + b
    return u + torch.tanh(a) * torch.tanh(u)


# %% q6 wrong: the square
def conditional_layer(h, c, M, V, b, a):
    u = M**2 @ h + V @ c + b
    return u + torch.tanh(a) * torch.tanh(u)


# %% q6 wrong: a gate between 0 and 1
def conditional_layer(h, c, M, V, b, a):
    u = F.softplus(M) @ h + V @ c + b
    return u + torch.sigmoid(a) * torch.tanh(u)


# %% q6 wrong: a positive gate
def conditional_layer(h, c, M, V, b, a):
    u = F.softplus(M) @ h + V @ c + b
    return u + torch.tanh(a).abs() * torch.tanh(u)


# %% q6 wrong: u forgotten in the second half
def conditional_layer(h, c, M, V, b, a):
    u = F.softplus(M) @ h + V @ c + b
    return torch.tanh(a) * torch.tanh(u)


# %% q6 wrong: the bend takes h
def conditional_layer(h, c, M, V, b, a):
    u = F.softplus(M) @ torch.tanh(h) + V @ c + b
    return u + torch.tanh(a) * torch.tanh(u)


# %% q6 wrong: no bias
def conditional_layer(h, c, M, V, b, a):
    u = F.softplus(M) @ h + V @ c
    return u + torch.tanh(a) * torch.tanh(u)


# %% q6 wrong: the side information forgotten
def conditional_layer(h, c, M, V, b, a):
    u = F.softplus(M) @ h + b
    return u + torch.tanh(a) * torch.tanh(u)


# %% q6 wrong: slopes of at most one
def conditional_layer(h, c, M, V, b, a):
    u = torch.sigmoid(M) @ h + V @ c + b
    return u + torch.tanh(a) * torch.tanh(u)


# %% q6 wrong: the absolute value and a little
def conditional_layer(h, c, M, V, b, a):
    u = (M.abs() + 1e-3) @ h + V @ c + b
    return u + torch.tanh(a) * torch.tanh(u)


# %% q6 wrong: slopes of at least a half
def conditional_layer(h, c, M, V, b, a):
    u = (0.5 + F.softplus(M)) @ h + V @ c + b
    return u + torch.tanh(a) * torch.tanh(u)


# %% q6 wrong: softplus around the gate
def conditional_layer(h, c, M, V, b, a):
    u = F.softplus(M) @ h + V @ c + b
    return u + F.softplus(a) * torch.tanh(u)


# %% q6 wrong: a gate of half the strength
def conditional_layer(h, c, M, V, b, a):
    u = F.softplus(M) @ h + V @ c + b
    return u + 0.5 * torch.tanh(a) * torch.tanh(u)


# %% q6 wrong: a gate that falls with a
def conditional_layer(h, c, M, V, b, a):
    u = F.softplus(M) @ h + V @ c + b
    return u - torch.tanh(a) * torch.tanh(u)


# %% q6 right: a gate above -1 without an upper end
def conditional_layer(h, c, M, V, b, a):
    u = F.softplus(M) @ h + V @ c + b
    return u + torch.expm1(a) * torch.tanh(u)


# %% q6 right: elu for both
def conditional_layer(h, c, M, V, b, a):
    u = (1 + F.elu(M)) @ h + V @ c + b
    return u + F.elu(a) * torch.tanh(u)


# %% q6 right: a hyperbola, and an arctangent
def conditional_layer(h, c, M, V, b, a):
    u = (M + torch.sqrt(M**2 + 4)) / 2 @ h + V @ c + b
    return u + 2 / math.pi * torch.atan(a) * torch.tanh(u)


# %% q6 right: exp, and a gate without tanh
def conditional_layer(h, c, M, V, b, a):
    u = torch.exp(M) @ h + V @ c + b
    return u + a / (1 + a.abs()) * torch.tanh(u)


# %% q6 right: addmm, einsum, and a gate from a sigmoid
def conditional_layer(h, c, M, V, b, a):
    u = torch.einsum("ok,kn->on", torch.log1p(torch.exp(M)), h) + torch.addmm(b, V, c)
    return u + (2 * torch.sigmoid(a) - 1) * u.tanh()


# %% q7 wrong: the density of z, not the mass of the bin
def fit_hinted_scale(z_noisy, hint):
    pair = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.Adam([pair], 0.05)
    for _ in range(300):
        scale = torch.exp(pair[0] + pair[1] * hint)
        loss = (z_noisy.abs() / scale + torch.log(2 * scale)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return tuple(pair.tolist())


# %% q7 wrong: stopped long before the end
def fit_hinted_scale(z_noisy, hint):
    pair = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.SGD([pair], 0.01)
    for _ in range(50):
        loss = laplace_nats(z_noisy, torch.exp(pair[0] + pair[1] * hint)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return tuple(pair.tolist())


# %% q7 wrong: gradients not set to zero
def fit_hinted_scale(z_noisy, hint):
    pair = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.SGD([pair], 0.3)
    for _ in range(60):
        laplace_nats(z_noisy, torch.exp(pair[0] + pair[1] * hint)).mean().backward()
        optimizer.step()
    return tuple(pair.tolist())


# %% q7 wrong: the hint is not used
def fit_hinted_scale(z_noisy, hint):
    alpha = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.Adam([alpha], 0.05)
    for _ in range(150):
        loss = laplace_nats(z_noisy, alpha.exp().expand_as(z_noisy)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return alpha.item(), 0.0


# %% q7 wrong: the sign of the exponent
def fit_hinted_scale(z_noisy, hint):
    pair = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.Adam([pair], 0.05)
    for _ in range(200):
        loss = laplace_nats(z_noisy, torch.exp(-pair[0] - pair[1] * hint)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return tuple(pair.tolist())


# %% q7 wrong: rounded before pricing
def fit_hinted_scale(z_noisy, hint):
    n = torch.floor(z_noisy + 0.5)
    pair = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.Adam([pair], 0.05)
    for _ in range(200):
        loss = laplace_nats(n, torch.exp(pair[0] + pair[1] * hint)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return tuple(pair.tolist())


# %% q7 wrong: the true pair of the example, whatever the data
def fit_hinted_scale(z_noisy, hint):
    return -0.9536, 1.4768


# %% q7 wrong: a straight line through the logarithms
def fit_hinted_scale(z_noisy, hint):
    beta, alpha = np.polyfit(hint.numpy(), np.log(np.abs(z_noisy.numpy()) + 1e-9), 1)
    return alpha, beta


# %% q7 wrong: a linear scale
def fit_hinted_scale(z_noisy, hint):
    pair = torch.tensor([1.0, 0.0], requires_grad=True)
    optimizer = torch.optim.Adam([pair], 0.02)
    for _ in range(200):
        loss = laplace_nats(z_noisy, (pair[0] + pair[1] * hint).clamp(min=0.05)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return tuple(pair.tolist())


# %% q7 wrong: the scale returned in place of alpha
def fit_hinted_scale(z_noisy, hint):
    pair = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.Adam([pair], 0.05)
    for _ in range(200):
        loss = laplace_nats(z_noisy, torch.exp(pair[0] + pair[1] * hint)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return pair[0].exp().item(), pair[1].item()


# %% q7 wrong: uphill
def fit_hinted_scale(z_noisy, hint):
    pair = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.Adam([pair], 0.05, maximize=True)
    for _ in range(100):
        loss = laplace_nats(z_noisy, torch.exp(pair[0] + pair[1] * hint)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return tuple(pair.tolist())


# %% q7 wrong: the absolute value of the hint
def fit_hinted_scale(z_noisy, hint):
    pair = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.LBFGS([pair], max_iter=40, line_search_fn="strong_wolfe")

    def price():
        optimizer.zero_grad()
        loss = laplace_nats(z_noisy, torch.exp(pair[0] + pair[1] * hint.abs())).mean()
        loss.backward()
        return loss

    optimizer.step(price)
    return tuple(pair.tolist())


# %% q7 wrong: two halves of the hint and a line through two scales
def fit_hinted_scale(z_noisy, hint):
    low, high = (z_noisy[h].abs().mean().log().item() for h in (hint < 0, hint > 0))
    return (low + high) / 2, high - low


# %% q7 right: Newton's method
def fit_hinted_scale(z_noisy, hint):
    x, c = z_noisy.double(), hint.double()

    def price(pair):
        return laplace_nats(x, torch.exp(pair[0] + pair[1] * c)).mean()

    pair = torch.zeros(2, dtype=torch.float64)
    for _ in range(30):
        slope = torch.autograd.functional.jacobian(price, pair)
        bend = torch.autograd.functional.hessian(price, pair)
        pair = pair - 0.7 * torch.linalg.solve(bend + 1e-3 * torch.eye(2).double(), slope)
    return pair.tolist()


# %% q7 right: Adam, in bits
def fit_hinted_scale(z_noisy, hint):
    alpha, beta = torch.zeros((), requires_grad=True), torch.zeros((), requires_grad=True)
    optimizer = torch.optim.Adam([alpha, beta], 0.05)
    for _ in range(200):
        loss = nats_to_bits(laplace_nats(z_noisy, torch.exp(alpha + beta * hint))).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return alpha.item(), beta.item()


# %% q7 right: plain gradient descent on the sum, float64
def fit_hinted_scale(z_noisy, hint):
    x, c = z_noisy.double(), hint.double()
    pair = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    for _ in range(200):
        total = laplace_nats(x, torch.exp(pair[0] + pair[1] * c)).sum()
        (slope,) = torch.autograd.grad(total, pair)
        with torch.no_grad():
            pair -= 0.8 / len(x) * slope
    return pair.detach()


# %% q7 right: SciPy, without a gradient
def fit_hinted_scale(z_noisy, hint):
    import scipy.optimize

    x, c = z_noisy.double(), hint.double()

    def price(pair):
        return laplace_nats(x, torch.exp(pair[0] + pair[1] * c)).mean().item()

    return scipy.optimize.minimize(price, [0.0, 0.0], method="Nelder-Mead").x


# %% q8 wrong: nats
def neighbour_bits(n, p, q):
    size = F.pad(n.abs().double(), (1, 0, 1, 0))
    return laplace_nats(n.double(), p + q * (size[1:, :-1] + size[:-1, 1:]))


# %% q8 wrong: neighbours from the other end of the picture
def neighbour_bits(n, p, q):
    size = n.abs().double()
    scale = p + q * (size.roll(1, 1) + size.roll(1, 0))
    return nats_to_bits(laplace_nats(n.double(), scale))


# %% q8 wrong: neighbours on the right and below
def neighbour_bits(n, p, q):
    size = F.pad(n.abs().double(), (0, 1, 0, 1))
    return nats_to_bits(laplace_nats(n.double(), p + q * (size[:-1, 1:] + size[1:, :-1])))


# %% q8 wrong: the integer itself
def neighbour_bits(n, p, q):
    return nats_to_bits(laplace_nats(n.double(), p + q * n.abs().double()))


# %% q8 wrong: all four neighbours
def neighbour_bits(n, p, q):
    size = F.pad(n.abs().double(), (1, 1, 1, 1))
    around = size[1:-1, :-2] + size[1:-1, 2:] + size[:-2, 1:-1] + size[2:, 1:-1]
    return nats_to_bits(laplace_nats(n.double(), p + q * around))


# %% q8 wrong: the absolute values forgotten
def neighbour_bits(n, p, q):
    value = F.pad(n.double(), (1, 0, 1, 0))
    scale = p + q * (value[1:, :-1] + value[:-1, 1:])
    return nats_to_bits(laplace_nats(n.double(), scale))


# %% q8 wrong: the absolute value of the sum
def neighbour_bits(n, p, q):
    value = F.pad(n.double(), (1, 0, 1, 0))
    scale = p + q * (value[1:, :-1] + value[:-1, 1:]).abs()
    return nats_to_bits(laplace_nats(n.double(), scale))


# %% q8 wrong: the mean of the two
def neighbour_bits(n, p, q):
    size = F.pad(n.abs().double(), (1, 0, 1, 0))
    scale = p + q * (size[1:, :-1] + size[:-1, 1:]) / 2
    return nats_to_bits(laplace_nats(n.double(), scale))


# %% q8 wrong: the total instead of the map
def neighbour_bits(n, p, q):
    size = F.pad(n.abs().double(), (1, 0, 1, 0))
    scale = p + q * (size[1:, :-1] + size[:-1, 1:])
    return nats_to_bits(laplace_nats(n.double(), scale)).sum()


# %% q8 wrong: only the left one
def neighbour_bits(n, p, q):
    size = F.pad(n.abs().double(), (1, 0))[:, :-1]
    return nats_to_bits(laplace_nats(n.double(), p + q * size))


# %% q8 wrong: the neighbour above and to the left
def neighbour_bits(n, p, q):
    size = F.pad(n.abs().double(), (1, 0, 1, 0))[:-1, :-1]
    return nats_to_bits(laplace_nats(n.double(), p + 2 * q * size))


# %% q8 wrong: edges repeated
def neighbour_bits(n, p, q):
    size = F.pad(n.abs().double()[None, None], (1, 0, 1, 0), mode="replicate")[0, 0]
    scale = p + q * (size[1:, :-1] + size[:-1, 1:])
    return nats_to_bits(laplace_nats(n.double(), scale))


# %% q8 wrong: p and q exchanged
def neighbour_bits(n, p, q):
    size = F.pad(n.abs().double(), (1, 0, 1, 0))
    scale = q + p * (size[1:, :-1] + size[:-1, 1:])
    return nats_to_bits(laplace_nats(n.double(), scale))


# %% q8 wrong: the neighbours move the centre, too
def neighbour_bits(n, p, q):
    value = F.pad(n.double(), (1, 0, 1, 0))
    scale = p + q * (value.abs()[1:, :-1] + value.abs()[:-1, 1:])
    return nats_to_bits(laplace_nats(n - (value[1:, :-1] + value[:-1, 1:]) / 2, scale))


# %% q8 wrong: a plain difference of cdfs, infinite for a surprise
def neighbour_bits(n, p, q):
    size = F.pad(n.abs().double(), (1, 0, 1, 0))
    density = torch.distributions.Laplace(0.0, p + q * (size[1:, :-1] + size[:-1, 1:]))
    return -torch.log2(density.cdf(n.double() + 0.5) - density.cdf(n.double() - 0.5))


# %% q8 wrong: above and to the right
def neighbour_bits(n, p, q):
    size = F.pad(n.abs().double(), (1, 1, 1, 0))
    scale = p + q * (size[1:, :-2] + size[:-1, 2:])
    return nats_to_bits(laplace_nats(n.double(), scale))


# %% q8 wrong: all integers before this one in the row
def neighbour_bits(n, p, q):
    size = F.pad(n.abs().double(), (1, 0, 1, 0))
    scale = p + q * (size[1:, :-1].cumsum(dim=1) + size[:-1, 1:])
    return nats_to_bits(laplace_nats(n.double(), scale))


# %% q8 right: a convolution, float32
def neighbour_bits(n, p, q):
    kernel = torch.tensor([[0.0, 1, 0], [1, 0, 0], [0, 0, 0]])[None, None]
    around = F.conv2d(n.abs().float()[None, None], kernel, padding=1)[0, 0]
    return nats_to_bits(laplace_nats(n.float(), p + q * around))


# %% q8 right: zeros laid on a copy, the formula by hand
def neighbour_bits(n, p, q):
    size = n.abs().numpy()
    scale = np.full(size.shape, float(p))
    scale[:, 1:] += q * size[:, :-1]
    scale[1:] += q * size[:-1]
    zero = -np.log2(-np.expm1(-0.5 / scale))
    other = (size - 0.5) / scale / math.log(2) + 1 - np.log2(-np.expm1(-1 / scale))
    return torch.from_numpy(np.where(size == 0, zero, other))


# %% q8 right: a loop over the pixels for the scale
def neighbour_bits(n, p, q):
    rows, scale = n.tolist(), torch.full(n.shape, float(p))
    for i in range(len(rows)):
        for j in range(len(rows[0])):
            scale[i, j] += q * (abs(rows[i][j - 1]) if j else 0)
            scale[i, j] += q * (abs(rows[i - 1][j]) if i else 0)
    return laplace_nats(n.float(), scale) / math.log(2)
