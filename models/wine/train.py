#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Wine cultivar from chemistry: logistic regression on standardised features, scikit-learn to ONNX.

The standardisation is folded into the weights: (x - m) / s . w + b  =  x . (w / s) + (b - m / s . w).
"""
import pathlib
import sys

import numpy as np
import onnx
import sklearn
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from train_common import split, write_beside  # noqa: E402


def to_onnx(pipeline):
    scale, linear = pipeline[0], pipeline[1]
    weights = linear.coef_ / scale.scale_
    bias = linear.intercept_ - weights @ scale.mean_
    classes, columns = weights.shape
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "weights", "bias"], ["logits"], transB=1),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        ],
        "wine",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", columns])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", classes])],
        [
            numpy_helper.from_array(weights.astype(np.float32), "weights"),
            numpy_helper.from_array(bias.astype(np.float32), "bias"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="roost")
    model.ir_version = 7
    onnx.checker.check_model(model)
    return model


def main():
    data = load_wine()
    x, held_x, y, held_y = split(data.data, data.target)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(x, y)
    onnx.save(to_onnx(pipeline), HERE / "model.onnx")
    card = {
        "data": "sklearn.datasets.load_wine",
        "model": "logistic regression on standardised features, softmax; input x float32 [N,13]",
        "classes": list(data.target_names),
        "held_out_accuracy": round(float(pipeline.score(held_x, held_y)), 4),
        "scikit-learn": sklearn.__version__,
        "onnx": onnx.__version__,
        "opset": 13,
    }
    write_beside(__file__, pipeline.predict_proba, held_x, card)


main()
