/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A child from start to reaping. However it behaves, child_run comes back soon after the deadline
 * with no process and no descriptor left over, and holds no more of its output than it was told. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "sandbox/sandbox_priv.h"

enum { STREAMS = 3, CHUNK_BYTES = 64 * 1024, ENV_MAX = 8, ASK_MS = 200 };

extern char **environ;

/* One pipe from the child. */
struct stream {
    int target;       /* the child's descriptor */
    int ours, theirs; /* -1: closed */
    struct buf *to;
    uint64_t max;
    bool forgiving; /* what is beyond max is dropped, and no breach */
};

void child_end_init(struct child_end *e, struct buf *result)
{
    *e = (struct child_end){.result = result};
    buf_init(&e->report, CHILD_REPORT_MAX);
    buf_init(&e->said, CHILD_SAID_MAX + 1);
}

void child_end_fini(struct child_end *e)
{
    buf_fini(&e->report);
    buf_fini(&e->said);
}

/* Of our own environment the child gets what the loader, the choice of BLAS kernels and sanitizers
 * need: its results must not depend on it, and secrets stay here. */
static void child_environment(char *out[ENV_MAX + 1])
{
    static const char *const names[] = {"LD_LIBRARY_PATH=", "OPENBLAS_CORETYPE=", "ASAN_OPTIONS=",
                                        "UBSAN_OPTIONS=", "TSAN_OPTIONS="};
    size_t n = 0;
    for (char **e = environ; e && *e; e++)
        for (size_t i = 0; i < ARRAY_COUNT(names) && n < ENV_MAX; i++)
            if (strncmp(*e, names[i], strlen(names[i])) == 0)
                out[n++] = *e;
    out[n] = NULL;
}

/* Moves a descriptor above all of the child's, so that none overwrites another on the way there. */
static int lift(int fd, int above)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, above);
    close(fd);
    return high;
}

/* The first descriptor that the child must not have. */
static int child_fds(const struct child_spec *spec)
{
    return CHILD_FILES + (int)spec->n_files;
}

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static enum status open_streams(struct stream *s, int above, struct err *err)
{
    for (int i = 0; i < STREAMS; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) == 0) {
            s[i].ours = ends[0];
            s[i].theirs = lift(ends[1], above);
        }
        if (s[i].ours < 0 || s[i].theirs < 0)
            return err_set(err, E_IO, "no pipe to the compiler: %s", strerror(errno));
    }
    return OK;
}

/* spec with all of its descriptors above the child's. */
static int add_actions(posix_spawn_file_actions_t *actions, const struct stream *s,
                       const struct child_spec *spec)
{
    int rc = posix_spawn_file_actions_adddup2(actions, spec->model_fd, CHILD_MODEL);
    for (int i = 0; rc == 0 && i < STREAMS; i++)
        rc = posix_spawn_file_actions_adddup2(actions, s[i].theirs, s[i].target);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(actions, spec->request_fd, CHILD_REQUEST);
    for (uint32_t i = 0; rc == 0 && i < spec->n_files; i++)
        rc = posix_spawn_file_actions_adddup2(actions, spec->file_fds[i], CHILD_FILES + (int)i);
    return rc ? rc : posix_spawn_file_actions_addclosefrom_np(actions, child_fds(spec));
}

/* In a session of its own, with no signal blocked or ignored. */
static int set_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int rc = posix_spawnattr_setsigmask(attr, &none);
    if (rc == 0)
        rc = posix_spawnattr_setsigdefault(attr, &all);
    return rc ? rc
              : posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                   POSIX_SPAWN_SETSID);
}

static int spawn(const struct child_spec *spec, const struct stream *s, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    char *env[ENV_MAX + 1];
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc != 0)
        return rc;
    rc = posix_spawnattr_init(&attr);
    if (rc == 0) {
        child_environment(env);
        rc = add_actions(&actions, s, spec);
        if (rc == 0)
            rc = set_attributes(&attr);
        if (rc == 0)
            rc = posix_spawn(pid, spec->program, &actions, &attr, (char *const *)spec->argv, env);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

/* Works on copies of the descriptors that lie above the child's. */
static int start(const struct child_spec *spec, const struct stream *s, pid_t *pid)
{
    int lifted[CHILD_FDS_MAX], above = child_fds(spec), rc = 0;
    struct child_spec high = *spec;
    high.file_fds = lifted;
    high.model_fd = fcntl(spec->model_fd, F_DUPFD_CLOEXEC, above);
    high.request_fd = fcntl(spec->request_fd, F_DUPFD_CLOEXEC, above);
    for (high.n_files = 0; high.n_files < spec->n_files; high.n_files++) {
        lifted[high.n_files] = fcntl(spec->file_fds[high.n_files], F_DUPFD_CLOEXEC, above);
        if (lifted[high.n_files] < 0)
            break;
    }
    if (high.model_fd < 0 || high.request_fd < 0 || high.n_files < spec->n_files)
        rc = errno;
    if (rc == 0)
        rc = spawn(&high, s, pid);
    shut(&high.model_fd);
    shut(&high.request_fd);
    for (uint32_t i = 0; i < high.n_files; i++)
        close(lifted[i]);
    return rc;
}

/* Takes what is there. Sets *breach when that is more than the stream may carry. */
static enum status take(struct stream *s, bool *breach)
{
    uint8_t spill[4096];
    uint64_t room = s->max - s->to->len;
    if (room == 0 && s->forgiving) {
        if (read(s->ours, spill, sizeof(spill)) == 0)
            shut(&s->ours);
        return OK;
    }
    size_t want = (size_t)MIN(room, CHUNK_BYTES);
    enum status st = buf_reserve(s->to, want);
    if (st != OK)
        return st;
    /* One byte more than it may send tells the end from a breach. */
    ssize_t n = want ? read(s->ours, s->to->data + s->to->len, want) : read(s->ours, spill, 1);
    if (n == 0)
        shut(&s->ours);
    else if (n < 0 && errno != EINTR && errno != EAGAIN)
        shut(&s->ours);
    else if (n > 0 && !want)
        *breach = true;
    else if (n > 0)
        s->to->len += (size_t)n;
    return OK;
}

static bool any_open(const struct stream *s)
{
    for (int i = 0; i < STREAMS; i++)
        if (s[i].ours >= 0)
            return true;
    return false;
}

static int wait_ms(const struct child_spec *spec, uint64_t deadline_us)
{
    uint64_t now = clock_now_us();
    uint64_t ms = now < deadline_us ? (deadline_us - now + 999) / 1000 : 0;
    return (int)MIN(ms, (uint64_t)(spec->cancelled ? ASK_MS : 60 * 1000));
}

/* Until every pipe is closed at the other end, the deadline passes, a stream overflows or nobody
 * wants the result any more. */
static enum status collect(struct stream *s, const struct child_spec *spec, uint64_t deadline_us,
                           struct child_end *end)
{
    while (any_open(s)) {
        struct pollfd p[STREAMS];
        for (int i = 0; i < STREAMS; i++)
            p[i] = (struct pollfd){.fd = s[i].ours, .events = POLLIN};
        int n = poll(p, STREAMS, wait_ms(spec, deadline_us));
        if (n < 0 && errno != EINTR)
            return E_IO;
        if (clock_now_us() >= deadline_us) {
            end->late = true;
            return OK;
        }
        if (spec->cancelled && spec->cancelled(spec->cancelled_arg))
            return E_CANCELLED;
        for (int i = 0; n > 0 && i < STREAMS; i++) {
            enum status st = p[i].revents ? take(&s[i], &end->too_much) : OK;
            if (st != OK || end->too_much)
                return st;
        }
    }
    return OK;
}

/* A child that closed its pipes has nothing more to say: killing it changes nothing if it ended,
 * and ends it if it did not. It is not reaped before, so the number is still its own. */
static void end_child(pid_t pid, struct child_end *end)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, &end->wait_status, 0) < 0 && errno == EINTR)
        continue;
}

/* A parent that was started with SIGCHLD ignored could not wait for its children. */
static void want_children(void)
{
    struct sigaction now;
    if (sigaction(SIGCHLD, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
        now.sa_handler == SIG_IGN)
        signal(SIGCHLD, SIG_DFL);
}

enum status child_run(const struct child_spec *spec, struct child_end *end, struct err *err)
{
    uint64_t result_max = spec->result_max;
    if (end->result->max)
        result_max = MIN(result_max, (uint64_t)end->result->max);
    struct stream s[STREAMS] = {
        {CHILD_RESULT, -1, -1, end->result, result_max, false},
        {CHILD_SAID, -1, -1, &end->said, CHILD_SAID_MAX, true},
        {CHILD_REPORT, -1, -1, &end->report, CHILD_REPORT_MAX, false},
    };
    uint64_t deadline_us = clock_now_us() + spec->time_us;
    pid_t pid = -1;
    want_children();
    enum status st = open_streams(s, child_fds(spec), err);
    if (st == OK) {
        int rc = start(spec, s, &pid);
        if (rc != 0)
            st = err_set(err, E_IO, "cannot start the compiler's process: %s", strerror(rc));
    }
    for (int i = 0; i < STREAMS; i++)
        shut(&s[i].theirs);
    if (st == OK) {
        st = collect(s, spec, deadline_us, end);
        end_child(pid, end);
        if (st == E_CANCELLED)
            err_set(err, st, "the compile was cancelled");
        else if (st != OK)
            err_set(err, st, "cannot take what the compiler writes: %s", status_text(st));
    }
    for (int i = 0; i < STREAMS; i++)
        shut(&s[i].ours);
    if (st == OK && buf_terminate(&end->said) != OK)
        st = err_set(err, E_NO_MEMORY, "out of memory");
    return st;
}
