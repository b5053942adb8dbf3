#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Breast cancer, malignant or benign: boosted trees, XGBoost to JSON."""
import pathlib
import sys

import numpy as np
import xgboost
from sklearn.datasets import load_breast_cancer

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from train_common import SEED, split, write_beside  # noqa: E402


def main():
    data = load_breast_cancer()
    names = [name.replace(" ", "_") for name in data.feature_names]
    x, held_x, y, held_y = split(data.data, data.target)
    params = {
        "objective": "binary:logistic",
        "max_depth": 3,
        "eta": 0.2,
        "subsample": 0.8,
        "seed": SEED,
        "nthread": 1,
    }
    booster = xgboost.train(params, xgboost.DMatrix(x, y, feature_names=names), num_boost_round=60)
    booster.save_model(HERE / "model.json")

    def predict(rows):
        return booster.predict(xgboost.DMatrix(rows, feature_names=names))

    card = {
        "data": "sklearn.datasets.load_breast_cancer",
        "model": "60 trees of depth 3, binary:logistic: the probability of benign; input features float32 [N,30]",
        "held_out_accuracy": round(float(np.mean((predict(held_x) > 0.5) == held_y)), 4),
        "xgboost": xgboost.__version__,
    }
    write_beside(__file__, predict, held_x, card)


main()
