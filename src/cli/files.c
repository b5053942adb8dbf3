/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Reading into a bounded buffer, and replacing a file in one step. */
#include "cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK_BYTES = 64 * 1024 };

static enum status failed(struct err *err, enum status s, const char *what, const char *path)
{
    return err_set(err, s, "cannot %s %.150s: %s", what, path, strerror(errno));
}

static enum status read_all(int fd, const char *path, struct buf *out, struct err *err)
{
    for (;;) {
        enum status s = buf_reserve(out, CHUNK_BYTES);
        if (s == E_TOO_LARGE) /* near the maximum: the last bytes come one by one */
            s = buf_reserve(out, 1);
        if (s != OK)
            return err_set(err, s, "%.150s: %s", path, status_text(s));
        size_t room = out->cap - out->len;
        if (out->max && room > out->max - out->len)
            room = out->max - out->len;
        ssize_t n = read(fd, out->data + out->len, room);
        if (n == 0)
            return OK;
        if (n < 0 && errno != EINTR)
            return failed(err, E_IO, "read", path);
        if (n > 0)
            out->len += (size_t)n;
    }
}

enum status file_read(const char *path, struct buf *out, struct err *err)
{
    if (strcmp(path, "-") == 0)
        return read_all(STDIN_FILENO, "standard input", out, err);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return failed(err, errno == ENOENT ? E_NOT_FOUND : E_IO, "open", path);
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
        (!out->max || (uint64_t)st.st_size < out->max)) {
        enum status s = buf_reserve(out, (size_t)st.st_size + 1);
        if (s != OK) {
            close(fd);
            return err_set(err, s, "%.150s: %s", path, status_text(s));
        }
    }
    enum status s = read_all(fd, path, out, err);
    close(fd);
    return s;
}

enum status file_open_regular(const char *path, int *fd, struct err *err)
{
    struct stat st;
    *fd = -1;
    /* Asked before it is opened: opening a FIFO waits for a writer, and takes one away. */
    if (strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISREG(st.st_mode)))
        return OK;
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (opened < 0)
        return failed(err, errno == ENOENT ? E_NOT_FOUND : E_IO, "open", path);
    if (fstat(opened, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(opened);
        return err_set(err, E_IO, "%.150s: changed while it was opened", path);
    }
    *fd = opened;
    return OK;
}

static enum status write_all(int fd, const char *path, const char *p, size_t n, struct err *err)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return failed(err, E_IO, "write", path);
        p += done;
        n -= (size_t)done;
    }
    return OK;
}

/* Into what is there already: a device, a pipe. */
static enum status write_into(const char *path, const void *p, size_t n, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return failed(err, E_IO, "open", path);
    enum status s = write_all(fd, path, p, n, err);
    if (close(fd) != 0 && s == OK)
        s = failed(err, E_IO, "close", path);
    return s;
}

enum status file_write(const char *path, const void *p, size_t n, struct err *err)
{
    char part[PATH_MAX];
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return write_into(path, p, n, err);
    int len = snprintf(part, sizeof(part), "%s.part.%ld", path, (long)getpid());
    if (len < 0 || (size_t)len >= sizeof(part))
        return err_set(err, E_IO, "%.100s...: the path is too long", path);
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return failed(err, E_IO, "create", part);
    enum status s = write_all(fd, part, p, n, err);
    if (s == OK && fsync(fd) != 0)
        s = failed(err, E_IO, "flush", part);
    if (close(fd) != 0 && s == OK)
        s = failed(err, E_IO, "close", part);
    if (s == OK && rename(part, path) != 0)
        s = failed(err, E_IO, "replace", path);
    if (s != OK)
        unlink(part);
    return s;
}

bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, R_OK) == 0;
}

bool dir_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}
