/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Pictures: what is in them, where it stands, and that a stranger's names stay words. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/graph/picture.h"
#include "support/model.h"
#include "support/support.h"

START_TEST(texts_are_cut_and_cleaned)
{
    static const struct {
        const char *in;
        int most;
        const char *out;
    } cases[] = {
        {"", 5, ""},
        {"abc", 3, "abc"},
        {"abcd", 3, "ab\xe2\x80\xa6"},
        {"a\nb\tc\x7f", 9, "a?b?c?"},
        {"\xff\xc3*\xe2\x82", 9, "??*??"},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 3, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\xe2\x80\xaegnp.exe", 9, "?gnp.exe"}, /* right-to-left override */
        {"\xef\xbf\xbf\xef\xbb\xbf\xc2\x85", 9, "???"},
        {"<&\"'>", 9, "<&\"'>"}, /* escaped when written */
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char out[PICTURE_TEXT_MAX];
        picture_text(out, cases[i].in, cases[i].most);
        ck_assert_str_eq(out, cases[i].out);
        ck_assert_int_le(picture_chars(out), cases[i].most);
    }
    char longest[400], out[PICTURE_TEXT_MAX];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = 0;
    picture_text(out, longest, 1000);
    ck_assert_uint_lt(strlen(out), PICTURE_TEXT_MAX);
    for (size_t i = 0; i + 1 < sizeof(longest); i += 2) {
        longest[i] = (char)0xc3;
        longest[i + 1] = (char)0xa9;
    }
    longest[398] = 0;
    picture_text(out, longest, 1000);
    ck_assert_uint_lt(strlen(out), PICTURE_TEXT_MAX);
    ck_assert_str_eq(out + strlen(out) - 3, "\xe2\x80\xa6");
}
END_TEST

/* x[N,4] -> a diamond of Relus -> Add, and a line from the input to the end past all of them. */
static void diamond(struct model *m)
{
    static const int64_t dims[] = {-2, 4}, four[] = {4};
    static const float k[4] = {1, 2, 3, 4};
    model_init(m);
    int32_t x = model_input(m, "x", DT_F32, 2, dims);
    int32_t c = model_const(m, DT_F32, 1, four, k);
    int32_t a = model_node(m, "Relu", 14, x, -1, -1), l = model_node(m, "Neg", 13, a, -1, -1);
    int32_t r = model_node(m, "Abs", 13, a, -1, -1), j = model_node(m, "Add", 14, l, r, -1);
    int32_t y = model_node(m, "Mul", 14, j, c, -1);
    y = model_node(m, "Add", 14, y, x, -1);
    model_output(m, "y", y, DT_F32, 2, dims);
}

START_TEST(boxes_and_lines_follow_the_program)
{
    struct model m;
    struct picture pic;
    diamond(&m);
    struct program *p = model_program(&m);
    ck_assert_int_eq(picture_init(&pic, p, "diamond"), OK);
    ck_assert_uint_eq(pic.n_nodes, 8);
    ck_assert_uint_eq(pic.n_edges, 9);
    ck_assert_int_eq(pic.nodes[0].kind, PICTURE_INPUT);
    ck_assert_str_eq(pic.nodes[0].result, "N\xc3\x97"
                                          "4");
    ck_assert_str_eq(pic.nodes[1].title, "Relu");
    ck_assert_int_eq(pic.nodes[1].family, FAMILY_ACTIVATION);
    ck_assert_str_eq(pic.nodes[1].result, pic.nodes[0].result);
    ck_assert_int_eq(pic.nodes[5].n_consts, 1);
    ck_assert_str_eq(pic.nodes[5].consts[0], "4");
    ck_assert_int_eq(pic.nodes[7].kind, PICTURE_OUTPUT);
    picture_fini(&pic);
    program_free(&p);
}
END_TEST

static bool overlap(const struct picture_node *a, const struct picture_node *b)
{
    bool aside = a->x + a->w / 2 <= b->x - b->w / 2 || b->x + b->w / 2 <= a->x - a->w / 2;
    bool apart = a->y + a->h <= b->y || b->y + b->h <= a->y;
    return !aside && !apart;
}

static void check_layout(const struct picture *pic)
{
    for (uint32_t i = 0; i < pic->n_nodes; i++) {
        const struct picture_node *n = &pic->nodes[i];
        ck_assert(n->x - n->w / 2 >= -0.01 && n->x + n->w / 2 <= pic->width + 0.01);
        ck_assert(n->y >= 0 && n->y + n->h <= pic->height + 0.01);
        for (uint32_t k = 0; k < i; k++)
            ck_assert_msg(!overlap(n, &pic->nodes[k]), "boxes %u and %u overlap", i, k);
    }
    for (uint32_t i = 0; i < pic->n_edges; i++) {
        const struct picture_edge *e = &pic->edges[i];
        double y = pic->nodes[e->from].y + pic->nodes[e->from].h;
        for (uint32_t k = 0; k < e->n_bends; k++) {
            ck_assert(pic->bends[e->first_bend + k].y > y);
            y = pic->bends[e->first_bend + k].y;
        }
        ck_assert(pic->nodes[e->to].y > y);
    }
}

START_TEST(lines_go_down_and_boxes_stand_apart)
{
    struct model m;
    struct picture pic;
    diamond(&m);
    struct program *p = model_program(&m);
    ck_assert_int_eq(picture_init(&pic, p, "diamond"), OK);
    ck_assert_int_eq(picture_layout(&pic), OK);
    check_layout(&pic);
    ck_assert_double_eq_tol(pic.nodes[2].y, pic.nodes[3].y, 1e-9); /* the two arms */
    uint32_t bends = 0;
    for (uint32_t i = 0; i < pic.n_edges; i++)
        bends += pic.edges[i].n_bends;
    ck_assert_uint_eq(bends, 4); /* x to the last Add passes four layers */
    picture_fini(&pic);
    program_free(&p);
}
END_TEST

/* Every instruction reads the one before and some one long before: many long lines. */
START_TEST(a_thick_graph_is_bounded)
{
    enum { N = MODEL_NODES - 1 };
    static const int64_t dims[] = {-2, 4};
    struct model m;
    struct picture pic;
    int32_t made[N + 1];
    uint64_t seed = 7;
    model_init(&m);
    made[0] = model_input(&m, "x", DT_F32, 2, dims);
    for (int i = 0; i < N; i++)
        made[i + 1] =
            model_node(&m, "Add", 14, made[i], made[draw_u64(&seed) % (uint64_t)(i + 1)], -1);
    model_output(&m, "y", made[N], DT_F32, 2, dims);
    struct program *p = model_program(&m);
    ck_assert_int_eq(picture_init(&pic, p, "thick"), OK);
    ck_assert_int_eq(picture_layout(&pic), OK);
    check_layout(&pic);
    uint64_t bends = 0;
    for (uint32_t i = 0; i < pic.n_edges; i++)
        bends += pic.edges[i].n_bends;
    ck_assert_uint_gt(bends, 10000);
    ck_assert_uint_le(bends, 1 << 16);
    picture_fini(&pic);
    program_free(&p);
}
END_TEST

static void draw(const struct program *p, bool dot, struct buf *out)
{
    struct picture pics[2];
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(picture_init(&pics[i], p, "one"), OK);
        ck_assert_int_eq(picture_layout(&pics[i]), OK);
    }
    enum status s =
        dot ? picture_dot("a<b>&\"c\\", pics, 2, out) : picture_svg("a<b>&\"c\\", pics, 2, out);
    ck_assert_int_eq(s, OK);
    ck_assert_int_eq(buf_terminate(out), OK);
    picture_fini(&pics[0]);
    picture_fini(&pics[1]);
}

START_TEST(names_stay_words)
{
    static const int64_t dims[] = {-2, 4};
    struct model m;
    struct buf svg = {0}, dot = {0};
    model_init(&m);
    int32_t x = model_input(&m, "</text><script>1&", DT_F32, 2, dims);
    int32_t y = model_node(&m, "Relu", 14, x, -1, -1);
    m.nodes[0].name = "\"]; evil [label=\"\\N\n";
    m.symbols[0] = "<N>";
    model_output(&m, "y'\"", y, DT_F32, 2, dims);
    struct program *p = model_program(&m);
    draw(p, false, &svg);
    draw(p, true, &dot);
    const char *text = (const char *)svg.data;
    ck_assert_ptr_null(strstr(text, "<script"));
    ck_assert_ptr_nonnull(strstr(text, "&lt;/text&gt;&lt;script&gt;1&amp;"));
    ck_assert_ptr_nonnull(strstr(text, "y&#39;&quot;"));
    ck_assert_ptr_nonnull(strstr(text, "a&lt;b&gt;&amp;&quot;c\\"));
    text = (const char *)dot.data;
    ck_assert_ptr_nonnull(strstr(text, "\\\"]; evil [label=\\\"\\\\N?"));
    ck_assert_ptr_nonnull(strstr(text, "label=\"a<b>&\\\"c\\\\\";"));
    program_free(&p);
    buf_fini(&svg);
    buf_fini(&dot);
}
END_TEST

START_TEST(the_same_program_is_drawn_the_same)
{
    struct model m;
    struct buf one = {0}, two = {0};
    diamond(&m);
    struct program *p = model_program(&m);
    draw(p, false, &one);
    draw(p, false, &two);
    ck_assert_uint_eq(one.len, two.len);
    ck_assert_mem_eq(one.data, two.data, one.len);
    program_free(&p);
    buf_fini(&one);
    buf_fini(&two);
}
END_TEST

START_TEST(memory_that_runs_out_leaks_nothing)
{
    struct model m;
    diamond(&m);
    struct program *p = model_program(&m);
    int64_t live = alloc_live();
    for (uint64_t n = 1;; n++) {
        struct picture pic = {.n_nodes = 0};
        struct buf out = {0};
        alloc_fail_at(n);
        enum status s = picture_init(&pic, p, "diamond");
        if (s == OK)
            s = picture_layout(&pic);
        if (s == OK)
            s = picture_svg("t", &pic, 1, &out);
        if (s == OK)
            s = picture_dot("t", &pic, 1, &out);
        uint64_t calls = alloc_calls();
        alloc_fail_at(0);
        picture_fini(&pic);
        buf_fini(&out);
        ck_assert_int_eq(alloc_live(), live);
        if (calls < n)
            break;
        ck_assert_int_eq(s, E_NO_MEMORY);
    }
    program_free(&p);
}
END_TEST

Suite *suite_picture(void)
{
    return SUITE("picture", texts_are_cut_and_cleaned, boxes_and_lines_follow_the_program,
                 lines_go_down_and_boxes_stand_apart, a_thick_graph_is_bounded, names_stay_words,
                 the_same_program_is_drawn_the_same, memory_that_runs_out_leaks_nothing);
}
