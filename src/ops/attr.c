/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Reading attributes. An absent key gives the default; a present one has the type the operator asks
 * for, or the model is refused: nothing is converted silently. */
#include "ops/attr.h"

#include <string.h>

struct attr_row {
    enum attr_key key;
    const char *name;
};

static const struct attr_row rows[] = {
#define X(name, number) {ATTR_##name, #name},
    ATTR_TABLE(X)
#undef X
};

static const char *const type_names[] = {"nothing", "int", "float", "string", "ints", "floats"};

enum attr_key attr_key_of(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0)
            return rows[i].key;
    return ATTR_NONE;
}

const char *attr_name(enum attr_key key)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (rows[i].key == key)
            return rows[i].name;
    return "?";
}

const struct attr *attr_find(const struct attr_list *l, enum attr_key k)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (l->attrs[i].key == k)
            return &l->attrs[i];
    return NULL;
}

static const char *type_name(enum attr_type t)
{
    return (unsigned)t < ARRAY_COUNT(type_names) ? type_names[t] : "?";
}

/* The attribute k in *out, NULL when absent; refused when it has another type. */
static enum status find_typed(const struct attr_list *l, enum attr_key k, enum attr_type type,
                              const struct attr **out, struct err *err)
{
    const struct attr *a = attr_find(l, k);
    if (a && a->type != type)
        return err_set(err, E_CORRUPT, "attribute %s is of type %s, expected %s", attr_name(k),
                       type_name(a->type), type_name(type));
    *out = a;
    return OK;
}

enum status attr_int(const struct attr_list *l, enum attr_key k, int64_t def, int64_t *out,
                     struct err *err)
{
    const struct attr *a;
    enum status s = find_typed(l, k, ATTR_INT, &a, err);
    if (s == OK)
        *out = a ? a->i : def;
    return s;
}

enum status attr_float(const struct attr_list *l, enum attr_key k, float def, float *out,
                       struct err *err)
{
    const struct attr *a;
    enum status s = find_typed(l, k, ATTR_FLOAT, &a, err);
    if (s == OK)
        *out = a ? a->f : def;
    return s;
}

enum status attr_ints(const struct attr_list *l, enum attr_key k, int64_t *out, int max, int *n,
                      struct err *err)
{
    const struct attr *a;
    enum status s = find_typed(l, k, ATTR_INTS, &a, err);
    if (s != OK)
        return s;
    *n = 0;
    if (!a)
        return OK;
    if (a->count > (uint32_t)max)
        return err_set(err, E_CORRUPT, "attribute %s has %u elements, expected at most %d",
                       attr_name(k), (unsigned)a->count, max);
    if (a->count)
        memcpy(out, a->ints, a->count * sizeof(out[0]));
    *n = (int)a->count;
    return OK;
}

enum status attr_string(const struct attr_list *l, enum attr_key k, const char *def, const char **s,
                        size_t *len, struct err *err)
{
    const struct attr *a;
    enum status st = find_typed(l, k, ATTR_STRING, &a, err);
    if (st != OK)
        return st;
    *s = a ? a->str : def;
    *len = a ? a->count : strlen(def);
    if (*len == 0)
        *s = "";
    return OK;
}
