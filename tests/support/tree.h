/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A folder of a test's own, with files in it, that goes away at the end. */
#ifndef ROOST_TESTS_TREE_H
#define ROOST_TESTS_TREE_H

#include "base/base.h"

/* Embedded. */
struct tree {
    char path[256];
};

void tree_init(struct tree *t);
void tree_fini(struct tree *t); /* removes everything in it */
/* Writes a file, making the folders on its way; a file that was there is replaced in place. */
void tree_write(const struct tree *t, const char *key, const void *bytes, size_t n);
void tree_text(const struct tree *t, const char *key, const char *text);
/* "path/key" into out. */
const char *tree_path(const struct tree *t, const char *key, char out[512]);

#endif
