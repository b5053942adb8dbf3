#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Progression of diabetes after a year: boosted trees, XGBoost to UBJSON."""
import pathlib
import sys

import numpy as np
import xgboost
from sklearn.datasets import load_diabetes

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
from train_common import SEED, split, write_beside  # noqa: E402


def main():
    data = load_diabetes()
    x, held_x, y, held_y = split(data.data, data.target)
    params = {
        "objective": "reg:squarederror",
        "base_score": float(np.mean(y)),
        "max_depth": 3,
        "eta": 0.05,
        "subsample": 0.7,
        "colsample_bytree": 0.7,
        "seed": SEED,
        "nthread": 1,
    }
    booster = xgboost.train(params, xgboost.DMatrix(x, y, feature_names=data.feature_names), num_boost_round=80)
    booster.save_model(HERE / "model.ubj")

    def predict(rows):
        return booster.predict(xgboost.DMatrix(rows, feature_names=data.feature_names))

    card = {
        "data": "sklearn.datasets.load_diabetes",
        "model": "80 trees of depth 3, reg:squarederror; input features float32 [N,10]",
        "held_out_rmse": round(float(np.sqrt(np.mean((predict(held_x) - held_y) ** 2))), 3),
        "held_out_rmse_of_the_mean": round(float(np.std(held_y)), 3),
        "xgboost": xgboost.__version__,
    }
    write_beside(__file__, predict, held_x, card)


main()
