# Answers to problem set 6 that students give: data for tests/test_assignments.py, never imported.

# %% q1 wrong: nats
def gaussian_bits(n, mean, scale):
    from scipy.special import log_ndtr

    away = np.abs(n - mean)
    far, near = log_ndtr(-(away + 0.5) / scale), log_ndtr((0.5 - away) / scale)
    return -(near + np.log(-np.expm1(far - near)))


# %% q1 wrong: the density at n
def gaussian_bits(n, mean, scale):
    return np.log2(math.sqrt(2 * math.pi) * scale) + ((n - mean) / scale) ** 2 / 2 / math.log(2)


# %% q1 wrong: a plain difference of cdfs
def gaussian_bits(n, mean, scale):
    from scipy.stats import norm

    return -np.log2(norm.cdf((n + 0.5 - mean) / scale) - norm.cdf((n - 0.5 - mean) / scale))


# %% q1 wrong: clamped
def gaussian_bits(n, mean, scale):
    from scipy.stats import norm

    mass = norm.cdf((n + 0.5 - mean) / scale) - norm.cdf((n - 0.5 - mean) / scale)
    return -np.log2(np.maximum(mass, 1e-9))


# %% q1 wrong: the lower tail on one side only
def gaussian_bits(n, mean, scale):
    from scipy.special import ndtr

    low, high = (mean - n - 0.5) / scale, (mean - n + 0.5) / scale
    return -np.log2(ndtr(high) - ndtr(low))


# %% q1 wrong: the mean forgotten
def gaussian_bits(n, mean, scale):
    from scipy.special import ndtr

    away = np.abs(n)
    return -np.log2(ndtr((0.5 - away) / scale) - ndtr(-(away + 0.5) / scale))


# %% q1 wrong: the scale taken for the variance
def gaussian_bits(n, mean, scale):
    from scipy.special import ndtr

    away, sigma = np.abs(n - mean), np.sqrt(scale)
    return -np.log2(ndtr((0.5 - away) / sigma) - ndtr(-(away + 0.5) / sigma))


# %% q1 right: erfc, one by one
def gaussian_bits(n, mean, scale):
    bits = np.empty(n.shape)
    for at in np.ndindex(n.shape):
        away, s = abs(n[at] - mean[at]), scale[at] * math.sqrt(2)
        bits[at] = -math.log2((math.erfc((away - 0.5) / s) - math.erfc((away + 0.5) / s)) / 2)
    return bits


# %% q1 right: SciPy's survival function
def gaussian_bits(n, mean, scale):
    from scipy.stats import norm

    away = np.abs(n - mean)
    return -np.log2(norm.sf(away - 0.5, scale=scale) - norm.sf(away + 0.5, scale=scale))


# %% q2 wrong: nats
def side_information_saves(scales, side_bytes):
    shared = math.sqrt(np.mean(scales**2))
    return np.log(shared / scales).sum() / 8 - side_bytes


# %% q2 wrong: the mean scale is shared
def side_information_saves(scales, side_bytes):
    t = scales.mean()
    kl = np.log(t / scales) + scales**2 / (2 * t**2) - 0.5
    return kl.sum() / math.log(2) / 8 - side_bytes


# %% q2 wrong: the geometric mean is shared
def side_information_saves(scales, side_bytes):
    t = np.exp(np.log(scales).mean())
    kl = np.log(t / scales) + scales**2 / (2 * t**2) - 0.5
    return kl.sum() / math.log(2) / 8 - side_bytes


# %% q2 wrong: bits
def side_information_saves(scales, side_bytes):
    return np.log2(math.sqrt(np.mean(scales**2)) / scales).sum() - side_bytes


# %% q2 wrong: side information is free
def side_information_saves(scales, side_bytes):
    return np.log2(math.sqrt(np.mean(scales**2)) / scales).sum() / 8


# %% q2 wrong: the sign
def side_information_saves(scales, side_bytes):
    return side_bytes - np.log2(math.sqrt(np.mean(scales**2)) / scales).sum() / 8


# %% q2 wrong: one integer
def side_information_saves(scales, side_bytes):
    return np.log2(math.sqrt(np.mean(scales**2)) / scales).mean() / 8 - side_bytes


# %% q2 right: what cancels is left out
def side_information_saves(scales, side_bytes):
    return np.log2(math.sqrt(np.mean(scales**2)) / scales).sum() / 8 - side_bytes


# %% q2 right: the shared scale by search
def side_information_saves(scales, side_bytes):
    from scipy.optimize import minimize_scalar

    def nats(log_t):
        t = math.exp(log_t)
        return sum(math.log(t / s) + s * s / (2 * t * t) - 0.5 for s in scales)

    bounds = math.log(min(scales)) - 1e-3, math.log(max(scales)) + 1e-3
    best = minimize_scalar(nats, bounds=bounds, method="bounded", options={"xatol": 1e-9})
    return best.fun / math.log(256) - side_bytes


# %% q3 wrong: the centre too
def causal_mask(size):
    return (np.arange(size**2) <= size**2 // 2).astype(int).reshape(size, size)


# %% q3 wrong: looks ahead
def causal_mask(size):
    mask = np.ones((size, size), dtype=int)
    mask[size // 2, size // 2] = 0
    return mask


# %% q3 wrong: only what lies above and to the left
def causal_mask(size):
    mask = np.zeros((size, size), dtype=int)
    mask[: size // 2 + 1, : size // 2 + 1] = 1
    mask[size // 2, size // 2] = 0
    return mask


# %% q3 wrong: mirrored
def causal_mask(size):
    return (np.arange(size**2) > size**2 // 2).astype(int).reshape(size, size)


# %% q3 wrong: four places in every window
def causal_mask(size):
    mask, c = np.zeros((size, size), dtype=int), size // 2
    mask[c - 1, c - 1 : c + 2] = 1
    mask[c, c - 1] = 1
    return mask


# %% q3 right: a row of ones and zeros
def causal_mask(size):
    past = size * size // 2
    return np.array([1] * past + [0] * (size * size - past)).reshape(size, size)


# %% q3 right: loops, booleans
def causal_mask(size):
    c = size // 2
    return np.array([[i < c or (i == c and j < c) for j in range(size)] for i in range(size)])


# %% q3_b wrong: predicted from residuals
def decode_residuals(residuals, weights):
    window, out = np.pad(residuals, 2), np.zeros_like(residuals)
    for i in range(residuals.shape[0]):
        for j in range(residuals.shape[1]):
            past = (window[i : i + 5, j : j + 5] * weights).flatten()[:12]
            out[i, j] = residuals[i, j] + past.sum() // 16
    return out


# %% q3_b wrong: the prediction subtracted
def decode_residuals(residuals, weights):
    height, width = residuals.shape
    known = np.zeros((height + 4, width + 4), dtype=int)
    for i in range(height):
        for j in range(width):
            past = (known[i : i + 5, j : j + 5] * weights).flatten()[:12]
            known[i + 2, j + 2] = residuals[i, j] - past.sum() // 16
    return known[2:-2, 2:-2]


# %% q3_b wrong: rounded towards zero
def decode_residuals(residuals, weights):
    height, width = residuals.shape
    known = np.zeros((height + 4, width + 4), dtype=int)
    for i in range(height):
        for j in range(width):
            past = (known[i : i + 5, j : j + 5] * weights).flatten()[:12]
            known[i + 2, j + 2] = residuals[i, j] + int(past.sum() / 16)
    return known[2:-2, 2:-2]


# %% q3_b wrong: residuals in the places that are not decoded yet, all 25 weights
def decode_residuals(residuals, weights):
    height, width = residuals.shape
    known = np.pad(residuals, 2)
    for i in range(height):
        for j in range(width):
            known[i + 2, j + 2] += (known[i : i + 5, j : j + 5] * weights).sum() // 16
    return known[2:-2, 2:-2]


# %% q3_b wrong: each term rounded
def decode_residuals(residuals, weights):
    height, width = residuals.shape
    known = np.zeros((height + 4, width + 4), dtype=int)
    for i in range(height):
        for j in range(width):
            past = (known[i : i + 5, j : j + 5] * weights // 16).flatten()[:12]
            known[i + 2, j + 2] = residuals[i, j] + past.sum()
    return known[2:-2, 2:-2]


# %% q3_b wrong: the given picture, whatever the residuals are
def decode_residuals(residuals, weights):
    return picture


# %% q3_b wrong: returned with its zeros
def decode_residuals(residuals, weights):
    height, width = residuals.shape
    known = np.zeros((height + 4, width + 4), dtype=int)
    for i in range(height):
        for j in range(width):
            past = (known[i : i + 5, j : j + 5] * weights).flatten()[:12]
            known[i + 2, j + 2] = residuals[i, j] + past.sum() // 16
    return known


# %% q3_b right: lists, places outside skipped
def decode_residuals(residuals, weights):
    n = [[0] * residuals.shape[1] for _ in residuals]
    for i, row in enumerate(residuals.tolist()):
        for j, residual in enumerate(row):
            total = 0
            for place in range(12):
                a, b = i + place // 5 - 2, j + place % 5 - 2
                if a >= 0 and 0 <= b < len(row):
                    total += n[a][b] * int(weights[place // 5][place % 5])
            n[i][j] = residual + math.floor(total / 16)
    return n


# %% q3_b right: zeros in the future, all of the window
def decode_residuals(residuals, weights):
    (height, width), known = residuals.shape, np.pad(0 * residuals, 2)
    for at in range(height * width):
        i, j = at // width, at % width
        known[i + 2, j + 2] = residuals[i, j] + ((known[i : i + 5, j : j + 5] * weights).sum() >> 4)
    return known[2 : 2 + height, 2 : 2 + width]


# %% q4 wrong: the same step counts as earlier
def not_yet_decoded(steps, window):
    (height, width), k = steps.shape, len(window)
    before = np.pad(steps, k // 2, constant_values=-1)
    missing = np.zeros((height, width), dtype=int)
    for a, b in np.argwhere(window):
        missing += before[a : a + height, b : b + width] > steps
    return missing


# %% q4 wrong: what lies outside is missing
def not_yet_decoded(steps, window):
    (height, width), k = steps.shape, len(window)
    before = np.pad(steps, k // 2, constant_values=10**6)
    missing = np.zeros((height, width), dtype=int)
    for a, b in np.argwhere(window):
        missing += before[a : a + height, b : b + width] >= steps
    return missing


# %% q4 wrong: what is there is counted
def not_yet_decoded(steps, window):
    (height, width), k = steps.shape, len(window)
    before = np.pad(steps, k // 2, constant_values=10**6)
    there = np.zeros((height, width), dtype=int)
    for a, b in np.argwhere(window):
        there += before[a : a + height, b : b + width] < steps
    return there


# %% q4 wrong: mirrored
def not_yet_decoded(steps, window):
    (height, width), k = steps.shape, len(window)
    before = np.pad(steps, k // 2, constant_values=-1)
    missing = np.zeros((height, width), dtype=int)
    for a, b in np.argwhere(window[::-1, ::-1]):
        missing += before[a : a + height, b : b + width] >= steps
    return missing


# %% q4 wrong: from the other end of the picture
def not_yet_decoded(steps, window):
    c = len(window) // 2
    missing = np.zeros(steps.shape, dtype=int)
    for a, b in np.argwhere(window):
        missing += np.roll(steps, (c - a, c - b), (0, 1)) >= steps
    return missing


# %% q4 wrong: zeros around, which step 0 does not have yet
def not_yet_decoded(steps, window):
    (height, width), k = steps.shape, len(window)
    before = np.pad(steps, k // 2)
    missing = np.zeros((height, width), dtype=int)
    for a, b in np.argwhere(window):
        missing += before[a : a + height, b : b + width] >= steps
    return missing


# %% q4 wrong: the centre is forgiven
def not_yet_decoded(steps, window):
    (height, width), k = steps.shape, len(window)
    before = np.pad(steps, k // 2, constant_values=-1)
    missing = np.zeros((height, width), dtype=int)
    for a, b in np.argwhere(window):
        if (a, b) != (k // 2, k // 2):
            missing += before[a : a + height, b : b + width] >= steps
    return missing


# %% q4 wrong: yes or no
def not_yet_decoded(steps, window):
    (height, width), k = steps.shape, len(window)
    before = np.pad(steps, k // 2, constant_values=-1)
    missing = np.zeros((height, width), dtype=bool)
    for a, b in np.argwhere(window):
        missing |= before[a : a + height, b : b + width] >= steps
    return missing


# %% q4 right: four loops
def not_yet_decoded(steps, window):
    (height, width), c = steps.shape, len(window) // 2
    counts = [[0] * width for _ in range(height)]
    for i in range(height):
        for j in range(width):
            for y in range(max(0, i - c), min(height, i + c + 1)):
                for x in range(max(0, j - c), min(width, j + c + 1)):
                    if window[y - i + c][x - j + c] and steps[y][x] >= steps[i][j]:
                        counts[i][j] += 1
    return counts


# %% q4 right: a view of all windows
def not_yet_decoded(steps, window):
    k = len(window)
    around = np.pad(steps.astype(float), k // 2, constant_values=-np.inf)
    views = np.lib.stride_tricks.sliding_window_view(around, (k, k))
    return ((views >= steps[..., None, None]) & (window == 1)).sum(axis=(2, 3))


# %% q4 right: one correlation for each step
def not_yet_decoded(steps, window):
    from scipy.ndimage import correlate

    counts = np.zeros_like(steps)
    for step in np.unique(steps):
        later = correlate((steps >= step).astype(int), window, mode="constant")
        counts[steps == step] = later[steps == step]
    return counts


# %% q5 wrong: rounded
def choose_integers(z, bits, lam):
    return np.rint(z).astype(int)


# %% q5 wrong: lam weighs the rate
def choose_integers(z, bits, lam):
    k = np.arange(len(bits)) - len(bits) // 2
    return k[(lam * bits + (z[:, None] - k) ** 2).argmin(axis=1)]


# %% q5 wrong: between the two neighbours only
def choose_integers(z, bits, lam):
    K = len(bits) // 2
    low = np.clip(np.floor(z).astype(int), -K, K - 1)
    losses = [bits[k + K] + lam * (z - k) ** 2 for k in (low, low + 1)]
    return np.where(losses[0] <= losses[1], low, low + 1)


# %% q5 wrong: places of the table
def choose_integers(z, bits, lam):
    k = np.arange(len(bits)) - len(bits) // 2
    return (bits + lam * (z[:, None] - k) ** 2).argmin(axis=1)


# %% q5 wrong: the absolute error
def choose_integers(z, bits, lam):
    k = np.arange(len(bits)) - len(bits) // 2
    return k[(bits + lam * np.abs(z[:, None] - k)).argmin(axis=1)]


# %% q5 wrong: rounded or zero
def choose_integers(z, bits, lam):
    K = len(bits) // 2
    n = np.clip(np.rint(z).astype(int), -K, K)
    return np.where(bits[K] + lam * z**2 < bits[n + K] + lam * (z - n) ** 2, 0, n)


# %% q5 right: a loop
def choose_integers(z, bits, lam):
    K = len(bits) // 2
    return [min(range(-K, K + 1), key=lambda k: bits[k + K] + lam * (one - k) ** 2) for one in z]


# %% q5 right: the larger of two equals, halved loss
def choose_integers(z, bits, lam):
    k = np.arange(len(bits))[::-1] - len(bits) // 2
    return k[np.argmin(bits[::-1, None] / lam - 2 * np.outer(k, z) + k[:, None] ** 2, axis=0)]


# %% q5_b wrong: rounding
def dead_zone(bits, lam):
    return 0.5


# %% q5_b wrong: a 1 is the only rival
def dead_zone(bits, lam):
    return 0.5 + (bits[1] - bits[0]) / (2 * lam)


# %% q5_b wrong: the factor 2
def dead_zone(bits, lam):
    return 0.5 + (bits[1] - bits[0]) / lam


# %% q5_b wrong: the price of 0 forgotten
def dead_zone(bits, lam):
    return 0.5 + bits[1] / (2 * lam)


# %% q5_b right: a loop
def dead_zone(bits, lam):
    return min(
        (bits[k] - bits[0] + lam * k * k) / (2 * lam * k) for k in range(1, len(bits))
    )


# %% q6 wrong: nats
def water_filling(variances, weights, D):
    u = weights * variances
    low, high = 0.0, u.max()
    for _ in range(200):
        level = (low + high) / 2
        low, high = (level, high) if np.minimum(level, u).sum() < D else (low, level)
    d = np.minimum(high, u) / weights
    return np.log(np.maximum(variances, 1e-300) / np.maximum(d, 1e-300)) / 2, d


# %% q6 wrong: no half
def water_filling(variances, weights, D):
    u = weights * variances
    low, high = 0.0, u.max()
    for _ in range(200):
        level = (low + high) / 2
        low, high = (level, high) if np.minimum(level, u).sum() < D else (low, level)
    d = np.minimum(high, u) / weights
    return np.log2(np.maximum(variances, 1e-300) / np.maximum(d, 1e-300)), d


# %% q6 wrong: D is the mean
def water_filling(variances, weights, D):
    u = weights * variances
    low, high = 0.0, u.max()
    for _ in range(200):
        level = (low + high) / 2
        low, high = (level, high) if np.minimum(level, u).mean() < D else (low, level)
    d = np.minimum(high, u) / weights
    return np.log2(np.maximum(variances, 1e-300) / np.maximum(d, 1e-300)) / 2, d


# %% q6 wrong: 0 / 0
def water_filling(variances, weights, D):
    u = weights * variances
    low, high = 0.0, u.max()
    for _ in range(200):
        level = (low + high) / 2
        low, high = (level, high) if np.minimum(level, u).sum() < D else (low, level)
    d = np.minimum(high, u) / weights
    return np.log2(variances / d) / 2, d


# %% q6 wrong: twenty halvings
def water_filling(variances, weights, D):
    u = weights * variances
    low, high = 0.0, u.max()
    for _ in range(20):
        level = (low + high) / 2
        low, high = (level, high) if np.minimum(level, u).sum() < D else (low, level)
    d = np.minimum(high, u) / weights
    return np.log2(np.maximum(variances, 1e-300) / np.maximum(d, 1e-300)) / 2, d


# %% q6 wrong: the weights take no part
def water_filling(variances, weights, D):
    u = +variances
    low, high = 0.0, u.max()
    for _ in range(200):
        level = (low + high) / 2
        low, high = (level, high) if np.minimum(level, u).sum() < D else (low, level)
    d = np.minimum(high, u)
    return np.log2(np.maximum(variances, 1e-300) / np.maximum(d, 1e-300)) / 2, d


# %% q6 wrong: weighted distortions returned
def water_filling(variances, weights, D):
    u = weights * variances
    low, high = 0.0, u.max()
    for _ in range(200):
        level = (low + high) / 2
        low, high = (level, high) if np.minimum(level, u).sum() < D else (low, level)
    d = np.minimum(high, u) / weights
    return np.log2(np.maximum(variances, 1e-300) / np.maximum(d, 1e-300)) / 2, weights * d


# %% q6 wrong: divided by the weight
def water_filling(variances, weights, D):
    u = variances / weights
    low, high = 0.0, u.max()
    for _ in range(200):
        level = (low + high) / 2
        low, high = (level, high) if np.minimum(level, u).sum() < D else (low, level)
    d = np.minimum(high, u) * weights
    return np.log2(np.maximum(variances, 1e-300) / np.maximum(d, 1e-300)) / 2, d


# %% q6 wrong: the same level for all, until the weighted sum is D
def water_filling(variances, weights, D):
    low, high = 0.0, variances.max()
    for _ in range(200):
        level = (low + high) / 2
        less = (weights * np.minimum(level, variances)).sum() < D
        low, high = (level, high) if less else (low, level)
    d = np.minimum(high, variances)
    return np.log2(np.maximum(variances, 1e-300) / np.maximum(d, 1e-300)) / 2, d


# %% q6 wrong: the same error for all
def water_filling(variances, weights, D):
    d = D / len(variances) / weights
    return np.maximum(np.log2(np.maximum(variances, 1e-300) / d) / 2, 0), d


# %% q6 wrong: what is silent is shared out once only
def water_filling(variances, weights, D):
    u = weights * variances
    silent = u <= D / len(u)
    level = (D - u[silent].sum()) / max((~silent).sum(), 1)
    d = np.minimum(level, u) / weights
    return np.log2(np.maximum(variances, 1e-300) / np.maximum(d, 1e-300)) / 2, d


# %% q6 right: sorted, exactly
def water_filling(variances, weights, D):
    u = (weights * variances).tolist()
    level, left = math.inf, float(D)
    for count, one in zip(range(len(u), 0, -1), sorted(u)):
        if one * count > left:
            level = left / count
            break
        left -= one
    rates = [math.log2(one / level) / 2 if one > level else 0 for one in u]
    return rates, [min(level, one) / weight for one, weight in zip(u, weights)]


# %% q6 right: SciPy's root, the level of an error that is not weighted
def water_filling(variances, weights, D):
    from scipy.optimize import brentq

    def gap(level):
        return weights @ np.minimum(level / weights, variances) / D - 1

    if gap(np.inf) <= 0:
        return 0 * variances, variances
    level = brentq(gap, 0, np.max(weights * variances), xtol=1e-300, rtol=1e-12)
    errors = np.minimum(level / weights, variances)
    return np.log2(np.maximum(variances * weights / level, 1)) / 2, errors


# %% q7 wrong: bits
def negative_elbo(y, c, A, s, lam, w):
    v, m = w**2 / 12, len(c)
    nats = -m * math.log(w) + m / 2 * math.log(2 * math.pi * s**2) + (c @ c + m * v) / (2 * s**2)
    nats += lam * (np.sum((y - A @ c) ** 2) + v * np.sum(A**2))
    return (nats + len(y) / 2 * math.log(math.pi / lam)) / math.log(2)


# %% q7 wrong: the posterior is a point
def negative_elbo(y, c, A, s, lam, w):
    nats = len(c) / 2 * math.log(2 * math.pi * s**2) + c @ c / (2 * s**2)
    return nats + lam * np.sum((y - A @ c) ** 2) + len(y) / 2 * math.log(math.pi / lam)


# %% q7 wrong: lam is 1 over tau squared
def negative_elbo(y, c, A, s, lam, w):
    v, m = w**2 / 12, len(c)
    nats = -m * math.log(w) + m / 2 * math.log(2 * math.pi * s**2) + (c @ c + m * v) / (2 * s**2)
    nats += lam / 2 * (np.sum((y - A @ c) ** 2) + v * np.sum(A**2))
    return nats + len(y) / 2 * math.log(2 * math.pi / lam)


# %% q7 wrong: no constant of p(y|z)
def negative_elbo(y, c, A, s, lam, w):
    v, m = w**2 / 12, len(c)
    nats = -m * math.log(w) + m / 2 * math.log(2 * math.pi * s**2) + (c @ c + m * v) / (2 * s**2)
    return nats + lam * (np.sum((y - A @ c) ** 2) + v * np.sum(A**2))


# %% q7 wrong: the noise stays out of the picture
def negative_elbo(y, c, A, s, lam, w):
    v, m = w**2 / 12, len(c)
    nats = -m * math.log(w) + m / 2 * math.log(2 * math.pi * s**2) + (c @ c + m * v) / (2 * s**2)
    return nats + lam * np.sum((y - A @ c) ** 2) + len(y) / 2 * math.log(math.pi / lam)


# %% q7 wrong: the posterior's entropy forgotten
def negative_elbo(y, c, A, s, lam, w):
    v, m = w**2 / 12, len(c)
    nats = m / 2 * math.log(2 * math.pi * s**2) + (c @ c + m * v) / (2 * s**2)
    nats += lam * (np.sum((y - A @ c) ** 2) + v * np.sum(A**2))
    return nats + len(y) / 2 * math.log(math.pi / lam)


# %% q7 wrong: one constant for all components
def negative_elbo(y, c, A, s, lam, w):
    v, m = w**2 / 12, len(c)
    nats = -math.log(w) + 0.5 * math.log(2 * math.pi * s**2) + (c @ c + m * v) / (2 * s**2)
    nats += lam * (np.sum((y - A @ c) ** 2) + v * np.sum(A**2))
    return nats + 0.5 * math.log(math.pi / lam)


# %% q7 right: SciPy's densities, component by component
def negative_elbo(y, c, A, s, lam, w):
    from scipy.stats import norm

    v, tau = w * w / 12, (2 * lam) ** -0.5
    kl = sum(-norm.logpdf(one, 0, s) + v / (2 * s**2) - math.log(w) for one in c)
    misses = y - A @ c
    return kl + sum(
        -norm.logpdf(miss, 0, tau) + v * row @ row * lam for miss, row in zip(misses, A)
    )


# %% q7 right: the trace
def negative_elbo(y, c, A, s, lam, w):
    v, second = w**2 / 12, np.outer(c, c) + w**2 / 12 * np.eye(len(c))
    error = y @ y - 2 * y @ A @ c + np.trace(A.T @ A @ second)
    kl = len(c) * math.log(math.sqrt(2 * math.pi) * s / w) + np.trace(second) / (2 * s * s)
    return kl + lam * error + len(y) * math.log(math.pi / lam) / 2


# %% q8 wrong: one mean for all
def mean_and_sample_error(y, code):
    return y.var(), 2 * y.var()


# %% q8 wrong: each code counts the same
def mean_and_sample_error(y, code):
    error = np.mean([y[code == k].var() for k in np.unique(code)])
    return error, 2 * error


# %% q8 wrong: never the one that was sent
def mean_and_sample_error(y, code):
    of_mean = of_sample = 0.0
    for k in np.unique(code):
        same = y[code == k]
        of_mean += same.var() * len(same) / len(y)
        of_sample += 2 * same.var(ddof=1) * len(same) / len(y)
    return of_mean, of_sample


# %% q8 wrong: the sample is no worse
def mean_and_sample_error(y, code):
    error = sum(y[code == k].var() * np.mean(code == k) for k in np.unique(code))
    return error, error


# %% q8 wrong: codes from 0 on
def mean_and_sample_error(y, code):
    n = range(code.max() + 1)
    error = sum(y[code == k].var() * np.mean(code == k) for k in n if (code == k).any())
    return error, 2 * error


# %% q8 right: twice the variance within a code
def mean_and_sample_error(y, code):
    error = sum(y[code == k].var() * np.mean(code == k) for k in set(code.tolist()))
    return error, 2 * error


# %% q8 right: all pairs
def mean_and_sample_error(y, code):
    same = code[:, None] == code
    p = same / same.sum(axis=1, keepdims=True)
    return np.mean((y - p @ y) ** 2), np.mean(np.sum(p * (y[:, None] - y) ** 2, axis=1))


# %% q2 right: the logarithm of the mean square
def side_information_saves(scales, side_bytes):
    # derivative of sum ln t + s^2/2t^2: N/t - sum s^2/t^3 = 0
    t2 = (scales**2).mean()
    nats = (0.5 * np.log(t2) - np.log(scales) + scales**2 / (2 * t2) - 0.5).sum()
    return nats / np.log(2) / 8 - side_bytes


# %% q3 right: everything from the centre on is cleared
def causal_mask(size):
    m = np.ones((size, size), int)
    c = size // 2
    m[c, c:] = 0
    m[c + 1:] = 0
    return m


# %% q5 right: places less K
def choose_integers(z, bits, lam):
    K = (len(bits) - 1) // 2
    k = np.arange(-K, K + 1)
    return np.argmin(bits[None] + lam * (z[:, None] - k[None]) ** 2, axis=1) - K


# %% q6 right: the level from sums of the sorted
def water_filling(variances, weights, D):
    # dR/dD_i = -1/(2 D_i) = -const * a_i  -> a_i D_i the same
    av = weights * variances
    if av.sum() <= D:
        return np.zeros(len(av)), variances.copy()
    order = np.sort(av)
    N = len(av)
    for i in range(N):
        t = (D - order[:i].sum()) / (N - i)
        if t <= order[i]:
            break
    d = np.minimum(t, av) / weights
    R = np.where(av > t, 0.5 * np.log2(np.maximum(av, 1e-300) / t), 0.0)
    return R, d


# %% q7 right: tau squared by name
def negative_elbo(y, c, A, s, lam, w):
    m, d = len(c), len(y)
    tau2 = 1 / (2 * lam)
    v = w**2 / 12
    kl = -m * np.log(w) + m / 2 * np.log(2 * np.pi * s**2) + (np.sum(c**2) + m * v) / (2 * s**2)
    rec = d / 2 * np.log(2 * np.pi * tau2)
    rec += (np.sum((y - A @ c) ** 2) + v * np.sum(A**2)) / (2 * tau2)
    return kl + rec


# %% q8 right: point by point
def mean_and_sample_error(y, code):
    m = s = 0.0
    for i in range(len(y)):
        same = y[code == code[i]]
        m += (y[i] - same.mean()) ** 2
        s += ((y[i] - same) ** 2).mean()
    return m / len(y), s / len(y)
