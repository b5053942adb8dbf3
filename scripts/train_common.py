# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""What the training scripts in models/*/train.py share: the split, the files beside a model.

Every script is deterministic: the same framework versions give the same bytes.
"""
import json
import pathlib
import platform

import numpy as np
from sklearn.model_selection import train_test_split

SEED = 20240229
REQUEST_ROWS = 3  # in request.json and answer.json
VERIFY_ROWS = 32  # in test_data_set_0


def split(features, target):
    """A quarter is held out; float32 features, as a request carries them."""
    stratify = target if np.issubdtype(target.dtype, np.integer) else None
    return train_test_split(
        features.astype(np.float32), target, test_size=0.25, random_state=SEED, stratify=stratify
    )


def given(x):
    """The shortest decimal that reads back as the same float32: 5.1, not 5.0999999."""
    return float(str(np.float32(x)))


def answered(x):
    return float("%.9g" % x)


def nested(a, number):
    return [nested(row, number) for row in a] if a.ndim else number(a)


def write_json(path, value):
    path.write_text(json.dumps(value) + "\n")


def write_beside(script, predict, held_out, card):
    """request.json, answer.json, test_data_set_0 and card.json beside the script.

    `predict` is the framework's own, from float32 rows to what the model's output holds.
    """
    here = pathlib.Path(script).resolve().parent
    data = here / "test_data_set_0"
    data.mkdir(exist_ok=True)
    few = held_out[:REQUEST_ROWS]
    write_json(here / "request.json", {"instances": nested(few, given)})
    write_json(here / "answer.json", {"predictions": nested(np.asarray(predict(few)), answered)})
    rows = np.ascontiguousarray(held_out[:VERIFY_ROWS])
    np.save(data / "input_0.npy", rows)
    np.save(data / "output_0.npy", np.asarray(predict(rows), dtype=np.float32))
    card = dict(card, seed=SEED, python=platform.python_version(), retrain="python3 train.py")
    (here / "card.json").write_text(json.dumps(card, indent=2) + "\n")
    print(json.dumps({k: v for k, v in card.items() if k.startswith("held_out")}))
