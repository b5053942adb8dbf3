#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Handwritten digits, 8x8 pixels of 0..16: a small convolutional network, PyTorch to ONNX."""
import pathlib
import sys

import numpy as np
import torch
from sklearn.datasets import load_digits

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from train_common import split, write_beside  # noqa: E402
from train_torch import export, fit, predictor  # noqa: E402


class Digits(torch.nn.Module):
    """Gives logits; with `served`, what a caller sees: probabilities."""

    def __init__(self):
        super().__init__()
        self.served = False
        self.body = torch.nn.Sequential(
            torch.nn.Conv2d(1, 16, 3, padding=1, bias=False),
            torch.nn.BatchNorm2d(16),
            torch.nn.ReLU(),
            torch.nn.Conv2d(16, 32, 3, padding=1, bias=False),
            torch.nn.BatchNorm2d(32),
            torch.nn.ReLU(),
            torch.nn.MaxPool2d(2),
            torch.nn.Conv2d(32, 32, 3, padding=1),
            torch.nn.ReLU(),
            torch.nn.MaxPool2d(2),
            torch.nn.Flatten(),
            torch.nn.Linear(128, 10),
        )

    def forward(self, image):
        logits = self.body(image * (1.0 / 16.0))
        return torch.softmax(logits, 1) if self.served else logits


def main():
    data = load_digits()
    x, held_x, y, held_y = split(data.images[:, None], data.target)
    net = Digits()
    fit(net, x, y, epochs=25, batch=64, lr=3e-3)
    net.served = True
    predict = predictor(net)
    export(net, held_x[:2], HERE / "model.onnx", "image")
    card = {
        "data": "sklearn.datasets.load_digits",
        "model": "CNN: 3 convolutions, 2 batch norms, softmax; input image float32 [N,1,8,8]",
        "held_out_accuracy": round(float(np.mean(predict(held_x).argmax(1) == held_y)), 4),
        "torch": torch.__version__,
        "opset": 13,
    }
    write_beside(__file__, predict, held_x, card)


main()
