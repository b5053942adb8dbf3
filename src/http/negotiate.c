/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Media ranges are matched from the most specific to the least; weights are thousandths. */
#include "http/negotiate.h"

enum { FORMATS = 3, WEIGHT_ONE = 1000 };

static const struct {
    const char *type;  /* what requests call it */
    const char *group; /* the range type/ * that covers it */
    const char *reply; /* what replies call it */
} formats[FORMATS] = {
    [CODEC_JSON] = {"application/json", "application/*", "application/json"},
    [CODEC_CSV] = {"text/csv", "text/*", "text/csv; charset=utf-8"},
    [CODEC_NPY] = {"application/x-npy", "application/*", "application/x-npy"},
};

const char *format_type(enum codec_format f)
{
    return formats[f].reply;
}

/* name=value; quotes around the value fall away. False when it has not that shape. */
static bool split_parameter(struct span s, struct span *name, struct span *value)
{
    size_t i = 0;
    while (i < s.n && s.p[i] != '=')
        i++;
    if (!i || i == s.n)
        return false;
    *name = span_trim(span_of(s.p, i));
    *value = span_trim(span_of(s.p + i + 1, s.n - i - 1));
    if (value->n >= 2 && value->p[0] == '"' && value->p[value->n - 1] == '"')
        *value = span_of(value->p + 1, value->n - 2);
    return span_all(*name, CHAR_TOKEN);
}

static enum status note_parameter(struct span part, enum codec_format f, bool *csv_header,
                                  struct err *err)
{
    struct span name, value;
    if (!part.n)
        return OK; /* "type/subtype;" */
    if (!split_parameter(part, &name, &value))
        return err_set(err, E_MEDIA_TYPE, "Content-Type has a malformed parameter");
    if (span_is_nocase(name, "charset") && !span_is_nocase(value, "utf-8"))
        return err_set(err, E_MEDIA_TYPE, "the only charset that can be read is utf-8");
    if (f != CODEC_CSV || !span_is_nocase(name, "header"))
        return OK;
    *csv_header = span_is_nocase(value, "present");
    if (!*csv_header && !span_is_nocase(value, "absent"))
        return err_set(err, E_BAD_INPUT, "Content-Type: header is present or absent");
    return OK;
}

enum status content_type_parse(struct span value, enum codec_format *f, bool *csv_header,
                               struct err *err)
{
    *f = CODEC_JSON;
    *csv_header = false;
    struct span part;
    if (!span_split(&value, ';', &part))
        return OK;
    int i = 0;
    while (i < FORMATS && !span_is_nocase(part, formats[i].type))
        i++;
    if (i == FORMATS)
        return err_set(err, E_MEDIA_TYPE,
                       "Content-Type must be application/json, text/csv or application/x-npy");
    *f = (enum codec_format)i;
    enum status s = OK;
    while (s == OK && span_split(&value, ';', &part))
        s = note_parameter(part, *f, csv_header, err);
    return s;
}

/* source: RFC 9110 12.4.2: 0, 1, and at most three digits behind the point. ".2" is read too: every
 * request of Java's HttpURLConnection says so unless its user chose an Accept. */
static bool parse_weight(struct span s, int *weight)
{
    bool bare = s.n > 1 && s.p[0] == '.';
    int w = 0, place = WEIGHT_ONE / 10;
    if (!bare) {
        if (!s.n || s.p[0] < '0' || s.p[0] > '1')
            return false;
        w = (s.p[0] - '0') * WEIGHT_ONE;
        s = span_of(s.p + 1, s.n - 1);
    }
    if (s.n > 4 || (s.n && s.p[0] != '.'))
        return false;
    for (size_t i = 1; i < s.n; i++, place /= 10) {
        if (!(char_class[(unsigned char)s.p[i]] & CHAR_DIGIT))
            return false;
        w += (s.p[i] - '0') * place;
    }
    *weight = w;
    return w <= WEIGHT_ONE;
}

/* How well each format has been matched so far, and the weight that came with the match. */
struct wish {
    int rank; /* 0: not named; 1: * / *; 2: type/ *; 3: by name */
    int weight;
};

static void note_range(struct span range, int weight, struct wish wishes[FORMATS])
{
    for (int i = 0; i < FORMATS; i++) {
        int rank = span_is_nocase(range, formats[i].type)         ? 3
                   : span_is_nocase(range, formats[i].group)      ? 2
                   : span_is(range, "*/*") || span_is(range, "*") ? 1
                                                                  : 0;
        if (rank > wishes[i].rank)
            wishes[i] = (struct wish){rank, weight};
    }
}

static enum status note_element(struct span element, struct wish wishes[FORMATS], struct err *err)
{
    struct span range, part, name, value;
    int weight = WEIGHT_ONE;
    if (!span_split(&element, ';', &range))
        return OK;
    while (span_split(&element, ';', &part))
        if (split_parameter(part, &name, &value) && span_is_nocase(name, "q") &&
            !parse_weight(value, &weight))
            return err_set(err, E_BAD_INPUT, "Accept has a weight that is not 0 to 1");
    note_range(range, weight, wishes);
    return OK;
}

enum status content_encoding_check(struct span value, struct err *err)
{
    if (!value.n || span_is_nocase(value, "identity"))
        return OK;
    return err_set(err, E_MEDIA_TYPE, "Content-Encoding: bodies are read as they are, not packed");
}

enum status accept_choose(const struct span *accept, int n, enum codec_format in,
                          enum codec_format *out, struct err *err)
{
    struct wish wishes[FORMATS] = {{0, 0}};
    enum status s = OK;
    *out = in;
    for (int i = 0; i < n; i++) {
        struct span rest = accept[i], element;
        while (s == OK && span_split(&rest, ',', &element))
            s = note_element(element, wishes, err);
    }
    if (s != OK || n == 0)
        return s;
    for (int i = 0; i < FORMATS; i++)
        if (wishes[i].weight > wishes[*out].weight)
            *out = (enum codec_format)i;
    if (!wishes[*out].weight)
        return err_set(err, E_NOT_ACCEPTABLE,
                       "Accept names none of application/json, text/csv and application/x-npy");
    return OK;
}
