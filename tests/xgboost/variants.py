#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Model files as versions write them that are not installed here, with what evaluate.py says that
they predict.

usage: variants.py OUT_DIR TRAINED_DIR     TRAINED_DIR: what train.py wrote

Some are trained models rewritten in another version's spelling, some are random trees. Each is
written as JSON and as UBJSON, in the layouts that `roost verify` reads.

source: XGBoost 1.0 to 3.4: doc/model.schema, src/gbm/gbtree_model.cc, src/tree/tree_model.cc,
src/tree/multi_target_tree_model.cc; https://ubjson.org/type-reference/"""
import copy
import json
import pathlib
import struct
import sys

import evaluate
import numpy as np

SEED = 11
ROWS, FEATURES = 67, 5
FLOATS = {"split_conditions", "base_weights", "leaf_weights", "sum_hessian", "loss_changes", "weights"}
BYTES = {"default_left", "split_type"}


def ubj(value, key=""):
    """UBJSON as XGBoost writes it: big-endian, typed arrays for the columns of trees."""
    if isinstance(value, dict):
        return b"{" + b"".join(b"L" + struct.pack(">q", len(k)) + k.encode() + ubj(v, k) for k, v in value.items()) + b"}"
    if isinstance(value, list):
        size = b"#L" + struct.pack(">q", len(value))
        if key in FLOATS:
            return b"[$d" + size + struct.pack(f">{len(value)}f", *value)
        if key in BYTES:
            return b"[$U" + size + bytes(int(v) for v in value)
        if value and all(isinstance(v, int) for v in value):
            return b"[$l" + size + struct.pack(f">{len(value)}i", *value)
        return b"[" + size + b"".join(ubj(v) for v in value)
    if isinstance(value, str):
        return b"SL" + struct.pack(">q", len(value)) + value.encode()
    if isinstance(value, bool):
        return b"T" if value else b"F"
    if isinstance(value, int):
        return b"L" + struct.pack(">q", value)
    return b"d" + struct.pack(">f", value)


def document(booster, objective, base_score, version, classes=0, targets=1, features=FEATURES):
    return {"learner": {"attributes": {}, "feature_names": [], "feature_types": [], "gradient_booster": booster,
                        "learner_model_param": {"base_score": base_score, "boost_from_average": "1",
                                                "num_class": str(classes), "num_feature": str(features),
                                                "num_target": str(targets)},
                        "objective": {"name": objective}},
            "version": version}


def gbtree(trees, info, **more):
    for i, tree in enumerate(trees):
        tree["id"] = i
    return {"name": "gbtree",
            "model": {"gbtree_model_param": {"num_trees": str(len(trees)), "num_parallel_tree": "1"},
                      "tree_info": info, "trees": trees, **more}}


def random_tree(rng, splits, width=1, leaf_rows=False, categories=0):
    """width: values of a leaf. leaf_rows: leaf_weights as from 3.2 on, else base_weights."""
    tree = {k: [] for k in ("left_children", "right_children", "parents", "split_indices", "split_conditions",
                            "default_left", "split_type", "categories", "categories_nodes",
                            "categories_segments", "categories_sizes")}

    def add(parent):
        for k, v in (("left_children", -1), ("right_children", -1), ("parents", parent), ("split_indices", 0),
                     ("split_conditions", 0.0), ("default_left", 0), ("split_type", 0)):
            tree[k].append(v)

    add(-1)
    leaves = [0]
    for _ in range(splits):
        node = leaves.pop(int(rng.integers(len(leaves))))
        left = len(tree["parents"])
        add(node)
        add(node)
        leaves += [left, left + 1]
        tree["left_children"][node], tree["right_children"][node] = left, left + 1
        tree["split_indices"][node] = int(rng.integers(FEATURES))
        tree["split_conditions"][node] = float(np.float32(rng.normal()))
        tree["default_left"][node] = int(rng.integers(2))
        if categories and rng.random() < 0.4:
            chosen = sorted(rng.choice(categories, size=int(rng.integers(1, categories)), replace=False).tolist())
            tree["split_type"][node] = 1
            tree["split_indices"][node] = 0
            tree["categories_nodes"].append(node)
            tree["categories_segments"].append(len(tree["categories"]))
            tree["categories_sizes"].append(len(chosen))
            tree["categories"] += chosen
    nodes = len(tree["parents"])
    tree["tree_param"] = {"num_nodes": str(nodes), "num_feature": str(FEATURES), "size_leaf_vector": str(width)}
    values = rng.normal(size=(nodes, width)).astype(np.float32)
    tree["base_weights"] = [float(v) for v in values.ravel()]
    if width == 1:
        for leaf in leaves:
            tree["split_conditions"][leaf] = float(values[leaf, 0])
    elif leaf_rows:
        order = rng.permutation(len(leaves))
        rows = rng.normal(size=(len(leaves), width)).astype(np.float32)
        tree["leaf_weights"] = [float(v) for v in rows.ravel()]
        for leaf, row in zip(leaves, order):
            tree["right_children"][leaf] = int(row)
    return tree


def numbers(rng):
    x = rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = np.nan
    return x


def with_categories(rng):
    x = numbers(rng)
    x[:, 0] = rng.integers(-1, 12, size=ROWS)
    x[::9, 0] = np.nan
    return x


def random_cases(rng):
    def scalars(count, categories=0):
        return [random_tree(rng, 9, categories=categories) for _ in range(count)]

    def vectors(count, leaf_rows, categories=0):
        return [random_tree(rng, 9, 3, leaf_rows, categories) for _ in range(count)]

    zero = [0] * 12
    turn = [i % 3 for i in range(12)]
    x, c = numbers(rng), with_categories(rng)
    yield ("vector-leaf-2.1", document(gbtree(vectors(12, False), zero),
         "reg:squarederror", "5E-1", [2, 1, 0], targets=3), x)
    yield ("vector-leaf-3.0-logistic", document(gbtree(vectors(12, False), zero),
         "binary:logistic", "2.5E-1", [3, 0, 0], targets=3), x)
    yield ("vector-leaf-3.2", document(gbtree(vectors(12, True), zero),
         "reg:squarederror", "[1E0,2E0,-3E0]", [3, 2, 0], targets=3), x)
    yield ("vector-leaf-3.2-softprob", document(gbtree(vectors(12, True), zero),
         "multi:softprob", "[0E0,1E-1,2E-1]", [3, 2, 0], classes=3), x)
    yield ("vector-leaf-3.4-categories", document(gbtree(vectors(12, True, 12), zero),
         "reg:squarederror", "[0E0]", [3, 4, 0], targets=3), c)
    weights = [float(np.float32(w)) for w in rng.random(12)]
    yield ("vector-leaf-3.4-dart", document(gbtree(vectors(12, True), zero, weight_drop=weights),
         "reg:squarederror", "[0E0]", [3, 4, 0], targets=3), x)
    yield "dart-3.4", document(gbtree(scalars(12), zero, weight_drop=weights), "reg:gamma", "[1.5E0]", [3, 4, 0]), x
    yield "quantile-2.0", document(gbtree(scalars(12), turn), "reg:quantileerror", "1.5E0", [2, 0, 3], targets=3), x
    yield ("quantile-3.1", document(gbtree(scalars(12), turn),
         "reg:quantileerror", "[1E0,2E0,3E0]", [3, 1, 0], targets=3), x)
    yield ("quantile-3.4", document(gbtree(scalars(12), turn),
         "reg:quantileerror", "[1E0,2E0,3E0]", [3, 4, 0], targets=3), x)
    yield ("expectile-3.3", document(gbtree(scalars(12), turn),
         "reg:expectileerror", "[-1E0,5E-1,3E0]", [3, 3, 0], targets=3), x)
    yield "expectile-one-3.3", document(gbtree(scalars(12), zero), "reg:expectileerror", "[5E-1]", [3, 3, 0]), x
    cats = {"enc": [], "feature_segments": [], "sorted_idx": []}
    yield ("categories-3.1", document(gbtree(scalars(12, 12), zero, cats=cats),
         "binary:logistic", "[1E0]", [3, 1, 0]), c)
    weights = [float(v) for v in rng.normal(size=(FEATURES + 1) * 3).astype(np.float32)]
    linear = {"name": "gblinear", "model": {"weights": weights, "boosted_rounds": 4}}
    yield "gblinear-3.1", document(linear, "multi:softprob", "[1E-1,2E-1,3E-1]", [3, 1, 0], classes=3), x


def rewritten_cases(trained):
    def load(case):
        folder = trained / f"{case}-json"
        with open(folder / "model.json", encoding="utf-8") as f:
            return json.load(f), np.load(folder / "test_data_set_0" / "input_0.npy")

    model, x = load("softprob")
    model["version"] = [3, 1, 0]
    model["learner"]["learner_model_param"]["base_score"] = "[5E-1,-2E-1,1E-1,0E0]"
    yield "softprob-3.1", model, x
    model, x = load("missing-dart")
    inner = model["learner"]["gradient_booster"]
    moved = {**inner["gbtree"], "name": "gbtree"}
    moved["model"]["weight_drop"] = inner["weight_drop"]
    model["learner"]["gradient_booster"], model["version"] = moved, [3, 2, 0]
    yield "missing-dart-3.2", model, x
    for version in ([1, 0, 0], [1, 2, 1]):
        model, x = load("poisson")
        model["version"] = version
        del model["learner"]["learner_model_param"]["num_target"]
        for key in ("feature_names", "feature_types"):
            del model["learner"][key]
        for tree in model["learner"]["gradient_booster"]["model"]["trees"]:
            for key in [k for k in tree if k.startswith(("categories", "split_type"))]:
                del tree[key]
            tree["default_left"] = [bool(v) for v in tree["default_left"]]
            tree["leaf_child_counts"] = [0] * len(tree["default_left"])
        yield "poisson-{}.{}".format(*version), model, x


def main():
    out, trained = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    cases = [*random_cases(np.random.default_rng(SEED)), *rewritten_cases(trained)]
    for name, model, x in cases:
        for extension in ("json", "ubj"):
            data = out / f"{name}-{extension}" / "test_data_set_0"
            data.mkdir(parents=True)
            path = data.parent / f"model.{extension}"
            path.write_bytes(json.dumps(model).encode() if extension == "json" else ubj(copy.deepcopy(model)))
            np.save(data / "input_0.npy", x)
            np.save(data / "output_0.npy", evaluate.predict(model, x))


main()
