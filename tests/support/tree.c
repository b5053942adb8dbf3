/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A folder of a test's own. */
#include "support/tree.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/support.h"

enum { FDS = 16 };

void tree_init(struct tree *t)
{
    snprintf(t->path, sizeof(t->path), "/tmp/roost-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(t->path));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    UNUSED(st);
    UNUSED(type);
    UNUSED(ftw);
    return remove(path);
}

void tree_fini(struct tree *t)
{
    ck_assert_int_eq(nftw(t->path, remove_one, FDS, FTW_DEPTH | FTW_PHYS), 0);
}

const char *tree_path(const struct tree *t, const char *key, char out[512])
{
    snprintf(out, 512, "%s/%s", t->path, key);
    return out;
}

void tree_write(const struct tree *t, const char *key, const void *bytes, size_t n)
{
    char path[512];
    tree_path(t, key, path);
    for (char *p = path + strlen(t->path) + 1; (p = strchr(p, '/')); p++) {
        *p = 0;
        (void)mkdir(path, 0700);
        *p = '/';
    }
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
}

void tree_text(const struct tree *t, const char *key, const char *text)
{
    tree_write(t, key, text, strlen(text));
}
