/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* source: Protocol Buffers, "Encoding"; field numbers: onnx.proto */
#include "support/onnx_build.h"

#include <string.h>

static void must(enum status s)
{
    ASSERT(s == OK);
}

void pb_varint(struct buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        must(buf_char(b, (char)(v | 0x80)));
    must(buf_char(b, (char)v));
}

static void tag(struct buf *b, uint32_t field, int type)
{
    pb_varint(b, (uint64_t)field << 3 | (unsigned)type);
}

void pb_int(struct buf *b, uint32_t field, int64_t v)
{
    tag(b, field, 0);
    pb_varint(b, (uint64_t)v);
}

void pb_float(struct buf *b, uint32_t field, float v)
{
    tag(b, field, 5);
    must(buf_add(b, &v, sizeof(v)));
}

void pb_bytes(struct buf *b, uint32_t field, const void *p, size_t n)
{
    tag(b, field, 2);
    pb_varint(b, n);
    must(buf_add(b, p, n));
}

void pb_str(struct buf *b, uint32_t field, const char *s)
{
    pb_bytes(b, field, s, strlen(s));
}

void pb_msg(struct buf *b, uint32_t field, struct buf *sub)
{
    pb_bytes(b, field, sub->data, sub->len);
    buf_fini(sub);
}

void onnx_opset(struct onnx_build *m, const char *domain, int version)
{
    struct buf o = {0};
    if (*domain)
        pb_str(&o, 1, domain);
    pb_int(&o, 2, version);
    pb_msg(&m->model, 8, &o);
}

void onnx_input(struct onnx_build *m, const char *name, enum dtype t, int rank, const int64_t *dims)
{
    struct buf shape = {0}, tensor = {0}, type = {0}, info = {0};
    for (int i = 0; i < rank; i++) {
        struct buf dim = {0};
        if (dims[i] < 0)
            pb_str(&dim, 2, "N");
        else
            pb_int(&dim, 1, dims[i]);
        pb_msg(&shape, 1, &dim);
    }
    pb_int(&tensor, 1, t);
    if (rank >= 0)
        pb_msg(&tensor, 2, &shape);
    pb_msg(&type, 1, &tensor);
    pb_str(&info, 1, name);
    pb_msg(&info, 2, &type);
    pb_msg(&m->graph, 11, &info);
}

void onnx_output(struct onnx_build *m, const char *name)
{
    struct buf info = {0};
    pb_str(&info, 1, name);
    pb_msg(&m->graph, 12, &info);
}

static void tensor_message(struct buf *b, const char *name, const struct tensor *t)
{
    uint64_t bytes = 0;
    ASSERT(tensor_bytes(t, &bytes));
    for (int i = 0; i < t->rank; i++)
        pb_int(b, 1, t->dims[i]);
    pb_int(b, 2, t->dtype);
    if (name)
        pb_str(b, 8, name);
    pb_bytes(b, 9, t->data, bytes);
}

void onnx_init(struct onnx_build *m, const char *name, const struct tensor *t)
{
    struct buf b = {0};
    tensor_message(&b, name, t);
    pb_msg(&m->graph, 5, &b);
}

void onnx_init_f32(struct onnx_build *m, const char *name, int rank, const int64_t *dims,
                   const float *data)
{
    struct tensor t = {.data = (void *)(uintptr_t)data};
    tensor_set_shape(&t, DT_F32, rank, dims);
    onnx_init(m, name, &t);
}

void onnx_init_i64(struct onnx_build *m, const char *name, int rank, const int64_t *dims,
                   const int64_t *data)
{
    struct tensor t = {.data = (void *)(uintptr_t)data};
    tensor_set_shape(&t, DT_I64, rank, dims);
    onnx_init(m, name, &t);
}

static void names(struct buf *b, uint32_t field, const char *list)
{
    while (*list) {
        size_t n = strcspn(list, ",");
        pb_bytes(b, field, list, n);
        list += n;
        if (*list == ',')
            list++;
    }
}

static void attribute(struct buf *node, const struct test_attr *a)
{
    struct buf b = {0}, t = {0};
    pb_str(&b, 1, a->name);
    if (a->type == 1)
        pb_float(&b, 2, a->f);
    if (a->type == 2)
        pb_int(&b, 3, a->i);
    if (a->type == 3)
        pb_str(&b, 4, a->s);
    if (a->type == 4) {
        tensor_message(&t, NULL, a->t);
        pb_msg(&b, 5, &t);
    }
    if (a->type == 5)
        pb_msg(&b, 6, a->g);
    for (size_t i = 0; a->type == 7 && i < a->n; i++)
        pb_int(&b, 8, a->ints[i]);
    pb_int(&b, 20, a->type);
    pb_msg(node, 5, &b);
}

void onnx_op(struct onnx_build *m, const char *op, const char *name, const char *in,
             const char *out, const struct test_attr *attrs, size_t n_attrs)
{
    struct buf b = {0};
    names(&b, 1, in);
    names(&b, 2, out);
    pb_str(&b, 3, name);
    pb_str(&b, 4, op);
    for (size_t i = 0; i < n_attrs; i++)
        attribute(&b, &attrs[i]);
    pb_msg(&m->graph, 1, &b);
}

void onnx_finish(struct onnx_build *m, struct buf *out)
{
    pb_int(out, 1, 8);
    pb_str(out, 2, "by-hand");
    pb_msg(out, 7, &m->graph);
    must(buf_add(out, m->model.data, m->model.len));
    buf_fini(&m->model);
}
