/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A compiler that was taken over (child/hostile.c) gets nothing but the error that names what it
 * did, and leaves neither a process nor a descriptor behind. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "metrics/metrics.h"
#include "sandbox/sandbox_priv.h"
#include "support/support.h"

enum { SHORT_US = 300 * 1000, LONG_US = 30 * 1000 * 1000, MEMORY = 64 << 20 };

static int open_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(d);
    int n = 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static struct sandbox_limits tenant; /* of all jobs */

static enum status act(const char *name, uint64_t time_us, struct err *err)
{
    struct sandbox_job job = {.limits = {.memory_bytes = MEMORY, .time_us = time_us},
                              .tenant = tenant};
    struct sandbox_result out = {.program = NULL};
    int before = open_descriptors();
    int64_t live = alloc_live();
    ck_ok(sandbox_hold(name, strlen(name), &job.model_fd, err), err);
    enum status s = sandbox_compile_by(SANDBOX_HOSTILE, &job, &out, err);
    close(job.model_fd);
    ck_assert_ptr_null(out.program);
    ck_assert_ptr_null(out.artifact.data);
    ck_assert_msg(open_descriptors() == before, "%s: a descriptor is left over", name);
    ck_assert_msg(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "%s: a child is left", name);
    ck_assert_int_eq(alloc_live(), live);
    ck_assert_uint_eq(metric_get(M_COMPILE_MEMORY), 0);
    return s;
}

static void expect(const char *name, uint64_t time_us, enum status want, const char *words)
{
    struct err err = {OK, ""};
    enum status s = act(name, time_us, &err);
    ck_assert_msg(s == want && strstr(err.msg, words), "%s: %s: %s", name, status_name(s), err.msg);
    ck_assert_int_eq(err.code, want);
}

START_TEST(calls_that_no_compile_makes_end_it)
{
    static const char *const names[] = {
        "socket", "connect",   "open-write", "open-read",   "openat2",  "fork",
        "thread", "clone3",    "execve",     "ptrace",      "kill",     "stop-itself",
        "code",   "make-code", "map-file",   "write-model", "io-uring", "memfd",
        "limits", "unshare",   "keyctl",     "sleep",
    };
    if (SANDBOX_SANITIZED) {
        puts("SKIP calls_that_no_compile_makes_end_it: sanitizer builds have no seccomp");
        return;
    }
    remove("/tmp/roost-sandbox-was-here");
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        expect(names[i], LONG_US, E_CORRUPT, "made a system call that it may not make");
    ck_assert_int_ne(access("/tmp/roost-sandbox-was-here", F_OK), 0);
}
END_TEST

START_TEST(a_hang_ends_at_the_deadline)
{
    static const char *const names[] = {"loop", "hang", "stop", "flood-stderr"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        expect(names[i], SHORT_US, E_TOO_LARGE, "it takes longer than the 0.3 s it has");
}
END_TEST

START_TEST(a_memory_bomb_is_named)
{
    if (SANDBOX_SANITIZED) {
        puts("SKIP a_memory_bomb_is_named: sanitizer builds have no memory limit");
        return;
    }
    expect("alloc", LONG_US, E_TOO_LARGE, "it needs more than the 64 MiB it may use");
    expect("shared-memory", LONG_US, E_TOO_LARGE, "it needs more than the 64 MiB it may use");
}
END_TEST

START_TEST(what_a_tenant_has_less_ends_it_and_is_named)
{
    metrics_reset();
    tenant = (struct sandbox_limits){.memory_bytes = MEMORY / 2, .time_us = SHORT_US};
    expect("loop", LONG_US, E_TOO_LARGE, "it takes longer than the 0.3 s its tenant has");
    expect("flood-result", LONG_US, E_TOO_LARGE,
           "what it writes is larger than 32 MiB, which is its tenant's limit");
    ck_assert_uint_eq(metric_get(M_REFUSED_TENANT_COMPILE), 2);
    if (SANDBOX_SANITIZED)
        puts("SKIP what_a_tenant_has_less_ends_it_and_is_named: (memory) sanitizer builds have no "
             "memory limit");
    else
        expect("alloc", LONG_US, E_TOO_LARGE, "it needs more than the 32 MiB its tenant may use");
    metrics_reset();
    /* More than others have is none of it. */
    tenant = (struct sandbox_limits){.memory_bytes = 2 * MEMORY, .time_us = LONG_US};
    expect("loop", SHORT_US, E_TOO_LARGE, "it takes longer than the 0.3 s it has");
    expect("flood-result", LONG_US, E_TOO_LARGE, "what it writes is larger than 64 MiB");
    ck_assert_uint_eq(metric_get(M_REFUSED_TENANT_COMPILE), 0);
    tenant = (struct sandbox_limits){.memory_bytes = 0};
}
END_TEST

START_TEST(a_crash_is_named)
{
    /* A sanitizer turns some of the signals into reports of its own. */
    const char *crash = SANDBOX_SANITIZED ? "" : "the compiler crashed on this model (signal 11";
    expect("segv", LONG_US, E_CORRUPT, crash);
    expect("stack", LONG_US, E_CORRUPT, crash);
    expect("illegal", LONG_US, E_CORRUPT, SANDBOX_SANITIZED ? "" : "SIGILL");
    expect("abort", LONG_US, E_CORRUPT,
           SANDBOX_SANITIZED ? "" : "SIGABRT): assertion failed: sink == 1");
    expect("exit", LONG_US, E_CORRUPT, "ended without an answer (exit status 3)");
}
END_TEST

START_TEST(too_much_output_is_cut)
{
    expect("flood-result", LONG_US, E_TOO_LARGE, "what it writes is larger than 64 MiB");
    expect("flood-report", LONG_US, E_TOO_LARGE, "what it writes is larger than");
}
END_TEST

START_TEST(a_result_that_does_not_verify_is_refused)
{
    expect("garbage", LONG_US, E_CORRUPT, "the compiler's artifact does not verify: ");
    expect("empty", LONG_US, E_CORRUPT, "the compiler's artifact does not verify: ");
    expect("short", LONG_US, E_CORRUPT, "garbled: 0 bytes instead of 4096");
}
END_TEST

START_TEST(a_garbled_answer_is_refused)
{
    static const char *const names[] = {"garbled-notes", "long-note",      "two-answers",
                                        "passes",        "unknown-pass",   "unknown-precision",
                                        "no-number",     "precision-twice"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        expect(names[i], LONG_US, E_CORRUPT, "the compiler's answer is garbled");
    expect("status-ok", LONG_US, E_CORRUPT, "all is well");
    expect("status-unknown", LONG_US, E_CORRUPT, "all is odd");
}
END_TEST

START_TEST(words_are_bounded_and_clean)
{
    struct err err;
    ck_assert_int_eq(act("huge-words", LONG_US, &err), E_UNSUPPORTED);
    ck_assert_uint_eq(strlen(err.msg), sizeof(err.msg) - 1);
    ck_assert_int_eq(act("control-words", LONG_US, &err), E_UNSUPPORTED);
    ck_assert_str_eq(err.msg, "a?b?[31m%n%s");
}
END_TEST

START_TEST(a_child_that_closes_its_pipes_and_stays_is_ended)
{
    expect("close-and-stay", LONG_US, E_CORRUPT, "killed before it answered");
}
END_TEST

START_TEST(a_child_has_five_descriptors_and_no_secrets)
{
    struct err err;
    int kept = dup(1); /* one that is not closed on exec */
    setenv("ROOST_SANDBOX_SECRET", "x", 1);
    ck_assert_int_eq(act("descriptors", LONG_US, &err), E_UNSUPPORTED);
    ck_assert_str_eq(err.msg, "0 1 2 3 4 ");
    ck_assert_int_eq(act("environment", LONG_US, &err), E_UNSUPPORTED);
    ck_assert_str_eq(err.msg, "it has it not");
    unsetenv("ROOST_SANDBOX_SECRET");
    close(kept);
}
END_TEST

START_TEST(a_child_has_no_signal_blocked_or_ignored)
{
    struct err err;
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    ck_assert_int_eq(act("signals", LONG_US, &err), E_UNSUPPORTED);
    ck_assert_str_eq(err.msg, "0 blocked, 0 ignored");
}
END_TEST

/* Landlock stands behind seccomp, which kills before it is asked: so it is asked alone. */
START_TEST(landlock_alone_keeps_all_files_away)
{
    remove("/tmp/roost-sandbox-was-here");
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (confine_files() == 0)
            _exit(2);
        bool away = open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES;
        away &=
            open("/tmp/roost-sandbox-was-here", O_WRONLY | O_CREAT, 0600) < 0 && errno == EACCES;
        away &= mkdir("/tmp/roost-sandbox-was-here", 0700) < 0 && errno == EACCES;
        _exit(away ? 0 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    if (WEXITSTATUS(status) == 2)
        puts("SKIP landlock_alone_keeps_all_files_away: this kernel has no Landlock");
    else
        ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(a_program_that_is_not_there_is_said)
{
    struct err err;
    struct sandbox_job job = {.limits = {0, 0}};
    struct sandbox_result out = {.program = NULL};
    ck_ok(sandbox_hold("x", 1, &job.model_fd, &err), &err);
    int before = open_descriptors();
    ck_assert_int_eq(sandbox_compile_by("/nonexistent/roost", &job, &out, &err), E_IO);
    ck_assert_ptr_nonnull(strstr(err.msg, "cannot start the compiler's process"));
    ck_assert_int_eq(open_descriptors(), before);
    /* A program that is no child of ours. */
    ck_assert_int_eq(sandbox_compile_by("/bin/false", &job, &out, &err), E_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.msg, "exit status 1"));
    close(job.model_fd);
}
END_TEST

Suite *suite_hostile(void)
{
    return SUITE("hostile", calls_that_no_compile_makes_end_it, a_hang_ends_at_the_deadline,
                 a_memory_bomb_is_named, what_a_tenant_has_less_ends_it_and_is_named,
                 a_crash_is_named, too_much_output_is_cut, a_result_that_does_not_verify_is_refused,
                 a_garbled_answer_is_refused, words_are_bounded_and_clean,
                 a_child_that_closes_its_pipes_and_stays_is_ended,
                 a_child_has_five_descriptors_and_no_secrets,
                 a_child_has_no_signal_blocked_or_ignored, landlock_alone_keeps_all_files_away,
                 a_program_that_is_not_there_is_said);
}
