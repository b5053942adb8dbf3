/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The Open Inference V2 form of a request's inputs and outputs. A tensor's data may stand before
 * its shape, so its place is noted and read when the object is complete. source: Open Inference
 * Protocol, inference_rest.md */
#include <inttypes.h>
#include <string.h>

#include "codec/codec_priv.h"

enum { KEY_MAX = 64, DTYPE_NAME_MAX = 16 };

/* One element of "inputs" as it stands in the text. */
struct v2_tensor {
    char name[SIGNATURE_NAME_MAX + 1];
    char datatype[DTYPE_NAME_MAX + 1];
    int64_t dims[TENSOR_RANK_MAX];
    int rank;         /* -1: no shape came */
    struct json data; /* where "data" begins */
    bool has_name, has_datatype, has_data;
};

static enum status shape(struct json *j, struct v2_tensor *v, struct err *err)
{
    const char *s;
    size_t n;
    bool more;
    v->rank = 0;
    enum status st = json_open(j, '[', &more, err);
    while (st == OK && more) {
        if (v->rank == TENSOR_RANK_MAX)
            return err_set(err, E_BAD_INPUT, "a shape of more than %d dimensions", TENSOR_RANK_MAX);
        if ((st = json_number(j, &s, &n, err)) != OK)
            return st;
        int64_t *dim = &v->dims[v->rank++];
        if (number_store(DT_I64, s, n, dim) != NUMBER_FINE || *dim < 0)
            return err_set(err, E_BAD_INPUT, "shape: %.*s is not a dimension",
                           (int)MIN(n, (size_t)40), s);
        st = json_next(j, '[', &more, err);
    }
    return st;
}

static enum status field(struct json *j, const char *key, struct v2_tensor *v, struct err *err)
{
    if (strcmp(key, "name") == 0 && !v->has_name) {
        v->has_name = true;
        return json_string(j, v->name, SIGNATURE_NAME_MAX, err);
    }
    if (strcmp(key, "datatype") == 0 && !v->has_datatype) {
        v->has_datatype = true;
        return json_string(j, v->datatype, DTYPE_NAME_MAX, err);
    }
    if (strcmp(key, "shape") == 0 && v->rank < 0)
        return shape(j, v, err);
    if (strcmp(key, "data") == 0 && !v->has_data) {
        v->has_data = true;
        json_peek(j);
        v->data = *j;
        return json_skip(j, err);
    }
    if (strcmp(key, "parameters") == 0)
        return json_skip(j, err);
    return err_set(err, E_BAD_INPUT, "an input's key '%s' is unknown or came twice", key);
}

/* Flat or nested: the order of the elements is the same, so brackets are only counted. */
static enum status flat(struct json *j, struct builder *b, struct err *err)
{
    int floor = j->depth;
    enum status s;
    do {
        bool opened = false, more = false;
        if (json_peek(j) == '[')
            s = json_open(j, '[', &opened, err);
        else
            s = json_element(j, b, err);
        while (s == OK && !opened && !more && j->depth > floor)
            s = json_next(j, '[', &more, err);
    } while (s == OK && j->depth > floor);
    return s;
}

static enum status complete(struct v2_tensor *v, struct err *err)
{
    const char *missing = !v->has_name       ? "name"
                          : !v->has_datatype ? "datatype"
                          : v->rank < 0      ? "shape"
                          : !v->has_data     ? "data"
                                             : NULL;
    if (!missing)
        return OK;
    return err_set(err, E_BAD_INPUT, "input '%s' lacks \"%s\"", v->name, missing);
}

static enum status one_input(struct json *j, struct v2_tensor *v, struct err *err)
{
    char key[KEY_MAX + 1];
    bool more;
    enum status s = json_open(j, '{', &more, err);
    while (s == OK && more) {
        s = json_key(j, key, KEY_MAX, err);
        if (s == OK)
            s = field(j, key, v, err);
        if (s == OK)
            s = json_next(j, '{', &more, err);
    }
    return s == OK ? complete(v, err) : s;
}

static enum status store(struct v2_tensor *v, const struct signature *sig, struct codec_request *r,
                         struct err *err)
{
    struct builder b;
    int i = codec_find_port(sig->inputs, sig->n_inputs, v->name);
    if (i < 0)
        return err_set(err, E_BAD_INPUT, "the model has no input '%.100s'", v->name);
    if (r->inputs[i].data)
        return err_set(err, E_BAD_INPUT, "input '%s' came twice", v->name);
    builder_init(&b, sig, r, i);
    if (dtype_from_v2(v->datatype) != b.port->dtype)
        return err_set(err, E_BAD_INPUT, "input '%s': datatype %s, expected %s", v->name,
                       v->datatype, dtype_v2(b.port->dtype));
    if (v->rank != b.port->rank)
        return err_set(err, E_BAD_INPUT, "input '%s': shape of rank %d, expected rank %d", v->name,
                       v->rank, b.port->rank);
    enum status s = OK;
    for (int d = 0; s == OK && d < v->rank; d++)
        s = builder_dim(&b, d, v->dims[d], err);
    if (s == OK)
        s = flat(&v->data, &b, err);
    return s == OK ? builder_finish(&b, err) : s;
}

enum status json_v2_inputs(struct json *j, const struct signature *sig, struct codec_request *r,
                           struct err *err)
{
    bool more;
    enum status s = json_open(j, '[', &more, err);
    while (s == OK && more) {
        struct v2_tensor v = {.rank = -1};
        s = one_input(j, &v, err);
        if (s == OK)
            s = store(&v, sig, r, err);
        if (s == OK)
            s = json_next(j, '[', &more, err);
    }
    for (int i = 0; s == OK && i < sig->n_inputs; i++)
        if (!r->inputs[i].data)
            return err_set(err, E_BAD_INPUT, "input '%s' is missing", sig->inputs[i].name);
    return s;
}

static enum status one_output(struct json *j, const struct signature *sig, struct codec_request *r,
                              struct err *err)
{
    char key[KEY_MAX + 1], name[SIGNATURE_NAME_MAX + 1] = "";
    bool more;
    enum status s = json_open(j, '{', &more, err);
    while (s == OK && more) {
        s = json_key(j, key, KEY_MAX, err);
        if (s == OK && strcmp(key, "name") == 0)
            s = json_string(j, name, SIGNATURE_NAME_MAX, err);
        else if (s == OK && strcmp(key, "parameters") == 0)
            s = json_skip(j, err);
        else if (s == OK)
            s = err_set(err, E_BAD_INPUT, "an output's key '%s' is unknown", key);
        if (s == OK)
            s = json_next(j, '{', &more, err);
    }
    if (s != OK)
        return s;
    int i = codec_find_port(sig->outputs, sig->n_outputs, name);
    if (i < 0)
        return err_set(err, E_BAD_INPUT, "the model has no output '%.100s'", name);
    r->wanted[i / 64] |= UINT64_C(1) << (i % 64);
    return OK;
}

enum status json_v2_outputs(struct json *j, const struct signature *sig, struct codec_request *r,
                            struct err *err)
{
    bool more;
    enum status s = json_open(j, '[', &more, err);
    if (s == OK && more)
        memset(r->wanted, 0, sizeof(r->wanted));
    while (s == OK && more) {
        s = one_output(j, sig, r, err);
        if (s == OK)
            s = json_next(j, '[', &more, err);
    }
    return s;
}
