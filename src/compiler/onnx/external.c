/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Weights that lie in other files of the same upload. The compiler never opens a file: whoever
 * calls it asks onnx_files_wanted for their names, and hands over the bytes of those that it finds
 * right. A name is relative, stays inside the model's folder, and is compared with what came byte
 * by byte. source: ONNX, docs/ExternalData.md. Its checksum is not read: the artifact holds its
 * own. */
#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "compiler/onnx/onnx_priv.h"

enum tensor_field { F_EXTERNAL = 13, F_LOCATION = 14 };
enum entry_field { F_KEY = 1, F_VALUE = 2 };
enum { LOCATION_EXTERNAL = 1, DIGITS_MAX = 19, DEPTH_MAX = 16 };

/* ---- one tensor's entries ---- */

static bool is(struct view v, const char *text)
{
    return v.n == strlen(text) && memcmp(v.p, text, v.n) == 0;
}

static enum status number(struct view v, const char *what, uint64_t *out, struct err *err)
{
    uint64_t n = 0;
    bool good = v.n > 0 && v.n <= DIGITS_MAX;
    for (size_t i = 0; good && i < v.n; i++) {
        good = v.p[i] >= '0' && v.p[i] <= '9';
        n = n * 10 + (uint64_t)(v.p[i] - '0');
    }
    *out = n;
    return good ? OK
                : err_set(err, E_CORRUPT, "the %s of its data is '%.*s', expected a number", what,
                          (int)MIN(v.n, 40), v.n ? (const char *)v.p : "");
}

static enum status entry(struct wire w, struct onnx_external *out, struct err *err)
{
    struct view key = {0}, value = {0};
    struct field f;
    enum status s;
    while (wire_next(&w, &f, &s, err)) {
        if (f.number == F_KEY || f.number == F_VALUE)
            s = wire_want(&w, &f, WIRE_BYTES, "an entry about external data", err);
        if (s != OK)
            return s;
        if (f.number == F_KEY)
            key = f.bytes;
        if (f.number == F_VALUE)
            value = f.bytes;
    }
    if (s != OK)
        return s;
    if (is(key, "location"))
        out->location = value;
    if (is(key, "offset"))
        return number(value, "offset", &out->offset, err);
    if (is(key, "length")) {
        out->has_length = true;
        return number(value, "length", &out->length, err);
    }
    return OK;
}

bool compile_file_name(const char *name, size_t n)
{
    size_t part = 0; /* bytes since the last slash */
    if (!n || n > COMPILE_FILE_NAME_MAX)
        return false;
    for (size_t i = 0; i <= n; i++) {
        char c = i < n ? name[i] : '/';
        if ((unsigned char)c < 0x20 || c == 0x7f || c == '\\')
            return false;
        if (c != '/') {
            part++;
            continue;
        }
        const char *begin = name + i - part;
        if (!part || (part == 1 && *begin == '.') || (part == 2 && memcmp(begin, "..", 2) == 0))
            return false;
        part = 0;
    }
    return true;
}

enum status onnx_external_read(struct wire w, struct onnx_external *out, struct err *err)
{
    struct field f;
    enum status s;
    *out = (struct onnx_external){.offset = 0};
    while (wire_next(&w, &f, &s, err)) {
        if (f.number != F_EXTERNAL)
            continue;
        s = wire_want(&w, &f, WIRE_BYTES, "an entry about external data", err);
        if (s == OK)
            s = entry(wire_into(&w, &f), out, err);
        if (s != OK)
            return s;
    }
    if (s != OK)
        return s;
    const char *name = out->location.n ? (const char *)out->location.p : "";
    if (!compile_file_name(name, out->location.n))
        return err_set(err, E_CORRUPT,
                       "its data are said to lie in '%.*s', which is no name inside the model's "
                       "folder",
                       (int)MIN(out->location.n, 100), name);
    return OK;
}

enum status onnx_external_data(const struct graph *g, struct wire w, struct view *out,
                               struct err *err)
{
    struct onnx_external e;
    enum status s = onnx_external_read(w, &e, err);
    if (s != OK)
        return s;
    const char *name = (const char *)e.location.p;
    const struct compile_file *file = NULL;
    for (uint32_t i = 0; i < g->n_files && !file; i++)
        if (is(e.location, g->files[i].name))
            file = &g->files[i];
    if (!file)
        return err_set(err, E_UNSUPPORTED,
                       "its data lie in the file '%.*s', which did not come with the model",
                       (int)MIN(e.location.n, 100), name);
    if (!e.has_length)
        e.length = e.offset <= file->n ? file->n - e.offset : 0;
    if (!range_inside(e.offset, e.length, file->n))
        return err_set(err, E_CORRUPT,
                       "its data are said to be %" PRIu64 " bytes at %" PRIu64
                       " of '%.60s', which has %zu",
                       e.length, e.offset, file->name, file->n);
    *out = (struct view){(const uint8_t *)file->bytes + e.offset, (size_t)e.length};
    return OK;
}

/* ---- the names that a model mentions ---- */

/* Fields of the messages on the way to a tensor. */
enum model_field { F_GRAPH = 7 };
enum graph_field { F_NODE = 1, F_INITIALIZER = 5 };
enum node_field { F_ATTRIBUTE = 5 };
enum attribute_field { F_TENSOR = 5, F_SUBGRAPH = 6, F_TENSORS = 10, F_SUBGRAPHS = 11 };

enum message { MODEL, GRAPH, NODE, ATTRIBUTE, TENSOR };

/* Which fields of a message lead on, and to what. */
static const struct {
    enum message from;
    uint32_t field;
    enum message to;
} ways[] = {
    {MODEL, F_GRAPH, GRAPH},        {GRAPH, F_NODE, NODE},           {GRAPH, F_INITIALIZER, TENSOR},
    {NODE, F_ATTRIBUTE, ATTRIBUTE}, {ATTRIBUTE, F_TENSOR, TENSOR},   {ATTRIBUTE, F_TENSORS, TENSOR},
    {ATTRIBUTE, F_SUBGRAPH, GRAPH}, {ATTRIBUTE, F_SUBGRAPHS, GRAPH},
};

struct wanted {
    struct buf *names;
    uint32_t count;
    size_t last; /* where the last name begins: the next tensor mostly has the same */
};

static bool known(const struct wanted *w, struct view name)
{
    const char *p = (const char *)w->names->data;
    if (w->count && is(name, p + w->last))
        return true;
    for (size_t at = 0; at < w->names->len; at += strlen(p + at) + 1)
        if (is(name, p + at))
            return true;
    return false;
}

static enum status want(struct wanted *w, struct view name, struct err *err)
{
    if (known(w, name))
        return OK;
    if (w->count == COMPILE_FILES_MAX)
        return err_set(err, E_UNSUPPORTED,
                       "the model's data lie in more than %d files; save them in one",
                       COMPILE_FILES_MAX);
    w->last = w->names->len;
    w->count++;
    enum status s = buf_add(w->names, name.p, name.n);
    s = s == OK ? buf_char(w->names, 0) : s;
    return s == OK ? OK : reader_no_memory(err);
}

/* A field that is malformed ends the message here; the reader names it when it comes by. */
static enum status tensor(struct wanted *names, struct wire w, struct err *err)
{
    struct onnx_external e;
    struct wire again = w;
    bool external = false;
    struct field f;
    enum status s;
    struct err skipped;
    while (wire_next(&w, &f, &s, &skipped))
        external |= f.number == F_LOCATION && f.value == LOCATION_EXTERNAL;
    if (!external)
        return OK;
    s = onnx_external_read(again, &e, err);
    return s == OK ? want(names, e.location, err) : err_prefix(err, "a tensor of the model");
}

static enum status walk(struct wanted *names, struct wire w, enum message kind, int depth,
                        struct err *err)
{
    struct field f;
    enum status s, done = OK;
    struct err skipped;
    if (kind == TENSOR)
        return tensor(names, w, err);
    if (depth > DEPTH_MAX)
        return OK; /* deeper than the reader goes */
    while (done == OK && wire_next(&w, &f, &s, &skipped))
        for (size_t i = 0; done == OK && f.type == WIRE_BYTES && i < ARRAY_COUNT(ways); i++)
            if (ways[i].from == kind && ways[i].field == f.number)
                done = walk(names, wire_into(&w, &f), ways[i].to, depth + (kind == ATTRIBUTE), err);
    return done;
}

enum status onnx_files_wanted(const void *bytes, size_t n, struct buf *names, struct err *err)
{
    struct wanted w = {.names = names};
    struct wire model = {.file = bytes, .rest = {bytes, n}};
    return walk(&w, model, MODEL, 0, err);
}
