/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* fold_dims: what hangs on fixed dims becomes constant, and what could differ at some batch stays,
 * though it is the same at every batch that was probed. */
#include "base/alloc.h"
#include "compiler/compiler.h"
#include "compiler/passes/passes.h"
#include "support/graph_run.h"
#include "support/onnx_build.h"
#include "support/support.h"

struct subject {
    struct buf file;
    struct graph *g;
    struct err err;
};

/* Input "x" is [N, 6, 4]; "s" is its shape. */
static void begin(struct onnx_build *m)
{
    onnx_opset(m, "", 13);
    onnx_input(m, "x", DT_F32, DIMS(-1, 6, 4));
    onnx_op(m, "Shape", "shape", "x", "s", NO_ATTRS);
}

static void fold(struct subject *s, struct onnx_build *m)
{
    *s = (struct subject){.g = NULL};
    onnx_finish(m, &s->file);
    ck_assert_int_eq(graph_new(&s->g), OK);
    ck_ok(onnx_read(s->file.data, s->file.len, s->g, &s->err), &s->err);
    ck_ok(pass_fold_dims(s->g, &s->err), &s->err);
}

static void done(struct subject *s)
{
    graph_free(&s->g);
    buf_fini(&s->file);
}

/* Runs the folded graph at a batch and gives the one int64 output. */
static void run(struct subject *s, int64_t batch, struct tensor *out)
{
    struct tensor in;
    graph_inputs(s->g, batch, 7, &in);
    ck_ok(graph_run(s->g, &in, out, &s->err), &s->err);
    tensors_free(&in, 1);
}

static void init_one(struct onnx_build *m, const char *name, int64_t v)
{
    onnx_init_i64(m, name, DIMS(1), &v);
}

START_TEST(a_chain_over_fixed_dims_is_constant)
{
    struct onnx_build m = {0};
    struct subject s;
    begin(&m);
    init_one(&m, "one", 1);
    init_one(&m, "two", 2);
    onnx_op(&m, "Gather", "g1", "s,one", "h", NO_ATTRS);
    onnx_op(&m, "Gather", "g2", "s,two", "w", NO_ATTRS);
    onnx_op(&m, "Mul", "m", "h,w", "hw", NO_ATTRS);
    onnx_op(&m, "Concat", "c", "hw,two", "y", ATTRS(A_INT("axis", 0)));
    onnx_output(&m, "y");
    fold(&s, &m);
    ck_assert_uint_eq(s.g->n_nodes, 1); /* Shape itself varies */
    const struct value *y = &s.g->values[s.g->outputs[0]];
    ck_assert_int_eq(y->kind, VALUE_CONST);
    ck_assert_int_eq(((const int64_t *)y->t.data)[0], 24);
    ck_assert_int_eq(((const int64_t *)y->t.data)[1], 2);
    done(&s);
}
END_TEST

/* Slice's starts, axes and steps are often one and the same constant. */
START_TEST(one_constant_may_stand_in_several_places)
{
    struct onnx_build m = {0};
    struct subject s;
    begin(&m);
    init_one(&m, "zero", 0);
    init_one(&m, "one", 1);
    init_one(&m, "three", 3);
    onnx_op(&m, "Slice", "cut", "s,one,three,zero,one", "y", NO_ATTRS);
    onnx_output(&m, "y");
    fold(&s, &m);
    ck_assert_uint_eq(s.g->n_nodes, 1);
    ck_assert_int_eq(((const int64_t *)s.g->values[s.g->outputs[0]].t.data)[1], 4);
    done(&s);
}
END_TEST

START_TEST(the_batch_among_fixed_dims_stays)
{
    struct onnx_build m = {0};
    struct subject s;
    struct tensor out;
    begin(&m);
    init_one(&m, "zero", 0);
    init_one(&m, "rest", -1);
    onnx_op(&m, "Gather", "g", "s,zero", "n", NO_ATTRS);
    onnx_op(&m, "Concat", "c", "n,rest", "y", ATTRS(A_INT("axis", 0)));
    onnx_output(&m, "y");
    fold(&s, &m);
    ck_assert_uint_eq(s.g->n_nodes, 3);
    run(&s, 11, &out);
    ck_assert_int_eq(((const int64_t *)out.data)[0], 11);
    tensors_free(&out, 1);
    done(&s);
}
END_TEST

/* Each is the same at every batch that compile tries, and another at the one given here. */
static const struct {
    const char *op;
    int64_t with, batch, want;
} traps[] = {{"Div", 8192, 8192, 1}, {"Equal", 8, 8, 1}, {"Max", 5000, 6000, 6000}};

START_TEST(what_only_looks_constant_stays)
{
    struct onnx_build m = {0};
    struct subject s;
    struct tensor out;
    begin(&m);
    init_one(&m, "zero", 0);
    init_one(&m, "k", traps[_i].with);
    onnx_op(&m, "Gather", "g", "s,zero", "n", NO_ATTRS);
    onnx_op(&m, traps[_i].op, "trap", "n,k", "y", NO_ATTRS);
    onnx_output(&m, "y");
    fold(&s, &m);
    ck_assert_uint_eq(graph_count(s.g, traps[_i].op), 1);
    run(&s, traps[_i].batch, &out);
    int64_t got = out.dtype == DT_BOOL ? *(const uint8_t *)out.data : *(const int64_t *)out.data;
    ck_assert_int_eq(got, traps[_i].want);
    tensors_free(&out, 1);
    done(&s);
}
END_TEST

START_TEST(an_index_that_varies_picks_nothing_constant)
{
    struct onnx_build m = {0};
    struct subject s;
    begin(&m);
    init_one(&m, "zero", 0);
    init_one(&m, "many", 8192);
    onnx_init_i64(&m, "table", DIMS(2), (const int64_t[]){5, 9});
    onnx_op(&m, "Gather", "g", "s,zero", "n", NO_ATTRS);
    onnx_op(&m, "Div", "d", "n,many", "i", NO_ATTRS);
    onnx_op(&m, "Gather", "pick", "table,i", "y", NO_ATTRS);
    onnx_output(&m, "y");
    fold(&s, &m);
    ck_assert_uint_eq(s.g->n_nodes, 4);
    done(&s);
}
END_TEST

START_TEST(memory_may_end_anywhere)
{
    const int64_t live = alloc_live();
    bool reached = true;
    for (uint64_t n = 1; reached; n++) {
        struct onnx_build m = {0};
        struct buf file = {0};
        struct graph *g;
        struct err err;
        begin(&m);
        init_one(&m, "one", 1);
        onnx_op(&m, "Gather", "g1", "s,one", "h", NO_ATTRS);
        onnx_op(&m, "Neg", "n", "h", "y", NO_ATTRS);
        onnx_output(&m, "y");
        onnx_finish(&m, &file);
        ck_assert_int_eq(graph_new(&g), OK);
        ck_ok(onnx_read(file.data, file.len, g, &err), &err);
        alloc_fail_at(n);
        enum status st = pass_fold_dims(g, &err);
        reached = alloc_calls() >= n;
        alloc_fail_at(0);
        ck_assert_int_eq(st, reached ? E_NO_MEMORY : OK);
        graph_free(&g);
        buf_fini(&file);
        ck_assert_int_eq(alloc_live(), live);
    }
}
END_TEST

Suite *suite_fold_dims(void)
{
    Suite *s = suite_create("fold_dims");
    TCase *t = tcase_create("all");
    tcase_add_test(t, a_chain_over_fixed_dims_is_constant);
    tcase_add_test(t, one_constant_may_stand_in_several_places);
    tcase_add_test(t, the_batch_among_fixed_dims_stays);
    tcase_add_loop_test(t, what_only_looks_constant_stays, 0, ARRAY_COUNT(traps));
    tcase_add_test(t, an_index_that_varies_picks_nothing_constant);
    tcase_add_test(t, memory_may_end_anywhere);
    suite_add_tcase(s, t);
    return s;
}
