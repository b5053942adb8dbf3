/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A compiler that was taken over. The model's bytes name what it tries once it is confined; a model
 * that names nothing is compiled as the real child does it. What it is not kept from doing ends in
 * the error "survived". */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "sandbox/sandbox_priv.h"

static void fail_with(uint32_t status, const char *words, size_t n)
{
    struct child_note head = {NOTE_ERROR, (uint32_t)(sizeof(status) + n)};
    if (!child_write(CHILD_REPORT, &head, sizeof(head)) ||
        !child_write(CHILD_REPORT, &status, sizeof(status)) || !child_write(CHILD_REPORT, words, n))
        _exit(3);
}

/* ---- forbidden calls ---- */

static void try_socket(void)
{
    socket(AF_INET, SOCK_STREAM, 0);
}

static void try_connect(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connect(CHILD_REPORT, (struct sockaddr *)&to, sizeof(to));
}

static void try_open_write(void)
{
    open("/tmp/roost-sandbox-was-here", O_WRONLY | O_CREAT, 0600);
}

static void try_open_read(void)
{
    open("/etc/passwd", O_RDONLY);
}

static void try_openat2(void)
{
    syscall(437, AT_FDCWD, "/etc/passwd", NULL, 0);
}

static void try_fork(void)
{
    if (fork() == 0)
        _exit(0);
}

static void try_thread(void)
{
    syscall(SYS_clone, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, NULL, NULL,
            NULL, 0);
}

static void try_clone3(void)
{
    syscall(435, NULL, 0);
}

static void try_execve(void)
{
    char *argv[] = {"true", NULL}, *env[] = {NULL};
    execve("/bin/true", argv, env);
}

static void try_ptrace(void)
{
    ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static void try_kill(void)
{
    kill(-1, 0);
}

static void try_kill_itself_otherwise(void)
{
    syscall(SYS_tgkill, getpid(), getpid(), SIGSTOP);
}

static void try_code(void)
{
    mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void try_make_code(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static void try_map_file(void)
{
    mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, CHILD_MODEL, 0);
}

static void try_write_model(void)
{
    if (write(CHILD_MODEL, "x", 1) < 0)
        return;
}

static void try_io_uring(void)
{
    syscall(425, 1, NULL);
}

static void try_memfd(void)
{
    memfd_create("x", 0);
}

static void try_limits(void)
{
    syscall(SYS_prlimit64, 0, 9, NULL, NULL);
}

static void try_unshare(void)
{
    unshare(CLONE_NEWUSER);
}

static void try_keyctl(void)
{
    syscall(SYS_keyctl, 0, 0);
}

static void try_sleep(void)
{
    pause();
}

/* ---- bombs and crashes ---- */

static volatile uint64_t sink;

static void try_loop(void)
{
    for (;;)
        sink++;
}

static void try_hang(void)
{
    static uint32_t word;
    for (;;)
        syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void try_alloc(void)
{
    enum { STEP = 1 << 20 };
    for (;;) {
        char *p = alloc_new(STEP);
        if (!p) {
            fail_with(E_NO_MEMORY, "", 0);
            _exit(1);
        }
        memset(p, 1, STEP);
    }
}

static void try_shared_memory(void)
{
    enum { STEP = 1 << 20 };
    for (;;) {
        char *p = mmap(NULL, STEP, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) {
            fail_with(E_NO_MEMORY, "", 0);
            _exit(1);
        }
        memset(p, 1, STEP);
    }
}

__attribute__((noinline)) static uint64_t deeper(uint64_t n)
{
    volatile char frame[4096];
    frame[n % sizeof(frame)] = (char)n;
    return n == UINT64_MAX ? 0 : deeper(n + 1) + (uint64_t)frame[0];
}

static void try_stack(void)
{
    sink = deeper(0);
}

static void try_segv(void)
{
    *(volatile int *)(uintptr_t)8 = 1;
}

static void try_abort(void)
{
    ASSERT(sink == 1);
}

static void try_illegal(void)
{
    __builtin_trap();
}

static void try_exit(void)
{
    _exit(3);
}

/* ---- wrong answers ---- */

static void done(uint64_t bytes)
{
    if (!child_note(NOTE_DONE, &bytes, sizeof(bytes)))
        _exit(3);
    _exit(0);
}

static void try_flood_result(void)
{
    static char zeros[1 << 16];
    while (child_write(CHILD_RESULT, zeros, sizeof(zeros)))
        continue;
}

static void try_flood_report(void)
{
    static char zeros[1 << 16];
    while (child_write(CHILD_REPORT, zeros, sizeof(zeros)))
        continue;
}

static void try_flood_stderr(void)
{
    static char zeros[1 << 16];
    while (child_write(CHILD_SAID, zeros, sizeof(zeros)))
        continue;
}

static void try_garbage(void)
{
    static const char garbage[10000] = "\x89ROO\r\n\x1a\n and then nothing that is right";
    if (child_write(CHILD_RESULT, garbage, sizeof(garbage)))
        done(sizeof(garbage));
}

static void try_empty(void)
{
    done(0);
}

static void try_short(void)
{
    done(4096);
}

static void try_garbled_notes(void)
{
    if (child_write(CHILD_REPORT, "what is this?", 13))
        _exit(0);
}

static void try_long_note(void)
{
    struct child_note head = {NOTE_ERROR, UINT32_MAX};
    if (child_write(CHILD_REPORT, &head, sizeof(head)))
        _exit(0);
}

/* More steps than all passes can take. */
static void try_passes(void)
{
    static struct pass_step steps[PASS_STEPS_MAX + 1];
    (void)child_note(NOTE_PASSES, steps, sizeof(steps));
}

static void try_unknown_pass(void)
{
    const struct pass_step step = {.pass = PASS_COUNT, .round = 1};
    (void)child_note(NOTE_PASSES, &step, sizeof(step));
}

static void try_two_answers(void)
{
    fail_with(E_UNSUPPORTED, "one", 3);
    fail_with(E_UNSUPPORTED, "two", 3);
    _exit(1);
}

static void report_precision(uint32_t precision, double error)
{
    struct precision_report r = {.precision = precision, .error_max = error};
    (void)child_note(NOTE_PRECISION, &r, sizeof(r));
}

static void try_unknown_precision(void)
{
    report_precision(PRECISIONS, 0);
}

static void try_no_number(void)
{
    report_precision(PRECISION_INT8, NAN);
}

static void try_precision_twice(void)
{
    report_precision(PRECISION_INT8, 0);
    report_precision(PRECISION_INT8, 0);
}

static void try_huge_words(void)
{
    static char words[500000];
    memset(words, 'w', sizeof(words));
    fail_with(E_UNSUPPORTED, words, sizeof(words));
    _exit(1);
}

static void try_control_words(void)
{
    fail_with(E_UNSUPPORTED, "a\nb\033[31m%n%s", 13);
    _exit(1);
}

static void try_status_ok(void)
{
    fail_with(OK, "all is well", 11);
    _exit(1);
}

static void try_status_unknown(void)
{
    fail_with(4000000000u, "all is odd", 10);
    _exit(1);
}

static void want(const char *names, size_t n)
{
    if (child_note(NOTE_WANTS, names, n))
        _exit(0);
}

static void try_want_absolute(void)
{
    want("/etc/passwd", 12);
}

static void try_want_above(void)
{
    want("good.bin\0../secret", 19);
}

static void try_want_unterminated(void)
{
    want("good.bin", 8);
}

static void try_want_nothing(void)
{
    want("", 1);
}

static void try_want_many(void)
{
    static char names[2 * (COMPILE_FILES_MAX + 1)];
    for (size_t i = 0; i < sizeof(names); i += 2)
        names[i] = 'a';
    want(names, sizeof(names));
}

static void try_want_again(void)
{
    want("good.bin", 9);
}

/* Most of 0.3 s, and once more when it has them. */
static void try_want_slowly(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    const int64_t began_ms = t.tv_sec * 1000 + t.tv_nsec / 1000000;
    while (t.tv_sec * 1000 + t.tv_nsec / 1000000 - began_ms < 200)
        clock_gettime(CLOCK_MONOTONIC, &t);
    want("good.bin", 9);
}

static void try_want_and_answer(void)
{
    if (child_write(CHILD_RESULT, "x", 1))
        want("good.bin", 9);
}

/* ---- before it is confined: a child that nothing holds must not hold the parent either ---- */

static void try_close_and_stay(void)
{
    close(CHILD_RESULT);
    close(CHILD_SAID);
    close(CHILD_REPORT);
    for (;;)
        pause();
}

static void try_stop(void)
{
    raise(SIGSTOP);
}

/* Every descriptor that came along, so that the test sees there are no others. */
static void try_descriptors(void)
{
    char words[256] = "";
    size_t n = 0;
    for (int fd = 0; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            n += (size_t)snprintf(words + n, sizeof(words) - n, "%d ", fd);
    fail_with(E_UNSUPPORTED, words, n);
    _exit(1);
}

static void try_environment(void)
{
    const char *home = getenv("ROOST_SANDBOX_SECRET");
    const char *words = home ? "it has it" : "it has it not";
    fail_with(E_UNSUPPORTED, words, strlen(words));
    _exit(1);
}

/* Which signals it was started with: blocked, and ignored. */
static void try_signals(void)
{
    sigset_t blocked;
    struct sigaction a;
    int n = 0, ignored = 0;
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    for (int s = 1; s < 32; s++) {
        n += sigismember(&blocked, s) == 1;
        ignored += sigaction(s, NULL, &a) == 0 && a.sa_handler == SIG_IGN;
    }
    char words[64];
    snprintf(words, sizeof(words), "%d blocked, %d ignored", n, ignored);
    fail_with(E_UNSUPPORTED, words, strlen(words));
    _exit(1);
}

static const struct {
    const char *name;
    void (*act)(void);
    bool free; /* acts without being confined */
} acts[] = {
    {"socket", try_socket, false},
    {"connect", try_connect, false},
    {"open-write", try_open_write, false},
    {"open-read", try_open_read, false},
    {"openat2", try_openat2, false},
    {"fork", try_fork, false},
    {"thread", try_thread, false},
    {"clone3", try_clone3, false},
    {"execve", try_execve, false},
    {"ptrace", try_ptrace, false},
    {"kill", try_kill, false},
    {"stop-itself", try_kill_itself_otherwise, false},
    {"code", try_code, false},
    {"make-code", try_make_code, false},
    {"map-file", try_map_file, false},
    {"write-model", try_write_model, false},
    {"io-uring", try_io_uring, false},
    {"memfd", try_memfd, false},
    {"limits", try_limits, false},
    {"unshare", try_unshare, false},
    {"keyctl", try_keyctl, false},
    {"sleep", try_sleep, false},
    {"loop", try_loop, false},
    {"hang", try_hang, false},
    {"alloc", try_alloc, false},
    {"shared-memory", try_shared_memory, false},
    {"stack", try_stack, false},
    {"segv", try_segv, false},
    {"abort", try_abort, false},
    {"illegal", try_illegal, false},
    {"exit", try_exit, false},
    {"flood-result", try_flood_result, false},
    {"flood-report", try_flood_report, false},
    {"flood-stderr", try_flood_stderr, false},
    {"garbage", try_garbage, false},
    {"empty", try_empty, false},
    {"short", try_short, false},
    {"garbled-notes", try_garbled_notes, false},
    {"long-note", try_long_note, false},
    {"two-answers", try_two_answers, false},
    {"passes", try_passes, false},
    {"unknown-pass", try_unknown_pass, false},
    {"unknown-precision", try_unknown_precision, false},
    {"no-number", try_no_number, false},
    {"precision-twice", try_precision_twice, false},
    {"huge-words", try_huge_words, false},
    {"control-words", try_control_words, false},
    {"status-ok", try_status_ok, false},
    {"status-unknown", try_status_unknown, false},
    {"want-absolute", try_want_absolute, false},
    {"want-above", try_want_above, false},
    {"want-unterminated", try_want_unterminated, false},
    {"want-nothing", try_want_nothing, false},
    {"want-many", try_want_many, false},
    {"want-again", try_want_again, false},
    {"want-and-answer", try_want_and_answer, false},
    {"want-slowly", try_want_slowly, false},
    {"close-and-stay", try_close_and_stay, true},
    {"stop", try_stop, true},
    {"descriptors", try_descriptors, true},
    {"environment", try_environment, true},
    {"signals", try_signals, true},
};

static int act_out(size_t i)
{
    struct child_request r;
    struct sandbox_guards g;
    struct err err;
    if (!child_request_read(&r))
        return 2;
    if (!acts[i].free) {
        if (confine(&r, &g, &err) != OK) {
            fail_with((uint32_t)err.code, err.msg, strlen(err.msg));
            return 2;
        }
        struct child_guards note = {g.landlock_abi, g.seccomp, g.network, g.memory_limit, 0};
        if (!child_note(NOTE_GUARDS, &note, sizeof(note)))
            return 3;
    }
    acts[i].act();
    fail_with(E_UNSUPPORTED, "survived", 8);
    _exit(0);
}

int main(void)
{
    char name[32];
    ssize_t n = pread(CHILD_MODEL, name, sizeof(name) - 1, 0);
    name[n > 0 ? n : 0] = 0;
    for (size_t i = 0; i < ARRAY_COUNT(acts); i++)
        if (strcmp(acts[i].name, name) == 0)
            return act_out(i);
    return sandbox_serve();
}
