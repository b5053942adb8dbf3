/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What an end of a child means. Its notes are read as what a hostile process wrote: each length is
 * checked, each status is one of a few, each text is bounded and cleaned. */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "metrics/metrics.h"
#include "sandbox/sandbox_priv.h"

/* What the notes say. */
struct notes {
    bool guarded, logged, measured, done, wants, failed;
    struct child_words words;
    uint64_t result_bytes;
    struct err err;
};

static uint64_t mib(uint64_t bytes)
{
    return bytes >> 20;
}

static void count_tenants(bool tenants)
{
    if (tenants)
        metric_add(M_REFUSED_TENANT_COMPILE, 1);
}

static enum status too_much_memory(const struct child_limits *l, struct err *err)
{
    count_tenants(l->memory_tenants);
    return err_set(err, E_TOO_LARGE,
                   "the compiler was stopped: it needs more than the %" PRIu64 " MiB %s may use",
                   mib(l->memory_bytes), l->memory_tenants ? "its tenant" : "it");
}

static enum status too_long(const struct child_limits *l, struct err *err)
{
    count_tenants(l->time_tenants);
    return err_set(err, E_TOO_LARGE,
                   "the compiler was stopped: it takes longer than the %.3g s %s has",
                   (double)l->time_us / 1e6, l->time_tenants ? "its tenant" : "it");
}

/* What a compile may honestly answer; anything else is no answer. */
static enum status believable(uint32_t status)
{
    switch (status) {
    case E_UNSUPPORTED:
    case E_TOO_LARGE:
    case E_NO_MEMORY:
    case E_BAD_INPUT:
        return (enum status)status;
    default:
        return E_CORRUPT;
    }
}

static void read_error(struct notes *n, const uint8_t *p, size_t bytes)
{
    uint32_t status;
    char text[sizeof(n->err.msg)];
    memcpy(&status, p, sizeof(status));
    size_t len = MIN(bytes - sizeof(status), sizeof(text) - 1);
    memcpy(text, p + sizeof(status), len);
    text[len] = 0;
    err_set(&n->err, believable(status), "%s", *text ? text : "the compiler gave no reason");
    n->failed = true;
}

/* One byte each, not bools: a bool that is neither 0 nor 1 must not come to exist. */
static void read_guards(struct notes *n, const uint8_t *p)
{
    struct child_guards g;
    memcpy(&g, p, sizeof(g));
    n->words.guards =
        (struct sandbox_guards){.landlock_abi = g.landlock_abi < 0 ? 0 : g.landlock_abi,
                                .seccomp = g.seccomp == 1,
                                .network = g.network == 1,
                                .memory_limit = g.memory_limit == 1};
    n->guarded = true;
}

/* False when these are no steps of a compile. */
static bool read_passes(struct notes *n, const uint8_t *p, size_t bytes)
{
    struct pass_log *log = &n->words.log;
    if (n->logged || !n->guarded || bytes > sizeof(log->steps) || bytes % sizeof(log->steps[0]))
        return false;
    memcpy(log->steps, p, bytes);
    log->n = (uint32_t)(bytes / sizeof(log->steps[0]));
    n->logged = true;
    for (uint32_t i = 0; i < log->n; i++)
        if (log->steps[i].pass >= PASS_COUNT)
            return false;
    return true;
}

/* False when this is no report of a compile. Its numbers are only shown, so that NaN is all that
 * must not come through. */
static bool read_precision(struct notes *n, const uint8_t *p, size_t bytes)
{
    struct precision_report *r = &n->words.report;
    if (n->measured || !n->guarded || bytes != sizeof(*r))
        return false;
    memcpy(r, p, bytes);
    n->measured = true;
    return r->precision < PRECISIONS && r->narrowed <= r->layers && r->agreed <= r->rows &&
           r->error_max >= 0 && r->error_mean >= 0 && r->largest >= 0;
}

/* What the names are worth is for files_open to say. False without memory, too. */
static bool read_wants(struct notes *n, const uint8_t *p, size_t bytes)
{
    n->wants = n->guarded && bytes && p[bytes - 1] == 0 && buf_add(&n->words.wants, p, bytes) == OK;
    return n->wants;
}

/* False on anything out of form or order. */
static bool read_note(struct notes *n, const struct child_note *head, const uint8_t *p)
{
    if (n->done || n->failed || n->wants)
        return false;
    if (head->kind == NOTE_ERROR && head->bytes >= sizeof(uint32_t))
        read_error(n, p, head->bytes);
    else if (head->kind == NOTE_GUARDS && head->bytes == sizeof(struct child_guards) && !n->guarded)
        read_guards(n, p);
    else if (head->kind == NOTE_PASSES)
        return read_passes(n, p, head->bytes);
    else if (head->kind == NOTE_PRECISION)
        return read_precision(n, p, head->bytes);
    else if (head->kind == NOTE_WANTS)
        return read_wants(n, p, head->bytes);
    else if (head->kind == NOTE_DONE && head->bytes == sizeof(n->result_bytes) && n->guarded) {
        memcpy(&n->result_bytes, p, sizeof(n->result_bytes));
        n->done = true;
    } else
        return false;
    return true;
}

static bool read_notes(const struct buf *report, struct notes *n)
{
    size_t at = 0;
    while (at < report->len) {
        struct child_note head;
        if (report->len - at < sizeof(head))
            return false;
        memcpy(&head, report->data + at, sizeof(head));
        at += sizeof(head);
        if (report->len - at < head.bytes || !read_note(n, &head, report->data + at))
            return false;
        at += head.bytes;
    }
    return true;
}

static enum status signalled(int signo, const struct child_limits *limits, struct err *err)
{
    switch (signo) {
    case SIGXCPU:
        return too_long(limits, err);
    case SIGSYS:
        return err_set(err, E_CORRUPT,
                       "the compiler was stopped: it made a system call that it may not make");
    case SIGKILL:
        return err_set(
            err, E_CORRUPT,
            "the compiler was killed before it answered; was the machine out of memory?");
    default:
        return err_set(err, E_CORRUPT, "the compiler crashed on this model (signal %d, SIG%s)",
                       signo, sigabbrev_np(signo) ? sigabbrev_np(signo) : "?");
    }
}

/* Puts the line that tells most of what it said on standard error behind the message: where an
 * assertion failed, what a sanitizer found. */
static enum status add_last_words(const struct buf *said, struct err *err)
{
    enum { WORDS_MAX = 100 };
    char old[sizeof(err->msg)];
    const char *at = (const char *)said->data, *report = strstr(at, "ERROR: ");
    at = report ? report : at;
    int len = (int)MIN(strcspn(at, "\n"), (size_t)WORDS_MAX);
    if (len == 0)
        return err->code;
    memcpy(old, err->msg, sizeof(old));
    return err_set(err, err->code, "%.150s: %.*s", old, len, at);
}

/* The end of a child that said neither DONE nor ERROR. */
static enum status without_answer(const struct child_end *e, const struct child_limits *limits,
                                  struct err *err)
{
    if (WIFSIGNALED(e->wait_status))
        signalled(WTERMSIG(e->wait_status), limits, err);
    else
        err_set(err, E_CORRUPT, "the compiler ended without an answer (exit status %d)",
                WIFEXITED(e->wait_status) ? WEXITSTATUS(e->wait_status) : -1);
    return add_last_words(&e->said, err);
}

/* Of a child that ended in time and within bounds. */
static enum status answer(const struct child_end *e, const struct child_limits *limits,
                          struct notes *n, struct err *err)
{
    if (!read_notes(&e->report, n))
        return err_set(err, E_CORRUPT, "the compiler's answer is garbled");
    if (n->failed && n->err.code == E_NO_MEMORY)
        return too_much_memory(limits, err);
    if (n->failed)
        return err_set(err, n->err.code, "%s", n->err.msg);
    if (!n->done && !n->wants)
        return without_answer(e, limits, err);
    if (n->result_bytes != e->result->len)
        return err_set(err, E_CORRUPT,
                       "the compiler's answer is garbled: %zu bytes instead of %" PRIu64,
                       e->result->len, n->result_bytes);
    return OK;
}

enum status child_verdict(const struct child_end *e, const struct child_limits *limits,
                          struct child_words *words, struct err *err)
{
    struct notes n = {.done = false};
    if (e->late)
        return too_long(limits, err);
    if (e->too_much) {
        count_tenants(limits->memory_tenants);
        return err_set(err, E_TOO_LARGE,
                       "the compiler was stopped: what it writes is larger than %" PRIu64 " MiB%s",
                       mib(limits->memory_bytes),
                       limits->memory_tenants ? ", which is its tenant's limit" : "");
    }
    enum status s = answer(e, limits, &n, err);
    if (s == OK)
        *words = n.words;
    else
        buf_fini(&n.words.wants);
    return s;
}
