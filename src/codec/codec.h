/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Request bodies <-> tensors: JSON in its four forms, CSV, npy (numbers only). No HTTP in it: the
 * CLI, batch jobs and other front doors share it. Bytes are hostile: every size is checked, nesting
 * is bounded, integers never pass through a double. */
#ifndef ROOST_CODEC_CODEC_H
#define ROOST_CODEC_CODEC_H

#include "artifact/signature.h"
#include "base/buf.h"

enum codec_format { CODEC_JSON, CODEC_CSV, CODEC_NPY };
enum { CODEC_JSON_DEPTH_MAX = 64, CODEC_ID_MAX = 255 };

/* The form of a JSON request, which its reply mirrors. */
enum json_form {
    JSON_INSTANCES, /* {"instances": [...]} or a bare array -> {"predictions": [...]} */
    JSON_INPUTS,    /* {"inputs": {...}} -> {"outputs": {...}} */
    JSON_V2,        /* {"inputs": [{"name", "datatype", "shape", "data"}]} -> the V2 form */
};

/* A decoded request. Embedded; codec_request_init / _fini. inputs[i].data lies in data[i]. */
struct codec_request {
    enum json_form form;   /* JSON_INSTANCES for CSV and npy */
    struct tensor *inputs; /* signature order; heap, n_inputs of them */
    int n_inputs;
    struct buf *data;          /* one per input: its elements; heap, n_inputs of them */
    struct buf *texts;         /* one per input: what string elements point to; heap, likewise */
    char id[CODEC_ID_MAX + 1]; /* V2 "id"; "" when absent */
    uint64_t wanted[4];        /* bit per output (SIGNATURE_PORTS_MAX); V2 "outputs" list, or all */
    buf_charge_fn *charge;     /* for every byte decoded; NULL: not charged */
    void *charge_arg;
};

struct codec_options {
    bool csv_header;        /* header=present: the first line names the columns, or is skipped */
    bool nan_token;         /* x-roost-nan: token — NaN/Infinity instead of null in JSON out */
    const char *output;     /* x-roost-output: the one output to send as npy; NULL: the only one */
    const char *model_name; /* for V2 replies */
    const char *model_version;
};

/* charge covers the decoded bytes (buf.h); may be NULL. */
void codec_request_init(struct codec_request *r, buf_charge_fn *charge, void *arg);
void codec_request_fini(struct codec_request *r);

/* errors: E_BAD_INPUT naming the tensor, what came and what was expected; E_TOO_LARGE; E_NO_MEMORY
 */
enum status codec_decode(enum codec_format f, const void *body, size_t n,
                         const struct signature *sig, const struct codec_options *o,
                         struct codec_request *r, struct err *err) WARN_UNUSED;

/* outputs: signature order, all of them.  errors: E_BAD_INPUT (an output name that does not exist;
 * npy with several outputs); E_TOO_LARGE; E_NO_MEMORY */
enum status codec_encode(enum codec_format f, const struct signature *sig,
                         const struct tensor *outputs, const struct codec_request *r,
                         const struct codec_options *o, struct buf *out,
                         struct err *err) WARN_UNUSED;

/* Class labels, int64[C] or string[C], as a JSON array; null when there are more than
 * CODEC_LABELS_MAX, or `labels` is NULL. */
enum { CODEC_LABELS_MAX = 1024 };
enum status codec_labels(const struct tensor *labels, struct buf *out) WARN_UNUSED;

/* One .npy file <-> tensor, for `verify` too. The tensor's data point into bytes when they are
 * aligned and in C order, else into `copy`. */
enum status npy_read(const void *bytes, size_t n, struct tensor *out, struct buf *copy,
                     struct err *err) WARN_UNUSED;
enum status npy_write(const struct tensor *t, struct buf *out) WARN_UNUSED;

#endif
