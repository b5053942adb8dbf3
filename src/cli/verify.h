/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The parts of `roost verify`: reading reference data, comparing tensors. */
#ifndef ROOST_CLI_VERIFY_H
#define ROOST_CLI_VERIFY_H

#include "base/buf.h"
#include "compiler/graph.h"
#include "tensor/tensor.h"

/* A tensor read from a file, with what its data lie in. Embedded; all zero is empty. */
struct verify_tensor {
    struct tensor t;
    struct buf bytes;    /* the file */
    struct buf copy;     /* npy data that could not be used in place */
    struct graph *graph; /* owns what a .pb needed beside its bytes */
    void *aligned;       /* heap; where t's data lie in the end */
};

/* Reads `<stem>.pb` (an ONNX TensorProto) or `<stem>.npy`.  blocks: disk
 * errors: E_NOT_FOUND when neither is there; E_CORRUPT, E_UNSUPPORTED, E_NO_MEMORY */
enum status verify_tensor_read(const char *stem, struct verify_tensor *out,
                               struct err *err) WARN_UNUSED;
void verify_tensor_fini(struct verify_tensor *t);

struct verify_tolerance {
    double rtol, atol; /* |got - want| <= atol + rtol * |want| */
};

enum { VERIFY_WORDS_MAX = 256 };

/* dtype, shape, integers and booleans exactly, floats within the tolerance; NaN equals NaN, an
 * infinity only itself. False: words say what differs, and where it is worst. */
bool verify_equal(const struct tensor *got, const struct tensor *want,
                  const struct verify_tolerance *tol, char words[VERIFY_WORDS_MAX]);

#endif
