/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Reference data in the layout of the ONNX backend tests, through the compiler's own reader of
 * TensorProto and the codec's of npy. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/files.h"
#include "cli/local.h"
#include "cli/verify.h"
#include "codec/codec.h"

enum { ALIGN_BYTES = 64 };

static enum status read_pb(const char *path, struct verify_tensor *out, struct err *err)
{
    enum status s = file_read(path, &out->bytes, err);
    if (s == OK && graph_new(&out->graph) != OK)
        return err_set(err, E_NO_MEMORY, "out of memory");
    return s == OK ? onnx_read_tensor(out->bytes.data, out->bytes.len, out->graph, &out->t, err)
                   : s;
}

static enum status read_npy(const char *path, struct verify_tensor *out, struct err *err)
{
    enum status s = file_read(path, &out->bytes, err);
    return s == OK ? npy_read(out->bytes.data, out->bytes.len, &out->t, &out->copy, err) : s;
}

/* Kernels want their operands aligned, and a file's bytes are not. */
static enum status align(struct verify_tensor *v, struct err *err)
{
    uint64_t bytes;
    if (!tensor_bytes(&v->t, &bytes))
        return err_set(err, E_CORRUPT, "the shape overflows");
    v->aligned = alloc_aligned(ALIGN_BYTES, bytes ? bytes : 1);
    if (!v->aligned)
        return err_set(err, E_NO_MEMORY, "out of memory");
    if (bytes)
        memcpy(v->aligned, v->t.data, bytes);
    v->t.data = v->aligned;
    return OK;
}

enum status verify_tensor_read(const char *stem, struct verify_tensor *out, struct err *err)
{
    static const struct {
        const char *ends;
        enum status (*read)(const char *path, struct verify_tensor *out, struct err *err);
    } forms[] = {{".pb", read_pb}, {".npy", read_npy}};
    *out = (struct verify_tensor){.graph = NULL};
    buf_init(&out->bytes, LOCAL_FILE_MAX);
    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        char path[PATH_MAX];
        int n = snprintf(path, sizeof(path), "%s%s", stem, forms[i].ends);
        if (n < 0 || (size_t)n >= sizeof(path) || !file_exists(path))
            continue;
        enum status s = forms[i].read(path, out, err);
        if (s == OK)
            s = align(out, err);
        if (s == OK)
            return OK;
        verify_tensor_fini(out);
        return err_prefix(err, "%.120s", path);
    }
    return err_set(err, E_NOT_FOUND, "%.120s.pb is missing, and .npy too", stem);
}

void verify_tensor_fini(struct verify_tensor *t)
{
    if (t->graph)
        graph_free(&t->graph);
    buf_fini(&t->bytes);
    buf_fini(&t->copy);
    alloc_free(t->aligned);
    t->aligned = NULL;
    t->t = (struct tensor){.data = NULL};
}
