/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Calibration data from a folder, through the readers that `roost verify` has. The order is that of
 * the names, so that the same folder gives the same bytes. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/local.h"
#include "cli/verify.h"
#include "compiler/calibration.h"

static const char set_start[] = "test_data_set_", npy_end[] = ".npy";

static bool is_npy(const char *name)
{
    size_t n = strlen(name), m = sizeof(npy_end) - 1;
    return n > m && strcmp(name + n - m, npy_end) == 0;
}

static int is_data(const struct dirent *e)
{
    return strncmp(e->d_name, set_start, sizeof(set_start) - 1) == 0 || is_npy(e->d_name);
}

static enum status add_file(struct calibration_writer *w, const char *stem, struct err *err)
{
    struct verify_tensor v;
    enum status s = verify_tensor_read(stem, &v, err);
    if (s != OK)
        return s;
    s = calibration_add(w, &v.t, err);
    verify_tensor_fini(&v);
    return s == OK ? OK : err_prefix(err, "%.120s", stem);
}

/* input_0, input_1, ... as far as there are any. */
static enum status add_set(struct calibration_writer *w, const char *dir, const char *name,
                           struct err *err)
{
    char stem[PATH_MAX];
    enum status s = OK;
    int i = 0;
    while (s == OK) {
        int n = snprintf(stem, sizeof(stem), "%s/%s/input_%d", dir, name, i);
        if (n < 0 || (size_t)n >= sizeof(stem))
            return err_set(err, E_IO, "the path is too long");
        s = add_file(w, stem, err);
        i += s == OK;
    }
    return s == E_NOT_FOUND && i > 0 ? OK : s;
}

static enum status add_entry(struct calibration_writer *w, const char *dir, const char *name,
                             struct err *err)
{
    char stem[PATH_MAX];
    enum status s = calibration_set(w, name, err);
    if (s != OK || !is_npy(name))
        return s == OK ? add_set(w, dir, name, err) : s;
    int n = snprintf(stem, sizeof(stem), "%s/%.*s", dir,
                     (int)(strlen(name) - (sizeof(npy_end) - 1)), name);
    if (n < 0 || (size_t)n >= sizeof(stem))
        return err_set(err, E_IO, "the path is too long");
    return add_file(w, stem, err);
}

enum status local_calibration(const char *dir, struct buf *out, struct err *err)
{
    struct calibration_writer w = {.sets = 0};
    struct dirent **found = NULL;
    enum status s = OK;
    int count = scandir(dir, &found, is_data, versionsort);
    if (count < 0)
        return err_set(err, errno == ENOENT ? E_NOT_FOUND : E_IO, "--calibrate %.100s: %s", dir,
                       strerror(errno));
    for (int i = 0; i < count; i++) {
        if (s == OK)
            s = add_entry(&w, dir, found[i]->d_name, err);
        free(found[i]); /* scandir's own memory */
    }
    free(found);
    if (s == OK && count == 0)
        s = err_set(err, E_NOT_FOUND, "%.100s holds neither test_data_set_*/ nor *.npy", dir);
    if (s == OK)
        s = calibration_finish(&w, out, err);
    calibration_writer_fini(&w);
    return s == OK ? OK : err_prefix(err, "calibration data");
}
