/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Scalars on their key's line, arrays of scalars too; objects one step further in. Only documents
 * of our own server come here, so cJSON's own depth limit is enough. */
#include "cli/json_text.h"

#include <cjson/cJSON.h>

enum { STEP = 2, DEPTH_MAX = 16, VALUE_COLUMN = 16 };

static enum status scalar(const cJSON *item, struct buf *out)
{
    if (cJSON_IsString(item))
        return buf_str(out, item->valuestring);
    if (cJSON_IsNumber(item))
        return buf_printf(out, "%.15g", item->valuedouble);
    if (cJSON_IsBool(item))
        return buf_str(out, cJSON_IsTrue(item) ? "true" : "false");
    return buf_str(out, "none");
}

static bool is_flat(const cJSON *item)
{
    if (!cJSON_IsArray(item))
        return !cJSON_IsObject(item);
    for (const cJSON *c = item->child; c; c = c->next)
        if (cJSON_IsArray(c) || cJSON_IsObject(c))
            return false;
    return true;
}

static enum status flat(const cJSON *item, struct buf *out)
{
    if (!cJSON_IsArray(item))
        return scalar(item, out);
    enum status s = buf_char(out, '[');
    for (const cJSON *c = item->child; s == OK && c; c = c->next) {
        s = scalar(c, out);
        if (s == OK && c->next)
            s = buf_char(out, ',');
    }
    return s == OK ? buf_char(out, ']') : s;
}

static enum status lines(const cJSON *parent, int depth, struct buf *out)
{
    enum status s = OK;
    for (const cJSON *c = depth < DEPTH_MAX ? parent->child : NULL; s == OK && c; c = c->next) {
        bool has_value = is_flat(c);
        s = buf_printf(out, "%*s%-*s", depth * STEP, "",
                       has_value ? VALUE_COLUMN - MIN(depth, 4) * STEP : 0,
                       c->string ? c->string : "-");
        if (s == OK && has_value)
            s = flat(c, out);
        if (s == OK)
            s = buf_char(out, '\n');
        if (s == OK && !has_value)
            s = lines(c, depth + 1, out);
    }
    return s;
}

enum status json_text(const char *json, size_t n, struct buf *out, struct err *err)
{
    cJSON *root = n ? cJSON_ParseWithLength(json, n) : NULL;
    if (!root)
        return err_set(err, E_CORRUPT, "the server's answer is not JSON");
    enum status s = lines(root, 0, out);
    cJSON_Delete(root);
    return s == OK ? OK : err_set(err, s, "out of memory");
}
