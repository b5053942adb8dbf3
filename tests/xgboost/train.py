#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Trains one booster per case with python3-xgboost and writes what `roost verify` reads.

usage: train.py OUT_DIR     OUT_DIR/<case>-{json,ubj}/model.<ext> and test_data_set_0/

The cases: every objective, missing values, splits by category, dart, several targets, ragged deep
trees, more rows than lanes, one row. References are Booster.predict()'s own.
"""
import pathlib
import sys

import numpy as np
import xgboost

SEED = 7
ROWS = 400


def regression(rng):
    x = rng.normal(size=(ROWS, 6)).astype(np.float32)
    return x, x[:, 0] * 2 + np.sin(x[:, 1]) + rng.normal(size=ROWS) * 0.1


def positive(rng):
    x, y = regression(rng)
    return x, np.exp(y * 0.3)


def counts(rng):
    x, y = positive(rng)
    return x, rng.poisson(y)


def binary(rng):
    x, y = regression(rng)
    return x, (y > 0).astype(int)


def classes(rng):
    x, y = regression(rng)
    return x, np.digitize(y, [-1.5, 0, 1.5])


def missing(rng):
    x, y = binary(rng)
    x[rng.random(x.shape) < 0.2] = np.nan
    return x, y


def categories(rng):
    x = rng.integers(0, 50, size=(ROWS, 3)).astype(np.float32)
    y = np.isin(x[:, 0], [1, 5, 33, 49]) ^ (x[:, 1] > 25)
    x[rng.random(x.shape) < 0.1] = np.nan
    return x, y.astype(int)


def targets(rng):
    x, y = regression(rng)
    return x, np.stack([y, -y * y], axis=1)


# name: (data, parameters, rounds)
CASES = {
    "squarederror": (regression, {"objective": "reg:squarederror", "base_score": 1.25}, 40),
    "squaredlogerror": (positive, {"objective": "reg:squaredlogerror"}, 10),
    "pseudohuber": (regression, {"objective": "reg:pseudohubererror"}, 10),
    "absoluteerror": (regression, {"objective": "reg:absoluteerror"}, 10),
    "gamma": (positive, {"objective": "reg:gamma"}, 10),
    "tweedie": (positive, {"objective": "reg:tweedie"}, 10),
    "poisson": (counts, {"objective": "count:poisson"}, 10),
    "cox": (positive, {"objective": "survival:cox"}, 10),
    "logistic": (binary, {"objective": "binary:logistic", "base_score": 0.3}, 33),
    "reg-logistic": (binary, {"objective": "reg:logistic"}, 10),
    "logitraw": (binary, {"objective": "binary:logitraw", "base_score": 0.3}, 10),
    "hinge": (binary, {"objective": "binary:hinge"}, 10),
    "softmax": (classes, {"objective": "multi:softmax", "num_class": 4}, 10),
    "softprob": (classes, {"objective": "multi:softprob", "num_class": 4}, 10),
    "forest": (classes, {"objective": "multi:softprob", "num_class": 4, "num_parallel_tree": 3}, 4),
    "missing": (missing, {"objective": "binary:logistic"}, 20),
    "missing-dart": (missing, {"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.3}, 20),
    "targets": (targets, {"objective": "reg:squarederror"}, 10),
    "deep": (
        regression,
        {"objective": "reg:squarederror", "max_depth": 0, "max_leaves": 120, "grow_policy": "lossguide",
         "tree_method": "hist", "min_child_weight": 0},
        10,
    ),
    "pruned": (regression, {"objective": "reg:squarederror", "gamma": 2, "tree_method": "exact"}, 20),
    "categories": (
        categories,
        {"objective": "binary:logistic", "tree_method": "approx", "max_cat_to_onehot": 1},
        10,
    ),
    "onehot": (
        categories,
        {"objective": "binary:logistic", "tree_method": "approx", "max_cat_to_onehot": 64},
        10,
    ),
}


def train(case):
    make, params, rounds = CASES[case]
    x, y = make(np.random.default_rng(SEED))
    kinds = {"feature_types": ["c"] * x.shape[1], "enable_categorical": True} if make is categories else {}
    params = {"seed": SEED, "nthread": 1, **params}
    booster = xgboost.train(params, xgboost.DMatrix(x, y, **kinds), rounds)
    return booster, x, lambda rows: booster.predict(xgboost.DMatrix(rows, **kinds))


def write(folder, booster, extension, sets):
    folder.mkdir(parents=True, exist_ok=True)
    booster.save_model(folder / f"model.{extension}")
    for i, (rows, predictions) in enumerate(sets):
        data = folder / f"test_data_set_{i}"
        data.mkdir(exist_ok=True)
        np.save(data / "input_0.npy", rows)
        np.save(data / "output_0.npy", predictions.astype(np.float32))


def main():
    out = pathlib.Path(sys.argv[1])
    for case in CASES:
        booster, x, predict = train(case)
        sets = [(rows, predict(rows)) for rows in (x[:101], x[:1])]
        for extension in ("json", "ubj"):
            write(out / f"{case}-{extension}", booster, extension, sets)


main()
