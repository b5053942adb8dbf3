# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Writes small ONNX files byte by byte, so that tests can make thousands of models without a framework.

source: onnx.proto (field numbers), https://protobuf.dev/programming-guides/encoding (wire format)"""
import struct

FLOAT = 1
INT64 = 7


def varint(n):
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def data(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def tensor(name, dims, floats):
    raw = struct.pack(f"<{len(floats)}f", *floats) if not isinstance(floats, bytes) else floats
    return b"".join(number(1, d) for d in dims) + number(2, FLOAT) + data(8, name) + data(9, raw)


def outside(name, dims, location):
    """A tensor whose floats lie in a file beside the model."""
    where = data(13, data(1, "location") + data(2, location))
    return b"".join(number(1, d) for d in dims) + number(2, FLOAT) + data(8, name) + where + number(14, 1)


def port(name, dims, dtype=FLOAT):
    """A dim is an int or a symbol's name."""
    shape = b"".join(data(1, number(1, d) if isinstance(d, int) else data(2, d)) for d in dims)
    return data(1, name) + data(2, data(1, number(1, dtype) + data(2, shape)))


def node(op, inputs, outputs):
    return b"".join(data(1, i) for i in inputs) + b"".join(data(2, o) for o in outputs) + data(4, op)


def model(nodes, initializers, inputs, outputs, opset=13):
    graph = b"".join(data(1, n) for n in nodes) + data(2, "tiny") + b"".join(data(5, t) for t in initializers)
    graph += b"".join(data(11, i) for i in inputs) + b"".join(data(12, o) for o in outputs)
    return number(1, 8) + data(2, "tests") + data(7, graph) + data(8, data(1, "") + number(2, opset))


def add_constant(k, width=4):
    """y = x + k over float32 [N, width]."""
    return model([node("Add", ["x", "k"], ["y"])], [tensor("k", [width], [float(k)] * width)],
                 [port("x", ["N", width])], [port("y", ["N", width])])


def add_outside(location, width=4):
    """y = x + k over float32 [N, width], k's floats in another file."""
    return model([node("Add", ["x", "k"], ["y"])], [outside("k", [width], location)],
                 [port("x", ["N", width])], [port("y", ["N", width])])


def scaled_square(k, side):
    """y = x . W over float32 [N, side], W = k on the diagonal; side * side * 4 bytes of weights."""
    weights = bytearray(4 * side * side)
    for i in range(side):
        struct.pack_into("<f", weights, 4 * (i * side + i), float(k))
    return model([node("MatMul", ["x", "w"], ["y"])], [tensor("w", [side, side], bytes(weights))],
                 [port("x", ["N", side])], [port("y", ["N", side])])


def chain(factors, side):
    """y = x . W1 . W2 ... over float32 [N, side], each W a factor on the diagonal."""
    def square(k):
        return b"".join(struct.pack("<f", float(k) if i == j else 0.0) for i in range(side) for j in range(side))
    names = ["x", *(f"v{i}" for i in range(1, len(factors))), "y"]
    return model([node("MatMul", [names[i], f"w{i}"], [names[i + 1]]) for i in range(len(factors))],
                 [tensor(f"w{i}", [side, side], square(k)) for i, k in enumerate(factors)],
                 [port("x", ["N", side])], [port("y", ["N", side])])


def gather_rows(rows):
    """y = table[i]: int64 indices from the request; row r of the table is [r, r]."""
    table = tensor("t", [rows, 2], [float(r) for r in range(rows) for _ in range(2)])
    index = data(1, "i") + data(2, data(1, number(1, 7) + data(2, data(1, data(2, "N")))))
    return model([node("Gather", ["t", "i"], ["y"])], [table], [index], [port("y", ["N", 2])])


def loop(keeps_slices):
    """y = x after a Loop whose condition is always true and whose trip count is n: x float32 [N], n int64.
    With slices, a second output z [n, N]; without them the loop takes no trip count and never ends."""
    outputs = ["c", "s2"] + ["s2"] * keeps_slices
    body = data(1, node("Abs", ["s"], ["s2"])) + data(2, "body")
    body += b"".join(data(11, data(1, name)) for name in ("i", "c", "s"))
    body += b"".join(data(12, data(1, name)) for name in outputs)
    attribute = data(5, data(1, "body") + data(6, body) + number(20, 5))
    inputs, results = ["n" if keeps_slices else "", "", "x"], ["y"] + ["z"] * keeps_slices
    ports = [port("x", ["N"])] + [port("n", [], INT64)] * keeps_slices
    return model([node("Loop", inputs, results) + attribute], [], ports,
                 [port("y", ["N"])] + [port("z", ["k", "N"])] * keeps_slices)
