/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Texts to numbers: plain and scientific notation in ASCII, and the words NaN, INF, +INF and -INF
 * in any case. An integer dtype takes a fraction off. What is no number, or too large for the
 * dtype, is refused. Numbers to texts: the shortest that reads back as the same value, and the
 * words NaN, INF and -INF; bools are 1 and 0.  source: ONNX Cast-9 */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/checked.h"
#include "ops/cast_common.h"
#include "ops/element.h"
#include "tensor/number.h"
#include "tensor/text.h"

static size_t digits(struct text t, size_t i)
{
    while (i < t.len && t.at[i] >= '0' && t.at[i] <= '9')
        i++;
    return i;
}

/* [sign] digits [. digits] [e [sign] digits], a digit before or behind the point. */
static bool is_number(struct text t)
{
    size_t start = t.len && t.at[0] == '-' ? 1 : 0, i = digits(t, start), n = i - start;
    if (i < t.len && t.at[i] == '.') {
        size_t fraction = i + 1;
        i = digits(t, fraction);
        n += i - fraction;
    }
    if (n && i < t.len && (t.at[i] == 'e' || t.at[i] == 'E')) {
        size_t e = i + 1;
        e += e < t.len && (t.at[e] == '+' || t.at[e] == '-');
        i = digits(t, e);
        n = i - e;
    }
    return n && i == t.len;
}

static bool is_word(struct text t, double *out)
{
    bool negative = t.len && t.at[0] == '-';
    const char *p = t.len ? t.at + negative : "";
    size_t n = t.len - negative;
    if (n == 3 && strncasecmp(p, "nan", n) == 0)
        *out = NAN;
    else if ((n == 3 && strncasecmp(p, "inf", n) == 0) ||
             (n == 8 && strncasecmp(p, "infinity", n) == 0))
        *out = negative ? -INFINITY : INFINITY;
    else
        return false;
    return true;
}

/* A number that is no integer, into an integer dtype. */
static enum number_fault store_truncated(struct text t, const struct tensor *y, int64_t i)
{
    double v, back;
    enum number_fault f = number_store(DT_F64, t.at, t.len, &v);
    if (f != NUMBER_FINE)
        return f;
    element_set_f64(y, i, v);
    back = tensor_get_f64(y, i);
    return y->dtype == DT_BOOL || back == trunc(v) ? NUMBER_FINE : NUMBER_RANGE;
}

static enum number_fault store(struct text t, const struct tensor *y, int64_t i)
{
    uint8_t *to = (uint8_t *)y->data + (size_t)i * dtype_bytes(y->dtype);
    double special;
    if (t.len && t.at[0] == '+') {
        t.at++;
        t.len--;
        if (t.len && t.at[0] == '-')
            return NUMBER_SYNTAX;
    }
    if (dtype_is_float(y->dtype) && is_word(t, &special)) {
        number_store_special(y->dtype, special, to);
        return NUMBER_FINE;
    }
    if (!is_number(t))
        return NUMBER_SYNTAX;
    enum number_fault f =
        y->dtype == DT_BOOL ? NUMBER_NOT_INTEGER : number_store(y->dtype, t.at, t.len, to);
    return f == NUMBER_NOT_INTEGER ? store_truncated(t, y, i) : f;
}

enum status cast_from_text(const char *op, const struct tensor *x, const struct tensor *y,
                           struct err *err)
{
    int64_t n = tensor_count(x);
    for (int64_t i = 0; i < n; i++) {
        struct text t = text_get(x, i);
        enum number_fault f = store(t, y, i);
        if (f != NUMBER_FINE)
            return err_set(err, E_BAD_INPUT, "%s: element %lld is '%.*s', which is %s for %s", op,
                           (long long)i, (int)MIN(t.len, 40), t.len ? t.at : "",
                           number_fault_text(f), dtype_text(y->dtype));
    }
    return OK;
}

bool cast_text_bytes(const struct tensor *x, uint64_t *bytes)
{
    return checked_mul((uint64_t)tensor_count(x), NUMBER_OUT_MAX, bytes) && *bytes <= INT64_MAX;
}

void cast_to_text(const struct tensor *x, const struct tensor *y)
{
    int64_t n = tensor_count(x);
    struct text *to = y->data;
    char *room = (char *)(to + n);
    for (int64_t i = 0; i < n; i++) {
        bool special;
        size_t len = number_print(x, i, room, &special);
        if (special) {
            double v = tensor_get_f64(x, i);
            const char *word = isnan(v) ? "NaN" : v > 0 ? "INF" : "-INF";
            len = strlen(word);
            memcpy(room, word, len);
        }
        to[i] = (struct text){room, len};
        room += len;
    }
}
