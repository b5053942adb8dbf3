/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The error of low precision, as the compiler measured it, stands in the artifact's provenance:
 * JSON that whoever wrote the artifact chose. */
#include <cjson/cJSON.h>

#include "cli/show_layers.h"

static double number(const cJSON *o, const char *name)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
    return cJSON_IsNumber(v) ? v->valuedouble : -1;
}

static enum status lines(const cJSON *o, struct buf *out)
{
    const double most = number(o, "error_max"), mean = number(o, "error_mean");
    const double largest = number(o, "largest"), rows = number(o, "rows");
    enum status s = OK;
    if (number(o, "sets") <= 0)
        return OK;
    if (most < 0 || mean < 0 || largest < 0) /* what is infinite is null */
        s = buf_printf(out, "  %-10s without bound\n", "error");
    else
        s = buf_printf(out, "  %-10s at most %.3g, %.3g on average, of outputs up to %.3g\n",
                       "error", most, mean, largest);
    if (s == OK && rows > 0)
        s = buf_printf(out, "  %-10s %.0f of %.0f rows\n", "top-1", number(o, "agreed"), rows);
    return s;
}

enum status show_error(const char *provenance, struct buf *out)
{
    cJSON *root = cJSON_Parse(provenance);
    enum status s = lines(cJSON_GetObjectItemCaseSensitive(root, "precision"), out);
    cJSON_Delete(root);
    return s;
}
