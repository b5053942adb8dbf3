/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The graph: indices, copies, symbols, compaction, and what happens when memory is out. */
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "compiler/graph.h"
#include "support/support.h"

/* The graph copies names, operands and attributes; it never looks into an op. */
static const struct op some_op = {.domain = "", .name = "Some"};

static enum status build(struct graph *g, uint32_t nodes)
{
    static const int64_t pads[] = {1, 2, 3, 4};
    struct tensor t = {.dtype = DT_F32, .rank = 1, .dims = {DIM_SYMBOL_0}};
    int32_t from, to;
    enum status s = graph_input(g, "x", &t, &from);
    for (uint32_t i = 0; s == OK && i < nodes; i++) {
        struct attr attrs[] = {{ATTR_pads, ATTR_INTS, ARRAY_COUNT(pads), .ints = pads},
                               {ATTR_mode, ATTR_STRING, 4, .str = "edge"},
                               {ATTR_axis, ATTR_INT, 1, .i = -1}};
        s = graph_value(g, "", &to);
        if (s == OK)
            s = graph_node(g, &some_op, 1, "n", &from, 1, &to, 1, attrs, ARRAY_COUNT(attrs));
        from = to;
    }
    return s == OK ? graph_output(g, from) : s;
}

START_TEST(nodes_and_values_keep_their_order_and_their_copies)
{
    struct graph *g;
    ck_assert_int_eq(graph_new(&g), OK);
    ck_assert_int_eq(build(g, 1000), OK);
    ck_assert_uint_eq(g->n_nodes, 1000);
    ck_assert_uint_eq(g->n_values, 1001);
    ck_assert_int_eq(g->outputs[0], 1000);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const struct node *n = &g->nodes[i];
        ck_assert_int_eq(n->in[0], i);
        ck_assert_int_eq(n->attrs[0].ints[3], 4);
        ck_assert_mem_eq(n->attrs[1].str, "edge", 5);
    }
    graph_free(&g);
    ck_assert_ptr_null(g);
}
END_TEST

START_TEST(compaction_drops_the_dead_and_keeps_the_order)
{
    struct graph *g;
    ck_assert_int_eq(graph_new(&g), OK);
    ck_assert_int_eq(build(g, 10), OK);
    for (uint32_t i = 0; i < 10; i += 2)
        g->nodes[i].dead = true;
    graph_compact(g);
    ck_assert_uint_eq(g->n_nodes, 5);
    for (uint32_t i = 0; i < 5; i++)
        ck_assert_int_eq(g->nodes[i].in[0], 2 * i + 1);
    graph_free(&g);
}
END_TEST

START_TEST(symbols_are_found_by_name_and_unnamed_ones_differ)
{
    struct graph *g;
    int a, b, c, d;
    ck_assert_int_eq(graph_new(&g), OK);
    ck_assert_int_eq(graph_symbol(g, "batch", 5, &a), OK);
    ck_assert_int_eq(graph_symbol(g, "", 0, &b), OK);
    ck_assert_int_eq(graph_symbol(g, "batches", 5, &c), OK);
    ck_assert_int_eq(graph_symbol(g, "", 0, &d), OK);
    ck_assert_int_eq(a, c);
    ck_assert_int_ne(b, d);
    ck_assert_uint_eq(g->n_symbols, 3);
    graph_free(&g);
}
END_TEST

START_TEST(memory_is_aligned_for_tensors_and_absurd_sizes_are_refused)
{
    struct graph *g;
    ck_assert_int_eq(graph_new(&g), OK);
    for (size_t n = 0; n < 100000; n = n * 2 + 1) {
        uint8_t *p = graph_alloc(g, n);
        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq((uintptr_t)p % 64, 0);
        memset(p, 0xa5, n);
    }
    ck_assert_ptr_null(graph_alloc(g, SIZE_MAX));
    ck_assert_ptr_null(graph_alloc(g, SIZE_MAX - 100));
    graph_free(&g);
}
END_TEST

START_TEST(every_failed_allocation_is_an_error_without_a_leak)
{
    int64_t live = alloc_live();
    enum status s = E_NO_MEMORY;
    for (uint64_t n = 1; s != OK; n++) {
        struct graph *g = NULL;
        alloc_fail_at(n);
        s = graph_new(&g);
        if (s == OK)
            s = build(g, 100);
        graph_free(&g);
        ck_assert(s == OK || s == E_NO_MEMORY);
        ck_assert_int_eq(s == OK, alloc_calls() < n);
        ck_assert_int_eq(alloc_live(), live);
    }
    alloc_fail_at(0);
}
END_TEST

Suite *suite_graph(void)
{
    return SUITE("graph", nodes_and_values_keep_their_order_and_their_copies,
                 compaction_drops_the_dead_and_keeps_the_order,
                 symbols_are_found_by_name_and_unnamed_ones_differ,
                 memory_is_aligned_for_tensors_and_absurd_sizes_are_refused,
                 every_failed_allocation_is_an_error_without_a_leak);
}
