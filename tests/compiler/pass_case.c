/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The graph is run operator by operator before and after, on the same seeded inputs. */
#include "pass_case.h"

#include <math.h>

enum { PORTS = 4, SIZES = 2 };

static const int64_t sizes[SIZES] = {3, 1};

void subject_init(struct subject *s, struct onnx_build *m)
{
    *s = (struct subject){.g = NULL};
    onnx_finish(m, &s->file);
    ck_assert_int_eq(graph_new(&s->g), OK);
    ck_ok(onnx_read(s->file.data, s->file.len, s->g, &s->err), &s->err);
}

void subject_fini(struct subject *s)
{
    graph_free(&s->g);
    buf_fini(&s->file);
}

static void run(struct subject *s, int64_t size, struct tensor *out)
{
    struct tensor in[PORTS];
    graph_inputs(s->g, size, 7, in);
    ck_ok(graph_run(s->g, in, out, &s->err), &s->err);
    tensors_free(in, s->g->n_inputs);
}

static void assert_close(const struct tensor *a, const struct tensor *b, double rtol, double atol)
{
    ck_assert(shape_same(a, b));
    ck_assert_int_eq(a->dtype, b->dtype);
    for (int64_t i = 0; i < tensor_count(a); i++) {
        double x = tensor_get_f64(a, i), y = tensor_get_f64(b, i);
        ck_assert_msg(fabs(x - y) <= atol + rtol * fabs(x), "element %d: %g and %g", (int)i, x, y);
    }
}

void apply_within(struct subject *s, pass_fn *pass, double rtol, double atol)
{
    struct tensor before[SIZES][PORTS] = {{{0}}}, after[PORTS] = {{0}};
    for (int k = 0; k < SIZES; k++)
        run(s, sizes[k], before[k]);
    ck_ok(pass(s->g, &s->err), &s->err);
    for (int k = 0; k < SIZES; k++) {
        run(s, sizes[k], after);
        for (uint32_t i = 0; i < s->g->n_outputs; i++)
            assert_close(&before[k][i], &after[i], rtol, atol);
        tensors_free(before[k], s->g->n_outputs);
        tensors_free(after, s->g->n_outputs);
    }
}

void apply(struct subject *s, pass_fn *pass)
{
    apply_within(s, pass, 1e-5, 1e-5);
}

static uint64_t without;

static enum status run_all(struct graph *g, struct err *err)
{
    return passes_run(g, without, NULL, err);
}

void apply_all(struct subject *s, const char *off)
{
    ck_ok(passes_named(off, &without, &s->err), &s->err);
    apply(s, run_all);
}

void random_init(struct onnx_build *m, const char *name, int rank, const int64_t *dims,
                 uint32_t seed)
{
    static float data[1 << 18];
    uint64_t n = 0;
    ck_assert(shape_count(rank, dims, &n) && n <= ARRAY_COUNT(data));
    test_fill(data, n, seed);
    onnx_init_f32(m, name, rank, dims, data);
}

void scalar_init(struct onnx_build *m, const char *name, float v)
{
    onnx_init_f32(m, name, 0, NULL, &v);
}
