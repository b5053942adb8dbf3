#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Iris species from four measurements: a small perceptron, PyTorch to ONNX."""
import pathlib
import sys

import numpy as np
import torch
from sklearn.datasets import load_iris

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from train_common import split, write_beside  # noqa: E402
from train_torch import export, fit, predictor  # noqa: E402


def main():
    data = load_iris()
    x, held_x, y, held_y = split(data.data, data.target)
    net = torch.nn.Sequential(
        torch.nn.Linear(4, 16), torch.nn.ReLU(), torch.nn.Linear(16, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3)
    )
    fit(net, x, y, epochs=150, batch=16, lr=1e-2)
    served = torch.nn.Sequential(net, torch.nn.Softmax(1)).eval()
    predict = predictor(served)
    export(served, held_x[:2], HERE / "model.onnx", "x")
    card = {
        "data": "sklearn.datasets.load_iris",
        "model": "MLP 4-16-16-3, softmax; input x float32 [N,4]",
        "classes": list(data.target_names),
        "held_out_accuracy": round(float(np.mean(predict(held_x).argmax(1) == held_y)), 4),
        "torch": torch.__version__,
        "opset": 13,
    }
    write_beside(__file__, predict, held_x, card)


main()
