# Answers to problem set 3 that students give: data for tests/test_assignments.py, never imported.

# %% q1 wrong: subtracted in uint8, which wraps around
def psnr_611(y, y_hat):
    scale = 255.0 if y.dtype == torch.uint8 else 1.0
    red, green, blue = ((y - y_hat).double() / scale).unbind(dim=1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    channels = torch.stack((luma, (blue - luma) / 1.772, (red - luma) / 1.402), dim=1)
    decibels = -10 * torch.log10(channels.square().mean(dim=(2, 3)))
    return ((6 * decibels[:, 0] + decibels[:, 1] + decibels[:, 2]) / 8).mean().item()


# %% q1 wrong: one scale for both kinds
def psnr_611(y, y_hat):
    red, green, blue = ((y_hat.double() - y.double()) / 255).unbind(dim=1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    channels = torch.stack((luma, (blue - luma) / 1.772, (red - luma) / 1.402), dim=1)
    decibels = -10 * torch.log10(channels.square().mean(dim=(2, 3)))
    return ((6 * decibels[:, 0] + decibels[:, 1] + decibels[:, 2]) / 8).mean().item()


# %% q1 wrong: a peak of 1 for both kinds
def psnr_611(y, y_hat):
    red, green, blue = (y_hat.double() - y.double()).unbind(dim=1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    channels = torch.stack((luma, (blue - luma) / 1.772, (red - luma) / 1.402), dim=1)
    decibels = -10 * torch.log10(channels.square().mean(dim=(2, 3)))
    return ((6 * decibels[:, 0] + decibels[:, 1] + decibels[:, 2]) / 8).mean().item()


# %% q1 wrong: the scale guessed from the largest value
def psnr_611(y, y_hat):
    peak = 255.0 if y.max() > 2 else 1.0
    red, green, blue = ((y_hat.double() - y.double()) / peak).unbind(dim=1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    channels = torch.stack((luma, (blue - luma) / 1.772, (red - luma) / 1.402), dim=1)
    decibels = -10 * torch.log10(channels.square().mean(dim=(2, 3)))
    return ((6 * decibels[:, 0] + decibels[:, 1] + decibels[:, 2]) / 8).mean().item()


# %% q1 wrong: PSNR of the mean error over the pictures
def psnr_611(y, y_hat):
    scale = 255.0 if y.dtype == torch.uint8 else 1.0
    red, green, blue = ((y_hat.double() - y.double()) / scale).unbind(dim=1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    channels = torch.stack((luma, (blue - luma) / 1.772, (red - luma) / 1.402), dim=1)
    decibels = -10 * torch.log10(channels.square().mean(dim=(0, 2, 3)))
    return ((6 * decibels[0] + decibels[1] + decibels[2]) / 8).item()


# %% q1 wrong: the squared errors weighed, not the decibels
def psnr_611(y, y_hat):
    scale = 255.0 if y.dtype == torch.uint8 else 1.0
    red, green, blue = ((y_hat.double() - y.double()) / scale).unbind(dim=1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    channels = torch.stack((luma, (blue - luma) / 1.772, (red - luma) / 1.402), dim=1)
    errors = channels.square().mean(dim=(2, 3))
    return (-10 * torch.log10((6 * errors[:, 0] + errors[:, 1] + errors[:, 2]) / 8)).mean().item()


# %% q1 wrong: one PSNR over all of R, G and B
def psnr_611(y, y_hat):
    scale = 255.0 if y.dtype == torch.uint8 else 1.0
    errors = ((y_hat.double() - y.double()) / scale).square().mean(dim=(1, 2, 3))
    return (-10 * torch.log10(errors)).mean().item()


# %% q1 wrong: 20 log10 of the squared error
def psnr_611(y, y_hat):
    scale = 255.0 if y.dtype == torch.uint8 else 1.0
    red, green, blue = ((y_hat.double() - y.double()) / scale).unbind(dim=1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    channels = torch.stack((luma, (blue - luma) / 1.772, (red - luma) / 1.402), dim=1)
    decibels = -20 * torch.log10(channels.square().mean(dim=(2, 3)))
    return ((6 * decibels[:, 0] + decibels[:, 1] + decibels[:, 2]) / 8).mean().item()


# %% q1 wrong: the natural logarithm
def psnr_611(y, y_hat):
    scale = 255.0 if y.dtype == torch.uint8 else 1.0
    red, green, blue = ((y_hat.double() - y.double()) / scale).unbind(dim=1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    channels = torch.stack((luma, (blue - luma) / 1.772, (red - luma) / 1.402), dim=1)
    decibels = -10 * torch.log(channels.square().mean(dim=(2, 3)))
    return ((6 * decibels[:, 0] + decibels[:, 1] + decibels[:, 2]) / 8).mean().item()


# %% q1 wrong: Cb and Cr pooled
def psnr_611(y, y_hat):
    scale = 255.0 if y.dtype == torch.uint8 else 1.0
    red, green, blue = ((y_hat.double() - y.double()) / scale).unbind(dim=1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    chroma = torch.stack(((blue - luma) / 1.772, (red - luma) / 1.402), dim=1)
    errors = luma.square().mean(dim=(1, 2)), chroma.square().mean(dim=(1, 2, 3))
    return (-10 * (0.75 * torch.log10(errors[0]) + 0.25 * torch.log10(errors[1]))).mean().item()


# %% q1 wrong: blue and red exchanged
def psnr_611(y, y_hat):
    scale = 255.0 if y.dtype == torch.uint8 else 1.0
    blue, green, red = ((y_hat.double() - y.double()) / scale).unbind(dim=1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    channels = torch.stack((luma, (blue - luma) / 1.772, (red - luma) / 1.402), dim=1)
    decibels = -10 * torch.log10(channels.square().mean(dim=(2, 3)))
    return ((6 * decibels[:, 0] + decibels[:, 1] + decibels[:, 2]) / 8).mean().item()


# %% q1 wrong: the channels averaged 1:1:1
def psnr_611(y, y_hat):
    scale = 255.0 if y.dtype == torch.uint8 else 1.0
    red, green, blue = ((y_hat.double() - y.double()) / scale).unbind(dim=1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    channels = torch.stack((luma, (blue - luma) / 1.772, (red - luma) / 1.402), dim=1)
    return (-10 * torch.log10(channels.square().mean(dim=(2, 3)))).mean().item()


# %% q1 right: NumPy, a loop, both pictures converted first
def psnr_611(y, y_hat):
    def channels(picture):
        picture = picture.numpy() / 255 if picture.dtype == torch.uint8 else picture.numpy()
        r, g, b = picture.astype(np.float64)
        luma = 0.299 * r + 0.587 * g + 0.114 * b
        return luma, (b - luma) / 1.772, (r - luma) / 1.402

    values = []
    for one, other in zip(y, y_hat):
        pairs = zip(channels(one), channels(other), (6, 1, 1))
        values.append(sum(w * -10 * np.log10(np.mean((p - q) ** 2)) for p, q, w in pairs) / 8)
    return np.mean(values)


# %% q1 right: a matrix, float32, the peak in the formula
def psnr_611(y, y_hat):
    peak = 1.0 if y.dtype.is_floating_point else 255.0
    luma = torch.tensor([0.299, 0.587, 0.114])
    blue = (torch.tensor([0.0, 0.0, 1.0]) - luma) / 1.772
    red = (torch.tensor([1.0, 0.0, 0.0]) - luma) / 1.402
    e = torch.einsum("kc,bchw->bkhw", torch.stack((luma, blue, red)), y_hat.float() - y.float())
    each = 20 * torch.log10(peak / e.square().mean(dim=(2, 3)).sqrt())
    return torch.mean(0.75 * each[:, 0] + 0.125 * each[:, 1] + 0.125 * each[:, 2])


# %% q2 wrong: the weights ignored
def best_constants(values, weights):
    return values.mean().item(), values.median().item(), (values.min() + values.max()).item() / 2


# %% q2 wrong: a sum where the mean is asked
def best_constants(values, weights):
    order = values.argsort()
    half = torch.searchsorted(weights[order].cumsum(0), weights.sum() / 2)
    used = values[weights > 0]
    return (
        (weights * values).sum().item(),
        values[order][half].item(),
        (used.min() + used.max()) / 2,
    )


# %% q2 wrong: the weighted median without sorting
def best_constants(values, weights):
    mean = (weights * values).sum() / weights.sum()
    half = torch.searchsorted(weights.cumsum(0), weights.sum() / 2)
    used = values[weights > 0]
    return mean.item(), values[half].item(), ((used.min() + used.max()) / 2).item()


# %% q2 wrong: the value with the largest weight for the median
def best_constants(values, weights):
    mean = (weights * values).sum() / weights.sum()
    used = values[weights > 0]
    return mean.item(), values[weights.argmax()].item(), ((used.min() + used.max()) / 2).item()


# %% q2 wrong: weights taken as whole numbers
def best_constants(values, weights):
    many = torch.repeat_interleave(values, weights.round().long())
    return many.mean().item(), many.median().item(), ((many.min() + many.max()) / 2).item()


# %% q2 wrong: values that do not occur count for the largest error
def best_constants(values, weights):
    order = values.argsort()
    mean = (weights * values).sum() / weights.sum()
    half = torch.searchsorted(weights[order].cumsum(0), weights.sum() / 2)
    return mean.item(), values[order][half].item(), ((values.min() + values.max()) / 2).item()


# %% q2 wrong: mean and median exchanged
def best_constants(values, weights):
    order = values.argsort()
    mean = (weights * values).sum() / weights.sum()
    half = torch.searchsorted(weights[order].cumsum(0), weights.sum() / 2)
    used = values[weights > 0]
    return values[order][half].item(), mean.item(), ((used.min() + used.max()) / 2).item()


# %% q2 wrong: half the range for the middle of the range
def best_constants(values, weights):
    order = values.argsort()
    mean = (weights * values).sum() / weights.sum()
    half = torch.searchsorted(weights[order].cumsum(0), weights.sum() / 2)
    used = values[weights > 0]
    return mean.item(), values[order][half].item(), ((used.max() - used.min()) / 2).item()


# %% q2 wrong: weights assumed to add up to one
def best_constants(values, weights):
    order = values.argsort()
    half = torch.searchsorted(weights[order].cumsum(0), torch.tensor(0.5, dtype=weights.dtype))
    half = min(half.item(), len(values) - 1)
    used = values[weights > 0]
    mean = (weights * values).sum() / weights.sum()
    return mean.item(), values[order][half].item(), ((used.max() + used.min()) / 2).item()


# %% q2 right: try every value
def best_constants(values, weights):
    sums = (weights * (values - values[:, None]).abs()).sum(dim=1)
    used = values[weights > 0]
    mean = torch.dot(weights, values) / weights.sum()
    return mean, values[sums.argmin()], (used.min() + used.max()) / 2


# %% q2 right: NumPy, sorted, the upper median
def best_constants(values, weights):
    v, w = np.asarray(values), np.asarray(weights)
    v, w = v[w > 0], w[w > 0]
    order = np.argsort(v)
    index = np.searchsorted(np.cumsum(w[order]), w.sum() / 2, side="right")
    return np.average(v, weights=w), v[order][min(index, len(v) - 1)], (v.min() + v.max()) / 2


# %% q3 wrong: nats
def residual_bpp(y, y_hat, b):
    return (255 * (y - y_hat).abs() / b + torch.log(2 * b)).sum() / b.numel()


# %% q3 wrong: bits per number, not per pixel
def residual_bpp(y, y_hat, b):
    return (255 * (y - y_hat).abs() / b + torch.log(2 * b)).mean() / math.log(2)


# %% q3 wrong: bits of the picture
def residual_bpp(y, y_hat, b):
    return (255 * (y - y_hat).abs() / b + torch.log(2 * b)).sum() / math.log(2)


# %% q3 wrong: ln 2b once a pixel
def residual_bpp(y, y_hat, b):
    nats = (255 * (y - y_hat).abs() / b).sum() + torch.log(2 * b).sum()
    return nats / math.log(2) / b.numel()


# %% q3 wrong: the constant left out
def residual_bpp(y, y_hat, b):
    return (255 * (y - y_hat).abs() / b).sum() / math.log(2) / b.numel()


# %% q3 wrong: ln b for ln 2b
def residual_bpp(y, y_hat, b):
    return (255 * (y - y_hat).abs() / b + torch.log(b)).sum() / math.log(2) / b.numel()


# %% q3 wrong: the errors on 0..1, b on 0..255
def residual_bpp(y, y_hat, b):
    return ((y - y_hat).abs() / b + torch.log(2 * b)).sum() / math.log(2) / b.numel()


# %% q3 wrong: a density per unit of 0..1
def residual_bpp(y, y_hat, b):
    b = b / 255
    return ((y - y_hat).abs() / b + torch.log(2 * b)).sum() / math.log(2) / b.numel()


# %% q3 wrong: a Gaussian with b as its sigma
def residual_bpp(y, y_hat, b):
    nats = (255 * (y - y_hat)) ** 2 / (2 * b**2) + torch.log(b * math.sqrt(2 * math.pi))
    return nats.sum() / math.log(2) / b.numel()


# %% q3 wrong: one mean b for all
def residual_bpp(y, y_hat, b):
    b = b.mean()
    nats = 255 * (y - y_hat).abs() / b + torch.log(2 * b)
    return 3 * nats.mean() / math.log(2)


# %% q3 wrong: the absolute value forgotten
def residual_bpp(y, y_hat, b):
    nats = 255 * (y_hat - y) / b + torch.log(2 * b)
    return nats.sum() / math.log(2) / b.numel()


# %% q3 wrong: no gradient
def residual_bpp(y, y_hat, b):
    with torch.no_grad():
        nats = 255 * (y - y_hat).abs() / b + torch.log(2 * b)
        return nats.sum() / math.log(2) / b.numel()


# %% q3 wrong: clamped at zero, as if bits of a density could not be negative
def residual_bpp(y, y_hat, b):
    nats = (255 * (y - y_hat).abs() / b + torch.log(2 * b)).clamp(min=0)
    return nats.sum() / math.log(2) / b.numel()


# %% q3 right: PyTorch's density
def residual_bpp(y, y_hat, b):
    density = torch.distributions.Laplace(255 * y_hat, b.expand_as(y_hat))
    return -density.log_prob(255 * y).sum(dim=0).mean() / math.log(2)


# %% q3 right: bits from the start, a loop over the colours, in 0..1 and then shifted
def residual_bpp(y, y_hat, b):
    total = 0.0
    for c in range(3):
        error = (y[c] - y_hat[c]).abs() / (b / 255)
        total = total + (error * math.log2(math.e) + torch.log2(2 * b / 255)).mean()
    return total + 3 * math.log2(255)


# %% q4 wrong: nats
def rd_loss(nats, y, y_hat, lam):
    pixels = y.shape[0] * y.shape[2] * y.shape[3]
    return nats.sum() / pixels + lam * (255 * (y - y_hat)).square().mean()


# %% q4 wrong: lambda on the rate
def rd_loss(nats, y, y_hat, lam):
    pixels = y.shape[0] * y.shape[2] * y.shape[3]
    return lam * nats.sum() / math.log(2) / pixels + (255 * (y - y_hat)).square().mean()


# %% q4 wrong: squared errors on 0..1
def rd_loss(nats, y, y_hat, lam):
    pixels = y.shape[0] * y.shape[2] * y.shape[3]
    return nats.sum() / math.log(2) / pixels + lam * (y - y_hat).square().mean()


# %% q4 wrong: 255 instead of its square
def rd_loss(nats, y, y_hat, lam):
    pixels = y.shape[0] * y.shape[2] * y.shape[3]
    return nats.sum() / math.log(2) / pixels + lam * 255 * (y - y_hat).square().mean()


# %% q4 wrong: the sum of squared errors
def rd_loss(nats, y, y_hat, lam):
    pixels = y.shape[0] * y.shape[2] * y.shape[3]
    return nats.sum() / math.log(2) / pixels + lam * (255 * (y - y_hat)).square().sum()


# %% q4 wrong: squared errors summed over the channels
def rd_loss(nats, y, y_hat, lam):
    pixels = y.shape[0] * y.shape[2] * y.shape[3]
    error = (255 * (y - y_hat)).square().sum(dim=1).mean()
    return nats.sum() / math.log(2) / pixels + lam * error


# %% q4 wrong: mean bits of a latent
def rd_loss(nats, y, y_hat, lam):
    return nats.mean() / math.log(2) + lam * (255 * (y - y_hat)).square().mean()


# %% q4 wrong: the bits of the batch over the pixels of one picture
def rd_loss(nats, y, y_hat, lam):
    pixels = y.shape[2] * y.shape[3]
    return nats.sum() / math.log(2) / pixels + lam * (255 * (y - y_hat)).square().mean()


# %% q4 wrong: pixels counted as 256 times the latents
def rd_loss(nats, y, y_hat, lam):
    pixels = 256 * nats[:, 0].numel()
    return nats.sum() / math.log(2) / pixels + lam * (255 * (y - y_hat)).square().mean()


# %% q4 wrong: colours counted as pixels
def rd_loss(nats, y, y_hat, lam):
    return nats.sum() / math.log(2) / y.numel() + lam * (255 * (y - y_hat)).square().mean()


# %% q4 wrong: sum over the batch
def rd_loss(nats, y, y_hat, lam):
    rates = nats.sum(dim=(1, 2, 3)) / math.log(2) / y[0, 0].numel()
    return (rates + lam * (255 * (y - y_hat)).square().mean(dim=(1, 2, 3))).sum()


# %% q4 wrong: rounded to 8 bits first, so that the gradient is lost
def rd_loss(nats, y, y_hat, lam):
    rate = nats.sum() / math.log(2) / y[:, 0].numel()
    errors = torch.round(255 * y_hat) - torch.round(255 * y)
    return rate + lam * errors.square().mean()


# %% q4 right: picture by picture
def rd_loss(nats, y, y_hat, lam):
    losses = [
        n.sum() * math.log2(math.e) / p[0].numel() + lam * 65025 * torch.mean((p - q) ** 2)
        for n, p, q in zip(nats, y, y_hat)
    ]
    return sum(losses) / len(losses)


# %% q4 right: mse_loss, means of means
def rd_loss(nats, y, y_hat, lam):
    _, _, H, W = y.shape
    bpp = nats.flatten(1).sum(1) / (H * W * np.log(2))
    return bpp.mean() + lam * torch.nn.functional.mse_loss(255 * y_hat, 255 * y)


# %% q4_b wrong: nats and bits ignored
def from_paper(mu, channels):
    return mu * channels / 255**2, 255 / math.sqrt(2 * mu)


# %% q4_b wrong: ln 2 on the wrong side
def from_paper(mu, channels):
    return mu * channels * math.log(2) / 255**2, 255 / math.sqrt(2 * mu)


# %% q4_b wrong: the scale ignored
def from_paper(mu, channels):
    return mu * channels / math.log(2), 255 / math.sqrt(2 * mu)


# %% q4_b wrong: the channels forgotten
def from_paper(mu, channels):
    return mu / (255**2 * math.log(2)), 255 / math.sqrt(2 * mu)


# %% q4_b wrong: divided by the channels
def from_paper(mu, channels):
    return mu / channels / (255**2 * math.log(2)), 255 / math.sqrt(2 * mu)


# %% q4_b wrong: always three channels
def from_paper(mu, channels):
    return 3 * mu / (255**2 * math.log(2)), 255 / math.sqrt(2 * mu)


# %% q4_b wrong: sigma on 0..1
def from_paper(mu, channels):
    return mu * channels / (255**2 * math.log(2)), 1 / math.sqrt(2 * mu)


# %% q4_b wrong: the 2 of 2 sigma^2 forgotten
def from_paper(mu, channels):
    return mu * channels / (255**2 * math.log(2)), 255 / math.sqrt(mu)


# %% q4_b wrong: the variance
def from_paper(mu, channels):
    return mu * channels / (255**2 * math.log(2)), 255**2 / (2 * mu)


# %% q4_b wrong: a sigma that depends on the channels
def from_paper(mu, channels):
    lam = mu * channels / (255**2 * math.log(2))
    return lam, math.sqrt(1 / (2 * lam * math.log(2)))


# %% q4_b right: sigma first
def from_paper(mu, channels):
    sigma = 255 * (2 * mu) ** -0.5
    return channels / (2 * sigma**2 * math.log(2)), sigma


# %% q5 wrong: nats
def laplace_quantiser(step, b):
    n = np.arange(-int(50 * b / step) - 1, int(50 * b / step) + 2)
    P = 0.5 * np.exp(-np.abs(n) * step / b) * 2 * math.sinh(step / b / 2)
    P[n == 0] = 1 - math.exp(-step / b / 2)
    P = P[P > 0]
    width = step / b
    variance = 1 - width**2 * math.exp(-width) / (1 - math.exp(-width)) ** 2
    in_zero = 2 - math.exp(-width / 2) * (width**2 / 4 + width + 2)
    return -(P * np.log(P)).sum(), b**2 * (in_zero + math.exp(-width / 2) * variance)


# %% q5 wrong: the sign costs nothing
def laplace_quantiser(step, b):
    width = step / b
    P = np.exp(-width * np.arange(int(50 / width) + 2)) * (
        math.exp(width / 2) - math.exp(-width / 2)
    )
    P[0] = 1 - math.exp(-width / 2)
    P = P[P > 0]
    variance = 1 - width**2 * math.exp(-width) / (1 - math.exp(-width)) ** 2
    in_zero = 2 - math.exp(-width / 2) * (width**2 / 4 + width + 2)
    return -(P * np.log2(P)).sum(), b**2 * (in_zero + math.exp(-width / 2) * variance)


# %% q5 wrong: multiples of the step instead of centroids
def laplace_quantiser(step, b):
    R = D = 0.0
    for n in range(-int(50 * b / step) - 1, int(50 * b / step) + 2):
        low, high = (abs(n) - 0.5) * step / b, (abs(n) + 0.5) * step / b
        if n == 0:
            P = 1 - math.exp(-high)
            D += 2 - (high**2 + 2 * high + 2) * math.exp(-high)
        else:
            P = (math.exp(-low) - math.exp(-high)) / 2
            c = abs(n) * step / b
            first = ((low + 1) * math.exp(-low) - (high + 1) * math.exp(-high)) / 2
            second = (low**2 + 2 * low + 2) * math.exp(-low)
            second = (second - (high**2 + 2 * high + 2) * math.exp(-high)) / 2
            D += second - 2 * c * first + c * c * P
        if P > 0:
            R -= P * math.log2(P)
    return R, b**2 * D


# %% q5 wrong: the high-rate formulas
def laplace_quantiser(step, b):
    return math.log2(2 * math.e * b / step), step**2 / 12


# %% q5 wrong: samples
def laplace_quantiser(step, b):
    y = np.random.default_rng(0).laplace(0, b, size=20_000)
    n = np.floor(y / step + 0.5)
    _, index, counts = np.unique(n, return_inverse=True, return_counts=True)
    P = counts / len(y)
    c = np.bincount(index, weights=y) / counts
    return -(P * np.log2(P)).sum(), ((y - c[index]) ** 2).mean()


# %% q5 wrong: b taken as the standard deviation
def laplace_quantiser(step, b):
    width = step / (b / math.sqrt(2))
    t, r = math.exp(-width / 2), math.exp(-width)
    rate = -t * math.log2(t) - (1 - t) * math.log2(1 - t)
    rate += t * (1 + (-r * math.log2(r) - (1 - r) * math.log2(1 - r)) / (1 - r))
    D = 2 - t * (width**2 / 4 + width + 2) + t * (1 - width**2 * r / (1 - r) ** 2)
    return rate, b**2 / 2 * D


# %% q5 wrong: intervals from n s to (n + 1) s
def laplace_quantiser(step, b):
    r = math.exp(-step / b)
    rate = 1 + (-r * math.log2(r) - (1 - r) * math.log2(1 - r)) / (1 - r)
    return rate, b**2 * (1 - (step / b) ** 2 * r / (1 - r) ** 2)


# %% q5 wrong: the sum stops at ten steps
def laplace_quantiser(step, b):
    R = D = 0.0
    for n in range(-10, 11):
        y = (n - 0.5 + (np.arange(2000) + 0.5) / 2000) * step
        p = np.exp(-np.abs(y) / b) / (2 * b) * step / 2000
        P = p.sum()
        c = (p * y).sum() / P
        R, D = R - P * math.log2(P), D + (p * (y - c) ** 2).sum()
    return R, D


# %% q5 wrong: the zero interval's error left out
def laplace_quantiser(step, b):
    width = step / b
    t, r = math.exp(-width / 2), math.exp(-width)
    rate = -t * math.log2(t) - (1 - t) * math.log2(1 - t)
    rate += t * (1 + (-r * math.log2(r) - (1 - r) * math.log2(1 - r)) / (1 - r))
    return rate, b**2 * t * (1 - width**2 * r / (1 - r) ** 2)


# %% q5 wrong: errors of the intervals added without their probabilities
def laplace_quantiser(step, b):
    width = step / b
    t, r = math.exp(-width / 2), math.exp(-width)
    rate = -t * math.log2(t) - (1 - t) * math.log2(1 - t)
    rate += t * (1 + (-r * math.log2(r) - (1 - r) * math.log2(1 - r)) / (1 - r))
    zero = (2 - t * (width**2 / 4 + width + 2)) / (1 - t)
    return rate, b**2 * (zero + 1 - width**2 * r / (1 - r) ** 2)


# %% q5 wrong: b forgotten in the distortion
def laplace_quantiser(step, b):
    width = step / b
    t, r = math.exp(-width / 2), math.exp(-width)
    rate = -t * math.log2(t) - (1 - t) * math.log2(1 - t)
    rate += t * (1 + (-r * math.log2(r) - (1 - r) * math.log2(1 - r)) / (1 - r))
    return rate, 2 - t * (width**2 / 4 + width + 2) + t * (1 - width**2 * r / (1 - r) ** 2)


# %% q5 wrong: a sum with 0 log 0 in it
def laplace_quantiser(step, b):
    u = (np.arange(int(50 * b / step) + 50) + 0.5) * step / b
    mass, q = -np.diff(np.exp(-u)) / 2, np.exp(-u)
    zero = 1 - q[0]
    with np.errstate(all="ignore"):
        rate = -2 * (mass * np.log2(mass)).sum() - zero * np.log2(zero)
    r = math.exp(-step / b)
    error = 2 - q[0] * (u[0] ** 2 + 2 * u[0] + 2) + q[0] * (1 - 4 * u[0] ** 2 * r / (1 - r) ** 2)
    return rate, error * b * b


# %% q5 right: sums over intervals by the given integrals
def laplace_quantiser(step, b):
    u = (np.arange(math.ceil(40 * b / step) + 1) + 0.5) * step / b  # edges right of zero
    mass = (np.exp(-u[:-1]) - np.exp(-u[1:])) / 2
    first = ((u[:-1] + 1) * np.exp(-u[:-1]) - (u[1:] + 1) * np.exp(-u[1:])) / 2
    second = -np.diff((u**2 + 2 * u + 2) * np.exp(-u)) / 2
    zero = -np.expm1(-u[0])
    rate = -2 * (mass * np.log2(mass)).sum() - zero * np.log2(zero)
    error = 2 * (second - first**2 / mass).sum() + 2 - (u[0] ** 2 + 2 * u[0] + 2) * np.exp(-u[0])
    return rate, error * b * b


# %% q5 right: numbers only, by fine sums inside the intervals
def laplace_quantiser(step, b):
    n = np.arange(1, math.ceil(30 * b / step) + 1)[:, None]
    inside = (np.arange(200) + 0.5) / 200
    R = D = 0.0
    for y, times in (((n - 0.5 + inside) * step, 2), ((inside[None] / 2) * step, 1)):
        width = step / 200 if times == 2 else step / 400 * 2
        p = np.exp(-y / b) / (2 * b) * width
        P = p.sum(axis=1, keepdims=True)
        c = (p * y).sum(axis=1, keepdims=True) / P if times == 2 else 0.0
        R -= times * (P * np.log2(P)).sum()
        D += times * (p * (y - c) ** 2).sum()
    return torch.tensor(R), torch.tensor(D)


# %% q5 right: closed forms, with math only
def laplace_quantiser(step, b):
    """(R, D) of rounding a Laplace source to multiples of a step, with centroids.

    step, b: positive numbers. Returns two numbers: bits per sample and mean squared error.
    """

    def h2(p):
        return -p * math.log2(p) - (1 - p) * math.log2(1 - p)

    a = step / b
    h, r = a / 2, math.exp(-a)
    outside = math.exp(-h)
    rate = h2(outside) + outside * (1 + h2(r) / (1 - r))
    zero = 2 - (h * h + 2 * h + 2) * math.exp(-h)
    other = 1 - a * a * r / (1 - r) ** 2
    return rate, b * b * (zero + outside * other)


# %% q6 wrong: the rule for small steps
def best_step(lam, b):
    return math.sqrt(6 / (lam * math.log(2)))


# %% q6 wrong: lambda on the rate
def best_step(lam, b):
    steps = b * np.geomspace(0.01, 30, 3000)
    losses = [lam * R + D for R, D in (laplace_quantiser(s, b) for s in steps)]
    return steps[np.argmin(losses)]


# %% q6 wrong: a grid that knows nothing of b
def best_step(lam, b):
    steps = np.geomspace(0.1, 10, 2000)
    return min(steps, key=lambda s: np.dot(laplace_quantiser(s, b), (1, lam)))


# %% q6 wrong: a coarse grid
def best_step(lam, b):
    steps = b * np.arange(0.1, 20, 0.1)
    return min(steps, key=lambda s: np.dot(laplace_quantiser(s, b), (1, lam)))


# %% q6 wrong: dD/dR set to lambda
def best_step(lam, b):
    low, high = 0.01 * b, 30 * b
    for _ in range(40):
        s = math.sqrt(low * high)
        (r1, d1), (r2, d2) = laplace_quantiser(s * 0.999, b), laplace_quantiser(s * 1.001, b)
        low, high = (s, high) if (d2 - d1) / (r1 - r2) < lam else (low, s)
    return s


# %% q6 wrong: bits turned into nats
def best_step(lam, b):
    steps = b * np.geomspace(0.01, 30, 3000)
    losses = [R * math.log(2) + lam * D for R, D in (laplace_quantiser(s, b) for s in steps)]
    return steps[np.argmin(losses)]


# %% q6 wrong: squared error turned into a root
def best_step(lam, b):
    steps = b * np.geomspace(0.01, 30, 3000)
    losses = [R + lam * math.sqrt(D) for R, D in (laplace_quantiser(s, b) for s in steps)]
    return steps[np.argmin(losses)]


# %% q6 wrong: a search that stops at 3 b
def best_step(lam, b):
    steps = b * np.geomspace(0.01, 3, 2000)
    losses = [R + lam * D for R, D in (laplace_quantiser(s, b) for s in steps)]
    return steps[np.argmin(losses)]


# %% q6 right: a fine grid
def best_step(lam, b):
    steps = b * np.geomspace(0.01, 30, 4000)
    losses = [R + lam * D for R, D in (laplace_quantiser(s, b) for s in steps)]
    return steps[np.argmin(losses)]


# %% q6 right: SciPy
def best_step(lam, b):
    from scipy.optimize import minimize_scalar

    def loss(logarithm):
        return np.dot(laplace_quantiser(math.exp(logarithm), b), (1, lam))

    bounds = (math.log(0.005 * b), math.log(30 * b))
    return math.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x)


# %% q6 right: bisection on the slope
def best_step(lam, b):
    low, high = 0.01 * b, 30 * b
    for _ in range(30):
        s = math.sqrt(low * high)
        (r1, d1), (r2, d2) = laplace_quantiser(s * 0.999, b), laplace_quantiser(s * 1.001, b)
        low, high = (s, high) if (r1 - r2) > lam * (d2 - d1) else (low, s)
    return s


# %% q6 right: golden section of the logarithm
def best_step(lam, b):
    """The step that minimises R + lam * D for a Laplace source of scale b. Returns a number."""

    def loss(log_step):
        rate, error = laplace_quantiser(math.exp(log_step), b)
        return rate + lam * error

    low, high = math.log(0.02 * b), math.log(20 * b)
    golden = (math.sqrt(5) - 1) / 2
    for _ in range(60):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if loss(left) < loss(right):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)


# %% q7 wrong: the best single file within the budget
def time_shared(R, D, budget):
    return D[R <= budget].min() if (R <= budget).any() else math.inf


# %% q7 wrong: lines between neighbours by rate, not the hull
def time_shared(R, D, budget):
    order = np.argsort(R)
    return np.interp(budget, R[order], D[order]) if budget >= R.min() else math.inf


# %% q7 wrong: the staircase of points that are not beaten, joined by lines
def time_shared(R, D, budget):
    order = np.argsort(R)
    best = np.minimum.accumulate(D[order])
    return np.interp(budget, R[order], best) if budget >= R.min() else math.inf


# %% q7 wrong: only the neighbours on both sides of the budget
def time_shared(R, D, budget):
    if budget < R.min():
        return math.inf
    i = np.argmin(np.where(R <= budget, budget - R, np.inf))
    if (budget >= R).all():
        return D.min()
    j = np.argmin(np.where(R > budget, R, np.inf))
    share = (budget - R[i]) / (R[j] - R[i])
    return min((1 - share) * D[i] + share * D[j], D[R <= budget].min())


# %% q7 wrong: the upper hull
def time_shared(R, D, budget):
    below, above = R <= budget, R > budget
    if not below.any():
        return math.inf
    share = (budget - R[below, None]) / (R[above] - R[below, None])
    return max([D[below].max(), *((1 - share) * D[below, None] + share * D[above]).flat])


# %% q7 wrong: the whole budget is always spent
def time_shared(R, D, budget):
    below, above = R <= budget, R >= budget
    if not below.any():
        return math.inf
    if not above.any():
        return D[R.argmax()]
    gap = np.maximum(R[above] - R[below, None], 1e-12)
    share = np.clip((budget - R[below, None]) / gap, 0, 1)
    return ((1 - share) * D[below, None] + share * D[above]).min()


# %% q7 wrong: the shares exchanged
def time_shared(R, D, budget):
    below, above = R <= budget, R > budget
    if not below.any():
        return math.inf
    share = (budget - R[below, None]) / (R[above] - R[below, None])
    return min([D[below].min(), *(share * D[below, None] + (1 - share) * D[above]).flat])


# %% q7 wrong: below the cheapest file the cheapest file is taken
def time_shared(R, D, budget):
    budget = max(budget, R.min())
    below, above = R <= budget, R > budget
    share = (budget - R[below, None]) / (R[above] - R[below, None])
    return min([D[below].min(), *((1 - share) * D[below, None] + share * D[above]).flat])


# %% q7 wrong: half and half only
def time_shared(R, D, budget):
    R2, D2 = (R[:, None] + R) / 2, (D[:, None] + D) / 2
    return D2[R2 <= budget].min() if (R2 <= budget).any() else math.inf


# %% q7 wrong: one lambda by bisection, a corner of the hull instead of a point between two
def time_shared(R, D, budget):
    if budget < R.min():
        return math.inf
    for mu in np.geomspace(1e-4, 1e4, 2000):
        i = np.argmin(D + mu * R)
        if R[i] <= budget:
            return D[i]


# %% q7 right: the hull by a monotone chain
def time_shared(R, D, budget):
    if budget < R.min():
        return math.inf
    hull = []
    for r, d in sorted(zip(R.tolist(), D.tolist())):
        if hull and d >= hull[-1][1]:
            continue
        while len(hull) > 1 and (hull[-1][1] - hull[-2][1]) * (r - hull[-2][0]) >= (
            d - hull[-2][1]
        ) * (hull[-1][0] - hull[-2][0]):
            hull.pop()
        hull.append((r, d))
    return np.interp(budget, *np.transpose(hull))


# %% q7 right: a linear programme
def time_shared(R, D, budget):
    from scipy.optimize import linprog

    solved = linprog(D, A_ub=R[None], b_ub=[budget], A_eq=np.ones((1, len(R))), b_eq=[1.0])
    return solved.fun if solved.success else math.inf


# %% q7 right: loops over pairs
def time_shared(R, D, budget):
    best = math.inf
    for r, d in zip(R, D):
        if r <= budget:
            best = min(best, d)
            for r2, d2 in zip(R, D):
                if r2 > budget:
                    best = min(best, d + (d2 - d) * (budget - r) / (r2 - r))
    return best


# %% q7_b wrong: the squared error drawn
def draw_files(ax, R, D, budgets, shared):
    ax.plot(R, D, "x", label="files")
    ax.plot(budgets, shared, "-", label="shared")
    ax.set(xlabel="rate", ylabel="MSE")
    ax.legend()
    return ax


# %% q7_b wrong: 20 log10
def draw_files(ax, R, D, budgets, shared):
    ax.plot(R, 20 * np.log10(255**2 / D), "x", label="files")
    ax.plot(budgets, 20 * np.log10(255**2 / shared), "-", label="shared")
    ax.set(xlabel="rate", ylabel="PSNR")
    ax.legend()
    return ax


# %% q7_b wrong: a peak of one
def draw_files(ax, R, D, budgets, shared):
    ax.plot(R, -10 * np.log10(D), "x", label="files")
    ax.plot(budgets, -10 * np.log10(shared), "-", label="shared")
    ax.set(xlabel="rate", ylabel="PSNR")
    ax.legend()
    return ax


# %% q7_b wrong: the natural logarithm
def draw_files(ax, R, D, budgets, shared):
    ax.plot(R, 10 * np.log(255**2 / D), "x", label="files")
    ax.plot(budgets, 10 * np.log(255**2 / shared), "-", label="shared")
    ax.set(xlabel="rate", ylabel="PSNR")
    ax.legend()
    return ax


# %% q7_b wrong: the files joined by a line
def draw_files(ax, R, D, budgets, shared):
    ax.plot(R, 10 * np.log10(255**2 / D), "x-", label="files")
    ax.plot(budgets, 10 * np.log10(255**2 / shared), "-", label="shared")
    ax.set(xlabel="rate", ylabel="PSNR")
    ax.legend()
    return ax


# %% q7_b wrong: a logarithmic rate axis
def draw_files(ax, R, D, budgets, shared):
    ax.plot(R, 10 * np.log10(255**2 / D), "x", label="files")
    ax.semilogx(budgets, 10 * np.log10(255**2 / shared), "-", label="shared")
    ax.set(xlabel="rate", ylabel="PSNR")
    ax.legend()
    return ax


# %% q7_b wrong: the notebook's files, not the arguments
def draw_files(ax, R, D, budgets, shared):
    ax.plot(R_files, 10 * np.log10(255**2 / D_files), "x", label="files")
    ax.plot(budgets, 10 * np.log10(255**2 / shared), "-", label="shared")
    ax.set(xlabel="rate", ylabel="PSNR")
    ax.legend()
    return ax


# %% q7_b wrong: axes without labels
def draw_files(ax, R, D, budgets, shared):
    ax.plot(R, 10 * np.log10(255**2 / D), "x", label="files")
    ax.plot(budgets, 10 * np.log10(255**2 / shared), "-", label="shared")
    ax.legend()
    return ax


# %% q7_b wrong: no legend
def draw_files(ax, R, D, budgets, shared):
    ax.plot(R, 10 * np.log10(255**2 / D), "x")
    ax.plot(budgets, 10 * np.log10(255**2 / shared), "-")
    ax.set(xlabel="rate", ylabel="PSNR")
    return ax


# %% q7_b wrong: the curve with markers
def draw_files(ax, R, D, budgets, shared):
    ax.plot(R, 10 * np.log10(255**2 / D), "x", label="files")
    ax.plot(budgets, 10 * np.log10(255**2 / shared), "o-", label="shared")
    ax.set(xlabel="rate", ylabel="PSNR")
    ax.legend()
    return ax


# %% q7_b wrong: the curve first
def draw_files(ax, R, D, budgets, shared):
    ax.plot(budgets, 10 * np.log10(255**2 / shared), "-", label="shared")
    ax.plot(R, 10 * np.log10(255**2 / D), "x", label="files")
    ax.set(xlabel="rate", ylabel="PSNR")
    ax.legend()
    return ax


# %% q7_b wrong: rate and PSNR exchanged
def draw_files(ax, R, D, budgets, shared):
    ax.plot(10 * np.log10(255**2 / D), R, "x", label="files")
    ax.plot(10 * np.log10(255**2 / shared), budgets, "-", label="shared")
    ax.set(xlabel="PSNR", ylabel="rate")
    ax.legend()
    return ax


# %% q7_b right: keywords, a grid, a limit of the axes
def draw_files(ax, R, D, budgets, shared):
    ax.plot(R, 20 * np.log10(255 / np.sqrt(D)), marker="o", linestyle="none", label="files")
    ax.plot(budgets, 48.1308 - 10 * np.log10(shared), color="black", label="hull")
    ax.set_xlabel("bits per pixel")
    ax.set_ylabel("PSNR in dB")
    ax.grid(True)
    ax.legend()
    return ax


# %% q7_b wrong: a legend that names the files only
def draw_files(ax, R, D, budgets, shared):
    ax.plot(R, 10 * np.log10(255**2 / D), "x", label="files")
    ax.plot(budgets, 10 * np.log10(255**2 / shared), "-")
    ax.axhline(30, label="good")
    ax.set(xlabel="rate", ylabel="PSNR")
    ax.legend()
    return ax


# %% q7_b right: names given to the legend
def draw_files(ax, R, D, budgets, shared):
    ax.plot(R, 10 * np.log10(255**2 / D), "x")
    ax.plot(budgets, 10 * np.log10(255**2 / shared), "-")
    ax.set(xlabel="rate", ylabel="PSNR")
    ax.legend(["files", "shared"])
    return ax


# %% q8 wrong: in proportion to the variance
def allocate(variances, counts, bits):
    rates = bits * variances / (counts * variances).sum()
    return rates, 1 / (2 * math.log(2))


# %% q8 wrong: the same for every sample
def allocate(variances, counts, bits):
    return torch.ones_like(variances) * bits / counts.sum(), 1 / (2 * math.log(2))


# %% q8 wrong: rates may be negative
def allocate(variances, counts, bits):
    logs = torch.log2(variances.double())
    level = torch.exp2(((counts * logs).sum() - 2 * bits) / counts.sum())
    return 0.5 * (logs - torch.log2(level)), 1 / (2 * math.log(2) * level.item())


# %% q8 wrong: negative rates set to zero, the bits not shared out again
def allocate(variances, counts, bits):
    logs = torch.log2(variances.double())
    level = torch.exp2(((counts * logs).sum() - 2 * bits) / counts.sum())
    rates = (0.5 * (logs - torch.log2(level))).clamp(min=0)
    return rates, 1 / (2 * math.log(2) * level.item())


# %% q8 wrong: the samples of a channel not counted
def allocate(variances, counts, bits):
    low, high = -200.0, 200.0
    for _ in range(100):
        level = (low + high) / 2
        rates = 0.5 * torch.log2((variances.double() / 2**level).clamp(min=1))
        low, high = (level, high) if rates.sum() > bits else (low, level)
    return rates, 1 / (2 * math.log(2) * 2**level)


# %% q8 wrong: total bits of a channel instead of bits per sample
def allocate(variances, counts, bits):
    low, high = -200.0, 200.0
    for _ in range(100):
        level = (low + high) / 2
        rates = counts * 0.5 * torch.log2((variances.double() / 2**level).clamp(min=1))
        low, high = (level, high) if rates.sum() > bits else (low, level)
    return rates, 1 / (2 * math.log(2) * 2**level)


# %% q8 wrong: natural logarithms
def allocate(variances, counts, bits):
    low, high = -150.0, 150.0
    for _ in range(100):
        level = (low + high) / 2
        nats = 0.5 * torch.log((variances.double() / math.exp(level)).clamp(min=1))
        low, high = (level, high) if (counts * nats).sum() > bits else (low, level)
    return nats / math.log(2), 1 / (2 * math.log(2) * math.exp(level))


# %% q8 wrong: the level over the square root of the variance
def allocate(variances, counts, bits):
    low, high = -200.0, 200.0
    for _ in range(100):
        level = (low + high) / 2
        rates = 0.5 * torch.log2((variances.double().sqrt() / 2**level).clamp(min=1))
        low, high = (level, high) if (counts * rates).sum() > bits else (low, level)
    return rates, 1 / (2 * math.log(2) * 2**level)


# %% q8 wrong: whole bits only
def allocate(variances, counts, bits):
    rates, left = torch.zeros_like(variances), bits
    while True:
        gain = variances * torch.exp2(-2 * rates) * (counts <= left)
        if not gain.any():
            return rates, 1 / (2 * math.log(2))
        rates[gain.argmax()] += 1
        left -= counts[gain.argmax()].item()


# %% q8 wrong: lambda in nats
def allocate(variances, counts, bits):
    low, high = -200.0, 200.0
    for _ in range(100):
        level = (low + high) / 2
        rates = 0.5 * torch.log2((variances.double() / 2**level).clamp(min=1))
        low, high = (level, high) if (counts * rates).sum() > bits else (low, level)
    return rates, 1 / (2 * 2**level)


# %% q8 wrong: lambda is the inverse slope
def allocate(variances, counts, bits):
    low, high = -200.0, 200.0
    for _ in range(100):
        level = (low + high) / 2
        rates = 0.5 * torch.log2((variances.double() / 2**level).clamp(min=1))
        low, high = (level, high) if (counts * rates).sum() > bits else (low, level)
    return rates, 2 * math.log(2) * 2**level


# %% q8 wrong: lambda without the half
def allocate(variances, counts, bits):
    low, high = -200.0, 200.0
    for _ in range(100):
        level = (low + high) / 2
        rates = 0.5 * torch.log2((variances.double() / 2**level).clamp(min=1))
        low, high = (level, high) if (counts * rates).sum() > bits else (low, level)
    return rates, 1 / (math.log(2) * 2**level)


# %% q8 wrong: a lambda that is right in the example only
def allocate(variances, counts, bits):
    low, high = -200.0, 200.0
    for _ in range(100):
        level = (low + high) / 2
        rates = 0.5 * torch.log2((variances.double() / 2**level).clamp(min=1))
        low, high = (level, high) if (counts * rates).sum() > bits else (low, level)
    return rates, 1 / (2 * math.log(2))


# %% q8 right: bisection
def allocate(variances, counts, bits):
    low, high = -200.0, 200.0
    for _ in range(100):
        level = (low + high) / 2
        rates = 0.5 * torch.log2((variances.double() / 2**level).clamp(min=1))
        low, high = (level, high) if (counts * rates).sum() > bits else (low, level)
    return rates, 1 / (2 * math.log(2) * 2**level)


# %% q8 right: drop the channels that would be negative, one after the other, NumPy
def allocate(variances, counts, bits):
    v, n = np.asarray(variances, dtype=float), np.asarray(counts, dtype=float)
    served = v > 0
    while True:
        level = ((n[served] * np.log2(v[served])).sum() - 2 * bits) / n[served].sum()
        dropped = served & (np.log2(np.where(served, v, 1)) < level)
        if not dropped.any():
            break
        served &= ~dropped
    rates = np.where(served, 0.5 * (np.log2(np.where(served, v, 1)) - level), 0)
    return torch.from_numpy(rates), 2.0**-level / (2 * np.log(2))


# %% q8 right: the lambda first, float32
def allocate(variances, counts, bits):
    logs = torch.log2(variances.float().clamp(min=1e-30))
    low, high = -60.0, 60.0  # log2 of lambda
    for _ in range(60):
        log_lam = (low + high) / 2
        rates = (0.5 * (logs + log_lam + 1 + math.log2(math.log(2)))).clamp(min=0)
        low, high = (log_lam, high) if (counts * rates).sum() < bits else (low, log_lam)
    return rates, 2**log_lam


# %% q8 right: more channels, one after the other, until the level is above the next
def allocate(variances, counts, bits):
    """(R, lam): bits per sample of each channel, and the common -dR/dD of those that get some.

    variances: float tensor (C,), not negative, one at least positive; counts: float tensor (C,),
    samples of each channel; bits: positive number. Returns a float tensor (C,) and a number.
    """
    log_v = torch.log2(variances.double())
    n = counts.double()
    order = log_v.argsort(descending=True)
    for k in range(1, len(order) + 1):
        used = order[:k]
        log_theta = ((n[used] * log_v[used]).sum() - 2 * bits) / n[used].sum()
        if k == len(order) or log_theta >= log_v[order[k]]:
            break
    R = ((log_v - log_theta) / 2).clamp(min=0)
    return R, 1 / (2 * math.log(2) * 2 ** log_theta.item())
