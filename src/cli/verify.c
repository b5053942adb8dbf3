/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* `roost verify`: models against reference answers, in the layout of the ONNX backend tests. A
 * folder PASSes only when at least one output was compared and all were equal. */
#include "cli/verify.h"

#include <dirent.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/files.h"
#include "cli/local.h"
#include "cli/progress.h"
#include "cli/verbs.h"

static const struct arg_option options[] = {
    {"rtol", 0, "R", "Tolerance relative to the expected value (1e-3)."},
    {"atol", 0, "A", "Tolerance beside it (1e-5)."},
    LOCAL_COMPILE_OPTIONS,
    {"json", 0, NULL, "Print JSON."},
    {NULL, 0, NULL, NULL}};

enum verdict { PASS, FAIL, UNSUPPORTED, VERDICT_COUNT };
static const char *const verdict_texts[] = {"PASS", "FAIL", "UNSUPPORTED"};

/* What one folder came to. */
struct result {
    enum verdict verdict;
    char words[512]; /* "" for PASS */
};

/* One folder under way. */
struct trial {
    const char *dir;
    struct verify_tolerance tol;
    struct program *program;
    struct local_run run;
    int compared; /* outputs */
};

static enum verdict verdict_of(enum status s)
{
    return s == OK ? PASS : s == E_UNSUPPORTED ? UNSUPPORTED : FAIL;
}

static enum status find_model(const char *dir, char path[PATH_MAX], struct err *err)
{
    static const char *const ends[] = {"onnx", "json", "ubj", "roost"};
    for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
        int n = snprintf(path, PATH_MAX, "%s/model.%s", dir, ends[i]);
        if (n > 0 && n < PATH_MAX && file_exists(path))
            return OK;
    }
    return err_set(err, E_NOT_FOUND, "no model.onnx, .json, .ubj or .roost");
}

/* numpy has no bfloat16: data sets that it wrote hold the bits as uint16. */
static void read_as_bfloat16(struct tensor *t)
{
    if (t->dtype == DT_U16)
        t->dtype = DT_BF16;
}

/* Reads every input of a data set; on error those read are freed by the caller too. */
static enum status read_inputs(const struct trial *t, const char *set, struct verify_tensor *in,
                               struct tensor *tensors, struct err *err)
{
    int count = program_signature(t->program)->n_inputs;
    for (int i = 0; i < count; i++) {
        char stem[PATH_MAX];
        int n = snprintf(stem, sizeof(stem), "%s/%s/input_%d", t->dir, set, i);
        if (n < 0 || (size_t)n >= sizeof(stem))
            return err_set(err, E_IO, "the path is too long");
        enum status s = verify_tensor_read(stem, &in[i], err);
        if (s != OK)
            return s;
        tensors[i] = in[i].t;
        if (program_signature(t->program)->inputs[i].dtype == DT_BF16)
            read_as_bfloat16(&tensors[i]);
    }
    return OK;
}

/* Reference files that are absent are skipped. */
static enum status compare_outputs(struct trial *t, const char *set, const struct tensor *outputs,
                                   struct err *err)
{
    int count = program_signature(t->program)->n_outputs;
    for (int i = 0; i < count; i++) {
        char stem[PATH_MAX], words[VERIFY_WORDS_MAX];
        struct verify_tensor want;
        snprintf(stem, sizeof(stem), "%s/%s/output_%d", t->dir, set, i);
        enum status s = verify_tensor_read(stem, &want, err);
        if (s == E_NOT_FOUND)
            continue;
        if (s != OK)
            return s;
        if (outputs[i].dtype == DT_BF16)
            read_as_bfloat16(&want.t);
        bool equal = verify_equal(&outputs[i], &want.t, &t->tol, words);
        verify_tensor_fini(&want);
        if (!equal)
            return err_set(err, E_BAD_INPUT, "%.60s output_%d: %s", set, i, words);
        t->compared++;
    }
    return OK;
}

static enum status try_set(struct trial *t, const char *set, struct err *err)
{
    const struct signature *sig = program_signature(t->program);
    const struct run_limits none = {0};
    size_t n_in = (size_t)MAX(sig->n_inputs, 1), n_out = (size_t)MAX(sig->n_outputs, 1);
    struct verify_tensor *in = alloc_zero(n_in, sizeof(*in));
    struct tensor *tensors = alloc_zero(n_in + n_out, sizeof(*tensors));
    enum status s = in && tensors ? OK : err_set(err, E_NO_MEMORY, "out of memory");
    if (s == OK)
        s = read_inputs(t, set, in, tensors, err);
    if (s == OK && session_run(t->run.session, t->program, tensors, tensors + n_in, &none, err))
        s = err_prefix(err, "%.60s", set);
    if (s == OK)
        s = compare_outputs(t, set, tensors + n_in, err);
    for (size_t i = 0; in && i < n_in; i++)
        verify_tensor_fini(&in[i]);
    alloc_free(in);
    alloc_free(tensors);
    return s;
}

static int is_data_set(const struct dirent *e)
{
    return strncmp(e->d_name, "test_data_set_", 14) == 0;
}

static enum status try_all_sets(struct trial *t, struct err *err)
{
    struct dirent **sets = NULL;
    int count = scandir(t->dir, &sets, is_data_set, versionsort);
    enum status s = OK;
    for (int i = 0; i < count; i++) {
        if (s == OK)
            s = try_set(t, sets[i]->d_name, err);
        free(sets[i]); /* scandir's own memory */
    }
    free(sets);
    if (s == OK && count <= 0)
        return err_set(err, E_NOT_FOUND, "no folder test_data_set_*");
    if (s == OK && t->compared == 0)
        return err_set(err, E_NOT_FOUND, "no output_* to compare with");
    return s;
}

static void try_folder(const char *dir, const struct verify_tolerance *tol,
                       const struct local_compile *how, struct result *out)
{
    struct trial t = {.dir = dir, .tol = *tol};
    struct err err = {OK, ""};
    char path[PATH_MAX];
    enum status s = find_model(dir, path, &err);
    if (s == OK)
        s = local_open(path, how, &t.program, NULL, &err);
    if (s == OK)
        s = local_run_init(&t.run, &err);
    if (s == OK)
        s = try_all_sets(&t, &err);
    if (t.run.session)
        local_run_fini(&t.run);
    if (t.program)
        program_free(&t.program);
    out->verdict = verdict_of(s);
    snprintf(out->words, sizeof(out->words), "%s", s == OK ? "" : err.msg);
}

static void print_plain(const char *dir, const struct result *r)
{
    static const char *const colours[] = {"\033[32m", "\033[31m", "\033[33m"};
    bool colour = term_colours(stdout);
    printf("%s%-11s%s %s%s%s\n", colour ? colours[r->verdict] : "", verdict_texts[r->verdict],
           colour ? "\033[0m" : "", dir, *r->words ? ": " : "", r->words);
    fflush(stdout);
}

static enum status add_json(struct buf *out, const char *dir, const struct result *r, bool first)
{
    enum status s = buf_str(out, first ? "{\"results\": [\n  {\"dir\": " : ",\n  {\"dir\": ");
    if (s == OK)
        s = buf_json_str(out, dir, strlen(dir));
    if (s == OK)
        s = buf_printf(out, ", \"result\": \"%s\", \"detail\": ", verdict_texts[r->verdict]);
    if (s == OK)
        s = buf_json_str(out, r->words, strlen(r->words));
    return s == OK ? buf_char(out, '}') : s;
}

static enum status tolerance(const struct args *a, const char *name, double initial, double *out,
                             struct err *err)
{
    const char *text = args_get(a, name);
    char *end = NULL;
    *out = text ? strtod(text, &end) : initial;
    if (!text || (end != text && !*end && isfinite(*out) && *out >= 0))
        return OK;
    return err_set(err, E_USAGE, "option --%s: '%.40s' is no number from 0", name, text);
}

static int verify_run(const struct args *a)
{
    bool json = args_on(a, "json");
    int counts[VERDICT_COUNT] = {0};
    struct verify_tolerance tol;
    struct local_compile how;
    struct buf out = {0};
    struct progress bar;
    struct err err;
    if (local_compile_options(a, &how, &err) != OK ||
        tolerance(a, "rtol", 1e-3, &tol.rtol, &err) != OK ||
        tolerance(a, "atol", 1e-5, &tol.atol, &err) != OK)
        return cli_fail(&err);
    enum status s = OK;
    progress_start(&bar, "verifying", (uint64_t)a->n_operands);
    for (int i = 0; s == OK && i < a->n_operands; i++) {
        struct result r;
        try_folder(a->operands[i], &tol, &how, &r);
        counts[r.verdict]++;
        progress_to(&bar, (uint64_t)i + 1);
        if (json)
            s = add_json(&out, a->operands[i], &r, i == 0);
        else
            print_plain(a->operands[i], &r);
    }
    progress_stop(&bar);
    if (s == OK)
        s = buf_printf(&out,
                       json ? "\n], \"passed\": %d, \"failed\": %d, \"unsupported\": %d}\n"
                            : "%d passed, %d failed, %d unsupported\n",
                       counts[PASS], counts[FAIL], counts[UNSUPPORTED]);
    int printed = cli_print(s, &out);
    return counts[FAIL] ? CLI_FAILED : printed;
}

const struct verb verb_verify = {
    .name = "verify",
    .operands = "DIR...",
    .summary = "Compare models with reference answers.",
    .details = "Each DIR holds model.<onnx|json|ubj|roost> and test_data_set_*/ with "
               "input_*.{pb,npy} and\noutput_*.{pb,npy}, the layout of the ONNX backend tests. "
               "Floats are equal when\n|got - expected| <= atol + rtol * |expected|; all else "
               "exactly. Exit status 1 if any failed.",
    .options = options,
    .operands_min = 1,
    .operands_max = -1,
    .run = verify_run,
};
