/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Einsum against the definition: for every equation a loop over all its axes. "..." and the output
 * that an equation does not name are compared with the same equation spelt out, or with numpy's
 * answer.
 *
 * Tolerance: products of small integers are exact in every dtype but float16, where sums of at most
 * 120 of them round once. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "support/op_case.h"

enum { ELEMENTS = 4096, TERMS = 5 };

/* How long an axis is: a is 1, b 2, ... f 6. */
static int64_t extent(char label)
{
    return label - 'a' + 1;
}

struct equation {
    const char *text;
    int n;
    const char *term[TERMS]; /* the output last */
    size_t len[TERMS];
};

static void split(struct equation *q, const char *text)
{
    q->text = text;
    q->n = 0;
    for (const char *s = text;;) {
        size_t len = strcspn(s, ",-");
        q->term[q->n] = s;
        q->len[q->n++] = len;
        if (!s[len])
            return;
        s += len + (s[len] == ',' ? 1 : 2);
    }
}

/* The flat place of a term's element at an index by label. */
static int64_t place(const struct equation *q, int t, const int64_t index[128])
{
    int64_t at = 0;
    for (size_t i = 0; i < q->len[t]; i++)
        at = at * extent(q->term[t][i]) + index[(int)q->term[t][i]];
    return at;
}

static void define(const struct equation *q, int64_t x[TERMS][ELEMENTS], int64_t *y)
{
    int64_t index[128] = {0};
    memset(y, 0, ELEMENTS * sizeof(y[0]));
    for (bool more = true; more;) {
        int64_t v = 1;
        for (int t = 0; t + 1 < q->n; t++)
            v *= x[t][place(q, t, index)];
        y[place(q, q->n - 1, index)] += v;
        more = false;
        for (char c = 'a'; c <= 'f' && !more; c++) {
            if (!strchr(q->text, c))
                continue;
            if (++index[(int)c] < extent(c))
                more = true;
            else
                index[(int)c] = 0;
        }
    }
}

static void put(enum dtype t, void *to, int64_t i, int64_t v)
{
    if (t == DT_F32)
        ((float *)to)[i] = (float)v;
    else if (t == DT_F64)
        ((double *)to)[i] = (double)v;
    else if (t == DT_F16)
        ((uint16_t *)to)[i] = f32_to_f16((float)v);
    else if (t == DT_U8)
        ((uint8_t *)to)[i] = (uint8_t)v;
    else
        ((int32_t *)to)[i] = (int32_t)v;
}

static void one(const char *text, enum dtype t)
{
    static int64_t x[TERMS][ELEMENTS], y[ELEMENTS];
    static double in[TERMS][ELEMENTS], want[ELEMENTS]; /* large enough for every dtype */
    struct equation q;
    struct op_case c;
    struct err err;
    int64_t dims[TERMS][9];
    split(&q, text);
    for (int k = 0; k < q.n; k++) {
        for (size_t i = 0; i < q.len[k]; i++)
            dims[k][i] = extent(q.term[k][i]);
        dims[k][q.len[k]] = -1;
        for (int64_t i = 0; i < ELEMENTS; i++) {
            x[k][i] = (i * 7 + k) % 5 - (t == DT_U8 ? 0 : 2);
            put(t, in[k], i, x[k][i]);
        }
    }
    define(&q, x, y);
    for (int64_t i = 0; i < ELEMENTS; i++)
        put(t, want, i, y[i]);
    case_begin(&c, "Einsum", 12);
    for (int k = 0; k + 1 < q.n; k++)
        case_in(&c, t, dims[k], in[k]);
    case_str(&c, ATTR_equation, text);
    ck_assert_msg(case_run(&c, &err) == OK, "%s: %s", text, err.msg);
    case_expect(&c, 0, t, dims[q.n - 1], want, 0, 0);
    case_fini(&c);
}

START_TEST(every_equation_gives_its_definition)
{
    static const char *const equations[] = {
        "bc->bc",
        "bc->cb",
        "bc->",
        "cc->c",
        "cc->",
        "bccd->db",
        "c,c->",
        "b,c->bc",
        "bc,cd->bd",
        "bc,cd->db",
        "cb,dc->bd",
        "bcd,bde->bce",
        "bcd,bed->bce",
        "bdc,bde->bce",
        "bcd,ebd->ecb",
        "bcde,bfde->bcf",
        "bc,bc->bc",
        "bc,bc->",
        "bcd,c->bd",
        "bcd,e->be",
        "bcd,efd->bf",
        "bc,cd,de->be",
        "b,c,d->dcb",
        "bc,cd,db->",
        "bc,bd,be->bcde",
        "abc,acd->abd",
        "bb,bb->b",
        "fcd,cdf,d->f",
        "bc,d,cd->b",
        "cc,cc->",
        "bcdef->fbd",
        "bcd,bcd,bcd->bd",
        "dbfc,dbec->dbfe",
        "eb,ecd,d,b->ce",
    };
    static const enum dtype types[] = {DT_F32, DT_F64, DT_I32, DT_F16, DT_U8};
    for (size_t i = 0; i < ARRAY_COUNT(equations); i++)
        for (size_t k = 0; k < ARRAY_COUNT(types); k++)
            if (types[k] != DT_U8 || strlen(equations[i]) < 10) /* else sums beyond 255 */
                one(equations[i], types[k] == DT_U8 && i % 2 ? DT_I32 : types[k]);
}
END_TEST

/* Two equations that say the same of the same operands. */
START_TEST(dots_and_implied_outputs_equal_what_they_stand_for)
{
    static const struct {
        const char *text, *spelt;
        int64_t a[5], b[5], want[5]; /* dims; b[0] = -1: a scalar or not there */
        int n;
    } rows[] = {
        {"...b c, ...c d", "abc,acd->abd", {2, 3, 4, -1}, {2, 4, 5, -1}, {2, 3, 5, -1}, 2},
        {"ba", "ba->ab", {2, 3, -1}, {-1}, {3, 2, -1}, 1},
        {"b...->...b", "bac->acb", {2, 3, 4, -1}, {-1}, {3, 4, 2, -1}, 1},
        {"...->...", "ab->ab", {2, 3, -1}, {-1}, {2, 3, -1}, 1},
        {"a...b->ab", "acb->ab", {2, 3, 4, -1}, {-1}, {2, 4, -1}, 1},
        {"Ba,aC", "ba,ac->bc", {2, 3, -1}, {3, 4, -1}, {2, 4, -1}, 2},
        {"...a,...a->...", "bca,ca->bc", {2, 3, 4, -1}, {3, 4, -1}, {2, 3, -1}, 2},
        {"ab,bc->ac", "ab,dc->ac", {2, 1, -1}, {3, 4, -1}, {2, 4, -1}, 2}, /* 1 repeats */
    };
    float x[64];
    for (int i = 0; i < 64; i++)
        x[i] = (float)(i * 5 % 7 - 3);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct op_case c[2];
        struct err err;
        for (int k = 0; k < 2; k++) {
            int64_t flat[] = {rows[i].a[0], -1}; /* the repeated dim, spelt out */
            bool repeats = k && i + 1 == ARRAY_COUNT(rows);
            case_begin(&c[k], "Einsum", 12);
            case_in(&c[k], DT_F32, repeats ? flat : rows[i].a, x);
            if (rows[i].n == 2)
                case_in(&c[k], DT_F32, rows[i].b, x);
            case_str(&c[k], ATTR_equation, repeats ? "a,bc->ac" : k ? rows[i].spelt : rows[i].text);
            ck_assert_msg(case_run(&c[k], &err) == OK, "%s: %s", rows[i].text, err.msg);
        }
        case_expect(&c[0], 0, DT_F32, rows[i].want, c[1].out[0].data, 0, 0);
        case_fini(&c[0]);
        case_fini(&c[1]);
    }
}
END_TEST

START_TEST(nothing_to_sum_is_zero)
{
    static const float zero[6];
    static const char *const equations[] = {"ab,bc->ac", "ab,bc,c->a"};
    for (size_t i = 0; i < ARRAY_COUNT(equations); i++) {
        struct op_case c;
        struct err err;
        case_begin(&c, "Einsum", 12);
        case_in(&c, DT_F32, CASE_DIMS(2, 0), zero);
        case_in(&c, DT_F32, CASE_DIMS(0, 3), zero);
        if (i)
            case_in(&c, DT_F32, CASE_DIMS(3), zero);
        case_str(&c, ATTR_equation, equations[i]);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_F32, i ? CASE_DIMS(2) : CASE_DIMS(2, 3), zero, 0, 0);
        case_fini(&c);
    }
}
END_TEST

START_TEST(an_equation_without_sense_is_refused)
{
    static const struct {
        const char *text;
        enum status status;
    } rows[] = {
        {"ab,bc-ac", E_CORRUPT},
        {"ab,bc->a1", E_CORRUPT},
        {"ab,bc->ad", E_CORRUPT},
        {"ab,bc->aa", E_CORRUPT},
        {"ab", E_CORRUPT},
        {"ab,bc,c", E_CORRUPT},
        {"ab,b..c", E_CORRUPT},
        {"ab,bc->ac->", E_CORRUPT},
        {"a......,b", E_CORRUPT},
        {"abc,bc", E_BAD_INPUT},
        {"a,bc", E_BAD_INPUT},
        {"ab,cb", E_BAD_INPUT},
        {"aa,bc", E_BAD_INPUT},
        {"abcdefghi,b", E_UNSUPPORTED},
        {"a,b,c,d,e,f,g,h,i", E_UNSUPPORTED},
    };
    static const float x[12];
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct op_case c;
        struct err err;
        case_begin(&c, "Einsum", 12);
        case_in(&c, DT_F32, CASE_DIMS(2, 3), x);
        case_in(&c, DT_F32, CASE_DIMS(3, 4), x);
        case_str(&c, ATTR_equation, rows[i].text);
        enum status s = case_run(&c, &err);
        ck_assert_msg(s == rows[i].status && strstr(err.msg, "Einsum"), "%s: %s", rows[i].text,
                      s == OK ? "accepted" : err.msg);
        case_fini(&c);
    }
}
END_TEST

Suite *suite_einsum(void)
{
    return SUITE("einsum", every_equation_gives_its_definition,
                 dots_and_implied_outputs_equal_what_they_stand_for, nothing_to_sum_is_zero,
                 an_equation_without_sense_is_refused);
}
