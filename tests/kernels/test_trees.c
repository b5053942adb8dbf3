/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The fast walk gives the bits of the plain one: random ensembles of ragged and of full trees, with
 * and without splits by category, missing and infinite values, row counts around the number of
 * lanes. No tolerance: both add the same leaves in the same order. Full trees are also compared
 * with the ragged ones that they were made from, which ask for floats where those ask for keys. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/trees.h"
#include "support/support.h"

enum { TREES = 61, NODES_MAX = 511, FEATURES = 5, GROUPS = 3, ROWS_MAX = 75, SET_WORDS = 2 };
enum { COLUMNS_MAX = 140, FULL_DEPTH = 8 };

static uint64_t state;

static uint32_t random_below(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

static float random_value(void)
{
    static const float odd[] = {NAN,   INFINITY, -INFINITY, 0.0f,   -0.0f,
                                -3.5f, 63.9f,    1e9f,      1e-42f, -1e-42f};
    uint32_t pick = random_below(24);
    return pick < ARRAY_COUNT(odd) ? odd[pick] : (float)random_below(64);
}

struct ensemble {
    struct tree_node nodes[TREES * NODES_MAX];
    struct tree_head trees[TREES];
    uint32_t sets[2 * (SET_WORDS + 1)];
    float base[GROUPS];
    struct tree_table table;
    /* the same with all trees that can be in `full` */
    int32_t words[TREES * 3 << TREE_FULL_DEPTH_MAX];
    struct tree_node rest[TREES * NODES_MAX];
    struct tree_head heads[TREES];
    struct tree_table filled;
};

/* One tree in the canonical layout; `splits` pairs of children at most, of which a node that is not
 * the root is one with probability 2/3, or surely in a full tree. */
static uint32_t grow(struct ensemble *e, struct tree_head *head, uint32_t splits, bool full)
{
    uint32_t next = head->root + 1, level_end = next, depth = 0;
    for (uint32_t i = head->root; i < next; i++) {
        struct tree_node *n = &e->nodes[i];
        *n = (struct tree_node){.value = (float)random_below(1000) / 777.0f, .first = i};
        if (i == level_end) {
            level_end = next;
            depth++;
        }
        if (!splits || (!full && i > head->root && random_below(3) == 0))
            continue;
        splits--;
        *n = (struct tree_node){.cond = random_value(), .first = next};
        n->what = random_below(FEATURES) | TREE_SPLITS;
        n->what |= random_below(2) ? TREE_FLIP : 0;
        if (head->walk && random_below(2)) {
            n->what |= TREE_BY_CATEGORY;
            n->set = random_below(2) * (SET_WORDS + 1);
        } else if (head->walk && random_below(2)) {
            n->what |= TREE_BY_EQUALITY;
        }
        next += 2;
    }
    head->walk |= depth;
    return next;
}

/* Ragged trees alone, or runs of full trees of one depth among some ragged ones. */
static void plant(struct ensemble *e, bool categories, bool full)
{
    uint32_t end = 0, depth = 0, run = 0;
    for (int i = 0; i < TREES; i++) {
        e->trees[i] =
            (struct tree_head){.root = end,
                               .group = random_below(GROUPS),
                               .walk = categories && random_below(2) ? TREE_HAS_CATEGORIES : 0};
        if (full && !run) {
            run = 1 + random_below(26);
            depth = random_below(FULL_DEPTH + 1);
        }
        bool fill = run && random_below(16);
        uint32_t splits = fill ? (1u << depth) - 1 : random_below(63);
        end = grow(e, &e->trees[i], splits, fill);
        run -= run ? 1 : 0;
    }
    for (int i = 0; i < 2 * (SET_WORDS + 1); i++)
        e->sets[i] = i % (SET_WORDS + 1) ? random_below(1u << 31) : SET_WORDS;
    for (int i = 0; i < GROUPS; i++)
        e->base[i] = (float)i - 0.3f;
    e->table = (struct tree_table){.nodes = e->nodes,
                                   .trees = e->trees,
                                   .sets = e->sets,
                                   .base = e->base,
                                   .n_trees = TREES,
                                   .n_groups = GROUPS,
                                   .n_features = FEATURES,
                                   .x_step = FEATURES};
}

static void fill_from(const struct ensemble *e, int32_t *words, uint32_t depth, uint32_t at,
                      const struct tree_node *n)
{
    const uint32_t leaves = 1u << depth;
    if (at >= leaves) {
        memcpy(words + leaves + at, &n->value, sizeof(*words));
        return;
    }
    bool splits = n->what & TREE_SPLITS;
    uint32_t feature = n->what & TREE_FEATURE_MASK;
    struct tree_split split = {INT32_MIN, 0};
    if (splits && !isnan(n->cond))
        split =
            (struct tree_split){tree_key(n->cond), 8 * feature + (n->what & TREE_FLIP ? 4u : 0u)};
    memcpy(words + 2 * at, &split, sizeof(split));
    for (uint32_t i = 0; i < 2; i++)
        fill_from(e, words, depth, 2 * at + i, splits ? e->nodes + n->first + i : n);
}

/* The trees without categories that are not too deep, as full ones; the others behind one another.
 * more: levels that each is filled beyond its own depth, where that is allowed. */
static void fill(struct ensemble *e, uint32_t more)
{
    uint32_t words = 0, nodes = 0;
    for (int i = 0; i < TREES; i++) {
        const struct tree_head *tree = e->trees + i;
        uint32_t end = i + 1 < TREES ? tree[1].root : ARRAY_COUNT(e->nodes), depth = tree->walk;
        e->heads[i] = *tree;
        if (depth <= TREE_FULL_DEPTH_MAX) {
            depth = MIN(depth + more, (uint32_t)TREE_FULL_DEPTH_MAX);
            e->heads[i].root = words;
            e->heads[i].walk = TREE_FULL | depth;
            fill_from(e, e->words + words, depth, 1, e->nodes + tree->root);
            words += tree_full_words(depth);
            continue;
        }
        e->heads[i].root = nodes;
        for (uint32_t k = tree->root; k < end && nodes < ARRAY_COUNT(e->rest); k++, nodes++) {
            e->rest[nodes] = e->nodes[k];
            e->rest[nodes].first += e->heads[i].root - tree->root;
        }
    }
    e->filled = e->table;
    e->filled.nodes = e->rest;
    e->filled.full = e->words;
    e->filled.trees = e->heads;
}

/* The fast walk of `table` against the plain one of `as`. */
static void compare(const struct tree_table *table, const struct tree_table *as)
{
    static float x[ROWS_MAX * COLUMNS_MAX], fast[ROWS_MAX * GROUPS], plain[ROWS_MAX * GROUPS];
    for (size_t i = 0; i < ARRAY_COUNT(x); i++)
        x[i] = random_value();
    for (int64_t rows = 0; rows <= ROWS_MAX; rows++) {
        memset(fast, 0x55, sizeof(fast));
        memset(plain, 0x55, sizeof(plain));
        trees_margins(table, x, rows, fast);
        trees_margins_ref(as, x, rows, plain);
        ck_assert_mem_eq(fast, plain, sizeof(fast));
    }
}

START_TEST(the_fast_walk_gives_the_plain_walks_bits)
{
    static struct ensemble e;
    for (state = 1; state < 40; state += 2) {
        uint64_t seed = state;
        plant(&e, seed % 4 == 1, false);
        compare(&e.table, &e.table);
        state = seed;
    }
}
END_TEST

/* One margin or several; as many features as a block of rows has room for and, by one, more; rows
 * that are longer than what splits ask for. Each against its own plain walk, and against that of
 * the trees before they were filled. */
START_TEST(full_trees_give_the_plain_walks_bits)
{
    static struct ensemble e;
    static const uint32_t features[] = {FEATURES, TREE_FULL_FEATURES_MAX,
                                        TREE_FULL_FEATURES_MAX + 1};
    for (uint64_t seed = 1; seed < 60; seed++) {
        state = seed;
        plant(&e, seed % 4 == 1, true);
        e.table.n_features = features[seed % ARRAY_COUNT(features)];
        e.table.x_step = e.table.n_features + (seed % 5 == 0 ? 7 : 0);
        if (seed % 2) {
            e.table.n_groups = 1;
            for (int i = 0; i < TREES; i++)
                e.trees[i].group = 0;
        }
        fill(&e, seed % 4 == 2 ? 6 : seed % 4 == 3 ? 1 : 0);
        compare(&e.filled, &e.table);
        compare(&e.filled, &e.filled);
    }
}
END_TEST

enum { VECTORS = 7 };

START_TEST(leaves_that_name_vectors_add_to_every_margin)
{
    static struct ensemble e;
    static float vectors[VECTORS * GROUPS];
    state = 77;
    plant(&e, true, true);
    for (int i = 0; i < VECTORS * GROUPS; i++)
        vectors[i] = (float)random_below(100) / 8;
    for (size_t i = 0; i < ARRAY_COUNT(e.nodes); i++)
        if (!(e.nodes[i].what & TREE_SPLITS))
            e.nodes[i].set = random_below(VECTORS);
    e.table.vectors = vectors;
    fill(&e, 0);
    compare(&e.table, &e.table);
    compare(&e.filled, &e.table);
    float x[FEATURES] = {0}, margins[GROUPS], want[GROUPS];
    memcpy(want, e.base, sizeof(want));
    for (int i = 0; i < TREES; i++)
        for (uint32_t g = 0; g < GROUPS; g++) {
            uint32_t which;
            memcpy(&which, trees_leaf(&e.table, e.trees + i, x), sizeof(which));
            want[g] += vectors[which * GROUPS + g];
        }
    trees_margins(&e.table, x, 1, margins);
    ck_assert_mem_eq(margins, want, sizeof(want));
}
END_TEST

/* The second child: x < cond, -x < cond when flipped; in the set, not in the set when flipped;
 * never for a missing value. */
START_TEST(a_split_decides_as_documented)
{
    struct tree_node nodes[3] = {{.first = 1}, {.value = 1, .first = 1}, {.value = 2, .first = 2}};
    const uint32_t sets[] = {1, 1u << 3};
    struct tree_head head = {0};
    const float base = 0;
    struct tree_table t = {.nodes = nodes,
                           .trees = &head,
                           .sets = sets,
                           .base = &base,
                           .n_trees = 1,
                           .n_groups = 1,
                           .n_features = 1,
                           .x_step = 1};
    static const struct {
        bool category, flip;
        float x, expected;
    } cases[] = {
        {false, false, 1.5f, 2},     {false, false, 2.0f, 1},     {false, false, NAN, 1},
        {false, true, NAN, 1},       {false, true, -1.5f, 2},     {false, true, -2.0f, 1},
        {false, true, 3.0f, 2},      {false, true, INFINITY, 2},  {false, false, -INFINITY, 2},
        {false, true, -INFINITY, 1}, {false, false, INFINITY, 1}, {true, false, 3.0f, 2},
        {true, false, 3.9f, 2},      {true, false, 2.0f, 1},      {true, false, -1.0f, 1},
        {true, false, 1e9f, 1},      {true, false, 35.0f, 1},     {true, false, INFINITY, 1},
        {true, false, NAN, 1},       {true, true, NAN, 1},        {true, true, 3.0f, 1},
        {true, true, 2.0f, 2},       {true, true, -1.0f, 2},
    };
    static const struct {
        bool flip;
        float x, expected;
    } equal[] = {{false, 2.0f, 2}, {false, 2.5f, 1}, {false, -2.0f, 1}, {false, NAN, 1},
                 {true, 2.0f, 1},  {true, 2.5f, 2},  {true, -2.0f, 2},  {true, NAN, 1}};
    for (size_t i = 0; i < ARRAY_COUNT(equal); i++) {
        float out;
        nodes[0].cond = 2.0f;
        nodes[0].what = TREE_SPLITS | TREE_BY_EQUALITY | (equal[i].flip ? TREE_FLIP : 0);
        head.walk = 1 | TREE_HAS_CATEGORIES;
        trees_margins(&t, &equal[i].x, 1, &out);
        ck_assert_msg(out == equal[i].expected, "equality %zu: %g", i, (double)out);
    }
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        nodes[0].cond = 2.0f;
        nodes[0].what = TREE_SPLITS | (cases[i].flip ? TREE_FLIP : 0);
        head.walk = 1;
        if (cases[i].category) {
            nodes[0].what |= TREE_BY_CATEGORY;
            nodes[0].set = 0;
            head.walk |= TREE_HAS_CATEGORIES;
        }
        float out;
        trees_margins(&t, &cases[i].x, 1, &out);
        ck_assert_msg(out == cases[i].expected, "case %zu: %g", i, (double)out);
    }
}
END_TEST

/* Every pair of odd and random values, and of their negatives. */
START_TEST(keys_are_ordered_as_their_floats)
{
    state = 5;
    for (int i = 0; i < 100000; i++) {
        uint32_t bits[2] = {random_below(1u << 16) << 16 | random_below(1u << 16),
                            random_below(1u << 16) << 16 | random_below(1u << 16)};
        float a, b;
        memcpy(&a, &bits[0], sizeof(a));
        memcpy(&b, &bits[1], sizeof(b));
        a = i % 3 ? a : random_value();
        b = i % 2 ? b : random_value();
        if (isnan(b))
            continue; /* as a threshold it has no key */
        ck_assert_msg((tree_key(a) < tree_key(b)) == (a < b), "%a < %a", (double)a, (double)b);
        if (!isnan(a))
            ck_assert_int_eq(tree_key(-a), -tree_key(a));
    }
    ck_assert_int_eq(tree_key(-0.0f), tree_key(0.0f));
    ck_assert_int_eq(tree_key(NAN), INT32_MAX);
    ck_assert_int_eq(tree_key(-NAN), INT32_MAX);
}
END_TEST

Suite *suite_trees(void)
{
    return SUITE("trees", keys_are_ordered_as_their_floats,
                 the_fast_walk_gives_the_plain_walks_bits, full_trees_give_the_plain_walks_bits,
                 leaves_that_name_vectors_add_to_every_margin, a_split_decides_as_documented);
}
