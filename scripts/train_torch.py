# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Training and export of the PyTorch models."""
import torch

from train_common import SEED

torch.manual_seed(SEED)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


def fit(net, x, y, epochs, batch, lr):
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    optimizer = torch.optim.Adam(net.parameters(), lr=lr, weight_decay=1e-4)
    loss = torch.nn.CrossEntropyLoss()
    order = torch.Generator().manual_seed(SEED)
    net.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(x), generator=order).split(batch):
            optimizer.zero_grad()
            loss(net(x[rows]), y[rows]).backward()
            optimizer.step()
    net.eval()


def predictor(net):
    def predict(rows):
        with torch.no_grad():
            return net(torch.from_numpy(rows)).numpy()

    return predict


def export(net, sample, path, name):
    torch.onnx.export(
        net,
        torch.from_numpy(sample),
        str(path),
        opset_version=13,
        input_names=[name],
        output_names=["probabilities"],
        dynamic_axes={name: {0: "N"}, "probabilities": {0: "N"}},
    )
