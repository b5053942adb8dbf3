#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Trains one booster per case with python3-xgboost and writes what `roost verify` reads.

usage: train.py OUT_DIR     OUT_DIR/<case>-{json,ubj}/model.<ext> and test_data_set_0/

The cases: every objective, missing values, splits by category, dart, gblinear, several targets,
ragged deep trees, early stopping, more rows than lanes, one row. References are Booster.predict()'s
own. Each model also proves evaluate.py, which then says what files of other versions predict.
"""
import json
import pathlib
import sys

import evaluate
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


def ordered(rng):
    """Labels of ranks, for rank:*; the groups are eights."""
    x, y = regression(rng)
    return x, np.clip(np.digitize(y, [-1, 1, 2]), 0, 3)


def survival(rng):
    """Intervals of time, some of them open."""
    x, y = positive(rng)
    return x, np.stack([y * 0.9, np.where(rng.random(len(y)) < 0.3, np.inf, y * 1.1)], axis=1)


def sparse(rng):
    x, y = classes(rng)
    x[rng.random(x.shape) < 0.3] = np.nan
    return x, y


LINEAR = {"booster": "gblinear", "updater": "coord_descent"}

# name: (data, parameters, rounds)
CASES = {
    "rank-pairwise": (ordered, {"objective": "rank:pairwise"}, 10),
    "rank-ndcg": (ordered, {"objective": "rank:ndcg"}, 10),
    "rank-map": (lambda rng: (ordered(rng)[0], ordered(rng)[1] > 1), {"objective": "rank:map"}, 10),
    "aft": (survival, {"objective": "survival:aft"}, 10),
    "linear-name": (regression, {"objective": "reg:linear"}, 5),
    "softmax-dart": (classes, {"objective": "multi:softmax", "num_class": 4, "booster": "dart", "rate_drop": 0.5}, 6),
    "targets-dart": (targets, {"objective": "reg:squarederror", "booster": "dart", "rate_drop": 0.5}, 6),
    "targets-logistic": (lambda rng: (regression(rng)[0], targets(rng)[1] > 0), {"objective": "binary:logistic"}, 6),
    "random-forest": (
        binary,
        {"objective": "binary:logistic", "num_parallel_tree": 20, "subsample": 0.7, "learning_rate": 1},
        1,
    ),
    "stopped": (binary, {"objective": "binary:logistic", "max_depth": 8}, 60),
    "gblinear": (regression, {**LINEAR, "objective": "reg:squarederror", "base_score": -1.5}, 10),
    "gblinear-missing": (missing, {**LINEAR, "objective": "binary:logistic", "base_score": 0.3}, 10),
    "gblinear-poisson": (counts, {**LINEAR, "objective": "count:poisson"}, 10),
    "gblinear-softprob": (sparse, {**LINEAR, "objective": "multi:softprob", "num_class": 4}, 10),
    "gblinear-softmax": (sparse, {**LINEAR, "objective": "multi:softmax", "num_class": 4}, 10),
    "gblinear-targets": (targets, {**LINEAR, "objective": "reg:squarederror"}, 10),
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


def matrix(case, x, y=None):
    kinds = {}
    if CASES[case][0] is categories:
        kinds = {"feature_types": ["c"] * x.shape[1], "enable_categorical": True}
    if y is None:
        return xgboost.DMatrix(x, **kinds)
    if case == "aft":
        return xgboost.DMatrix(x, label_lower_bound=y[:, 0], label_upper_bound=y[:, 1])
    made = xgboost.DMatrix(x, y, **kinds)
    if case.startswith("rank-"):
        made.set_group([8] * (len(x) // 8))
    return made


def train(case):
    make, params, rounds = CASES[case]
    x, y = make(np.random.default_rng(SEED))
    params = {"seed": SEED, "nthread": 1, **params}
    more = {}
    if case == "stopped":  # the file says best_iteration, and predict() still adds up all trees
        more = {"early_stopping_rounds": 5, "evals": [(matrix(case, x[::2] + 0.5, y[::2]), "other")], "verbose_eval": False}
    booster = xgboost.train(params, matrix(case, x, y), rounds, **more)
    if case == "stopped":
        assert booster.best_iteration + 1 < booster.num_boosted_rounds()
    return booster, x, lambda rows: booster.predict(matrix(case, rows), iteration_range=(0, 0))


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
        with open(out / f"{case}-json" / "model.json", encoding="utf-8") as f:
            model = json.load(f)
        for rows, predictions in sets:
            np.testing.assert_allclose(evaluate.predict(model, rows), predictions, rtol=1e-5, atol=1e-6, err_msg=case)


main()
