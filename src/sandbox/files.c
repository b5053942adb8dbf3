/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What a compile reads: the model, and the files beside it that hold its weights. Only the parent
 * opens files, by names that it has proved itself, one part of a name after the other and following
 * no link, so that nothing outside of the folder can be meant; or somebody else brings the files. A
 * file with a second name (a hard link) may be somebody else's, and is refused like a link; so is
 * all that is no regular file. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "sandbox/sandbox_priv.h"

static enum status refuse(struct err *err, enum status s, const char *name, const char *why)
{
    return err_set(err, s, "the model wants the file '%.100s' beside it: %s", name, why);
}

/* Opens the folder that holds the last part of the name, and gives that part. */
static int open_folder(const char *folder, const char *name, const char **last)
{
    int at = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const char *slash;
    for (*last = name; at >= 0 && (slash = strchr(*last, '/')); *last = slash + 1) {
        char part[COMPILE_FILE_NAME_MAX + 1];
        size_t n = (size_t)(slash - *last);
        memcpy(part, *last, n);
        part[n] = 0;
        int next = openat(at, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int why = errno;
        close(at);
        at = next;
        errno = why;
    }
    return at;
}

/* Why this may not be read; NULL when it may. */
static const char *fault(const struct stat *st)
{
    if (S_ISLNK(st->st_mode))
        return "it is a link; put the file itself there";
    if (!S_ISREG(st->st_mode))
        return "it is no regular file";
    if (st->st_nlink > 1)
        return "it has another name too (a hard link); put a copy there";
    return NULL;
}

static enum status open_one(const char *folder, const char *name, int *fd, uint64_t *bytes,
                            struct err *err)
{
    const char *last;
    struct stat st;
    int at = open_folder(folder, name, &last);
    if (at < 0)
        return refuse(err, errno == ENOENT ? E_NOT_FOUND : E_CORRUPT, name, strerror(errno));
    /* Looked at before it is opened: to open a FIFO or a device can do something already. */
    if (fstatat(at, last, &st, AT_SYMLINK_NOFOLLOW) == 0 && fault(&st)) {
        close(at);
        return refuse(err, E_CORRUPT, name, fault(&st));
    }
    *fd = openat(at, last, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int why = errno;
    close(at);
    if (*fd < 0)
        return refuse(err, why == ENOENT ? E_NOT_FOUND : E_CORRUPT, name, strerror(why));
    if (fstat(*fd, &st) == 0 && !fault(&st)) {
        *bytes = (uint64_t)st.st_size;
        return OK;
    }
    close(*fd);
    *fd = -1;
    return refuse(err, E_CORRUPT, name, "it changed while it was opened");
}

void files_close(struct child_files *f)
{
    for (uint32_t i = 0; i < f->n; i++)
        close(f->fds[i]);
    f->n = 0;
}

/* The names come from the child: hostile. */
static enum status check_names(const struct buf *names, struct err *err)
{
    const char *p = (const char *)names->data;
    uint32_t count = 0;
    for (size_t at = 0; at < names->len; count++) {
        size_t n = strnlen(p + at, names->len - at);
        if (n == names->len - at || count == COMPILE_FILES_MAX || !compile_file_name(p + at, n))
            return err_set(err, E_CORRUPT, "the model wants files by names that it may not use");
        at += n + 1;
    }
    return OK;
}

enum status files_open(const struct sandbox_job *job, const struct buf *names,
                       struct child_files *out, struct err *err)
{
    const char *p = (const char *)names->data;
    *out = (struct child_files){.n = 0};
    enum status s = check_names(names, err);
    if (s == OK && names->len && !job->folder && !job->bring)
        s = refuse(err, E_UNSUPPORTED, p, "it did not come with the model");
    for (size_t at = 0; s == OK && at < names->len; at += strlen(p + at) + 1) {
        uint64_t bytes = 0;
        s = job->bring ? job->bring(job->bring_arg, p + at, &out->fds[out->n], &bytes, err)
                       : open_one(job->folder, p + at, &out->fds[out->n], &bytes, err);
        out->n += s == OK;
        if (s == OK && (!checked_add(out->bytes, bytes, &out->bytes) ||
                        out->bytes >> 30 >= SANDBOX_FILES_MAX_GIB))
            s = err_set(err, E_TOO_LARGE, "the files beside the model have more than %d GiB",
                        SANDBOX_FILES_MAX_GIB);
    }
    if (s != OK)
        files_close(out);
    return s;
}

/* ---- mapping ---- */

/* Where it is cut short while it is read, the reader dies of SIGBUS: in the child, one more crash.
 */
static enum status map(int fd, const void **bytes, size_t *n, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return err_set(err, E_IO, "the model is no regular file");
    *n = (size_t)st.st_size;
    *bytes = "";
    if (*n)
        *bytes = mmap(NULL, *n, PROT_READ, MAP_PRIVATE, fd, 0);
    if (*bytes != MAP_FAILED)
        return OK;
    *n = 0;
    return err_set(err, E_IO, "cannot map the model: %s", strerror(errno));
}

enum status source_map_model(struct child_source *s, int fd, struct err *err)
{
    *s = (struct child_source){.n_files = 0};
    enum status st = map(fd, &s->bytes, &s->n, err);
    if (st == OK && s->n > CHILD_MODEL_MAX)
        st = err_set(err, E_TOO_LARGE, "the model file has more than 2 GiB");
    return st;
}

enum status source_map_file(struct child_source *s, const char *name, int fd, struct err *err)
{
    struct compile_file *f = &s->files[s->n_files];
    f->name = name;
    enum status st = map(fd, &f->bytes, &f->n, err);
    s->n_files += st == OK;
    return st;
}

enum status source_map_calibration(struct child_source *s, int fd, struct err *err)
{
    return map(fd, &s->calibration.bytes, &s->calibration.n, err);
}

void source_unmap(struct child_source *s)
{
    if (s->n)
        munmap((void *)(uintptr_t)s->bytes, s->n);
    for (uint32_t i = 0; i < s->n_files; i++)
        if (s->files[i].n)
            munmap((void *)(uintptr_t)s->files[i].bytes, s->files[i].n);
    if (s->calibration.n)
        munmap((void *)(uintptr_t)s->calibration.bytes, s->calibration.n);
    *s = (struct child_source){.n_files = 0};
}
