/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Files of uploads have no name from their first byte on: what kills the process frees them. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "publish/publish_priv.h"

static enum status cannot_keep(int e, struct err *err)
{
    if (e == ENOSPC || e == EDQUOT)
        return err_set(err, E_NO_ROOM, "no room to keep the upload: %s", strerrordesc_np(e));
    return err_set(err, E_IO, "the upload cannot be kept: %s", strerrordesc_np(e));
}

static const char *folder_of(const char *dir)
{
    const char *temporary = getenv("TMPDIR");
    if (*dir)
        return dir;
    return temporary && *temporary ? temporary : "/tmp";
}

/* Where the file system makes no file without a name, one loses it at once. */
static int open_and_unlink(const char *dir)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/.roost-upload-XXXXXX", dir);
    if (n < 0 || (size_t)n >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

enum status intake_open(const char *dir, int *fd, struct err *err)
{
    const char *folder = folder_of(dir);
    *fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        *fd = open_and_unlink(folder);
    return *fd >= 0 ? OK : cannot_keep(errno, err);
}

enum status intake_add(int fd, const void *bytes, size_t n, struct err *err)
{
    const uint8_t *p = bytes;
    while (n) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return cannot_keep(errno, err);
        p += done;
        n -= (size_t)done;
    }
    return OK;
}

enum status intake_reopen(int fd, int *out, struct err *err)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    *out = open(path, O_RDONLY | O_CLOEXEC);
    return *out >= 0 ? OK : cannot_keep(errno, err);
}
