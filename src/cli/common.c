/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* `roost common`: which blobs all tenants share. The list is read through the store's door, and
 * written where the store is a folder: whole or not at all, by one process at a time. */
#include "loader/common.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/config.h"
#include "cli/files.h"
#include "cli/local.h"
#include "cli/verbs.h"
#include "loader/loader.h"
#include "runtime/bundle.h"

extern char **environ;

static const struct arg_option options[] = {
    {"store", 0, "URL", "The store (as `roost serve` takes it)."},
    {"config", 0, "FILE", "Configuration file that names the store."},
    {NULL, 0, NULL, NULL}};

/* ---- the hashes of a file ---- */

static enum status add_line(struct buf *text, const uint8_t hash[SHA256_BYTES])
{
    char hex[SHA256_HEX];
    sha256_hex(hash, hex);
    return buf_printf(text, "%s\n", hex);
}

/* Page 0 and the metadata of a file, proven as far as page 0 goes. */
static enum status read_head(FILE *f, uint8_t **meta, struct artifact_page0 *p0, struct err *err)
{
    uint8_t first[ARTIFACT_PAGE0_BYTES];
    if (fread(first, 1, sizeof(first), f) != sizeof(first))
        return err_set(err, E_CORRUPT, "it is no artifact");
    enum status s = artifact_page0_read(first, sizeof(first), p0, err);
    if (s != OK)
        return s;
    if (p0->meta_bytes < sizeof(first) || p0->meta_bytes > LOADER_META_MAX)
        return err_set(err, E_UNSUPPORTED, "page 0: %" PRIu64 " bytes of metadata", p0->meta_bytes);
    *meta = alloc_new(p0->meta_bytes);
    if (!*meta)
        return err_set(err, E_NO_MEMORY, "no memory for %" PRIu64 " bytes", p0->meta_bytes);
    memcpy(*meta, first, sizeof(first));
    const size_t rest = (size_t)p0->meta_bytes - sizeof(first);
    if (fread(*meta + sizeof(first), 1, rest, f) != rest)
        return err_set(err, E_CORRUPT, "the file ends within its metadata");
    return OK;
}

static enum status add_blobs(const struct artifact_page0 *p0, const uint8_t *meta, struct buf *text,
                             struct err *err)
{
    struct artifact_reader r;
    enum status s = artifact_reader_init(&r, p0, meta, (size_t)p0->meta_bytes, err);
    if (s != OK)
        return s;
    for (uint32_t i = 0; s == OK && i < p0->n_blobs; i++) {
        struct blob_record b;
        s = artifact_read_blob(&r, i, &b, err);
        if (s == OK && bundle_shareable(p0, &b) && add_line(text, b.hash) != OK)
            s = err_set(err, E_NO_MEMORY, "out of memory");
    }
    artifact_reader_fini(&r);
    return s;
}

static enum status add_file(const char *path, struct buf *text, struct err *err)
{
    uint8_t *meta = NULL;
    struct artifact_page0 p0;
    FILE *f = fopen(path, "rbe");
    if (!f)
        return err_set(err, errno == ENOENT ? E_NOT_FOUND : E_IO, "cannot open %.150s: %s", path,
                       strerror(errno));
    enum status s = read_head(f, &meta, &p0, err);
    if (s == OK)
        s = add_blobs(&p0, meta, text, err);
    alloc_free(meta);
    fclose(f);
    return s == OK ? OK : err_prefix(err, "%.150s", path);
}

/* A hash as it stands in the list, or a file's. */
static enum status add_operand(const char *operand, struct buf *text, struct err *err)
{
    if (strlen(operand) == COMMON_LINE_BYTES - 1 && !strchr(operand, '.') && !strchr(operand, '/'))
        return buf_printf(text, "%s\n", operand) == OK ? OK : E_NO_MEMORY;
    return add_file(operand, text, err);
}

/* ---- the list ---- */

/* One `roost common` on its way. */
struct common_call {
    const struct args *args;
    struct config config;
    struct store *store;
    struct common_set *now;   /* what is in the store; NULL: nothing */
    struct common_set *named; /* what the operands name */
    char path[PATH_MAX];      /* of the list's file */
    int folder;               /* locked; -1: not */
};

static enum status read_now(struct common_call *c, struct err *err)
{
    struct store_object o;
    struct buf text;
    enum status s = store_stat(c->store, COMMON_KEY, &o, err);
    if (s == E_NOT_FOUND)
        return OK;
    if (s == OK && o.bytes > COMMON_FILE_MAX)
        s = err_set(err, E_TOO_LARGE, COMMON_KEY ": %" PRIu64 " bytes", o.bytes);
    if (s != OK)
        return s;
    buf_init(&text, COMMON_FILE_MAX + 1);
    s = buf_reserve(&text, (size_t)o.bytes + 1);
    if (s == OK)
        s = store_read(c->store, COMMON_KEY, o.tag, 0, text.data, (size_t)o.bytes, err);
    else
        err_set(err, s, "out of memory");
    if (s == OK && common_parse(text.data, (size_t)o.bytes, &c->now, err) != OK)
        s = err_prefix(err, "%s", COMMON_KEY);
    buf_fini(&text);
    return s;
}

static enum status read_named(struct common_call *c, struct err *err)
{
    struct buf text;
    enum status s = OK;
    buf_init(&text, COMMON_FILE_MAX + 1);
    for (int i = 1; s == OK && i < c->args->n_operands; i++)
        s = add_operand(c->args->operands[i], &text, err);
    if (s == OK)
        s = common_parse(text.data, text.len, &c->named, err);
    buf_fini(&text);
    return s;
}

/* Finds the list's file, and keeps others from writing it meanwhile. */
static enum status lock_list(struct common_call *c, struct err *err)
{
    const char *root = c->config.store;
    if (strncmp(root, "file://", 7) == 0)
        root += 7;
    if (strstr(root, "://"))
        return err_set(err, E_USAGE,
                       "%.120s is no folder: `roost common list` prints the text that belongs into "
                       "its object " COMMON_KEY,
                       root);
    char folder[PATH_MAX];
    int n = snprintf(folder, sizeof(folder), "%s/_roost", root);
    int m = snprintf(c->path, sizeof(c->path), "%s/" COMMON_KEY, root);
    if (n < 0 || m < 0 || (size_t)MAX(n, m) >= sizeof(folder))
        return err_set(err, E_USAGE, "the store's path is too long");
    if (mkdir(folder, 0755) != 0 && errno != EEXIST)
        return err_set(err, E_IO, "cannot make %.150s: %s", folder, strerror(errno));
    c->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->folder < 0 || flock(c->folder, LOCK_EX) != 0)
        return err_set(err, E_IO, "cannot lock %.150s: %s", folder, strerror(errno));
    return OK;
}

/* Those of a that b has, or has not. */
static enum status add_those(const struct common_set *a, const struct common_set *b, bool has,
                             struct buf *text, uint32_t *count)
{
    enum status s = OK;
    for (uint32_t i = 0; a && s == OK && i < a->count; i++)
        if (common_set_has(b, a->hashes[i]) == has) {
            s = add_line(text, a->hashes[i]);
            ++*count;
        }
    return s;
}

static enum status change(struct common_call *c, bool add, struct err *err)
{
    struct buf text;
    struct common_set *sorted = NULL;
    uint32_t kept = 0, added = 0;
    enum status s = lock_list(c, err);
    if (s == OK)
        s = read_now(c, err);
    if (s != OK)
        return s;
    buf_init(&text, 0);
    s = add_those(c->now, add ? NULL : c->named, false, &text, &kept);
    if (s == OK && add)
        s = add_those(c->named, c->now, false, &text, &added);
    s = s == OK ? common_parse(text.data, text.len, &sorted, err)
                : err_set(err, s, "out of memory");
    buf_fini(&text);
    if (s == OK && add_those(sorted, NULL, false, &text, &(uint32_t){0}) != OK)
        s = err_set(err, E_NO_MEMORY, "out of memory");
    if (s == OK)
        s = file_write(c->path, text.data, text.len, err);
    if (s == OK)
        printf("%" PRIu32 " %s, %" PRIu32 " blobs are common\n",
               add ? added : (c->now ? c->now->count : 0) - kept, add ? "added" : "removed",
               kept + added);
    alloc_free(sorted);
    buf_fini(&text);
    return s;
}

static enum status list(struct common_call *c, struct err *err)
{
    struct buf text = {0};
    uint32_t count = 0;
    enum status s = read_now(c, err);
    if (s == OK && add_those(c->now, NULL, false, &text, &count) != OK)
        s = err_set(err, E_NO_MEMORY, "out of memory");
    if (s == OK)
        return cli_print(OK, &text) == CLI_OK ? OK : err_set(err, E_IO, "standard output failed");
    buf_fini(&text);
    return s;
}

static enum status act(struct common_call *c, struct err *err)
{
    const char *what = c->args->operands[0];
    const bool add = strcmp(what, "add") == 0, remove = strcmp(what, "remove") == 0;
    if (!add && !remove && strcmp(what, "list") != 0)
        return err_set(err, E_USAGE, "'%.40s': expected add, remove or list", what);
    if ((add || remove) == (c->args->n_operands == 1))
        return err_set(err, E_USAGE, "`roost common %s` takes %s", what,
                       add || remove ? "files" : "no files");
    enum status s = config_load(&c->config, c->args, (const char *const *)environ, err);
    if (s == OK)
        s = config_open_store(&c->config, &c->store, err);
    if (s == OK)
        s = read_named(c, err);
    if (s != OK)
        return s;
    return add || remove ? change(c, add, err) : list(c, err);
}

static int common_run(const struct args *a)
{
    struct common_call c = {.args = a, .folder = -1};
    struct err err = {E_NO_MEMORY, "out of memory"};
    enum status s = act(&c, &err);
    if (c.folder >= 0)
        close(c.folder); /* and unlocks it */
    if (c.store)
        store_free(&c.store);
    alloc_free(c.now);
    alloc_free(c.named);
    return s == OK ? CLI_OK : cli_fail(&err);
}

const struct verb verb_common = {
    .name = "common",
    .operands = "add|remove|list [FILE.roost|SHA256...]",
    .summary = "Publish weights that models of all tenants share.",
    .details =
        "add and remove take artifacts, whose weights of 64 KiB and more are meant, or single "
        "hashes. A server sees a change within ten seconds, in what it loads from then on. Who "
        "calls a model whose weights are common can tell by its first answer's time that another "
        "tenant uses them: publish what is public.",
    .options = options,
    .operands_min = 1,
    .operands_max = -1,
    .run = common_run,
};
