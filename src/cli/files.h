/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Whole files, for the verbs. All block on disk. */
#ifndef ROOST_CLI_FILES_H
#define ROOST_CLI_FILES_H

#include "base/buf.h"

/* Appends the file to out, "-" being standard input.
 * errors: E_NOT_FOUND; E_IO; E_TOO_LARGE beyond out's maximum; E_NO_MEMORY */
enum status file_read(const char *path, struct buf *out, struct err *err) WARN_UNUSED;
/* Opens a regular file for reading; *fd is -1 when path is "-" or something else that can be read.
 * errors: E_NOT_FOUND; E_IO */
enum status file_open_regular(const char *path, int *fd, struct err *err) WARN_UNUSED;
/* Writes beside path, flushes it to disk and renames: path is whole or as before. A device or a
 * pipe is written into and never replaced.  errors: E_IO */
enum status file_write(const char *path, const void *p, size_t n, struct err *err) WARN_UNUSED;
bool file_exists(const char *path); /* a regular file that can be read */
bool dir_exists(const char *path);

#endif
