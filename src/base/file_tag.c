/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The tag is text because a store's tags are. */
#include "base/file_tag.h"

#include <inttypes.h>
#include <stdio.h>

static uint64_t ns(const struct timespec *t)
{
    return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_nsec;
}

void file_tag(const struct stat *st, char out[FILE_TAG_MAX])
{
    snprintf(out, FILE_TAG_MAX, "%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64,
             (uint64_t)st->st_dev, (uint64_t)st->st_ino, (uint64_t)st->st_size, ns(&st->st_mtim),
             ns(&st->st_ctim));
}

bool file_tag_settled(const struct stat *st, int64_t now_s)
{
    return st->st_ctim.tv_sec < now_s - FILE_TAG_SETTLED_S;
}
