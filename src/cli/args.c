/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Options may stand before, between or after operands; the last of a repeated option counts. */
#include "cli/args.h"

#include <string.h>

static int option_by_name(const struct verb *v, const char *name, size_t len)
{
    for (int i = 0; v->options[i].name; i++)
        if (strlen(v->options[i].name) == len && memcmp(v->options[i].name, name, len) == 0)
            return i;
    return -1;
}

static int option_by_letter(const struct verb *v, char letter)
{
    for (int i = 0; v->options[i].name; i++)
        if (v->options[i].letter == letter)
            return i;
    return -1;
}

static enum status bad(const struct verb *v, struct err *err, const char *what, const char *arg)
{
    return err_set(err, E_USAGE, "%s '%.60s'; see `roost %s --help`", what, arg, v->name);
}

/* One option at argv[*i]; takes the next argument as its value where it needs one. */
static enum status take_option(const struct verb *v, int argc, const char **argv, int *i,
                               struct args *out, struct err *err)
{
    const char *arg = argv[*i], *value = NULL;
    int at;
    if (arg[1] == '-') {
        const char *name = arg + 2, *equals = strchr(name, '=');
        at = option_by_name(v, name, equals ? (size_t)(equals - name) : strlen(name));
        value = equals ? equals + 1 : NULL;
    } else {
        at = arg[2] ? -1 : option_by_letter(v, arg[1]);
    }
    if (at < 0)
        return bad(v, err, "unknown option", arg);
    if (!v->options[at].value) {
        out->values[at] = value ? value : "";
        return OK;
    }
    if (!value) {
        if (*i + 1 >= argc)
            return bad(v, err, "a value is missing after", arg);
        value = argv[++*i];
    }
    out->values[at] = value;
    return OK;
}

enum status args_parse(const struct verb *v, int argc, const char **argv, struct args *out,
                       struct err *err)
{
    *out = (struct args){.verb = v, .operands = argv};
    bool only_operands = false;
    for (int i = 0; i < argc; i++) {
        const char *arg = argv[i];
        if (only_operands || arg[0] != '-' || !arg[1]) {
            argv[out->n_operands++] = arg;
        } else if (strcmp(arg, "--") == 0) {
            only_operands = true;
        } else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            out->help = true;
            return OK;
        } else {
            enum status s = take_option(v, argc, argv, &i, out, err);
            if (s != OK)
                return s;
        }
    }
    if (out->n_operands < v->operands_min)
        return err_set(err, E_USAGE, "usage: roost %s %s; see `roost %s --help`", v->name,
                       v->operands, v->name);
    if (v->operands_max >= 0 && out->n_operands > v->operands_max)
        return bad(v, err, "unexpected argument", out->operands[v->operands_max]);
    return OK;
}

const char *args_get(const struct args *a, const char *name)
{
    int at = option_by_name(a->verb, name, strlen(name));
    return at < 0 ? NULL : a->values[at];
}

bool args_on(const struct args *a, const char *name)
{
    const char *value = args_get(a, name);
    return value && strcmp(value, "off") != 0;
}

/* "  -o, --out FILE" into text. */
static void option_text(const struct arg_option *o, char *text, size_t size)
{
    size_t n = 0;
    if (o->letter && size > 4) {
        text[n++] = '-';
        text[n++] = o->letter;
        text[n++] = ',';
        text[n++] = ' ';
    }
    const char *parts[] = {"--", o->name, o->value ? " " : "", o->value ? o->value : ""};
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        size_t len = strlen(parts[i]);
        if (len > size - 1 - n)
            len = size - 1 - n;
        memcpy(text + n, parts[i], len);
        n += len;
    }
    text[n] = 0;
}

static enum status usage_line(const struct verb *v, struct buf *out)
{
    return buf_printf(out, "roost %s%s%s%s\n", v->name, *v->operands ? " " : "", v->operands,
                      v->options[0].name ? " [options]" : "");
}

enum status args_help(const struct verb *v, struct buf *out)
{
    enum status s = buf_printf(out, "%s\n\nusage: ", v->summary);
    if (s == OK)
        s = usage_line(v, out);
    if (s == OK && *v->details)
        s = buf_printf(out, "\n%s\n", v->details);
    if (s == OK && v->options[0].name)
        s = buf_str(out, "\noptions:\n");
    for (const struct arg_option *o = v->options; s == OK && o->name; o++) {
        char text[80];
        option_text(o, text, sizeof(text));
        s = buf_printf(out, strlen(text) > 26 ? "  %s\n%28s%s\n" : "  %-26s%.0s%s\n", text, "",
                       o->help);
    }
    return s;
}

/* A table's cell: `|` would end it. */
static enum status cell(struct buf *out, const char *text)
{
    enum status s = OK;
    for (; s == OK && *text; text++)
        s = *text == '|' ? buf_str(out, "\\|") : buf_char(out, *text);
    return s;
}

enum status args_markdown(const struct verb *v, struct buf *out)
{
    enum status s = buf_printf(out, "## roost %s\n\n%s\n\n```\n", v->name, v->summary);
    if (s == OK)
        s = usage_line(v, out);
    if (s == OK)
        s = buf_printf(out, "```\n%s%s%s", *v->details ? "\n" : "", v->details,
                       *v->details ? "\n" : "");
    if (s == OK && v->options[0].name)
        s = buf_str(out, "\n| option | meaning |\n|---|---|\n");
    for (const struct arg_option *o = v->options; s == OK && o->name; o++) {
        char text[80];
        option_text(o, text, sizeof(text));
        s = buf_str(out, "| `");
        if (s == OK)
            s = cell(out, text);
        if (s == OK)
            s = buf_printf(out, "` | %s |\n", o->help);
    }
    return s == OK ? buf_str(out, "\n") : s;
}
