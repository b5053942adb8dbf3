/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Whose model is compiled next. The node is draining, so that no job does anything, and one thread
 * takes them in their order. */
#include <stdio.h>
#include <string.h>

#include "loader/loader_priv.h"
#include "support/support.h"

enum { JOBS = 16 };

struct turns {
    struct compiles compiles;
    struct load_env env;
    atomic_bool draining;
    struct compile_job jobs[JOBS];
    struct lock lock; /* LOCK_REAPER; guards what follows */
    struct cond changed;
    uint32_t done;
    char order[256];
};

static struct turns t;

static void on_done(struct compile_job *job, enum status s, const struct err *err)
{
    (void)err;
    ck_assert_int_eq(s, E_DRAINING);
    lock_take(&t.lock);
    size_t n = strlen(t.order);
    snprintf(t.order + n, sizeof(t.order) - n, "%s ", job->name);
    t.done++;
    cond_wake_all(&t.changed);
    lock_release(&t.lock);
}

static void begin(void)
{
    memset(&t, 0, sizeof(t));
    atomic_store(&t.draining, true);
    t.env.draining = &t.draining;
    lock_init(&t.lock, LOCK_REAPER);
    cond_init(&t.changed);
    compiles_init(&t.compiles);
}

static void submit(const char *const *names)
{
    for (uint32_t i = 0; names[i]; i++) {
        t.jobs[i] = (struct compile_job){.name = names[i], .done = on_done};
        compiles_submit(&t.compiles, &t.jobs[i]);
    }
}

static void await(uint32_t done)
{
    lock_take(&t.lock);
    while (t.done < done)
        cond_wait(&t.changed, &t.lock, 0);
    lock_release(&t.lock);
}

static void end(void)
{
    compiles_fini(&t.compiles);
    cond_fini(&t.changed);
    lock_fini(&t.lock);
}

START_TEST(tenants_take_turns)
{
    static const char *const names[] = {"a/1", "a/2", "a/3", "b/1", "a/4",
                                        "c/1", "b/2", "m",   "n",   NULL};
    struct err err;
    begin();
    submit(names);
    ck_ok(compiles_start(&t.compiles, &t.env, 1, &err), &err);
    await(9);
    ck_assert_str_eq(t.order, "a/1 b/1 c/1 m a/2 b/2 n a/3 a/4 ");
    end();
}
END_TEST

/* A prefix of a tenant's name is another tenant; names without one are one tenant's. */
START_TEST(tenants_are_told_apart)
{
    static const char *const names[] = {"ab/1", "ab/2", "a/1", "abc/1", "ab", "ac", "ab/3", NULL};
    struct err err;
    begin();
    submit(names);
    ck_ok(compiles_start(&t.compiles, &t.env, 1, &err), &err);
    await(7);
    ck_assert_str_eq(t.order, "ab/1 a/1 abc/1 ab ab/2 ac ab/3 ");
    end();
}
END_TEST

Suite *suite_compiles(void)
{
    return SUITE("compiles", tenants_take_turns, tenants_are_told_apart);
}
