/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What callers hear: a row of the contract's table of answers each. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "metrics/metrics.h"
#include "support/node.h"
#include "support/support.h"

static const char one[] = "{\"instances\": [[0.1, 0.2, 0.3, 0.4]]}";

static struct node node;
static struct call call;

START_TEST(an_answer_says_how_the_model_was_found)
{
    node_init(&node, &(struct node_config){0});
    node_put_mlp(&node, "acme/m.roost", 1);
    call_init(&call, "acme/m", one);
    call_begin(&node, &call, 0);
    ck_ok(call_wait(&call), &call.inv.err);
    ck_assert_int_eq(call.inv.lookup, LOOKUP_MISS);
    ck_assert_int_eq(call.inv.reply_format, CODEC_JSON);
    ck_assert_int_eq(strncmp((char *)call.inv.reply.data, "{\"predictions\":", 15), 0);
    ck_assert_uint_gt(call.inv.times.load_us, 0);
    ck_assert_uint_gt(call.inv.times.infer_us, 0);
    call_fini(&call);
    call_init(&call, "acme/m", one);
    call.inv.out_format = CODEC_CSV;
    call_begin(&node, &call, clock_now_us() + 60000000);
    ck_ok(call_wait(&call), &call.inv.err);
    ck_assert_int_eq(call.inv.lookup, LOOKUP_HIT);
    ck_assert_int_eq(call.inv.reply_format, CODEC_CSV);
    ck_assert_uint_eq(call.inv.times.load_us, 0);
    call_fini(&call);
    node_fini(&node);
}
END_TEST

Suite *suite_answers(void)
{
    return SUITE("answers", an_answer_says_how_the_model_was_found);
}
