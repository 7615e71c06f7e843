# Answers to problem set 5 that students give: data for tests/test_assignments.py, never imported.

# %% q1 wrong: 0..255 where 0..1 is asked
def random_patches(photos, side, count, generator):
    patches = []
    for _ in range(count):
        photo = photos[int(torch.randint(len(photos), (), generator=generator))]
        top = int(torch.randint(photo.shape[1] - side + 1, (), generator=generator))
        left = int(torch.randint(photo.shape[2] - side + 1, (), generator=generator))
        patches.append(photo[:, top : top + side, left : left + side])
    return torch.stack(patches).float()


# %% q1 wrong: the last place is never drawn
def random_patches(photos, side, count, generator):
    patches = []
    for _ in range(count):
        photo = photos[int(torch.randint(len(photos), (), generator=generator))]
        top = int(torch.randint(max(photo.shape[1] - side, 1), (), generator=generator))
        left = int(torch.randint(max(photo.shape[2] - side, 1), (), generator=generator))
        patches.append(photo[:, top : top + side, left : left + side])
    return torch.stack(patches).float() / 255


# %% q1 wrong: patches run off the edge and are clipped
def random_patches(photos, side, count, generator):
    patches = []
    for _ in range(count):
        photo = photos[int(torch.randint(len(photos), (), generator=generator))]
        top = int(torch.randint(photo.shape[1], (), generator=generator))
        left = int(torch.randint(photo.shape[2], (), generator=generator))
        patches.append(photo[:, top : top + side, left : left + side])
    return torch.stack(patches).float() / 255


# %% q1 wrong: off the edge, then pushed back: the border is drawn too often
def random_patches(photos, side, count, generator):
    patches = []
    for _ in range(count):
        photo = photos[int(torch.randint(len(photos), (), generator=generator))]
        top = int(torch.randint(photo.shape[1], (), generator=generator))
        left = int(torch.randint(photo.shape[2], (), generator=generator))
        top, left = min(top, photo.shape[1] - side), min(left, photo.shape[2] - side)
        patches.append(photo[:, top : top + side, left : left + side])
    return torch.stack(patches).float() / 255


# %% q1 wrong: height and width mixed up
def random_patches(photos, side, count, generator):
    patches = []
    for _ in range(count):
        photo = photos[int(torch.randint(len(photos), (), generator=generator))]
        top = int(torch.randint(photo.shape[2] - side + 1, (), generator=generator))
        left = int(torch.randint(photo.shape[1] - side + 1, (), generator=generator))
        patches.append(photo[:, top : top + side, left : left + side])
    return torch.stack(patches).float() / 255


# %% q1 wrong: one photograph for the whole batch
def random_patches(photos, side, count, generator):
    photo = photos[int(torch.randint(len(photos), (), generator=generator))]
    patches = []
    for _ in range(count):
        top = int(torch.randint(photo.shape[1] - side + 1, (), generator=generator))
        left = int(torch.randint(photo.shape[2] - side + 1, (), generator=generator))
        patches.append(photo[:, top : top + side, left : left + side])
    return torch.stack(patches).float() / 255


# %% q1 wrong: photographs in turn, never the last
def random_patches(photos, side, count, generator):
    patches = []
    for k in range(count):
        photo = photos[k % (len(photos) - 1)]
        top = int(torch.randint(photo.shape[1] - side + 1, (), generator=generator))
        left = int(torch.randint(photo.shape[2] - side + 1, (), generator=generator))
        patches.append(photo[:, top : top + side, left : left + side])
    return torch.stack(patches).float() / 255


# %% q1 wrong: the same number for row and column
def random_patches(photos, side, count, generator):
    patches = []
    for _ in range(count):
        photo = photos[int(torch.randint(len(photos), (), generator=generator))]
        u = float(torch.rand((), generator=generator))
        top = int(u * (photo.shape[1] - side + 1))
        left = int(u * (photo.shape[2] - side + 1))
        patches.append(photo[:, top : top + side, left : left + side])
    return torch.stack(patches).float() / 255


# %% q1 wrong: the generator is not used
def random_patches(photos, side, count, generator):
    patches = []
    for _ in range(count):
        photo = photos[int(torch.randint(len(photos), ()))]
        top = int(torch.randint(photo.shape[1] - side + 1, ()))
        left = int(torch.randint(photo.shape[2] - side + 1, ()))
        patches.append(photo[:, top : top + side, left : left + side])
    return torch.stack(patches).float() / 255


# %% q1 wrong: always the same seed
def random_patches(photos, side, count, generator):
    generator = torch.Generator().manual_seed(0)
    patches = []
    for _ in range(count):
        photo = photos[int(torch.randint(len(photos), (), generator=generator))]
        top = int(torch.randint(photo.shape[1] - side + 1, (), generator=generator))
        left = int(torch.randint(photo.shape[2] - side + 1, (), generator=generator))
        patches.append(photo[:, top : top + side, left : left + side])
    return torch.stack(patches).float() / 255


# %% q1 wrong: colours last
def random_patches(photos, side, count, generator):
    patches = []
    for _ in range(count):
        photo = photos[int(torch.randint(len(photos), (), generator=generator))]
        top = int(torch.randint(photo.shape[1] - side + 1, (), generator=generator))
        left = int(torch.randint(photo.shape[2] - side + 1, (), generator=generator))
        patches.append(photo[:, top : top + side, left : left + side].permute(1, 2, 0))
    return torch.stack(patches).float() / 255


# %% q1 right: all numbers drawn at once
def random_patches(photos, side, count, generator):
    u = torch.rand(count, 3, generator=generator, dtype=torch.float64)
    result = torch.empty(count, 3, side, side)
    for k in range(count):
        photo = photos[int(u[k, 0] * len(photos))]
        i = int(u[k, 1] * (photo.shape[1] - side + 1))
        j = int(u[k, 2] * (photo.shape[2] - side + 1))
        result[k] = photo[:, i : i + side, j : j + side] / 255
    return result


# %% q1 right: NumPy's generator, seeded by ours
def random_patches(photos, side, count, generator):
    rng = np.random.default_rng(int(torch.randint(2**40, (), generator=generator)))
    patches = []
    for _ in range(count):
        photo = photos[rng.integers(len(photos))].numpy()
        top = rng.integers(photo.shape[1] - side, endpoint=True)
        left = rng.integers(photo.shape[2] - side, endpoint=True)
        patches.append(photo[:, top : top + side, left : left + side])
    return torch.from_numpy(np.array(patches, np.float32) / np.float32(255))


# %% q2 wrong: the step on the wrong side
def principal_transform(blocks, latent, step):
    variances, directions = torch.linalg.eigh(blocks.T @ blocks / len(blocks))
    directions = directions.flip(1)[:, :latent].T.reshape(latent, 3, 16, 16)
    return directions * step, directions / step, variances.flip(0)[:latent].sqrt() * step


# %% q2 wrong: no step
def principal_transform(blocks, latent, step):
    variances, directions = torch.linalg.eigh(blocks.T @ blocks / len(blocks))
    directions = directions.flip(1)[:, :latent].T.reshape(latent, 3, 16, 16)
    return directions, directions, variances.flip(0)[:latent].sqrt()


# %% q2 wrong: the step is not multiplied back
def principal_transform(blocks, latent, step):
    variances, directions = torch.linalg.eigh(blocks.T @ blocks / len(blocks))
    directions = directions.flip(1)[:, :latent].T.reshape(latent, 3, 16, 16)
    return directions / step, directions, variances.flip(0)[:latent].sqrt() / step


# %% q2 wrong: the smallest components
def principal_transform(blocks, latent, step):
    variances, directions = torch.linalg.eigh(blocks.T @ blocks / len(blocks))
    directions = directions[:, :latent].T.reshape(latent, 3, 16, 16)
    return directions / step, directions * step, variances[:latent].clamp(min=0).sqrt() / step


# %% q2 wrong: rows of the matrix of eigenvectors
def principal_transform(blocks, latent, step):
    variances, directions = torch.linalg.eigh(blocks.T @ blocks / len(blocks))
    directions = directions.flip(0)[:latent].reshape(latent, 3, 16, 16)
    return directions / step, directions * step, variances.flip(0)[:latent].sqrt() / step


# %% q2 wrong: about the mean
def principal_transform(blocks, latent, step):
    centred = blocks - blocks.mean(dim=0)
    variances, directions = torch.linalg.eigh(centred.T @ centred / len(blocks))
    directions = directions.flip(1)[:, :latent].T.reshape(latent, 3, 16, 16)
    return directions / step, directions * step, variances.flip(0)[:latent].sqrt() / step


# %% q2 wrong: deviations not in steps
def principal_transform(blocks, latent, step):
    variances, directions = torch.linalg.eigh(blocks.T @ blocks / len(blocks))
    directions = directions.flip(1)[:, :latent].T.reshape(latent, 3, 16, 16)
    return directions / step, directions * step, variances.flip(0)[:latent].sqrt()


# %% q2 wrong: variances for deviations
def principal_transform(blocks, latent, step):
    variances, directions = torch.linalg.eigh(blocks.T @ blocks / len(blocks))
    directions = directions.flip(1)[:, :latent].T.reshape(latent, 3, 16, 16)
    return directions / step, directions * step, variances.flip(0)[:latent] / step


# %% q2 wrong: smallest first
def principal_transform(blocks, latent, step):
    variances, directions = torch.linalg.eigh(blocks.T @ blocks / len(blocks))
    directions = directions[:, -latent:].T.reshape(latent, 3, 16, 16)
    return directions / step, directions * step, variances[-latent:].sqrt() / step


# %% q2 wrong: the square root of the step
def principal_transform(blocks, latent, step):
    variances, directions = torch.linalg.eigh(blocks.T @ blocks / len(blocks))
    directions = directions.flip(1)[:, :latent].T.reshape(latent, 3, 16, 16)
    return directions / step, directions * step, (variances.flip(0)[:latent] / step).sqrt()


# %% q2 right: singular values
def principal_transform(blocks, latent, step):
    _, sizes, directions = torch.linalg.svd(blocks, full_matrices=False)
    weight = directions[:latent].reshape(-1, 3, 16, 16)
    return weight / step, step * weight, sizes[:latent] / math.sqrt(len(blocks)) / step


# %% q2 right: NumPy, deviations measured
def principal_transform(blocks, latent, step):
    x = blocks.double().numpy()
    values, vectors = np.linalg.eigh(x.T @ x)
    chosen = vectors[:, np.argsort(-values)[:latent]].T
    rms = np.sqrt(np.mean((x @ chosen.T / step) ** 2, axis=0))
    weight = torch.from_numpy(chosen.copy()).float().reshape(latent, 3, 16, 16)
    return weight / step, weight * step, torch.from_numpy(rms).float()


# %% q3 wrong: nats for bits
def rate_and_distortion(model, y, training):
    z = model.analysis(y)
    z = z + torch.rand_like(z) - 0.5 if training else torch.floor(z + 0.5)
    nats = interval_nats(model.prior, z, 1.0).sum()
    distortion = 255**2 * (model.synthesis(z) - y).square().mean()
    return nats / (y.shape[0] * y.shape[2] * y.shape[3]), distortion


# %% q3 wrong: bits per photograph
def rate_and_distortion(model, y, training):
    z = model.analysis(y)
    z = z + torch.rand_like(z) - 0.5 if training else torch.floor(z + 0.5)
    bits = nats_to_bits(interval_nats(model.prior, z, 1.0)).sum(dim=(1, 2, 3)).mean()
    return bits, 255**2 * (model.synthesis(z) - y).square().mean()


# %% q3 wrong: the rate of the batch, not of a photograph
def rate_and_distortion(model, y, training):
    z = model.analysis(y)
    z = z + torch.rand_like(z) - 0.5 if training else torch.floor(z + 0.5)
    bits = nats_to_bits(interval_nats(model.prior, z, 1.0)).sum()
    return bits / (y.shape[2] * y.shape[3]), 255**2 * (model.synthesis(z) - y).square().mean()


# %% q3 wrong: per value instead of per pixel
def rate_and_distortion(model, y, training):
    z = model.analysis(y)
    z = z + torch.rand_like(z) - 0.5 if training else torch.floor(z + 0.5)
    bits = nats_to_bits(interval_nats(model.prior, z, 1.0)).sum()
    return bits / y.numel(), 255**2 * (model.synthesis(z) - y).square().mean()


# %% q3 wrong: mean where sum is asked
def rate_and_distortion(model, y, training):
    z = model.analysis(y)
    z = z + torch.rand_like(z) - 0.5 if training else torch.floor(z + 0.5)
    bits = nats_to_bits(interval_nats(model.prior, z, 1.0)).mean()
    return bits, 255**2 * (model.synthesis(z) - y).square().mean()


# %% q3 wrong: 0..1 where 0..255 is asked
def rate_and_distortion(model, y, training):
    z = model.analysis(y)
    z = z + torch.rand_like(z) - 0.5 if training else torch.floor(z + 0.5)
    bits = nats_to_bits(interval_nats(model.prior, z, 1.0)).sum()
    pixels = y.shape[0] * y.shape[2] * y.shape[3]
    return bits / pixels, (model.synthesis(z) - y).square().mean()


# %% q3 wrong: 255 instead of its square
def rate_and_distortion(model, y, training):
    z = model.analysis(y)
    z = z + torch.rand_like(z) - 0.5 if training else torch.floor(z + 0.5)
    bits = nats_to_bits(interval_nats(model.prior, z, 1.0)).sum()
    pixels = y.shape[0] * y.shape[2] * y.shape[3]
    return bits / pixels, 255 * (model.synthesis(z) - y).square().mean()


# %% q3 wrong: error summed over the channels
def rate_and_distortion(model, y, training):
    z = model.analysis(y)
    z = z + torch.rand_like(z) - 0.5 if training else torch.floor(z + 0.5)
    bits = nats_to_bits(interval_nats(model.prior, z, 1.0)).sum()
    pixels = y.shape[0] * y.shape[2] * y.shape[3]
    return bits / pixels, 255**2 * (model.synthesis(z) - y).square().sum() / pixels


# %% q3 wrong: absolute error
def rate_and_distortion(model, y, training):
    z = model.analysis(y)
    z = z + torch.rand_like(z) - 0.5 if training else torch.floor(z + 0.5)
    bits = nats_to_bits(interval_nats(model.prior, z, 1.0)).sum()
    pixels = y.shape[0] * y.shape[2] * y.shape[3]
    return bits / pixels, 255 * (model.synthesis(z) - y).abs().mean()


# %% q3 wrong: gradient through the rounding lost
def rate_and_distortion(model, y, training):
    z = model.analysis(y)
    z_rounded = torch.floor(z + 0.5)
    z_coded = z + torch.rand_like(z) - 0.5 if training else z_rounded
    bits = nats_to_bits(interval_nats(model.prior, z_coded, 1.0)).sum()
    pixels = y.shape[0] * y.shape[2] * y.shape[3]
    return bits / pixels, 255**2 * (model.synthesis(z_rounded) - y).square().mean()


# %% q3 wrong: rounded in training too, the rate without a gradient
def rate_and_distortion(model, y, training):
    z = model.analysis(y)
    z_rounded = torch.floor(z + 0.5)
    bits = nats_to_bits(interval_nats(model.prior, z_rounded, 1.0)).sum()
    pixels = y.shape[0] * y.shape[2] * y.shape[3]
    y_hat = model.synthesis(z + (z_rounded - z).detach())
    return bits / pixels, 255**2 * (y_hat - y).square().mean()


# %% q3 wrong: noise at test time
def rate_and_distortion(model, y, training):
    z = model.analysis(y)
    z = z + torch.rand_like(z) - 0.5
    bits = nats_to_bits(interval_nats(model.prior, z, 1.0)).sum()
    pixels = y.shape[0] * y.shape[2] * y.shape[3]
    return bits / pixels, 255**2 * (model.synthesis(z) - y).square().mean()


# %% q3 wrong: the synthesis never sees noise or rounding
def rate_and_distortion(model, y, training):
    z = model.analysis(y)
    z_coded = z + torch.rand_like(z) - 0.5 if training else torch.floor(z + 0.5)
    bits = nats_to_bits(interval_nats(model.prior, z_coded, 1.0)).sum()
    pixels = y.shape[0] * y.shape[2] * y.shape[3]
    return bits / pixels, 255**2 * (model.synthesis(z) - y).square().mean()


# %% q3 wrong: noise from 0 to 1
def rate_and_distortion(model, y, training):
    z = model.analysis(y)
    z = z + torch.rand_like(z) if training else torch.floor(z + 0.5)
    bits = nats_to_bits(interval_nats(model.prior, z, 1.0)).sum()
    pixels = y.shape[0] * y.shape[2] * y.shape[3]
    return bits / pixels, 255**2 * (model.synthesis(z) - y).square().mean()


# %% q3 wrong: one number of noise for all latents
def rate_and_distortion(model, y, training):
    z = model.analysis(y)
    rounded = z + (torch.floor(z + 0.5) - z).detach()
    noise = torch.rand(()) - 0.5
    bits = nats_to_bits(interval_nats(model.prior, z + noise if training else rounded, 1.0)).sum()
    pixels = y.shape[0] * y.shape[2] * y.shape[3]
    return bits / pixels, 255**2 * (model.synthesis(rounded) - y).square().mean()


# %% q3 wrong: one number of noise for a photograph
def rate_and_distortion(model, y, training):
    z = model.analysis(y)
    rounded = z + (torch.floor(z + 0.5) - z).detach()
    noise = torch.rand(z.shape[0], 1, 1, 1) - 0.5
    bits = nats_to_bits(interval_nats(model.prior, z + noise if training else rounded, 1.0)).sum()
    pixels = y.shape[0] * y.shape[2] * y.shape[3]
    return bits / pixels, 255**2 * (model.synthesis(rounded) - y).square().mean()


# %% q3 wrong: Gaussian noise
def rate_and_distortion(model, y, training):
    z = model.analysis(y)
    z = z + torch.randn_like(z) if training else torch.floor(z + 0.5)
    bits = nats_to_bits(interval_nats(model.prior, z, 1.0)).sum()
    pixels = y.shape[0] * y.shape[2] * y.shape[3]
    return bits / pixels, 255**2 * (model.synthesis(z) - y).square().mean()


# %% q3 wrong: training and test the other way round
def rate_and_distortion(model, y, training):
    z = model.analysis(y)
    z = torch.floor(z + 0.5) if training else z + torch.rand_like(z) - 0.5
    bits = nats_to_bits(interval_nats(model.prior, z, 1.0)).sum()
    pixels = y.shape[0] * y.shape[2] * y.shape[3]
    return bits / pixels, 255**2 * (model.synthesis(z) - y).square().mean()


# %% q3 right: noise into the synthesis too
def rate_and_distortion(model, y, training):
    z = model.analysis(y)
    z = z + (torch.rand(z.shape) - 0.5) if training else torch.floor(z + 0.5)
    bits = interval_nats(model.prior, z, 1.0).sum(dim=(1, 2, 3)) / math.log(2)  # (B,)
    pixels = y.shape[-2] * y.shape[-1]
    return (bits / pixels).mean(), ((255 * model.synthesis(z) - 255 * y) ** 2).mean()


# %% q3 right: photograph by photograph
def rate_and_distortion(model, y, training):
    rates, distortions = [], []
    for one in y:
        z = model.analysis(one[None])
        rounded = z + (torch.floor(z + 0.5) - z).detach()
        noisy = z + torch.empty_like(z).uniform_(-0.5, 0.5)
        nats = interval_nats(model.prior, noisy if training else torch.floor(z + 0.5), 1.0)
        y_hat = model.synthesis(rounded if training else torch.floor(z + 0.5))
        rates.append(nats_to_bits(nats.sum()) / one[0].numel())
        distortions.append(F.mse_loss(255 * y_hat[0], 255 * one))
    return torch.stack(rates).mean(), torch.stack(distortions).mean()


# %% q4 wrong: lambda on the rate
def training_step(model, optimizer, y, lam):
    rate, distortion = rate_and_distortion(model, y, training=True)
    loss = lam * rate + distortion
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    optimizer.step()
    return loss.item()


# %% q4 wrong: zero_grad forgotten
def training_step(model, optimizer, y, lam):
    rate, distortion = rate_and_distortion(model, y, training=True)
    loss = rate + lam * distortion
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    optimizer.step()
    return loss.item()


# %% q4 wrong: zero_grad after backward
def training_step(model, optimizer, y, lam):
    rate, distortion = rate_and_distortion(model, y, training=True)
    loss = rate + lam * distortion
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


# %% q4 wrong: the step before backward
def training_step(model, optimizer, y, lam):
    rate, distortion = rate_and_distortion(model, y, training=True)
    loss = rate + lam * distortion
    optimizer.zero_grad()
    optimizer.step()
    loss.backward()
    return loss.item()


# %% q4 wrong: no step
def training_step(model, optimizer, y, lam):
    rate, distortion = rate_and_distortion(model, y, training=True)
    loss = rate + lam * distortion
    optimizer.zero_grad()
    loss.backward()
    return loss.item()


# %% q4 wrong: not clipped
def training_step(model, optimizer, y, lam):
    rate, distortion = rate_and_distortion(model, y, training=True)
    loss = rate + lam * distortion
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


# %% q4 wrong: clipped after the step
def training_step(model, optimizer, y, lam):
    rate, distortion = rate_and_distortion(model, y, training=True)
    loss = rate + lam * distortion
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    return loss.item()


# %% q4 wrong: each number clipped, not the norm
def training_step(model, optimizer, y, lam):
    rate, distortion = rate_and_distortion(model, y, training=True)
    loss = rate + lam * distortion
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_value_(model.parameters(), CLIP)
    optimizer.step()
    return loss.item()


# %% q4 wrong: the networks clipped, the density not
def training_step(model, optimizer, y, lam):
    rate, distortion = rate_and_distortion(model, y, training=True)
    loss = rate + lam * distortion
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.analysis.parameters(), CLIP)
    torch.nn.utils.clip_grad_norm_(model.synthesis.parameters(), CLIP)
    optimizer.step()
    return loss.item()


# %% q4 wrong: always scaled to the norm, small gradients too
def training_step(model, optimizer, y, lam):
    rate, distortion = rate_and_distortion(model, y, training=True)
    loss = rate + lam * distortion
    optimizer.zero_grad()
    loss.backward()
    norm = torch.sqrt(sum(p.grad.square().sum() for p in model.parameters()))
    for p in model.parameters():
        p.grad *= CLIP / norm
    optimizer.step()
    return loss.item()


# %% q4 wrong: no noise: as in the file
def training_step(model, optimizer, y, lam):
    rate, distortion = rate_and_distortion(model, y, training=False)
    loss = rate + lam * distortion
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    optimizer.step()
    return loss.item()


# %% q4 wrong: two backward passes, the second over the first's gradients cleared
def training_step(model, optimizer, y, lam):
    rate, distortion = rate_and_distortion(model, y, training=True)
    optimizer.zero_grad()
    rate.backward(retain_graph=True)
    optimizer.zero_grad()
    (lam * distortion).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    optimizer.step()
    return float(rate + lam * distortion)


# %% q4 wrong: a tensor is returned
def training_step(model, optimizer, y, lam):
    rate, distortion = rate_and_distortion(model, y, training=True)
    loss = rate + lam * distortion
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    optimizer.step()
    return loss


# %% q4 right: gradients by torch.autograd.grad, clipped by hand
def training_step(model, optimizer, y, lam):
    rate, distortion = rate_and_distortion(model, y, True)
    loss = rate + lam * distortion
    parameters = list(model.parameters())
    gradients = torch.autograd.grad(loss, parameters)
    norm = math.sqrt(sum(float(g.double().square().sum()) for g in gradients))
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient * min(1.0, CLIP / norm)
    optimizer.step()
    return float(loss)


# %% q4 right: the model's zero_grad, at the end
def training_step(model, optimizer, y, lam):
    model.zero_grad()
    terms = rate_and_distortion(model, y, training=True)
    terms[0].backward(retain_graph=True)
    (terms[1] * lam).backward()
    nn.utils.clip_grad_norm_(list(model.parameters()), max_norm=CLIP)
    optimizer.step()
    optimizer.zero_grad()
    return terms[0].item() + lam * terms[1].item()


# %% q5 wrong: nats, not probabilities
def integer_pmfs(prior, latent, reach):
    n = torch.arange(-reach, reach + 1).float().expand(1, latent, -1)
    with torch.no_grad():
        return interval_nats(prior, n, 1.0)[0]


# %% q5 wrong: two to the minus nats
def integer_pmfs(prior, latent, reach):
    n = torch.arange(-reach, reach + 1).float().expand(1, latent, -1)
    with torch.no_grad():
        return 2 ** -interval_nats(prior, n, 1.0)[0]


# %% q5 wrong: from n to n + 1
def integer_pmfs(prior, latent, reach):
    n = torch.arange(-reach, reach + 1).float().expand(1, latent, -1)
    with torch.no_grad():
        return torch.exp(-interval_nats(prior, n + 0.5, 1.0)[0])


# %% q5 wrong: a bin twice as wide, halved
def integer_pmfs(prior, latent, reach):
    n = torch.arange(-reach, reach + 1).float().expand(1, latent, -1)
    with torch.no_grad():
        return torch.exp(-interval_nats(prior, n, 2.0)[0]) / 2


# %% q5 wrong: the density at n
def integer_pmfs(prior, latent, reach):
    n = torch.arange(-reach, reach + 1).float().expand(1, latent, -1)
    with torch.no_grad():
        return torch.exp(-interval_nats(prior, n, 0.01)[0]) / 0.01


# %% q5 wrong: scaled to sum to one
def integer_pmfs(prior, latent, reach):
    n = torch.arange(-reach, reach + 1).float().expand(1, latent, -1)
    with torch.no_grad():
        return torch.softmax(-interval_nats(prior, n, 1.0)[0], dim=1)


# %% q5 wrong: the last integer left out
def integer_pmfs(prior, latent, reach):
    n = torch.arange(-reach, reach).float().expand(1, latent, -1)
    with torch.no_grad():
        return torch.exp(-interval_nats(prior, n, 1.0)[0])


# %% q5 wrong: the first channel's density for all
def integer_pmfs(prior, latent, reach):
    n = torch.arange(-reach, reach + 1).float().expand(1, latent, -1)
    with torch.no_grad():
        return torch.exp(-interval_nats(prior, n, 1.0)[0])[:1].expand(latent, -1)


# %% q5 wrong: the cdf
def integer_pmfs(prior, latent, reach):
    n = torch.arange(-reach, reach + 1).float().expand(1, latent, -1)
    with torch.no_grad():
        return torch.sigmoid(prior.logit(n))[0]


# %% q5 wrong: a sign lost in taking n and -n to be alike
def integer_pmfs(prior, latent, reach):
    n = torch.arange(-reach, reach + 1).float().abs().expand(1, latent, -1)
    with torch.no_grad():
        return torch.exp(-interval_nats(prior, n, 1.0)[0])


# %% q5 wrong: the gradient stays
def integer_pmfs(prior, latent, reach):
    n = torch.arange(-reach, reach + 1).float().expand(1, latent, -1)
    return torch.exp(-interval_nats(prior, n, 1.0)[0])


# %% q5 right: differences of the cdf, in double
def integer_pmfs(prior, latent, reach):
    edges = torch.linspace(-reach - 0.5, reach + 0.5, 2 * reach + 2).repeat(1, latent, 1)
    cdf = torch.sigmoid(prior.logit(edges)[0].detach().double())
    return cdf.diff(dim=1)


# %% q5 right: integer by integer
def integer_pmfs(prior, latent, reach):
    columns = []
    for n in range(-reach, reach + 1):
        nats = interval_nats(prior, torch.full((1, latent, 1), float(n)), 1.0)
        columns.append((-nats.detach()).exp()[0])
    return torch.cat(columns, dim=1)


# %% q6 wrong: width before height
def compress(model, tables, y):
    with torch.no_grad():
        z = model.analysis(pad_to_multiple(y[None], 16))[0]
    integers = torch.floor(z + 0.5).long().flatten(1).numpy()
    return struct.pack("<HH", y.shape[2], y.shape[1]) + encode(integers, tables)


def decompress(model, tables, data):
    width, height = struct.unpack("<HH", data[:4])
    h, w = math.ceil(height / 16), math.ceil(width / 16)
    z = torch.from_numpy(decode(data[4:], tables, h * w)).float().reshape(1, -1, h, w)
    with torch.no_grad():
        return to_8bit(model.synthesis(z)[0, :, :height, :width]).float() / 255


# %% q6 wrong: the size of the extended photograph, not cut back
def compress(model, tables, y):
    y = pad_to_multiple(y[None], 16)
    with torch.no_grad():
        z = model.analysis(y)[0]
    integers = torch.floor(z + 0.5).long().flatten(1).numpy()
    return struct.pack("<HH", *y.shape[2:]) + encode(integers, tables)


def decompress(model, tables, data):
    height, width = struct.unpack("<HH", data[:4])
    h, w = height // 16, width // 16
    z = torch.from_numpy(decode(data[4:], tables, h * w)).float().reshape(1, -1, h, w)
    with torch.no_grad():
        return to_8bit(model.synthesis(z)[0]).float() / 255


# %% q6 wrong: no extension, what is over is lost
def compress(model, tables, y):
    height, width = y.shape[1] // 16 * 16, y.shape[2] // 16 * 16
    with torch.no_grad():
        z = model.analysis(y[None, :, :height, :width])[0]
    integers = torch.floor(z + 0.5).long().flatten(1).numpy()
    return struct.pack("<HH", height, width) + encode(integers, tables)


def decompress(model, tables, data):
    height, width = struct.unpack("<HH", data[:4])
    h, w = height // 16, width // 16
    z = torch.from_numpy(decode(data[4:], tables, h * w)).float().reshape(1, -1, h, w)
    with torch.no_grad():
        return to_8bit(model.synthesis(z)[0]).float() / 255


# %% q6 wrong: extended by black
def compress(model, tables, y):
    with torch.no_grad():
        z = model.analysis(F.pad(y[None], (0, -y.shape[2] % 16, 0, -y.shape[1] % 16)))[0]
    integers = torch.floor(z + 0.5).long().flatten(1).numpy()
    return struct.pack("<HH", *y.shape[1:]) + encode(integers, tables)


def decompress(model, tables, data):
    height, width = struct.unpack("<HH", data[:4])
    h, w = math.ceil(height / 16), math.ceil(width / 16)
    z = torch.from_numpy(decode(data[4:], tables, h * w)).float().reshape(1, -1, h, w)
    with torch.no_grad():
        return to_8bit(model.synthesis(z)[0, :, :height, :width]).float() / 255


# %% q6 wrong: noise at test time
def compress(model, tables, y):
    with torch.no_grad():
        z = model.analysis(pad_to_multiple(y[None], 16))[0]
    z = z + torch.rand_like(z) - 0.5
    integers = torch.floor(z + 0.5).long().flatten(1).numpy()
    return struct.pack("<HH", *y.shape[1:]) + encode(integers, tables)


def decompress(model, tables, data):
    height, width = struct.unpack("<HH", data[:4])
    h, w = math.ceil(height / 16), math.ceil(width / 16)
    z = torch.from_numpy(decode(data[4:], tables, h * w)).float().reshape(1, -1, h, w)
    with torch.no_grad():
        return to_8bit(model.synthesis(z)[0, :, :height, :width]).float() / 255


# %% q6 wrong: truncated, not rounded
def compress(model, tables, y):
    with torch.no_grad():
        z = model.analysis(pad_to_multiple(y[None], 16))[0]
    return struct.pack("<HH", *y.shape[1:]) + encode(z.long().flatten(1).numpy(), tables)


def decompress(model, tables, data):
    height, width = struct.unpack("<HH", data[:4])
    h, w = math.ceil(height / 16), math.ceil(width / 16)
    z = torch.from_numpy(decode(data[4:], tables, h * w)).float().reshape(1, -1, h, w)
    with torch.no_grad():
        return to_8bit(model.synthesis(z)[0, :, :height, :width]).float() / 255


# %% q6 wrong: noise added by the decoder
def compress(model, tables, y):
    with torch.no_grad():
        z = model.analysis(pad_to_multiple(y[None], 16))[0]
    integers = torch.floor(z + 0.5).long().flatten(1).numpy()
    return struct.pack("<HH", *y.shape[1:]) + encode(integers, tables)


def decompress(model, tables, data):
    height, width = struct.unpack("<HH", data[:4])
    h, w = math.ceil(height / 16), math.ceil(width / 16)
    z = torch.from_numpy(decode(data[4:], tables, h * w)).float().reshape(1, -1, h, w)
    z = z + torch.rand_like(z) - 0.5
    with torch.no_grad():
        return to_8bit(model.synthesis(z)[0, :, :height, :width]).float() / 255


# %% q6 wrong: the picture is not made of 256 values
def compress(model, tables, y):
    with torch.no_grad():
        z = model.analysis(pad_to_multiple(y[None], 16))[0]
    integers = torch.floor(z + 0.5).long().flatten(1).numpy()
    return struct.pack("<HH", *y.shape[1:]) + encode(integers, tables)


def decompress(model, tables, data):
    height, width = struct.unpack("<HH", data[:4])
    h, w = math.ceil(height / 16), math.ceil(width / 16)
    z = torch.from_numpy(decode(data[4:], tables, h * w)).float().reshape(1, -1, h, w)
    with torch.no_grad():
        return model.synthesis(z)[0, :, :height, :width].clamp(0, 1)


# %% q6 wrong: 0..255 returned
def compress(model, tables, y):
    with torch.no_grad():
        z = model.analysis(pad_to_multiple(y[None], 16))[0]
    integers = torch.floor(z + 0.5).long().flatten(1).numpy()
    return struct.pack("<HH", *y.shape[1:]) + encode(integers, tables)


def decompress(model, tables, data):
    height, width = struct.unpack("<HH", data[:4])
    h, w = math.ceil(height / 16), math.ceil(width / 16)
    z = torch.from_numpy(decode(data[4:], tables, h * w)).float().reshape(1, -1, h, w)
    with torch.no_grad():
        return to_8bit(model.synthesis(z)[0, :, :height, :width]).float()


# %% q6 wrong: cast to bytes without clamping and rounding
def compress(model, tables, y):
    with torch.no_grad():
        z = model.analysis(pad_to_multiple(y[None], 16))[0]
    integers = torch.floor(z + 0.5).long().flatten(1).numpy()
    return struct.pack("<HH", *y.shape[1:]) + encode(integers, tables)


def decompress(model, tables, data):
    height, width = struct.unpack("<HH", data[:4])
    h, w = math.ceil(height / 16), math.ceil(width / 16)
    z = torch.from_numpy(decode(data[4:], tables, h * w)).float().reshape(1, -1, h, w)
    with torch.no_grad():
        return (255 * model.synthesis(z)[0, :, :height, :width]).clamp(0, 255).byte().float() / 255


# %% q6 wrong: the decoder remembers the size from the encoder
def compress(model, tables, y):
    global size
    size = y.shape[1:]
    with torch.no_grad():
        z = model.analysis(pad_to_multiple(y[None], 16))[0]
    integers = torch.floor(z + 0.5).long().flatten(1).numpy()
    return struct.pack("<HH", *size) + encode(integers, tables)


def decompress(model, tables, data):
    height, width = size
    h, w = math.ceil(height / 16), math.ceil(width / 16)
    z = torch.from_numpy(decode(data[4:], tables, h * w)).float().reshape(1, -1, h, w)
    with torch.no_grad():
        return to_8bit(model.synthesis(z)[0, :, :height, :width]).float() / 255


# %% q6 wrong: latents as plain integers, without the coder
def compress(model, tables, y):
    with torch.no_grad():
        z = model.analysis(pad_to_multiple(y[None], 16))[0]
    integers = torch.floor(z + 0.5).long().numpy().astype(np.int16)
    return struct.pack("<HH", *y.shape[1:]) + integers.tobytes()


def decompress(model, tables, data):
    height, width = struct.unpack("<HH", data[:4])
    h, w = math.ceil(height / 16), math.ceil(width / 16)
    z = torch.from_numpy(np.frombuffer(data[4:], np.int16).astype(np.float32))
    with torch.no_grad():
        y_hat = model.synthesis(z.reshape(1, -1, h, w))[0, :, :height, :width]
    return to_8bit(y_hat).float() / 255


# %% q6 wrong: columns first
def compress(model, tables, y):
    with torch.no_grad():
        z = model.analysis(pad_to_multiple(y[None], 16))[0].transpose(1, 2)
    integers = torch.floor(z + 0.5).long().flatten(1).numpy()
    return struct.pack("<HH", *y.shape[1:]) + encode(integers, tables)


def decompress(model, tables, data):
    height, width = struct.unpack("<HH", data[:4])
    h, w = math.ceil(height / 16), math.ceil(width / 16)
    z = torch.from_numpy(decode(data[4:], tables, h * w)).float().reshape(1, -1, h, w)
    with torch.no_grad():
        return to_8bit(model.synthesis(z)[0, :, :height, :width]).float() / 255


# %% q6 right: NumPy
def compress(model, tables, y):
    right, below = -y.shape[2] % 16, -y.shape[1] % 16
    padded = np.pad(y.numpy(), ((0, 0), (0, below), (0, right)), mode="edge")
    z = model.analysis(torch.from_numpy(padded)[None]).detach().numpy()[0]
    integers = np.floor(z + 0.5).astype(np.int64).reshape(len(z), -1)
    header = y.shape[1].to_bytes(2, "little") + y.shape[2].to_bytes(2, "little")
    return b"".join((header, encode(list(integers), tables)))


def decompress(model, tables, data):
    height, width = np.frombuffer(data[:4], "<u2").tolist()
    h, w = (height + 15) // 16, (width + 15) // 16
    z = torch.as_tensor(decode(data[4:], tables, h * w), dtype=torch.float32)
    y_hat = model.synthesis(z.view(len(tables), h, w)[None]).detach()[0]
    grey = np.floor(np.clip(y_hat.numpy(), 0, 1) * 255 + 0.5)
    return torch.from_numpy(grey / np.float32(255))[:, :height, :width]


# %% q6 right: inference mode
@torch.inference_mode()
def compress(model, tables, y):
    z = model.analysis(pad_to_multiple(y, 16).unsqueeze(0)).squeeze(0)
    rows = [torch.floor(channel + 0.5).flatten().to(torch.int64).numpy() for channel in z]
    return struct.pack("<2H", y.shape[1], y.shape[2]) + encode(rows, tables)


@torch.inference_mode()
def decompress(model, tables, data):
    height, width = struct.unpack_from("<HH", data)
    h, w = -(-height // 16), -(-width // 16)
    rows = decode(data[4:], tables, h * w)
    z = torch.stack([torch.from_numpy(row).float().reshape(h, w) for row in rows])
    y_hat = model.synthesis(z[None]).squeeze(0)
    return to_8bit(y_hat)[:, :height, :width] / 255


# %% q7 wrong: more channels than were trained
settings = {"hidden": 48, "latent": 64, "lam": 0.003, "steps": 2000}


# %% q7 wrong: more latents than were trained
settings = {"hidden": 32, "latent": 96, "lam": 0.003, "steps": 2000}


# %% q7 wrong: sizes the wrong way round
settings = {"hidden": 64, "latent": 32, "lam": 0.003, "steps": 2000}


# %% q7 wrong: a tuple
settings = 32, 64, 0.003, 2000


# %% q7 wrong: a key misspelt
settings = {"hidden": 32, "latents": 64, "lam": 0.003, "steps": 2000}


# %% q7 right: dict()
settings = dict(hidden=32, latent=64, lam=0.003, steps=2000, batch=8, patch=128, seed=0)


# %% q7 right: trained elsewhere, only the sizes are here
settings = {"latent": 64, "hidden": 32, "device": "cuda"}
