/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The same compile in the caller's own process, for models that are trusted once, and for finding
 * out why one crashes. The files beside the model are opened under the same rules. */
#include "sandbox/sandbox_priv.h"

#include <string.h>

static enum status map_files(struct child_source *src, const struct buf *names,
                             const struct child_files *files, struct err *err)
{
    const char *name = (const char *)names->data;
    enum status s = OK;
    for (uint32_t i = 0; s == OK && i < files->n; i++, name += strlen(name) + 1)
        s = source_map_file(src, name, files->fds[i], err);
    return s;
}

static enum status compile(const struct sandbox_job *job, struct child_source *src,
                           struct buf *artifact, struct err *err)
{
    struct compile_options o = job->options;
    struct child_files files = {.n = 0};
    struct buf names = {0};
    enum status s = compile_files_wanted(src->bytes, src->n, &o, &names, err);
    if (s == OK)
        s = files_open(job, &names, &files, err);
    if (s == OK)
        s = map_files(src, &names, &files, err);
    if (s == OK) {
        o.files = src->files;
        o.n_files = src->n_files;
        s = compile_bytes(src->bytes, src->n, &o, artifact, err);
    }
    files_close(&files);
    buf_fini(&names);
    return s;
}

enum status compile_bare(const struct sandbox_job *job, struct sandbox_result *out, struct err *err)
{
    struct child_source src;
    struct err unread;
    err = err ? err : &unread;
    enum status s = source_map_model(&src, job->model_fd, err);
    if (s == OK)
        s = compile(job, &src, &out->artifact, err);
    source_unmap(&src);
    if (s == OK && !job->unproven)
        s = sandbox_prove(out, err);
    if (s != OK)
        buf_fini(&out->artifact);
    return s;
}
