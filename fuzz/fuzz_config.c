/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The configuration file's reader on any bytes: what it accepts is printed, read again, and the
 * same; and its tenants' rules are within their limits. */
#include <stdlib.h>
#include <string.h>

#include "cli/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_rules(const struct config *c)
{
    static struct tenant_rule rules[TENANT_RULES_MAX];
    struct err err = {0};
    if (c->n_tenants > TENANT_RULES_MAX)
        abort();
    config_rules(c, rules);
    for (uint32_t i = 0; i < c->n_tenants; i++)
        if (!rules[i].name[0] || strlen(rules[i].name) > TENANT_NAME_MAX || rules[i].weight < 1 ||
            rules[i].weight > TENANT_WEIGHT_MAX)
            abort();
    for (uint32_t i = 0; i < c->n_tenants; i++)
        if (strcmp(c->limits[i].name, rules[i].name) != 0)
            abort();
    if (config_tenants_check(c, &err) != OK && !err.msg[0])
        abort();
    const struct tenant_rules all = {.rules = rules, .n = c->n_tenants};
    if (tenants_check(&all, 1 << 30, &err) != OK && !err.msg[0])
        abort();
}

static void check_text(const struct config *c)
{
    static struct config again;
    struct buf one = {0}, two = {0};
    struct err err = {0};
    if (config_print(c, &one) != OK)
        abort();
    config_defaults(&again);
    if (config_file(&again, "printed", (const char *)one.data, one.len, &err) != OK ||
        config_print(&again, &two) != OK)
        abort();
    if (one.len != two.len || memcmp(one.data, two.data, one.len) != 0)
        abort();
    buf_fini(&one);
    buf_fini(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct config c;
    struct err err = {0};
    config_defaults(&c);
    enum status s = config_file(&c, "fuzz", (const char *)data, n, &err);
    if (s != OK && !err.msg[0])
        abort();
    if (s != OK)
        return 0;
    check_rules(&c);
    check_text(&c);
    return 0;
}
