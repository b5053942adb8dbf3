/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The configuration file: one JSON object. cJSON parses it, but keeps no lines and takes things
 * that are no JSON; a scan before it finds the depth and the line of each key, and what cJSON is
 * too generous about (duplicates, text after the end) is refused here. */
#include "cli/config_priv.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

enum { KEYS_MAX = 2048 };

struct scan {
    int lines[KEYS_MAX]; /* of the i-th string that a colon follows */
    int n_keys;
    int depth_most;
};

static int line_at(const char *text, size_t at)
{
    int line = 1;
    for (size_t i = 0; i < at; i++)
        line += text[i] == '\n';
    return line;
}

/* The place after the string that begins at text[i] with a quote. */
static size_t skip_string(const char *text, size_t n, size_t i)
{
    for (i++; i < n && text[i] != '"'; i++)
        if (text[i] == '\\')
            i++;
    return i < n ? i + 1 : n;
}

static bool colon_follows(const char *text, size_t n, size_t i)
{
    while (i < n && strchr(" \t\r\n", text[i]) && text[i])
        i++;
    return i < n && text[i] == ':';
}

static void scan(const char *text, size_t n, struct scan *out)
{
    *out = (struct scan){.n_keys = 0};
    int depth = 0;
    for (size_t i = 0; i < n;) {
        char c = text[i];
        if (c == '"') {
            size_t end = skip_string(text, n, i);
            if (out->n_keys < KEYS_MAX && colon_follows(text, n, end))
                out->lines[out->n_keys++] = line_at(text, i);
            i = end;
            continue;
        }
        if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        out->depth_most = MAX(out->depth_most, depth);
        i++;
    }
}

enum status config_value_text(const cJSON *item, char *out, size_t size, struct err *err)
{
    if (cJSON_IsString(item)) {
        if (strlen(item->valuestring) >= size)
            return err_set(err, E_USAGE, "longer than %zu bytes", size - 1);
        snprintf(out, size, "%s", item->valuestring);
    } else if (cJSON_IsBool(item)) {
        snprintf(out, size, "%s", cJSON_IsTrue(item) ? "on" : "off");
    } else if (cJSON_IsNumber(item)) {
        double v = item->valuedouble;
        if (!(v >= 0 && v <= 0x1p53) || v != floor(v))
            return err_set(err, E_USAGE, "a whole number was expected");
        snprintf(out, size, "%.0f", v);
    } else {
        return err_set(err, E_USAGE, "a string, a number or a boolean was expected");
    }
    return OK;
}

bool config_is_twice(const cJSON *object, const cJSON *item)
{
    for (const cJSON *other = object->child; other != item; other = other->next)
        if (strcmp(other->string, item->string) == 0)
            return true;
    return false;
}

static enum status take_all(struct config *c, const cJSON *root, const struct scan *lines,
                            const char *name, struct err *err)
{
    int i = 0; /* all keys, in the order of the file */
    for (const cJSON *item = root->child; item; item = item->next, i++) {
        char text[CONFIG_TEXT_MAX];
        enum status s;
        if (i >= lines->n_keys)
            return err_set(err, E_USAGE, "%s: more than %d keys", name, KEYS_MAX);
        if (config_is_twice(root, item))
            s = err_set(err, E_USAGE, "key '%.60s' stands there twice", item->string);
        else if (strcmp(item->string, "tenants") == 0)
            s = config_tenants(c, item, &i, err);
        else if (config_value_text(item, text, sizeof(text), err) != OK)
            s = err_prefix(err, "%.60s", item->string);
        else
            s = config_set(c, item->string, text, err);
        if (s != OK)
            return err_prefix(err, "%.100s line %d", name, lines->lines[MIN(i, KEYS_MAX - 1)]);
    }
    return OK;
}

static enum status reject(cJSON *root, struct err *err, const char *name, int line,
                          const char *what)
{
    cJSON_Delete(root);
    return err_set(err, E_USAGE, "%.100s line %d: %s", name, line, what);
}

/* The place of the first byte that is not UTF-8's; n: all is. */
static size_t first_foreign(const char *text, size_t n)
{
    size_t at = 0, len;
    while (at < n && (len = utf8_len((const uint8_t *)text + at, n - at)))
        at += len;
    return at;
}

enum status config_file(struct config *c, const char *name, const char *text, size_t n,
                        struct err *err)
{
    struct scan lines;
    scan(text, n, &lines);
    if (memchr(text ? text : "", 0, n))
        return err_set(err, E_USAGE, "%.100s holds a zero byte", name);
    if (lines.depth_most > CONFIG_DEPTH_MAX)
        return err_set(err, E_USAGE, "%.100s nests deeper than %d", name, CONFIG_DEPTH_MAX);
    const size_t foreign = first_foreign(text, n);
    if (foreign < n)
        return reject(NULL, err, name, line_at(text, foreign), "this is not UTF-8");
    const char *end = text;
    cJSON *root = n ? cJSON_ParseWithLengthOpts(text, n, &end, 0) : NULL;
    int line = n ? line_at(text, (size_t)(end - text)) : 1;
    if (!root)
        return reject(NULL, err, name, line, "this is not JSON");
    if (!cJSON_IsObject(root))
        return reject(root, err, name, line, "one object of keys was expected");
    for (const char *p = end; p < text + n; p++)
        if (!strchr(" \t\r\n", *p))
            return reject(root, err, name, line_at(text, (size_t)(p - text)),
                          "text after the object's end");
    enum status s = take_all(c, root, &lines, name, err);
    cJSON_Delete(root);
    return s;
}
