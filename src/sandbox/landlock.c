/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Landlock with no rule at all: every right that the kernel's version knows is handled, and none is
 * given. The constants stand here because the system's header may be older than the kernel.
 * source: Documentation/userspace-api/landlock.rst */
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/sandbox_priv.h"

/* struct landlock_ruleset_attr as of version 6; older kernels take the front of it. */
struct ruleset {
    uint64_t files;
    uint64_t network; /* since 4 */
    uint64_t scoped;  /* since 6 */
};

enum { ASK_VERSION = 1 };

/* How many file rights a version has, one bit each from bit 0 up: 2 added moving files between
 * folders, 3 truncation, 5 ioctl on devices. */
static unsigned file_rights(long abi)
{
    return abi >= 5 ? 16 : abi >= 3 ? 15 : abi == 2 ? 14 : 13;
}

static size_t ruleset_bytes(long abi)
{
    if (abi >= 6)
        return sizeof(struct ruleset);
    return abi >= 4 ? offsetof(struct ruleset, scoped) : offsetof(struct ruleset, network);
}

int confine_files(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, ASK_VERSION);
    if (abi < 1)
        return 0;
    struct ruleset all = {.files = (UINT64_C(1) << file_rights(abi)) - 1,
                          .network = 3, /* bind and connect, TCP */
                          .scoped = 3}; /* abstract sockets and signals of others */
    long fd = syscall(SYS_landlock_create_ruleset, &all, ruleset_bytes(abi), 0);
    if (fd < 0)
        return 0;
    long rc = syscall(SYS_landlock_restrict_self, fd, 0);
    close((int)fd);
    return rc == 0 ? (int)abi : 0;
}
