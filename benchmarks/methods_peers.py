"""The peers' side of `methods.py`: what a PyTorch user would take.

Networks are `torch.nn`, channels first, in torch's default memory layout. Biases of lightly's heads that ours do not have
are taken out, so that both sides train the same number of parameters.
"""

import copy
import itertools
import math
import os
import sys
import time

import methods as bench
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(int(os.environ["SIDE_THREADS"]))
try:
    import torchvision
except RuntimeError:  # built for another torch: two of its operators are declared by name
    for module in [module for module in sys.modules if module.startswith("torchvision")]:
        del sys.modules[module]
    LIBRARY = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        LIBRARY.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision


def adam(modules, **options):
    """torch's Adam as it comes."""
    parameters = itertools.chain(*(module.parameters() for module in modules))
    return torch.optim.Adam([p for p in parameters if p.requires_grad], bench.RATE, **options)


def update(optimizer, loss):
    """One step of one player."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


def trainer(modules, objective):
    """A step that minimises `objective(**batch)`, and the modules that it trains."""
    optimizer = adam(modules)
    return lambda **batch: update(optimizer, objective(**batch)), modules


# ---- autoencoders --------------------------------------------------------------------------------------------------------


def conv_encoder(shape, width=32):
    """Convolutions of stride 2, flattened, and their number of features."""
    times = max(1, int(math.log2(min(shape[:2]) / 4)))
    channels = [shape[2], *(width * 2**i for i in range(times))]
    layers = [(nn.Conv2d(a, b, 4, 2, 1), nn.ReLU()) for a, b in itertools.pairwise(channels)]
    grid = (shape[0] // 2**times, shape[1] // 2**times)
    return nn.Sequential(*itertools.chain(*layers), nn.Flatten()), channels[-1] * math.prod(grid), (channels[-1], *grid)


def conv_decoder(features, grid, shape, width=32):
    """The mirror image, with a sigmoid."""
    channels = [*(width * 2**i for i in reversed(range(int(math.log2(shape[0] / grid[1]))))), shape[2]]
    layers = [(nn.ConvTranspose2d(a, b, 4, 2, 1), nn.ReLU()) for a, b in itertools.pairwise(channels)]
    layers = list(itertools.chain(*layers))[:-1]
    return nn.Sequential(nn.Linear(features, math.prod(grid)), nn.ReLU(), nn.Unflatten(1, grid), *layers, nn.Sigmoid())


def autoencoder(case):
    """Mean squared error."""
    convolutions, width, grid = conv_encoder(case["shape"])
    net = nn.Sequential(convolutions, nn.Linear(width, bench.CODE), conv_decoder(bench.CODE, grid, case["shape"]))
    return trainer([net], lambda x: F.mse_loss(net(x), x))


def vae(case):
    """pythae's VAE with "bce" around the same networks."""
    from pythae.models import VAE, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    convolutions, width, grid = conv_encoder(case["shape"])

    class Encoder(BaseEncoder):
        """Mean and log variance on the features."""

        def __init__(self):
            super().__init__()
            self.features = nn.Sequential(convolutions, nn.Linear(width, bench.FEATURES))
            self.mean, self.log_variance = (nn.Linear(bench.FEATURES, bench.CODE) for _ in range(2))

        def forward(self, x):
            """pythae's output."""
            h = self.features(x)
            return ModelOutput(embedding=self.mean(h), log_covariance=self.log_variance(h))

    class Decoder(BaseDecoder):
        """Probabilities."""

        def __init__(self):
            super().__init__()
            self.net = conv_decoder(bench.CODE, grid, case["shape"])

        def forward(self, z):
            """pythae's output."""
            return ModelOutput(reconstruction=self.net(z))

    height, breadth, channels = case["shape"]
    config = VAEConfig(input_dim=(channels, height, breadth), latent_dim=bench.CODE, reconstruction_loss="bce")
    model = VAE(config, Encoder(), Decoder())
    return trainer([model], lambda x: model({"data": x}).loss)


# ---- games ---------------------------------------------------------------------------------------------------------------


def dcgan(shape, width=64):
    """Generator and discriminator of Radford et al. 2016."""
    times = int(math.log2(min(shape[:2]) / 4))
    wide = [width * 2**i for i in range(times)]
    grid = (wide[-1], shape[0] // 2**times, shape[1] // 2**times)
    g = [nn.Linear(bench.LATENT, math.prod(grid), bias=False), nn.Unflatten(1, grid)]
    for a, b in itertools.pairwise([*reversed(wide), shape[2]]):
        g += [nn.BatchNorm2d(a), nn.ReLU(), nn.ConvTranspose2d(a, b, 4, 2, 1, bias=b == shape[2])]
    d = [nn.Conv2d(shape[2], width, 4, 2, 1), nn.LeakyReLU(0.2)]
    for a, b in itertools.pairwise(wide):
        d += [nn.Conv2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2)]
    return nn.Sequential(*g, nn.Tanh()), nn.Sequential(*d, nn.Flatten(), nn.Linear(math.prod(grid), 1))


def game(loss):
    """D and G move in turn, each against fresh noise; `loss(logits, label)`. Images in [0, 1] outside, [-1, 1] inside."""

    def make(case):
        g, d = dcgan(case["shape"])
        g_optimizer, d_optimizer = adam([g]), adam([d])

        def step(x):
            noise = torch.randn(2, len(x), bench.LATENT, device=x.device)
            with torch.no_grad():
                fake = g(noise[0])
            update(d_optimizer, loss(d(2 * x - 1), 1.0) + loss(d(fake), 0.0))
            d.requires_grad_(False)
            done = update(g_optimizer, loss(d(g(noise[1])), 1.0))
            d.requires_grad_(True)
            return done

        return step, [d, g]

    return make


def cross_entropy(logits, label):
    """Of one label for all."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def least_squares(scores, label):
    """Mao et al. 2016, equation 2."""
    return 0.5 * (scores - label).square().mean()


class UNet(nn.Module):
    """Isola et al. 2017, section 6.1.1: down to 1x1 and up again, each level joined to its mirror image."""

    def __init__(self, shape, width):
        super().__init__()
        levels = int(math.log2(min(shape[:2])))
        wide = [width * min(2**i, 8) for i in range(levels)]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for i, (a, b) in enumerate(itertools.pairwise([shape[2], *wide])):
            middle = 0 < i < levels - 1
            norm = [nn.BatchNorm2d(b)] if middle else []
            self.down.append(
                nn.Sequential(*([nn.LeakyReLU(0.2)] if i else []), nn.Conv2d(a, b, 4, 2, 1, bias=i == 0), *norm)
            )
        for i in range(levels - 1):
            a, b = wide[levels - 1 - i] * (2 if i else 1), wide[levels - 2 - i]
            dropout = [nn.Dropout(0.5)] if i < 3 else []
            layers = nn.ReLU(), nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), *dropout
            self.up.append(nn.Sequential(*layers))
        self.last = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(2 * wide[0], shape[2], 4, 2, 1), nn.Tanh())

    def forward(self, x):
        """Images in [-1, 1] to images in [-1, 1]."""
        skips = []
        for layer in self.down:
            x = layer(x)
            skips.append(x)
        skips.pop()
        for layer in self.up:
            x = torch.cat([layer(x), skips.pop()], 1)
        return self.last(x)


def pix2pix(case):
    """One forward pass of G, D moves, then G against it; L1 weighs 100."""
    width, channels = case["width"], case["shape"][2]
    g = UNet(case["shape"], width)
    sizes = [width, 2 * width, 4 * width]
    d = [nn.Conv2d(2 * channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
    for (a, b), stride in zip(itertools.pairwise(sizes), (2, 1), strict=True):
        d += [nn.Conv2d(a, b, 4, stride, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2)]
    d = nn.Sequential(*d, nn.Conv2d(sizes[-1], 1, 4, 1, 1))
    g_optimizer, d_optimizer = adam([g]), adam([d])

    def step(x, y):
        x, y = 2 * x - 1, 2 * y - 1
        fake = g(x)
        on_real, on_fake = d(torch.cat([x, y], 1)), d(torch.cat([x, fake.detach()], 1))
        update(d_optimizer, 0.5 * (cross_entropy(on_real, 1.0) + cross_entropy(on_fake, 0.0)))
        d.requires_grad_(False)
        done = update(g_optimizer, cross_entropy(d(torch.cat([x, fake], 1)), 1.0) + 100 * F.l1_loss(fake, y))
        d.requires_grad_(True)
        return done

    return step, [d, g]


# ---- self-supervised -----------------------------------------------------------------------------------------------------


def resnet():
    """torchvision's ResNet-18 with the stem for small images and without classifier."""
    net = torchvision.models.resnet18()
    net.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
    net.maxpool = net.fc = nn.Identity()
    return net


def simclr(case):
    """lightly's head and NT-Xent; ours has no shift in the head's last batch norm."""
    from lightly.loss import NTXentLoss
    from lightly.models.modules import SimCLRProjectionHead

    net, head, loss = resnet(), SimCLRProjectionHead(512, 512, bench.PROJECTION), NTXentLoss(bench.TEMPERATURE)
    head.layers[-1].bias = None
    return trainer([net, head], lambda view1, view2: loss(head(net(view1)), head(net(view2))))


def byol(case):
    """lightly's heads, loss and moving average; ours have no bias in the heads' last layers."""
    from lightly.loss import NegativeCosineSimilarity
    from lightly.models.modules import BYOLPredictionHead, BYOLProjectionHead
    from lightly.models.utils import deactivate_requires_grad, update_momentum

    online = nn.Sequential(resnet(), BYOLProjectionHead(512, bench.HIDDEN, bench.PROJECTION))
    predictor = BYOLPredictionHead(bench.PROJECTION, bench.HIDDEN, bench.PROJECTION)
    online[1].layers[-1].bias = predictor.layers[-1].bias = None
    target = copy.deepcopy(online)
    deactivate_requires_grad(target)
    criterion, optimizer = NegativeCosineSimilarity(), adam([online, predictor])

    def step(view1, view2):
        q1, q2 = predictor(online(view1)), predictor(online(view2))
        with torch.no_grad():
            z1, z2 = target(view1), target(view2)
        loss = update(optimizer, criterion(q1, z2) + criterion(q2, z1))
        update_momentum(online, target, 0.996)
        return loss

    return step, [online, predictor, target]


def dino(case):
    """lightly's head, loss and moving average."""
    from lightly.loss import DINOLoss
    from lightly.models.modules import DINOProjectionHead
    from lightly.models.utils import deactivate_requires_grad, update_momentum

    head = DINOProjectionHead(512, bench.HIDDEN, bench.PROJECTION, bench.PROTOTYPES)
    student = nn.Sequential(resnet(), head)
    teacher = nn.Sequential(resnet(), DINOProjectionHead(512, bench.HIDDEN, bench.PROJECTION, bench.PROTOTYPES))
    teacher.load_state_dict(student.state_dict())
    deactivate_requires_grad(teacher)
    criterion, optimizer = DINOLoss(bench.PROTOTYPES), adam([student])

    def step(**views):
        views = list(views.values())
        with torch.no_grad():
            targets = [teacher(view) for view in views[:2]]
        loss = update(optimizer, criterion(targets, [student(view) for view in views], epoch=0))
        update_momentum(student, teacher, 0.996)
        return loss

    return step, [student, teacher, criterion]


def clip(case):
    """open_clip's towers and loss."""
    import open_clip

    width = case["width"]
    vision = {"image_size": case["shape"][0], "patch_size": case["patch"], "width": width, "layers": case["depth"]}
    text = {"context_length": case["context"], "vocab_size": case["vocabulary"], "width": width, "heads": width // 64}
    text["layers"] = case["depth"]
    model = open_clip.CLIP(width, {**vision, "head_width": 64}, text, quick_gelu=True)
    criterion = open_clip.ClipLoss()
    return trainer([model], lambda image, text: criterion(*model(image, text)))


METHODS = {
    "AutoEncoder": autoencoder,
    "VAE": vae,
    "GAN": game(cross_entropy),
    "LSGAN": game(least_squares),
    "Pix2Pix": pix2pix,
    "SimCLR": simclr,
    "BYOL": byol,
    "DINO": dino,
    "CLIP": clip,
}


def build(name, case, steps, device, jit):
    """See `methods.serve`."""
    torch.manual_seed(bench.SEED)
    device = {"cpu": "cpu", "gpu": "cuda"}[device]
    step, modules = METHODS[name](case)
    for module in modules:
        module.to(device).train()
    data = {
        key: np.ascontiguousarray(array.transpose(0, 3, 1, 2)) if array.ndim == 4 else array.astype("int64")
        for key, array in bench.arrays(name, case, steps).items()
    }
    order = np.random.default_rng(bench.SEED)

    def run():
        start = time.perf_counter()
        rows = order.permutation(steps * case["batch"]).reshape(steps, -1)
        for batch in rows:
            loss = step(**{key: torch.from_numpy(array[batch]).to(device) for key, array in data.items()})
        float(loss)  # waits for the last step
        return time.perf_counter() - start

    return run, sum(p.numel() for module in modules for p in module.parameters() if p.requires_grad)


def versions():
    """What is compared with."""
    from importlib.metadata import version

    return ", ".join(f"{name} {version(name)}" for name in ("torch", "lightly", "pythae", "open_clip_torch"))


if __name__ == "__main__":
    bench.serve(versions, build)
