/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A hand-made source for artifact_write; data lives as long as the process (tests fork). */
#include "support/model.h"

#include <string.h>

#include "support/support.h"

static const char *const symbol_names[] = {"N", "M", "K", "L"};

void model_init(struct model *m)
{
    memset(m, 0, sizeof(*m));
    m->src.tensors = m->tensors;
    m->src.instrs = m->nodes;
    m->src.blocks = m->blocks;
    m->src.inputs = m->in;
    m->src.outputs = m->out;
    m->src.signature.inputs = m->inputs;
    m->src.signature.outputs = m->outputs;
    m->src.signature.symbols = m->symbols;
    m->src.provenance = "{\"source\":\"test\"}";
}

static struct artifact_tensor *new_tensor(struct model *m, int32_t *index)
{
    ck_assert_uint_lt(m->src.n_tensors, MODEL_TENSORS);
    *index = (int32_t)m->src.n_tensors;
    return &m->tensors[m->src.n_tensors++];
}

static struct port make_port(struct model *m, const char *name, const struct tensor *t)
{
    struct port p = {.name = name, .dtype = t->dtype, .rank = t->rank};
    memcpy(p.dims, t->dims, sizeof(p.dims));
    for (int i = 0; i < p.rank; i++)
        for (int k = 0; dim_is_symbol(p.dims[i]) && k <= dim_symbol(p.dims[i]); k++) {
            m->symbols[k] = symbol_names[k];
            m->src.signature.n_symbols = MAX(m->src.signature.n_symbols, k + 1);
        }
    return p;
}

int32_t model_input(struct model *m, const char *name, enum dtype t, int rank, const int64_t *dims)
{
    int32_t index;
    struct artifact_tensor *at = new_tensor(m, &index);
    int n = m->src.signature.n_inputs++;
    *at = (struct artifact_tensor){.name = name, .class = CLASS_INPUT};
    tensor_set_shape(&at->t, t, rank, dims);
    m->inputs[n] = make_port(m, name, &at->t);
    m->in[n] = index;
    return index;
}

int32_t model_const(struct model *m, enum dtype t, int rank, const int64_t *dims, const void *data)
{
    int32_t index;
    struct artifact_tensor *at = new_tensor(m, &index);
    *at = (struct artifact_tensor){.name = "c", .class = CLASS_CONST};
    tensor_set_shape(&at->t, t, rank, dims);
    at->t.data = (void *)(uintptr_t)data;
    return index;
}

int32_t model_node_n(struct model *m, const char *op, int version, const int32_t *in, uint32_t n_in,
                     uint32_t n_out)
{
    int32_t index, first = ARTIFACT_NO_TENSOR;
    uint32_t n = m->src.n_instrs++;
    const struct op *o = op_by_name("", op);
    if (!o)
        o = op_by_name("roost", op);
    ck_assert_msg(o != NULL, "no operator %s", op);
    ck_assert_uint_le(MAX(n_in, n_out), MODEL_OPERANDS);
    if (n_in)
        memcpy(m->operands[n][0], in, n_in * sizeof(in[0]));
    for (uint32_t k = 0; k < n_out; k++) {
        struct artifact_tensor *at = new_tensor(m, &index);
        *at = (struct artifact_tensor){.name = "v", .class = CLASS_VALUE};
        m->operands[n][1][k] = index;
        first = k ? first : index;
    }
    m->nodes[n] = (struct artifact_instr){.op = o->code,
                                          .version = (uint16_t)version,
                                          .in = m->operands[n][0],
                                          .out = m->operands[n][1],
                                          .n_in = n_in,
                                          .n_out = n_out,
                                          .attrs = m->attrs[n],
                                          .name = op};
    return first;
}

int32_t model_node(struct model *m, const char *op, int version, int32_t a, int32_t b, int32_t c)
{
    const int32_t in[3] = {a, b, c};
    uint32_t n_in = c != ARTIFACT_NO_TENSOR ? 3 : b != ARTIFACT_NO_TENSOR ? 2 : 1;
    return model_node_n(m, op, version, in, n_in, 1);
}

int32_t model_formal(struct model *m)
{
    int32_t index;
    *new_tensor(m, &index) = (struct artifact_tensor){.name = "f", .class = CLASS_FORMAL};
    return index;
}

uint32_t model_block(struct model *m, uint32_t n_instrs, const int32_t *formals,
                     const int32_t *results)
{
    const uint32_t i = m->src.n_blocks++;
    struct artifact_block *b = &m->blocks[i];
    ck_assert_uint_lt(i, MODEL_BLOCKS);
    *b = (struct artifact_block){n_instrs, m->formals[i], m->results[i], 0, 0};
    while (formals[b->n_in] != ARTIFACT_NO_TENSOR) {
        m->formals[i][b->n_in] = formals[b->n_in];
        b->n_in++;
    }
    while (results[b->n_out] != ARTIFACT_NO_TENSOR) {
        m->results[i][b->n_out] = results[b->n_out];
        b->n_out++;
    }
    return i + 1;
}

void model_attr(struct model *m, struct attr a)
{
    struct artifact_instr *n = &m->nodes[m->src.n_instrs - 1];
    m->attrs[m->src.n_instrs - 1][n->n_attrs++] = a;
}

void model_output(struct model *m, const char *name, int32_t t, enum dtype dtype, int rank,
                  const int64_t *dims)
{
    int n = m->src.signature.n_outputs++;
    struct tensor shape = {0};
    tensor_set_shape(&shape, dtype, rank, dims);
    m->outputs[n] = make_port(m, name, &shape);
    m->out[n] = t;
}

void model_write(struct model *m, const struct artifact_cost *cost, struct buf *out)
{
    struct err err;
    struct artifact_cost measured = {0};
    buf_init(out, 0);
    if (!cost) {
        ck_ok(artifact_write(&m->src, &measured, out, &err), &err);
        ck_ok(program_measure(out->data, out->len, &measured, &err), &err);
        buf_fini(out);
    }
    ck_ok(artifact_write(&m->src, cost ? cost : &measured, out, &err), &err);
}

struct program *model_program(struct model *m)
{
    struct buf file;
    struct program *p;
    struct err err;
    model_write(m, NULL, &file);
    ck_ok(program_open_bytes(file.data, file.len, &p, &err), &err);
    buf_fini(&file);
    return p;
}

void model_rehash(struct buf *file)
{
    enum { META_OFF = 32, HASH_OFF = 128 }; /* docs/artifact.md */
    uint64_t meta;
    uint8_t digest[SHA256_BYTES];
    memcpy(&meta, file->data + META_OFF, sizeof(meta));
    memset(file->data + HASH_OFF, 0, SHA256_BYTES);
    ck_assert_int_eq(sha256_once(file->data, MIN(meta, file->len), digest), OK);
    memcpy(file->data + HASH_OFF, digest, SHA256_BYTES);
}

uint64_t draw_u64(uint64_t *seed)
{
    /* source: Marsaglia, "Xorshift RNGs", 2003 */
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

float draw_f32(uint64_t *seed)
{
    return (float)(draw_u64(seed) >> 40) / (float)(1 << 23) - 1.0f;
}

void model_mlp(struct model *m, uint64_t seed)
{
    enum { IN = 4, HIDDEN = 16, OUT = 3 };
    static float w1[IN * HIDDEN], b1[HIDDEN], w2[HIDDEN * OUT], b2[OUT];
    float *all[] = {w1, b1, w2, b2};
    const size_t counts[] = {ARRAY_COUNT(w1), ARRAY_COUNT(b1), ARRAY_COUNT(w2), ARRAY_COUNT(b2)};
    for (size_t i = 0; i < ARRAY_COUNT(all); i++)
        for (size_t k = 0; k < counts[i]; k++)
            all[i][k] = draw_f32(&seed);
    model_init(m);
    int32_t x = model_input(m, "x", DT_F32, 2, (int64_t[]){DIM_SYMBOL_0, IN});
    int32_t t1 = model_const(m, DT_F32, 2, (int64_t[]){IN, HIDDEN}, w1);
    int32_t t2 = model_const(m, DT_F32, 1, (int64_t[]){HIDDEN}, b1);
    int32_t t3 = model_const(m, DT_F32, 2, (int64_t[]){HIDDEN, OUT}, w2);
    int32_t t4 = model_const(m, DT_F32, 1, (int64_t[]){OUT}, b2);
    int32_t h = model_node(m, "Gemm", 13, x, t1, t2);
    h = model_node(m, "Relu", 14, h, -1, -1);
    h = model_node(m, "Gemm", 13, h, t3, t4);
    h = model_node(m, "Softmax", 13, h, -1, -1);
    model_output(m, "y", h, DT_F32, 2, (int64_t[]){DIM_SYMBOL_0, OUT});
}
