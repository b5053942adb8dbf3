# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""What an XGBoost model file predicts, read from its JSON alone and written from the format's
description, not from our compiler: the reference for versions that are not installed. train.py
proves it against the installed framework on every model that it trains.

source: XGBoost doc/model.schema; src/predictor/cpu_predictor.cc, src/gbm/gblinear.cc; src/objective
of each objective (PredTransform, ProbToMargin); 3.4's src/objective/quantile_obj.cc and
expectile_obj.cc"""
import numpy as np

LOGIT = {"binary:logistic", "reg:logistic"}
LOG = {"count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft"}
EPSILON = 1e-6


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def base_margins(learner, groups, version):
    """base_score as it stands ("5E-1", "[1E0,2E0]") -> one margin a group"""
    text = str(learner["learner_model_param"]["base_score"]).strip("[]")
    base = np.array([float(t) for t in text.split(",")], np.float32)
    if len(base) == 1:
        base = np.repeat(base, groups)
    name = learner["objective"]["name"]
    if name in LOGIT:
        if version[0] >= 3:
            base = np.clip(base, np.float32(EPSILON), np.float32(1) - np.float32(EPSILON))
        return -np.log(1 / base - 1)  # in float32: near 0 and 1 its rounding shows
    if name in LOG:
        return np.log(base)
    if name == "reg:expectileerror":
        return np.concatenate([base[:1], np.log(np.expm1(np.diff(base) - EPSILON))])
    return base


def goes_left(tree, node, x, sets):
    if np.isnan(x):
        return bool(tree["default_left"][node])
    if tree.get("split_type") and tree["split_type"][node]:
        return x < 0 or int(x) not in sets[node]
    return np.float32(x) < np.float32(tree["split_conditions"][node])


def category_sets(tree):
    out = {}
    for node, begin, size in zip(tree.get("categories_nodes", []), tree.get("categories_segments", []),
                                 tree.get("categories_sizes", [])):
        out[node] = set(tree["categories"][begin:begin + size])
    return out


def leaf_values(tree, node):
    """One number, or as many as the tree's leaves hold."""
    width = int(tree["tree_param"].get("size_leaf_vector", 0) or 0)
    if width <= 1:
        return np.float32(tree["split_conditions"][node])
    if tree.get("leaf_weights"):  # from 3.2 on
        row, values = tree["right_children"][node], tree["leaf_weights"]
    else:
        row, values = node, tree["base_weights"]
    return np.array(values[row * width:(row + 1) * width], np.float32)


def add_trees(booster, rows, margins):
    model = booster["gbtree"]["model"] if "gbtree" in booster else booster["model"]
    weights = booster.get("weight_drop") or model.get("weight_drop")
    for number, tree in enumerate(model["trees"]):
        sets = category_sets(tree)
        weight = weights[number] if weights else 1
        group = model["tree_info"][number]
        for r, row in enumerate(rows):
            node = 0
            while tree["left_children"][node] != -1:
                left = goes_left(tree, node, row[tree["split_indices"][node]], sets)
                node = tree["left_children" if left else "right_children"][node]
            values = leaf_values(tree, node)
            if np.ndim(values):
                margins[r] += weight * values
            else:
                margins[r, group] += weight * values


def add_weights(booster, rows, margins):
    groups = margins.shape[1]
    weights = np.array(booster["model"]["weights"], np.float32).reshape(-1, groups)
    margins += np.where(np.isnan(rows), 0, rows).astype(np.float64) @ weights[:-1] + weights[-1]


def transform(name, margins, version):
    if name in LOGIT:
        return sigmoid(margins)
    if name in LOG:
        return np.exp(margins)
    if name == "binary:hinge":
        return (margins > 0).astype(np.float64)
    if name == "multi:softprob":
        e = np.exp(margins - margins.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)
    if name == "multi:softmax":
        return margins.argmax(axis=1).astype(np.float64)[:, None]
    if name == "reg:quantileerror" and tuple(version[:2]) >= (3, 4):
        return np.sort(margins, axis=1)
    if name == "reg:expectileerror":
        steps = EPSILON + np.logaddexp(0, margins[:, 1:])
        return np.cumsum(np.concatenate([margins[:, :1], steps], axis=1), axis=1)
    return margins


def predict(model, rows):
    """model: the file as json.load gives it. rows: float32[N, features] -> as Booster.predict"""
    learner, version = model["learner"], model["version"]
    param, booster = learner["learner_model_param"], learner["gradient_booster"]
    groups = max(int(param.get("num_class", 0)), int(param.get("num_target", 1)), 1)
    margins = np.tile(base_margins(learner, groups, version).astype(np.float64), (len(rows), 1))
    if booster["name"] == "gblinear":
        add_weights(booster, rows, margins)
    else:
        add_trees(booster, rows, margins)
    out = transform(learner["objective"]["name"], margins, version).astype(np.float32)
    return out[:, 0] if out.shape[1] == 1 else out
