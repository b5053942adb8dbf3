/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The system calls of a compile that is under way: memory, writing to its three pipes, ending.
 * Whoever asks for another one is killed by the kernel. There is no open, no socket, no process,
 * and no memory that becomes code. */
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sandbox/sandbox_priv.h"

/* Allowed whatever their arguments are. */
static const int calls[] = {
    SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk),
    /* the allocator's locks */
    SCMP_SYS(futex), SCMP_SYS(sched_yield),
    /* where the processor or a hypervisor keeps the clock from being read without a call */
    SCMP_SYS(clock_gettime),
    /* the seed of hash tables */
    SCMP_SYS(getrandom),
    /* on the way of abort() */
    SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(rt_sigprocmask),
    /* the end */
    SCMP_SYS(exit), SCMP_SYS(exit_group)};

/* Adds what is allowed with some arguments only. */
static int allow_some(scmp_filter_ctx f)
{
    static const int pipes[] = {CHILD_RESULT, CHILD_SAID, CHILD_REPORT};
    const struct scmp_arg_cmp no_code = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_COUNT(pipes); i++) {
        const struct scmp_arg_cmp fd = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)pipes[i], 0);
        rc = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, &fd);
        if (rc == 0) /* how the C library says why it aborts */
            rc = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(writev), 1, &fd);
    }
    if (rc == 0) {
        const struct scmp_arg_cmp a[] = {no_code,
                                         SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS)};
        rc = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), ARRAY_COUNT(a), a);
    }
    if (rc == 0)
        rc = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, &no_code);
    if (rc == 0) {
        const struct scmp_arg_cmp a[] = {SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0),
                                         SCMP_A2(SCMP_CMP_EQ, SIGABRT, 0)};
        rc = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), ARRAY_COUNT(a), a);
    }
    return rc;
}

enum status confine_calls(struct err *err)
{
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!f)
        return err_set(err, E_NO_MEMORY, "no memory for the filter of system calls");
    int rc = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    for (size_t i = 0; rc == 0 && i < ARRAY_COUNT(calls); i++)
        rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0);
    if (rc == 0)
        rc = allow_some(f);
    if (rc == 0)
        rc = seccomp_load(f);
    seccomp_release(f);
    return rc == 0 ? OK
                   : err_set(err, E_UNSUPPORTED,
                             "this kernel takes no filter of system calls (seccomp): %s",
                             strerror(-rc));
}
