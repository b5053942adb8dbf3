/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Writes the small network of tests/support/model.h as an artifact: write_mlp FILE. The helper
 * checks as tests do, so that it runs as one. */
#include <stdio.h>
#include <stdlib.h>

#include "support/model.h"
#include "support/support.h"

static struct model m;
static const char *path;

START_TEST(the_network_is_written)
{
    struct buf file;
    model_mlp(&m, 1);
    model_write(&m, NULL, &file);
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(file.data, 1, file.len, f), file.len);
    ck_assert_int_eq(fclose(f), 0);
    buf_fini(&file);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc != 2)
        return EXIT_FAILURE;
    path = argv[1];
    SRunner *r = srunner_create(SUITE("write_mlp", the_network_is_written));
    srunner_set_fork_status(r, CK_NOFORK);
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
