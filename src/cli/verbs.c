/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Finds the verb, reads its options, runs it; all help texts come from the verbs' tables. */
#include "cli/verbs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernels/cpu.h"
#include "sandbox/sandbox.h"

static const struct verb *const table[] = {
    &verb_serve,    &verb_compile,  &verb_verify, &verb_show,  &verb_run,    &verb_ls,
    &verb_ps,       &verb_load,     &verb_unload, &verb_pin,   &verb_unpin,  &verb_push,
    &verb_versions, &verb_rollback, &verb_cache,  &verb_bench, &verb_replay, &verb_common,
    &verb_gc,       &verb_version,  &verb_docs,   NULL};

const struct verb *const *verb_table(void)
{
    return table;
}

bool term_colours(FILE *f)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return !(no && *no) && !(term && strcmp(term, "dumb") == 0) && isatty(fileno(f));
}

int cli_fail_hint(const struct err *err, const char *hint)
{
    bool colour = term_colours(stderr);
    fprintf(stderr, "%sroost:%s %s%s%s\n", colour ? "\033[31m" : "", colour ? "\033[0m" : "",
            err->msg, *hint ? "; " : "", hint);
    if (err->code == E_USAGE)
        return CLI_USAGE;
    return err->code == E_UNREACHABLE ? CLI_UNREACHABLE : CLI_FAILED;
}

int cli_fail(const struct err *err)
{
    return cli_fail_hint(err, "");
}

int cli_print(enum status s, struct buf *b)
{
    struct err err;
    size_t n = s == OK && b->len ? fwrite(b->data, 1, b->len, stdout) : 0;
    bool written = s == OK && n == b->len && fflush(stdout) == 0;
    buf_fini(b);
    if (written)
        return CLI_OK;
    err_set(&err, s == OK ? E_IO : s, "cannot write the answer: %s",
            s == OK ? "standard output failed" : status_text(s));
    return cli_fail(&err);
}

static enum status overview(struct buf *out)
{
    enum status s = buf_str(out, "Roost serves thousands of models behind one HTTP endpoint.\n\n"
                                 "usage: roost VERB [options]\n\n");
    for (const struct verb *const *v = table; s == OK && *v; v++)
        if (!(*v)->hidden)
            s = buf_printf(out, "  %-9s %s\n", (*v)->name, (*v)->summary);
    return s == OK ? buf_str(out, "\n`roost VERB --help` says more about one.\n"
                                  "exit status: 0 done, 1 failed, 2 wrong usage, 69 no server "
                                  "answers\n")
                   : s;
}

static const struct verb *find(const char *name)
{
    for (const struct verb *const *v = table; *v; v++)
        if (strcmp((*v)->name, name) == 0)
            return *v;
    return NULL;
}

static int unknown(const char *name)
{
    struct err err;
    err_set(&err, E_USAGE, "unknown verb '%.60s'; `roost help` lists all", name);
    return cli_fail(&err);
}

static int help_of(const struct verb *v)
{
    struct buf out = {0};
    enum status s = v ? args_help(v, &out) : overview(&out);
    return cli_print(s, &out);
}

static int help(int argc, char **argv)
{
    if (argc < 3)
        return help_of(NULL);
    const struct verb *v = find(argv[2]);
    return v ? help_of(v) : unknown(argv[2]);
}

/* A standard descriptor that the caller closed would be the next file or connection that is opened,
 * and the log or an answer would be written into it. */
static void hold_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

int cli_main(int argc, char **argv)
{
    static const char *const asks_help[] = {"help", "--help", "-h"};
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp(name, SANDBOX_VERB) == 0)
        return sandbox_serve();
    hold_standard_descriptors();
    struct args args;
    struct err err;
    for (size_t i = 0; i < ARRAY_COUNT(asks_help); i++)
        if (strcmp(name, asks_help[i]) == 0)
            return help(argc, argv);
    const struct verb *v = find(strcmp(name, "--version") == 0 ? "version" : name);
    if (!v)
        return unknown(name);
    if (cpu_level_check(&err) != OK)
        return cli_fail(&err);
    if (args_parse(v, argc - 2, (const char **)argv + 2, &args, &err) != OK)
        return cli_fail(&err);
    return args.help ? help_of(v) : v->run(&args);
}
