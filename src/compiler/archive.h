/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A .tar.gz that holds one model file, as SageMaker's model archives do. Anything else in it but
 * folders is refused: links, devices, a second file. Names mean nothing here, and nothing is
 * written anywhere.
 * source: POSIX.1-2017, pax, "ustar Interchange Format"; RFC 1952 */
#ifndef ROOST_COMPILER_ARCHIVE_H
#define ROOST_COMPILER_ARCHIVE_H

#include "base/buf.h"

/* Do the bytes begin as gzip's do? */
bool archive_is(const void *bytes, size_t n);

/* Unpacks into `tar`, whose maximum bounds it; *model points into that.
 * errors: E_CORRUPT (says where); E_UNSUPPORTED (something else than one regular file is in it);
 * E_TOO_LARGE beyond tar's maximum; E_NO_MEMORY.  thread: any (compute-bound)   blocks: no */
enum status archive_open(const void *bytes, size_t n, struct buf *tar, const uint8_t **model,
                         size_t *model_bytes, struct err *err) WARN_UNUSED;

#endif
