/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A model that needs nearly the whole budget, after another one's requests made the arena grow. */
#include <sched.h>
#include <stdio.h>

#include "base/alloc.h"
#include "support/node.h"
#include "support/support.h"

enum { FLOATS = 512, ROWS = 768, BIG_FLOATS = 256 * 1024 };

static struct node node;

/* rows instances of `floats` zeros. */
static char *rows_of_zeros(int rows, int floats)
{
    struct buf b;
    uint8_t *text;
    size_t n;
    buf_init(&b, 0);
    enum status s = buf_char(&b, '[');
    for (int r = 0; r < rows; r++)
        for (int i = 0; s == OK && i < floats; i++)
            s = buf_printf(&b, "%s0%s", i ? "," : r ? ",[" : "[", i + 1 < floats ? "" : "]");
    ck_assert_int_eq(s == OK ? buf_char(&b, ']') : s, OK);
    ck_assert_int_eq(buf_terminate(&b), OK);
    buf_take(&b, &text, &n);
    return (char *)text;
}

static uint64_t scratch(void)
{
    struct budget_usage u;
    cache_usage(node.cache, &u);
    return u.used[BUDGET_SCRATCH];
}

static void begin(uint64_t memory_bytes)
{
    node_init(&node, &(struct node_config){.workers = 2, .memory_bytes = memory_bytes});
    node_put_adder(&node, "small.roost", FLOATS, 0);
    node_put_adder(&node, "big.roost", BIG_FLOATS, 0);
}

START_TEST(a_grown_arena_gives_way_to_a_model_that_needs_its_room)
{
    char *many = rows_of_zeros(ROWS, FLOATS), *one = rows_of_zeros(1, BIG_FLOATS);
    begin(0);
    ck_assert_int_eq(call_once(&node, "big", one, NULL), OK);
    uint64_t need = node_bytes(&node, "big") + scratch();
    node_fini(&node);

    begin(need);
    ck_assert_int_eq(call_once(&node, "small", many, NULL), OK);
    ck_assert_uint_gt(scratch(), 0);
    node_settle(&node);
    enum status s;
    int refusals = 0;
    while ((s = call_once(&node, "big", one, NULL)) == E_NO_ROOM) {
        refusals++;
        ck_assert_int_lt(refusals, 3); /* its retry, or at the latest that of its own arena */
        while (scratch())
            sched_yield(); /* the workers give back on their own threads */
    }
    ck_assert_int_eq(s, OK);
    ck_assert_int_ge(refusals, 1);
    node_fini(&node);
    alloc_free(many);
    alloc_free(one);
}
END_TEST

Suite *suite_room(void)
{
    return SUITE("room", a_grown_arena_gives_way_to_a_model_that_needs_its_room);
}
