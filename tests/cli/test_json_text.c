/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A server's document as people read it. */
#include "cli/json_text.h"

#include <string.h>

#include "support/support.h"

START_TEST(nesting_becomes_indentation)
{
    static const char json[] =
        "{\"state\":\"resident\",\"bytes\":12,\"none\":null,\"shape\":[-1,4],"
        "\"inputs\":[{\"name\":\"x\",\"ok\":true}]}";
    static const char text[] = "state           resident\n"
                               "bytes           12\n"
                               "none            none\n"
                               "shape           [-1,4]\n"
                               "inputs\n"
                               "  -\n"
                               "    name        x\n"
                               "    ok          true\n";
    struct buf out = {0};
    struct err err;
    ck_ok(json_text(json, strlen(json), &out, &err), &err);
    ck_assert_int_eq(buf_terminate(&out), OK);
    ck_assert_str_eq((char *)out.data, text);
    buf_fini(&out);
}
END_TEST

START_TEST(what_is_no_json_is_refused)
{
    struct buf out = {0};
    struct err err;
    ck_assert_int_eq(json_text("{", 1, &out, &err), E_CORRUPT);
    ck_assert_int_eq(json_text("", 0, &out, &err), E_CORRUPT);
    buf_fini(&out);
}
END_TEST

Suite *suite_json_text(void)
{
    return SUITE("json_text", nesting_becomes_indentation, what_is_no_json_is_refused);
}
