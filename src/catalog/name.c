/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The grammar of model names: `model` or `tenant/model`, in one spelling each. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "catalog/catalog_priv.h"

enum { SEGMENT_MAX = 128, SHOWN = 80 };

static const char default_tenant[] = "default";

static const char *const verbs[] = {"invoke",   "infer", "ready",  "config", "stats", "versions",
                                    "rollback", "load",  "unload", "pin",    "unpin", "prefetch"};

bool catalog_is_verb(const char *segment, size_t len)
{
    for (size_t i = 0; i < ARRAY_COUNT(verbs); i++) {
        if (strlen(verbs[i]) == len && memcmp(verbs[i], segment, len) == 0)
            return true;
    }
    return false;
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* What is wrong with a segment; NULL when nothing is. */
static const char *segment_fault(const char *s, size_t len)
{
    if (len == 0)
        return "has an empty segment";
    if (len > SEGMENT_MAX)
        return "has a segment of more than 128 bytes";
    if (!is_alnum(s[0]))
        return "has a segment that does not begin with a letter or a digit";
    for (size_t i = 1; i < len; i++) {
        if (!is_alnum(s[i]) && s[i] != '.' && s[i] != '_' && s[i] != '-')
            return "has a character other than letters, digits, '.', '_' and '-'";
    }
    return NULL;
}

static enum status refuse(const char *text, size_t len, const char *fault, struct err *err)
{
    return err_set(err, E_BAD_INPUT, "model name '%.*s'%s %s", (int)MIN(len, (size_t)SHOWN), text,
                   len > SHOWN ? "…" : "", fault);
}

enum status catalog_name(const char *text, size_t len, char out[MODEL_NAME_MAX + 1],
                         struct err *err)
{
    const char *slash = len ? memchr(text, '/', len) : NULL;
    size_t first = slash ? (size_t)(slash - text) : len;
    const char *fault = segment_fault(text, first);
    if (!fault && slash) {
        const char *second = slash + 1;
        size_t n = len - first - 1;
        if (memchr(second, '/', n))
            fault = "has more than two segments (tenant/model)";
        else
            fault = segment_fault(second, n);
        if (!fault && catalog_is_verb(second, n))
            fault = "ends in a word that is kept for an action";
        if (!fault && first == strlen(default_tenant) && memcmp(text, default_tenant, first) == 0) {
            text = second;
            len = n;
        }
    }
    if (fault)
        return refuse(text, len, fault, err);
    memcpy(out, text, len);
    out[len] = 0;
    return OK;
}

bool catalog_may_publish(const char *model, struct err *err)
{
    static const char *const endings[] = {VERSION_ENDING, VERSION_GONE, VERSION_NEW};
    const char *slash = strchr(model, '/');
    uint64_t n;
    bool kept = slash && strcmp(slash + 1, CATALOG_CURRENT) == 0;
    for (size_t i = 0; slash && !kept && i < ARRAY_COUNT(endings); i++)
        kept = version_entry(slash + 1, endings[i], &n);
    if (kept)
        (void)refuse(model, strlen(model), "is kept for versions: it cannot be published", err);
    return !kept;
}

void catalog_version_name(const char *model, uint64_t n, char out[MODEL_NAME_MAX + 1])
{
    snprintf(out, MODEL_NAME_MAX + 1, "%s%c%" PRIu64, model, CATALOG_VERSION_MARK, n);
}

bool catalog_version_parse(const char *text, uint64_t *n)
{
    return version_parse(text, strlen(text), n);
}

enum status catalog_slot_name(const char *text, size_t len, char out[MODEL_NAME_MAX + 1])
{
    const char *mark = memchr(text, CATALOG_VERSION_MARK, len);
    uint64_t n;
    if (!mark)
        return catalog_name(text, len, out, NULL);
    const size_t model = (size_t)(mark - text);
    if (!version_parse(mark + 1, len - model - 1, &n))
        return E_BAD_INPUT;
    enum status s = catalog_name(text, model, out, NULL);
    if (s == OK)
        snprintf(out + strlen(out), MODEL_NAME_MAX + 1 - strlen(out), "%.*s", (int)(len - model),
                 mark);
    return s;
}
