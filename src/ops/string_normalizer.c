/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* StringNormalizer: drops the stop words, then changes the case of what is left; when nothing is,
 * the result is one empty string. The stop words stand in order (the compiler puts them so, check
 * proves it), so that finding one takes the logarithm of their number. `locale` changes nothing:
 * what case means is in text_case.h.  source: ONNX StringNormalizer-10 */
#include "ops/ml.h"
#include "ops/text_case.h"

enum operand { X, STOPWORDS, OPERANDS };

struct params {
    enum text_case to;
    bool sensitive; /* a stop word in another case is another word */
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    static const char *const words[] = {
        [TEXT_AS_IT_IS] = "NONE", [TEXT_LOWER] = "LOWER", [TEXT_UPPER] = "UPPER", NULL};
    struct params *p = params;
    int word = 0;
    enum status s = ml_word(node, ATTR_case_change_action, words, &word, err);
    p->to = (enum text_case)word;
    return s == OK ? op_flag(node, ATTR_is_case_sensitive, 0, &p->sensitive, err) : s;
}

static int order(const struct params *p, struct text a, struct text b)
{
    return p->sensitive ? text_order(a, b) : text_case_order(a, b);
}

static enum status check(const void *params, int n_in, const struct tensor *const *in,
                         struct err *err)
{
    const struct tensor *words = op_operand(in, n_in, STOPWORDS);
    if (!words)
        return OK;
    if (!words->data || words->dtype != DT_STRING || words->rank != 1)
        return err_set(err, E_CORRUPT, "StringNormalizer: its stopwords are no constant list");
    for (int64_t i = 1; i < words->dims[0]; i++)
        if (order(params, text_get(words, i - 1), text_get(words, i)) > 0)
            return err_set(err, E_CORRUPT, "StringNormalizer: stop word %lld is out of order",
                           (long long)i);
    return OK;
}

static bool is_stopword(const struct params *p, const struct tensor *words, struct text t)
{
    int64_t low = 0, high = words ? words->dims[0] : 0;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int by = order(p, text_get(words, middle), t);
        if (by == 0)
            return true;
        if (by < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static enum status infer(struct op_infer *c, struct err *err)
{
    const struct params *p = c->params;
    enum status s = op_operands(c, "StringNormalizer", 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = c->in[X], *words = op_operand(c->in, c->n_in, STOPWORDS);
    if (x->dtype != DT_STRING)
        return op_no_kernel("StringNormalizer", X, x, err);
    if (x->rank != 1 && (x->rank != 2 || x->dims[0] != 1))
        return op_bad("StringNormalizer", X, x, "string[C] or string[1,C]", err);
    s = ml_vector(c, "StringNormalizer", STOPWORDS, DT_STRING, err);
    if (s == OK && words && !words->data)
        return op_needs_data(c, STOPWORDS, err);
    if (s == OK && (words || p->to != TEXT_AS_IT_IS))
        s = op_known(c, X, err);
    if (s != OK)
        return s;
    int64_t n = tensor_count(x), kept = words ? 0 : n, dims[2] = {1, 1};
    for (int64_t i = 0; (words || p->to != TEXT_AS_IT_IS) && i < n; i++) {
        bool stops = is_stopword(p, words, text_get(x, i));
        kept += words && !stops;
        c->text_bytes += stops || p->to == TEXT_AS_IT_IS ? 0 : text_get(x, i).len;
    }
    dims[x->rank - 1] = MAX(kept, 1);
    return op_output(c, 0, "StringNormalizer", DT_STRING, x->rank, dims, err);
}

static enum status run(const struct op_run *c, struct err *err)
{
    UNUSED(err);
    const struct params *p = c->params;
    const struct tensor *x = c->in[X], *words = op_operand(c->in, c->n_in, STOPWORDS);
    struct text *to = c->out[0]->data;
    char *room = (char *)(to + tensor_count(c->out[0]));
    int64_t n = tensor_count(x), kept = 0;
    for (int64_t i = 0; i < n; i++) {
        struct text v = text_get(x, i);
        if (is_stopword(p, words, v))
            continue;
        if (p->to != TEXT_AS_IT_IS) {
            text_case_write(v, p->to, room);
            v.at = room;
            room += v.len;
        }
        to[kept++] = v;
    }
    if (!kept)
        to[0] = (struct text){0};
    return OK;
}

static const enum attr_key consts[] = {ATTR_stopwords, ATTR_NONE};

const struct op op_string_normalizer = {
    .domain = "",
    .name = "StringNormalizer",
    .code = OP_CODE_string_normalizer,
    .since = {10},
    .in_min = 1,
    .in_max = OPERANDS,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_STRINGS,
    .params_bytes = sizeof(struct params),
    .const_attrs = consts,
    .prepare = prepare,
    .check = check,
    .infer = infer,
    .run = run,
};
