# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""The models that bench/compute measures, with seeded random weights and all dims fixed; nothing is
downloaded. Each is exported in a process of its own, which bounds the memory to that of the largest.

usage: compute_networks.py NAME BATCH OUT
"""
import sys

VISION = {"vgg16": 224, "resnet18": 224, "squeezenet1_1": 224, "resnet50": 224, "densenet121": 224,
          "inception_v3": 299, "mobilenet_v2": 224, "alexnet": 224}
TREES, DEPTH, FEATURES = 300, 6, 30


def encoder():
    """A BERT-like encoder over embedded tokens: 6 layers, 384 wide, 12 heads, 1536 within."""
    import math

    import torch
    from torch import nn

    width, heads, layers = 384, 12, 6

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def split(self, x):
            return x.view(x.size(0), x.size(1), heads, width // heads).permute(0, 2, 1, 3)

        def forward(self, x):
            q, k, v = self.split(self.q(x)), self.split(self.k(x)), self.split(self.v(x))
            scores = torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(width // heads)
            y = torch.matmul(torch.softmax(scores, -1), v).permute(0, 2, 1, 3).contiguous()
            x = self.norm1(x + self.o(y.view(y.size(0), y.size(1), width)))
            return self.norm2(x + self.narrow(nn.functional.gelu(self.wide(x))))

    return nn.Sequential(*(Layer() for _ in range(layers)))


def network(name, batch):
    import torch
    from torch import nn

    if name == "encoder":
        return encoder(), torch.randn(batch, 128, 384)
    if name == "mlp":
        return (nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(),
                              nn.Linear(256, 10)), torch.randn(batch, 64))
    import torchvision

    options = {"init_weights": False} if name == "inception_v3" else {}
    return getattr(torchvision.models, name)(weights=None, **options), torch.randn(batch, 3, VISION[name],
                                                                                  VISION[name])


def settle(net, x):
    """Batch norms see one batch, so that activations keep a sane scale through the whole network."""
    import torch

    norms = [m for m in net.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    with torch.no_grad():
        for norm in norms:
            norm.weight.uniform_(0.3, 0.8)
            norm.momentum = None
        if norms:
            net.train()
            net(torch.cat([x, x.flip(0)]) if x.size(0) > 1 else torch.cat([x, torch.randn_like(x)]))
    return net.eval()


def export(name, batch, out):
    import torch

    torch.manual_seed(1)
    net, x = network(name, batch)
    torch.onnx.export(settle(net, x), x, out, opset_version=13, input_names=["input"],
                      output_names=["output"])


def train(out):
    """A booster of full trees on seeded numbers."""
    import numpy as np
    import xgboost

    rng = np.random.default_rng(1)
    x = rng.standard_normal((20000, FEATURES)).astype(np.float32)
    y = (np.sin(x[:, 0] * 3) + x[:, 1] * x[:, 2] + np.abs(x[:, 3:9]).sum(1)
         + 0.5 * rng.standard_normal(20000)).astype(np.float32)
    params = {"max_depth": DEPTH, "eta": 0.1, "objective": "reg:squarederror", "nthread": 2, "seed": 1}
    xgboost.train(params, xgboost.DMatrix(x, y), TREES).save_model(out)


if __name__ == "__main__":
    if sys.argv[1] == "trees":
        train(sys.argv[3])
    else:
        export(sys.argv[1], int(sys.argv[2]), sys.argv[3])
