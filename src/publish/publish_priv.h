/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the publisher's files share. */
#ifndef ROOST_PUBLISH_PUBLISH_PRIV_H
#define ROOST_PUBLISH_PUBLISH_PRIV_H

#include "mem/arena.h"
#include "publish/publish.h"
#include "runtime/program.h"

/* What was found out about an upload. Embedded; all zero to begin with but fd, which is -1. */
struct judged {
    int fd;         /* the artifact; owned unless it is the upload itself */
    uint64_t bytes; /* of it */
    struct program *program;
    uint64_t charged_bytes; /* for the program */
    char warning[256];      /* "": none */
};

/* ---- intake.c: the files of uploads ---- */
/* A new file without a name in dir ("": TMPDIR, or /tmp).  errors: E_IO; E_NO_ROOM */
enum status intake_open(const char *dir, int *fd, struct err *err) WARN_UNUSED;
/* Appends.  errors: E_IO; E_NO_ROOM when the disk is full */
enum status intake_add(int fd, const void *bytes, size_t n, struct err *err) WARN_UNUSED;
/* The same file, to be read only.  errors: E_IO */
enum status intake_reopen(int fd, int *out, struct err *err) WARN_UNUSED;

/* ---- judge.c: from an upload to a proved artifact that has run ---- */
/* errors: as publish_step; judged_fini in any case */
enum status judge(const struct publish_config *c, struct publish_call *call, struct judged *out,
                  struct err *err) WARN_UNUSED;
void judged_fini(const struct publish_config *c, const struct publish_call *call, struct judged *j);

/* ---- try.c: the run ---- */
/* Runs p once. OK with *warning filled where zeros are no input for it.
 * errors: E_BAD_INPUT (the model's fault); E_NO_ROOM; E_NO_MEMORY; E_CANCELLED; E_INTERNAL */
enum status try_run(const struct publish_config *c, const struct program *p,
                    const atomic_bool *cancelled, char warning[256], struct err *err) WARN_UNUSED;

/* ---- answer.c: documents ---- */
/* version 0: none was given out.  errors: those of buf_add */
enum status answer_upload(const struct publish_call *call, const struct judged *j, uint64_t version,
                          struct buf *out) WARN_UNUSED;
enum status answer_versions(const char *model, const struct catalog_version *all, size_t n,
                            struct buf *out) WARN_UNUSED;
enum status answer_version(const char *model, uint64_t version, struct buf *out) WARN_UNUSED;

#endif
