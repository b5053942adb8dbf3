/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Graphs in nodes: what names in a body mean, what the passes make of bodies, and what is refused.
 * The models' answers are compared with PyTorch and numpy in tests/e2e. */
#include <string.h>

#include "base/alloc.h"
#include "compiler/passes/edit.h"
#include "pass_case.h"
#include "runtime/session.h"

/* ---- bodies ---- */

/* r = op(a, b) */
static struct buf branch(const char *op, const char *operands)
{
    struct onnx_build b = {0};
    onnx_op(&b, op, "inside", operands, "r", NO_ATTRS);
    onnx_output(&b, "r");
    return b.graph;
}

static void formal(struct onnx_build *b, const char *name)
{
    struct buf info = {0};
    pb_str(&info, 1, name);
    pb_msg(&b->graph, 11, &info);
}

static void begin(struct onnx_build *m)
{
    onnx_opset(m, "", 13);
    onnx_input(m, "x", DT_F32, DIMS(-1, 4));
    onnx_input(m, "yes", DT_BOOL, DIMS(1));
}

static void add_if(struct onnx_build *m, const char *cond, struct buf *then, struct buf *otherwise)
{
    onnx_op(m, "If", "choice", cond, "y",
            ATTRS(A_GRAPH("then_branch", then), A_GRAPH("else_branch", otherwise)));
}

static void init_bool(struct onnx_build *m, const char *name, uint8_t v)
{
    const struct tensor t = {.dtype = DT_BOOL, .data = &v};
    onnx_init(m, name, &t);
}

static struct node *only_node(struct graph *g, const char *op)
{
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (node_is(&g->nodes[i], op))
            return &g->nodes[i];
    ck_abort_msg("no %s", op);
}

START_TEST(what_a_body_reads_from_outside_is_captured_once)
{
    struct onnx_build m = {0};
    struct subject s;
    struct buf a = branch("Add", "x,u"), b = branch("Mul", "u,u");
    begin(&m);
    onnx_op(&m, "Relu", "before", "x", "u", NO_ATTRS);
    add_if(&m, "yes", &a, &b);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    const struct node *n = only_node(s.g, "If");
    uint32_t bodies[CONTROL_BODIES_MAX];
    ck_assert_uint_eq(n->n_in, 3);
    ck_assert_str_eq(s.g->values[n->in[1]].name, "x");
    ck_assert_str_eq(s.g->values[n->in[2]].name, "u");
    ck_assert_uint_eq(node_bodies(n, bodies), 2);
    for (int k = 0; k < 2; k++) {
        const struct graph_block block = graph_block_at(s.g, bodies[k]);
        ck_assert_uint_eq(block.n_inputs, 2);
        ck_assert_uint_eq(block.n_nodes, 1);
        ck_assert_int_eq(block.nodes[0].in[0], block.inputs[k]); /* x in one, u in the other */
    }
    subject_fini(&s);
}
END_TEST

START_TEST(constants_belong_to_all_blocks)
{
    struct onnx_build m = {0}, body = {0};
    struct subject s;
    struct buf b = branch("Add", "x,w");
    begin(&m);
    scalar_init(&m, "w", 2);
    scalar_init(&body, "v", 3);
    onnx_op(&body, "Mul", "inside", "w,v", "r", NO_ATTRS);
    onnx_output(&body, "r");
    add_if(&m, "yes", &body.graph, &b);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    ck_assert_uint_eq(only_node(s.g, "If")->n_in, 2);
    subject_fini(&s);
}
END_TEST

START_TEST(what_no_body_reads_is_captured_no_more)
{
    struct onnx_build m = {0}, body = {0};
    struct subject s;
    struct buf b = branch("Neg", "x");
    begin(&m);
    onnx_op(&m, "Relu", "before", "x", "u", NO_ATTRS);
    onnx_op(&body, "Exp", "unread", "u", "lost", NO_ATTRS);
    onnx_op(&body, "Abs", "read", "x", "r", NO_ATTRS);
    onnx_output(&body, "r");
    add_if(&m, "yes", &body.graph, &b);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    ck_assert_uint_eq(only_node(s.g, "If")->n_in, 3);
    ck_ok(passes_run(s.g, 0, NULL, &s.err), &s.err);
    ck_assert_uint_eq(only_node(s.g, "If")->n_in, 2);
    ck_assert_uint_eq(graph_count(s.g, "Relu"), 0);
    subject_fini(&s);
}
END_TEST

START_TEST(an_if_that_a_constant_decides_is_its_branch)
{
    for (uint8_t yes = 0; yes < 2; yes++) {
        struct onnx_build m = {0};
        struct subject s;
        struct buf a = branch("Abs", "x"), b = branch("Neg", "x");
        begin(&m);
        init_bool(&m, "decided", yes);
        add_if(&m, "decided", &a, &b);
        onnx_output(&m, "y");
        subject_init(&s, &m);
        ck_ok(passes_run(s.g, 0, NULL, &s.err), &s.err);
        ck_assert_uint_eq(s.g->n_nodes, 1);
        ck_assert_uint_eq(graph_count(s.g, yes ? "Abs" : "Neg"), 1);
        ck_assert_str_eq(s.g->values[s.g->outputs[0]].name, "y");
        subject_fini(&s);
    }
}
END_TEST

START_TEST(a_constant_that_is_captured_decides_an_if_inside)
{
    struct onnx_build m = {0}, outer = {0};
    struct subject s;
    struct buf a = branch("Abs", "x"), b = branch("Neg", "x"), other = branch("Exp", "x");
    uint32_t bodies[CONTROL_BODIES_MAX];
    begin(&m);
    init_bool(&m, "no", 0);
    onnx_op(&m, "Not", "n", "no", "decided", NO_ATTRS); /* constant only when folded */
    onnx_op(&outer, "If", "inner", "decided", "r",
            ATTRS(A_GRAPH("then_branch", &a), A_GRAPH("else_branch", &b)));
    onnx_output(&outer, "r");
    add_if(&m, "yes", &outer.graph, &other);
    onnx_output(&m, "y");
    subject_init(&s, &m);
    ck_ok(passes_run(s.g, 0, NULL, &s.err), &s.err);
    ck_assert_uint_eq(node_bodies(only_node(s.g, "If"), bodies), 2);
    const struct graph_block block = graph_block_at(s.g, bodies[0]);
    ck_assert_uint_eq(block.n_nodes, 1);
    ck_assert_str_eq(block.nodes[0].op->name, "Abs");
    subject_fini(&s);
}
END_TEST

/* ---- refusals ---- */

static void inputs_of_a_branch(struct onnx_build *m)
{
    struct onnx_build body = {0};
    struct buf b = branch("Neg", "x");
    formal(&body, "z");
    onnx_op(&body, "Abs", "inside", "z", "r", NO_ATTRS);
    onnx_output(&body, "r");
    add_if(m, "yes", &body.graph, &b);
}

static void branch_left_out(struct onnx_build *m)
{
    struct buf a = branch("Neg", "x");
    onnx_op(m, "If", "choice", "yes", "y", ATTRS(A_GRAPH("then_branch", &a)));
}

static void results_of_branches_differ(struct onnx_build *m)
{
    struct onnx_build body = {0};
    struct buf b = branch("Neg", "x");
    onnx_op(&body, "Abs", "inside", "x", "r", NO_ATTRS);
    onnx_output(&body, "r");
    onnx_output(&body, "r");
    add_if(m, "yes", &body.graph, &b);
}

static void result_of_nothing(struct onnx_build *m)
{
    struct onnx_build body = {0};
    struct buf b = branch("Neg", "x");
    onnx_op(&body, "Abs", "inside", "x", "r", NO_ATTRS);
    onnx_output(&body, "other");
    add_if(m, "yes", &body.graph, &b);
}

static void names_of_a_sibling(struct onnx_build *m)
{
    struct onnx_build body = {0};
    struct buf b = branch("Neg", "t");
    onnx_op(&body, "Abs", "inside", "x", "t", NO_ATTRS);
    onnx_output(&body, "t");
    add_if(m, "yes", &body.graph, &b);
}

static void formals_of_a_loop(struct onnx_build *m)
{
    struct onnx_build body = {0};
    formal(&body, "i");
    formal(&body, "c");
    onnx_op(&body, "Identity", "inside", "c", "c2", NO_ATTRS);
    onnx_output(&body, "c2");
    onnx_op(m, "Loop", "again", ",,x", "y", ATTRS(A_GRAPH("body", &body.graph)));
}

static void sequence_in_a_body(struct onnx_build *m)
{
    struct onnx_build body = {0};
    struct buf sequence = {0}, type = {0}, info = {0};
    pb_int(&sequence, 1, 0);
    pb_msg(&type, 4, &sequence);
    pb_str(&info, 1, "i");
    pb_msg(&info, 2, &type);
    pb_msg(&body.graph, 11, &info);
    formal(&body, "c");
    onnx_output(&body, "c");
    onnx_op(m, "Loop", "again", ",", "", ATTRS(A_GRAPH("body", &body.graph)));
}

static void unknown_operator_inside(struct onnx_build *m)
{
    struct buf a = branch("Frobnicate", "x"), b = branch("Neg", "x");
    add_if(m, "yes", &a, &b);
}

static void deep(struct onnx_build *m)
{
    struct buf inner = branch("Neg", "x");
    for (int depth = 0; depth < CONTROL_DEPTH_MAX; depth++) {
        struct onnx_build body = {0};
        struct buf other = branch("Abs", "x");
        onnx_op(&body, "If", "level", "yes", "r",
                ATTRS(A_GRAPH("then_branch", &inner), A_GRAPH("else_branch", &other)));
        onnx_output(&body, "r");
        inner = body.graph;
    }
    struct buf other = branch("Abs", "x");
    add_if(m, "yes", &inner, &other);
}

START_TEST(refusals_say_what_is_wrong_in_a_body)
{
    static const struct {
        void (*build)(struct onnx_build *m);
        enum status status;
        const char *word;
    } cases[] = {
        {inputs_of_a_branch, E_CORRUPT, "has 1 inputs"},
        {branch_left_out, E_CORRUPT, "lacks its attribute else_branch"},
        {results_of_branches_differ, E_CORRUPT, "2 and 1 outputs"},
        {result_of_nothing, E_CORRUPT, "'other' is made by no node"},
        {names_of_a_sibling, E_CORRUPT, "reads 't'"},
        {formals_of_a_loop, E_CORRUPT, "its body makes it 2"},
        {sequence_in_a_body, E_UNSUPPORTED, "not a tensor"},
        {unknown_operator_inside, E_UNSUPPORTED, "Frobnicate"},
        {deep, E_UNSUPPORTED, "32 deep"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct onnx_build m = {0};
        struct buf file = {0}, artifact = {0};
        struct err err = {OK, ""};
        begin(&m);
        cases[i].build(&m);
        onnx_output(&m, "y");
        onnx_finish(&m, &file);
        enum status s = compile_bytes(file.data, file.len, NULL, &artifact, &err);
        ck_assert_msg(s == cases[i].status, "case %zu: %s %s", i, status_name(s), err.msg);
        /* deep in bodies the words at the end of a message may be cut off */
        ck_assert_msg(strstr(err.msg, cases[i].word) || strlen(err.msg) == sizeof(err.msg) - 1,
                      "case %zu: no \"%s\" in \"%s\"", i, cases[i].word, err.msg);
        buf_fini(&file);
        buf_fini(&artifact);
    }
}
END_TEST

START_TEST(no_failed_allocation_leaks)
{
    struct onnx_build m = {0}, outer = {0};
    struct buf a = branch("Abs", "x"), b = branch("Neg", "u"), other = branch("Exp", "x");
    struct buf file = {0};
    begin(&m);
    init_bool(&m, "decided", 1);
    onnx_op(&m, "Relu", "before", "x", "u", NO_ATTRS);
    onnx_op(&outer, "If", "inner", "decided", "r",
            ATTRS(A_GRAPH("then_branch", &a), A_GRAPH("else_branch", &b)));
    onnx_output(&outer, "r");
    add_if(&m, "yes", &outer.graph, &other);
    onnx_output(&m, "y");
    onnx_finish(&m, &file);
    const int64_t live = alloc_live();
    for (uint64_t n = 1;; n++) {
        struct graph *g = NULL;
        struct err err;
        alloc_fail_at(n);
        enum status s = graph_new(&g);
        if (s == OK)
            s = onnx_read(file.data, file.len, g, &err);
        if (s == OK)
            s = passes_run(g, 0, NULL, &err);
        graph_free(&g);
        const uint64_t calls = alloc_calls();
        alloc_fail_at(0);
        ck_assert_msg(calls < n ? s == OK : s == E_NO_MEMORY, "%s at %u", status_name(s),
                      (unsigned)n);
        ck_assert_int_eq(alloc_live(), live);
        if (calls < n)
            break;
    }
    buf_fini(&file);
}
END_TEST

Suite *suite_control(void)
{
    return SUITE("control", what_a_body_reads_from_outside_is_captured_once,
                 constants_belong_to_all_blocks, what_no_body_reads_is_captured_no_more,
                 an_if_that_a_constant_decides_is_its_branch,
                 a_constant_that_is_captured_decides_an_if_inside,
                 refusals_say_what_is_wrong_in_a_body, no_failed_allocation_leaks);
}
