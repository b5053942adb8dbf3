# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""The networks that scripts/export-networks exports: torchvision's families and a few small models of
sequences, all with seeded random weights. Nothing is downloaded.

NETWORKS names each with how to build it and what goes in. A `_mini` has the operators and the topology
of its family in fewer and narrower layers.
"""
import dataclasses
import typing


@dataclasses.dataclass
class Network:
    build: typing.Callable  # () -> torch.nn.Module
    inputs: typing.Callable  # (batch) -> tuple of tensors
    names: tuple = ("input",)
    free: dict = dataclasses.field(default_factory=dict)  # input or output -> {axis: name} beside batch


def image(size):
    def make(batch):
        import torch

        return (torch.randn(batch, 3, size, size),)

    return make


def vision(name, size=224, **options):
    def build():
        import torchvision

        return getattr(torchvision.models, name)(weights=None, **options)

    return Network(build, image(size))


def vit_mini():
    from torchvision.models import VisionTransformer

    return VisionTransformer(image_size=64, patch_size=8, num_layers=3, num_heads=4, hidden_dim=64,
                             mlp_dim=128, num_classes=10)


def swin_mini():
    from torchvision.models import SwinTransformer

    return SwinTransformer(patch_size=[4, 4], embed_dim=32, depths=[2, 2], num_heads=[2, 4],
                           window_size=[7, 7], num_classes=10)


def convnext_mini():
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt

    return ConvNeXt([CNBlockConfig(32, 64, 2), CNBlockConfig(64, 128, 2), CNBlockConfig(128, None, 2)],
                    num_classes=10)


def yolo_mini():
    """A detector's shape: strided blocks with SiLU, a top-down path with Upsample and Concat, boxes
    decoded on a grid."""
    import torch
    from torch import nn

    def block(a, b, stride=1):
        return nn.Sequential(nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b), nn.SiLU())

    class Yolo(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Sequential(block(3, 16, 2), block(16, 32, 2), block(32, 48, 2))
            self.deep = nn.Sequential(block(48, 64, 2), nn.MaxPool2d(5, 1, 2))
            self.up = nn.Upsample(scale_factor=2, mode="nearest")
            self.mix = block(48 + 64, 48)
            self.heads = nn.ModuleList([nn.Conv2d(48, 3 * 9, 1), nn.Conv2d(64, 3 * 9, 1)])

        def decode(self, x, stride):
            n, _, h, w = x.shape
            x = x.view(n, 3, 9, h, w).permute(0, 1, 3, 4, 2).sigmoid()
            y, z = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
            grid = torch.stack((z, y), 2).float()
            xy = (x[..., 0:2] * 2 + grid - 0.5) * stride
            wh = (x[..., 2:4] * 2) ** 2 * 8
            return torch.cat((xy, wh, x[..., 4:]), 4).reshape(n, -1, 9)

        def forward(self, x):
            fine = self.stem(x)
            deep = self.deep(fine)
            fine = self.mix(torch.cat((fine, self.up(deep)), 1))
            return torch.cat((self.decode(self.heads[0](fine), 8), self.decode(self.heads[1](deep), 16)), 1)

    return Yolo()


def recurrent(kind, **options):
    """Features of each time step -> one answer, over two bidirectional layers."""
    def build():
        from torch import nn

        class Recurrent(nn.Module):
            def __init__(self):
                super().__init__()
                self.rnn = getattr(nn, kind)(12, 24, num_layers=2, bidirectional=True, batch_first=True,
                                             **options)
                self.head = nn.Linear(48, 5)

            def forward(self, x):
                y, _ = self.rnn(x)
                return self.head(y[:, -1])

        return Recurrent()

    def inputs(batch):
        import torch

        return (torch.randn(batch, 7 + batch, 12),)

    return Network(build, inputs, free={"input": {1: "time"}})


def bert_mini():
    """Token ids and their mask -> a vector for each sequence, as Hugging Face's encoder computes it."""
    import math

    import torch
    from torch import nn

    width, heads, layers, words = 64, 4, 3, 100

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def split(self, x):
            return x.view(x.size(0), x.size(1), heads, width // heads).permute(0, 2, 1, 3)

        def forward(self, x, mask):
            q, k, v = self.split(self.q(x)), self.split(self.k(x)), self.split(self.v(x))
            scores = torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(width // heads) + mask
            y = torch.matmul(torch.softmax(scores, -1), v).permute(0, 2, 1, 3).contiguous()
            x = self.norm1(x + self.o(y.view(y.size(0), y.size(1), width)))
            return self.norm2(x + self.narrow(nn.functional.gelu(self.wide(x))))

    class Bert(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.places = nn.Embedding(words, width), nn.Embedding(64, width)
            self.norm = nn.LayerNorm(width)
            self.layers = nn.ModuleList(Layer() for _ in range(layers))
            self.pool = nn.Linear(width, width)

        def forward(self, ids, mask):
            places = torch.arange(ids.size(1), device=ids.device).unsqueeze(0)
            x = self.norm(self.words(ids) + self.places(places))
            bias = (1.0 - mask[:, None, None, :].float()) * -10000.0
            for layer in self.layers:
                x = layer(x, bias)
            return torch.tanh(self.pool(x[:, 0]))

    return Bert()


def tokens(batch):
    import torch

    ids = torch.randint(0, 100, (batch, 9 + batch))
    mask = torch.ones_like(ids)
    mask[-1, -3:] = 0
    return ids, mask


def transformer():
    """torch's own encoder layer, whose attention is exported in its fused projection."""
    from torch import nn

    layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, activation="gelu", batch_first=True)
    return nn.Sequential(nn.Linear(12, 32), nn.TransformerEncoder(layer, 2), nn.Linear(32, 6))


def features(batch):
    import torch

    return (torch.randn(batch, 9, 12),)


NETWORKS = {
    "alexnet": vision("alexnet"),
    "squeezenet1_1": vision("squeezenet1_1"),
    "mobilenet_v2": vision("mobilenet_v2"),
    "mobilenet_v3_small": vision("mobilenet_v3_small"),
    "resnet18": vision("resnet18"),
    "resnet50": vision("resnet50"),
    "densenet121": vision("densenet121"),
    # Auxiliary heads do not run in eval; the input transform is part of the pretrained models.
    "googlenet": vision("googlenet", transform_input=True, init_weights=False),
    "inception_v3": vision("inception_v3", 299, transform_input=True, init_weights=False),
    "vgg16": vision("vgg16"),
    "shufflenet_v2_x0_5": vision("shufflenet_v2_x0_5"),
    "mnasnet0_5": vision("mnasnet0_5"),
    "regnet_y_400mf": vision("regnet_y_400mf"),
    "efficientnet_b0": vision("efficientnet_b0"),
    "convnext_tiny": vision("convnext_tiny"),
    "vit_b_32": vision("vit_b_32"),
    "swin_t": vision("swin_t"),
    "convnext_mini": Network(convnext_mini, image(64)),
    "vit_mini": Network(vit_mini, image(64)),
    "swin_mini": Network(swin_mini, image(56)),
    "yolo_mini": Network(yolo_mini, image(64)),
    "lstm": recurrent("LSTM"),
    "gru": recurrent("GRU"),
    "rnn_relu": recurrent("RNN", nonlinearity="relu"),
    "bert_mini": Network(bert_mini, tokens, ("ids", "mask"),
                         {"ids": {1: "length"}, "mask": {1: "length"}}),
    "transformer": Network(transformer, features),
}
