/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Shared test helpers. */
#include "support/support.h"

#include <string.h>

Suite *suite_of(const char *name, const char *tags, const TTest *const *tests, size_t count)
{
    Suite *s = suite_create(name);
    TCase *c = tcase_create(name);
    if (tags)
        tcase_set_tags(c, tags);
    if (tags && strcmp(tags, "long") == 0)
        tcase_set_timeout(c, 600);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return s;
}
