/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The tenants' rules in the configuration file:
 *     "tenants": {"acme": {"floor": "1GiB", "ceiling": "4GiB", "weight": 2, "ttl": "1h"}, "*": {}}
 * They have no flags: a rule has too many parts for one, and a node has too many rules. What bounds
 * uploads and compiles is named as the node's settings are, and has their values. */
#include <inttypes.h>
#include <string.h>

#include "catalog/catalog.h"
#include "cli/config_priv.h"

enum part { FLOOR, CEILING, WEIGHT, TTL, MIN_RESIDENCY, PART_COUNT };

static const char *const parts[PART_COUNT] = {"floor", "ceiling", "weight", "ttl", "min-residency"};

static uint64_t *part_of(struct tenant_rule *r, enum part p)
{
    uint64_t *const fields[PART_COUNT] = {&r->floor_bytes, &r->ceiling_bytes, &r->weight,
                                          &r->ttl_us, &r->min_residency_us};
    return fields[p];
}

/* The first is the key, of the rule and of the node's setting. */
enum limit { PUBLISH_MAX, FILE_MAX, COMPILE_MEMORY, COMPILE_TIME, TENSORS_MAX, LIMIT_COUNT };

static const char *const limits[LIMIT_COUNT] = {"publish-max", "compile-file-max", "compile-memory",
                                                "compile-time", "tensors-max"};

static uint64_t *limit_of(struct tenant_limits *l, enum limit i)
{
    uint64_t *const fields[LIMIT_COUNT] = {&l->publish_max, &l->file_max, &l->memory_bytes,
                                           &l->time_us, &l->tensors_max};
    return fields[i];
}

static enum status parse(enum part p, const char *text, uint64_t *out, struct err *err)
{
    if (p == FLOOR || p == CEILING)
        return units_size(text, out, err);
    if (p != WEIGHT)
        return units_duration(text, out, err);
    enum status s = units_count(text, out, err);
    if (s == OK && (*out < 1 || *out > TENANT_WEIGHT_MAX))
        return err_set(err, E_USAGE, "'%.40s' is not between 1 and %d", text, TENANT_WEIGHT_MAX);
    return s;
}

/* The place of the word among n of them; n: it is none. */
static int find(const char *const *words, int n, const char *word)
{
    int i = 0;
    while (i < n && strcmp(words[i], word) != 0)
        i++;
    return i;
}

static enum status take_limit(struct tenant_limits *l, enum limit i, const cJSON *item,
                              struct err *err)
{
    char text[64];
    if (config_value_text(item, text, sizeof(text), err) != OK)
        return err_prefix(err, "%s", limits[i]);
    return config_number(limits[i], text, limit_of(l, i), err);
}

static enum status take_part(struct tenant_rule *r, struct tenant_limits *l, const cJSON *item,
                             struct err *err)
{
    char text[64];
    const int i = find(limits, LIMIT_COUNT, item->string);
    const enum part p = (enum part)find(parts, PART_COUNT, item->string);
    if (i < LIMIT_COUNT)
        return take_limit(l, (enum limit)i, item, err);
    if (p == PART_COUNT)
        return err_set(err, E_USAGE,
                       "unknown key '%.60s'; a tenant has floor, ceiling, weight, ttl, "
                       "min-residency, publish-max, compile-file-max, compile-memory, "
                       "compile-time and tensors-max",
                       item->string);
    if (config_value_text(item, text, sizeof(text), err) != OK ||
        parse(p, text, part_of(r, p), err) != OK)
        return err_prefix(err, "%s", parts[p]);
    return OK;
}

static enum status take_name(struct tenant_rule *r, const char *name, struct err *err)
{
    char proved[MODEL_NAME_MAX + 1];
    size_t n = strlen(name);
    bool good =
        strcmp(name, TENANT_OTHERS) == 0 || (n <= TENANT_NAME_MAX && !memchr(name, '/', n) &&
                                             catalog_name(name, n, proved, NULL) == OK);
    if (!good)
        return err_set(err, E_USAGE, "'%.60s' is no name of a tenant", name);
    memcpy(r->name, name, n + 1);
    return OK;
}

static enum status take_tenant(struct config *c, const cJSON *item, int *keys, struct err *err)
{
    struct tenant_rule *r = &c->tenants[c->n_tenants];
    struct tenant_limits *l = &c->limits[c->n_tenants];
    if (c->n_tenants == TENANT_RULES_MAX)
        return err_set(err, E_USAGE, "more than %d tenants", TENANT_RULES_MAX);
    *r =
        (struct tenant_rule){.weight = 1, .ttl_us = CONFIG_UNSET, .min_residency_us = CONFIG_UNSET};
    if (take_name(r, item->string, err) != OK)
        return E_USAGE;
    *l = (struct tenant_limits){.publish_max = 0};
    memcpy(l->name, r->name, sizeof(l->name));
    if (!cJSON_IsObject(item))
        return err_set(err, E_USAGE, "%s: an object was expected", r->name);
    for (const cJSON *part = item->child; part; part = part->next) {
        ++*keys;
        if (config_is_twice(item, part))
            return err_set(err, E_USAGE, "%s: key '%.60s' stands there twice", r->name,
                           part->string);
        if (take_part(r, l, part, err) != OK)
            return err_prefix(err, "%s", r->name);
    }
    c->n_tenants++;
    return OK;
}

enum status config_tenants(struct config *c, const cJSON *tenants, int *keys, struct err *err)
{
    if (!cJSON_IsObject(tenants))
        return err_set(err, E_USAGE, "tenants: an object of tenants was expected");
    for (const cJSON *item = tenants->child; item; item = item->next) {
        ++*keys;
        if (config_is_twice(tenants, item))
            return err_set(err, E_USAGE, "tenants: '%.60s' stands there twice", item->string);
        if (take_tenant(c, item, keys, err) != OK)
            return err_prefix(err, "tenants");
    }
    return OK;
}

enum status config_tenants_check(const struct config *c, struct err *err)
{
    for (uint32_t t = 0; t < c->n_tenants; t++) {
        struct tenant_limits l = c->limits[t];
        for (enum limit i = 0; i < LIMIT_COUNT; i++) {
            char own[CONFIG_NUMBER_MAX], node[CONFIG_NUMBER_MAX];
            const uint64_t most = config_number_of(c, limits[i]), is = *limit_of(&l, i);
            if (most && is > most) /* 0: it depends on the file; then the less of both holds */
                return err_set(err, E_USAGE,
                               "tenants: %s: %s is %s, more than the node's, which is %s", l.name,
                               limits[i], config_number_text(limits[i], is, own),
                               config_number_text(limits[i], most, node));
        }
    }
    return OK;
}

/* Unset is what the node's own settings say. */
static uint64_t or_else(uint64_t value, uint64_t otherwise)
{
    return value == CONFIG_UNSET ? otherwise : value;
}

void config_rules(const struct config *c, struct tenant_rule *out)
{
    for (uint32_t i = 0; i < c->n_tenants; i++) {
        out[i] = c->tenants[i];
        out[i].ttl_us = or_else(out[i].ttl_us, c->ttl);
        out[i].min_residency_us = or_else(out[i].min_residency_us, c->min_residency);
    }
}

/* ---- as text ---- */

static enum status print_part(struct buf *json, enum part p, uint64_t value, const char *comma)
{
    char text[UNITS_TEXT_MAX];
    if (p == WEIGHT)
        return buf_printf(json, "%s\"weight\": %" PRIu64, comma, value);
    if (p == FLOOR || p == CEILING)
        units_size_text(value, text);
    else
        units_duration_text(value, text);
    return buf_printf(json, "%s\"%s\": \"%s\"", comma, parts[p], text);
}

static enum status print_limits(struct buf *json, struct tenant_limits *l, const char *comma)
{
    enum status s = OK;
    for (enum limit i = 0; s == OK && i < LIMIT_COUNT; i++) {
        char text[CONFIG_NUMBER_MAX];
        if (!*limit_of(l, i))
            continue;
        s = buf_printf(json, "%s\"%s\": \"%s\"", comma, limits[i],
                       config_number_text(limits[i], *limit_of(l, i), text));
        comma = ", ";
    }
    return s;
}

enum status config_tenants_print(const struct config *c, struct buf *json)
{
    enum status s = c->n_tenants ? buf_str(json, ",\n  \"tenants\": {") : OK;
    for (uint32_t i = 0; s == OK && i < c->n_tenants; i++) {
        struct tenant_rule r = c->tenants[i];
        struct tenant_limits l = c->limits[i];
        const char *comma = "";
        s = buf_printf(json, "%s\n    \"%s\": {", i ? "," : "", r.name);
        for (enum part p = 0; s == OK && p < PART_COUNT; p++) {
            if (*part_of(&r, p) == CONFIG_UNSET)
                continue;
            s = print_part(json, p, *part_of(&r, p), comma);
            comma = ", ";
        }
        if (s == OK)
            s = print_limits(json, &l, comma);
        if (s == OK)
            s = buf_char(json, '}');
    }
    return s == OK && c->n_tenants ? buf_str(json, "\n  }") : s;
}
