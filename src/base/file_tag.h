/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A name for what a file is at one moment. The kernel sets the time of the last change of content
 * or inode and no call sets it back, so that two equal tags mean that nobody wrote to the file in
 * between, with two exceptions: a write within the same tick of the kernel's clock as the change
 * before, which file_tag_settled rules out, and a write to pages that a process already has mapped
 * and dirty. */
#ifndef ROOST_BASE_FILE_TAG_H
#define ROOST_BASE_FILE_TAG_H

#include <sys/stat.h>

#include "base/base.h"

enum {
    FILE_TAG_MAX = 88, /* five numbers in hex */
    FILE_TAG_SETTLED_S = 2,
};

/* Device, inode, size, and the times of the last write and of the last change. */
void file_tag(const struct stat *st, char out[FILE_TAG_MAX]);
/* Is the last change so long ago, FILE_TAG_SETTLED_S, that the next one has another tag? */
bool file_tag_settled(const struct stat *st, int64_t now_s);

#endif
