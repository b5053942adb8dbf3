/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The child gives up what it has, in the order in which each step is still allowed. Nothing of the
 * model has been read before; nothing that is given up can be had back. In sanitizer builds the
 * steps that would cut short a sanitizer's report are left out, and the guards say so. */
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/checked.h"
#include "sandbox/sandbox_priv.h"

/* The child ends when the thread that started it does; nobody attaches to it; no program that it
 * could start would have more rights than it has. */
static enum status set_process(const struct child_request *r, struct err *err)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return err_set(err, E_UNSUPPORTED, "the compiler cannot give up its privileges: %s",
                       strerror(errno));
    if (getppid() != r->parent)
        return err_set(err, E_IO, "who started the compiler is gone");
    return OK;
}

/* An empty network, and no System V memory of others. A user namespace where it takes one. */
static bool leave_namespaces(void)
{
    const int away = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
    return unshare(away) == 0 || unshare(CLONE_NEWUSER | away) == 0;
}

static enum status drop_capabilities(struct err *err)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}};
    if (syscall(SYS_capset, &head, none) != 0)
        return err_set(err, E_UNSUPPORTED, "the compiler cannot drop its capabilities: %s",
                       strerror(errno));
    return OK;
}

/* Bytes that the process has mapped now: its program, its libraries, and the model. */
static bool mapped_now(uint64_t *bytes)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    bool read = f && fscanf(f, "%lu", &pages) == 1;
    if (f)
        fclose(f);
    return read && checked_mul(pages, (uint64_t)sysconf(_SC_PAGESIZE), bytes);
}

static bool limit(int what, uint64_t soft, uint64_t hard)
{
    struct rlimit now, next;
    if (getrlimit((__rlimit_resource_t)what, &now) != 0)
        return false;
    next.rlim_max = MIN((rlim_t)hard, now.rlim_max);
    next.rlim_cur = MIN((rlim_t)soft, next.rlim_max);
    return setrlimit((__rlimit_resource_t)what, &next) == 0;
}

static enum status set_limits(const struct child_request *r, uint64_t base, struct err *err)
{
    uint64_t most;
    bool set = limit(RLIMIT_CORE, 0, 0) && limit(RLIMIT_FSIZE, 0, 0) && limit(RLIMIT_NPROC, 0, 0) &&
               limit(RLIMIT_MEMLOCK, 0, 0) && limit(RLIMIT_MSGQUEUE, 0, 0) &&
               limit(RLIMIT_CPU, r->time_s, (uint64_t)r->time_s + 1);
    if (set && !SANDBOX_SANITIZED)
        set = limit(RLIMIT_NOFILE, 0, 0) && checked_add(base, r->memory_bytes, &most) &&
              limit(RLIMIT_AS, most, most);
    return set ? OK
               : err_set(err, E_UNSUPPORTED, "the compiler's limits cannot be set: %s",
                         strerror(errno));
}

enum status confine(const struct child_request *r, struct sandbox_guards *guards, struct err *err)
{
    *guards = (struct sandbox_guards){.memory_limit = !SANDBOX_SANITIZED};
    enum status s = set_process(r, err);
    if (s != OK)
        return s;
    uint64_t base;
    if (!mapped_now(&base))
        return err_set(err, E_UNSUPPORTED, "the compiler cannot read /proc/self/statm");
    guards->network = leave_namespaces();
    if (!SANDBOX_SANITIZED)
        guards->landlock_abi = confine_files();
    s = set_limits(r, base, err);
    if (s == OK)
        s = drop_capabilities(err);
    if (s != OK || SANDBOX_SANITIZED)
        return s;
    s = confine_calls(err);
    guards->seccomp = s == OK;
    return s;
}
