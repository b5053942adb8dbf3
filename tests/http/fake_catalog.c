/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Names by the contract's grammar, until the catalog is linked. */
#include <string.h>

#include "catalog/catalog.h"

bool catalog_is_verb(const char *segment, size_t len)
{
    static const char *const verbs[] = {"invoke",   "infer", "ready",  "config", "stats",
                                        "versions", "load",  "unload", "pin",    "rollback"};
    for (size_t i = 0; i < ARRAY_COUNT(verbs); i++)
        if (strlen(verbs[i]) == len && memcmp(verbs[i], segment, len) == 0)
            return true;
    return false;
}

enum status catalog_name(const char *text, size_t len, char out[MODEL_NAME_MAX + 1],
                         struct err *err)
{
    size_t start = 0, segments = 1;
    for (size_t i = 0; i < len; i++) {
        bool alnum =
            (text[i] >= '0' && text[i] <= '9') || ((text[i] | 32) >= 'a' && (text[i] | 32) <= 'z');
        if (text[i] == '/' && i > start && segments == 1) {
            start = i + 1;
            segments++;
        } else if (!alnum && (i == start || !strchr("._-", text[i]))) {
            return err_set(err, E_BAD_INPUT, "not a model name");
        }
        if (i - start >= 128)
            return err_set(err, E_BAD_INPUT, "a segment is too long");
    }
    if (start == len)
        return err_set(err, E_BAD_INPUT, "not a model name");
    if (len > 8 && memcmp(text, "default/", 8) == 0)
        text += 8, len -= 8;
    memcpy(out, text, len);
    out[len] = 0;
    return OK;
}
