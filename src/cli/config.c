/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The table as values: every source (default, file, environment, flag) goes through the same
 * parser and the same limits. */
#include "cli/config_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/files.h"
#include "cli/units.h"

struct row {
    const char *key, *value, *initial, *help;
    size_t offset;
    uint64_t least, most;
    enum config_type type;
};

static const struct row rows[] = {
#define X(type, field, key, value, initial, least, most, help)                                     \
    {key, value, initial, help, offsetof(struct config, field), least, most, CONFIG_##type},
    CONFIG_TABLE(X)
#undef X
};

static const struct row *row_of(const char *key)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (strcmp(rows[i].key, key) == 0)
            return &rows[i];
    return NULL;
}

static uint64_t *number_of(const struct config *c, const struct row *r)
{
    return (uint64_t *)((char *)c + r->offset);
}

static char *text_of(const struct config *c, const struct row *r)
{
    return (char *)c + r->offset;
}

/* The i-th word of "a|b|c" into out; false past the end. */
static bool choice_word(const char *words, uint64_t i, char out[32])
{
    for (; i > 0; i--) {
        words = strchr(words, '|');
        if (!words)
            return false;
        words++;
    }
    snprintf(out, 32, "%.*s", (int)strcspn(words, "|"), words);
    return true;
}

static enum status parse_choice(const char *words, const char *text, uint64_t *n, struct err *err)
{
    char word[32];
    for (uint64_t i = 0; choice_word(words, i, word); i++)
        if (strcmp(word, text) == 0) {
            *n = i;
            return OK;
        }
    return err_set(err, E_USAGE, "'%.40s' is none of %s", text, words);
}

/* "" is a switch given without a value. */
static enum status parse_switch(const char *text, uint64_t *n, struct err *err)
{
    bool on =
        !*text || strcmp(text, "on") == 0 || strcmp(text, "1") == 0 || strcmp(text, "true") == 0;
    bool off = strcmp(text, "off") == 0 || strcmp(text, "0") == 0 || strcmp(text, "false") == 0;
    *n = on;
    return on || off ? OK : err_set(err, E_USAGE, "'%.40s' is neither on nor off", text);
}

static enum status parse_number(const struct row *r, const char *text, uint64_t *n, struct err *err)
{
    if (strcmp(text, "auto") == 0 && strcmp(r->initial, "auto") == 0 && r->type != CONFIG_CHOICE) {
        *n = 0;
        return OK;
    }
    switch (r->type) {
    case CONFIG_SIZE:
        return units_size(text, n, err);
    case CONFIG_TIME:
        return units_duration(text, n, err);
    case CONFIG_CHOICE:
        return parse_choice(r->value, text, n, err);
    case CONFIG_SWITCH:
        return parse_switch(text, n, err);
    default:
        return units_count(text, n, err);
    }
}

static const char *number_text(const struct row *r, uint64_t n, char out[UNITS_TEXT_MAX])
{
    if (n == 0 && strcmp(r->initial, "auto") == 0 && r->type != CONFIG_CHOICE)
        snprintf(out, UNITS_TEXT_MAX, "auto");
    else if (r->type == CONFIG_SIZE)
        units_size_text(n, out);
    else if (r->type == CONFIG_TIME)
        units_duration_text(n, out);
    else if (r->type == CONFIG_CHOICE)
        choice_word(r->value, n, out);
    else if (r->type == CONFIG_SWITCH)
        snprintf(out, UNITS_TEXT_MAX, "%s", n ? "on" : "off");
    else
        snprintf(out, UNITS_TEXT_MAX, "%" PRIu64, n);
    return out;
}

static enum status read_number(const struct row *r, const char *text, uint64_t *out,
                               struct err *err)
{
    uint64_t n;
    if (parse_number(r, text, &n, err) != OK)
        return err_prefix(err, "%s", r->key);
    if (n < r->least || n > r->most) {
        char least[UNITS_TEXT_MAX], most[UNITS_TEXT_MAX];
        return err_set(err, E_USAGE, "%s: '%.40s' is not between %s and %s", r->key, text,
                       number_text(r, r->least, least), number_text(r, r->most, most));
    }
    *out = n;
    return OK;
}

static enum status set_row(struct config *c, const struct row *r, const char *text, struct err *err)
{
    if (r->type != CONFIG_TEXT)
        return read_number(r, text, number_of(c, r), err);
    if (strlen(text) >= CONFIG_TEXT_MAX)
        return err_set(err, E_USAGE, "%s: longer than %d bytes", r->key, CONFIG_TEXT_MAX - 1);
    snprintf(text_of(c, r), CONFIG_TEXT_MAX, "%s", text);
    return OK;
}

enum status config_number(const char *key, const char *text, uint64_t *out, struct err *err)
{
    return read_number(row_of(key), text, out, err);
}

const char *config_number_text(const char *key, uint64_t n, char out[CONFIG_NUMBER_MAX])
{
    return number_text(row_of(key), n, out);
}

uint64_t config_number_of(const struct config *c, const char *key)
{
    return *number_of(c, row_of(key));
}

void config_defaults(struct config *c)
{
    memset(c, 0, sizeof(*c));
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        enum status s = set_row(c, &rows[i], rows[i].initial, NULL);
        ASSERT(s == OK);
    }
}

enum status config_set(struct config *c, const char *key, const char *text, struct err *err)
{
    const struct row *r = row_of(key);
    if (!r)
        return err_set(err, E_USAGE, "unknown key '%.60s'; `roost serve --help` lists all", key);
    return set_row(c, r, text, err);
}

/* ROOST_ADMIN_LISTEN for admin-listen. */
static void env_name(const struct row *r, char out[64])
{
    int n = snprintf(out, 64, "ROOST_%s", r->key);
    for (int i = 0; i < n && i < 63; i++)
        out[i] = out[i] == '-'                    ? '_'
                 : out[i] >= 'a' && out[i] <= 'z' ? (char)(out[i] - 'a' + 'A')
                                                  : out[i];
}

static const char *env_get(const char *const *env, const char *name)
{
    size_t len = strlen(name);
    for (; *env; env++)
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return *env + len + 1;
    return NULL;
}

enum status config_env(struct config *c, const char *const *env, struct err *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        char name[64];
        env_name(&rows[i], name);
        const char *value = env_get(env, name);
        if (value && set_row(c, &rows[i], value, err) != OK)
            return err_prefix(err, "environment variable %s", name);
    }
    return OK;
}

static enum status load_file(struct config *c, const char *path, struct err *err)
{
    struct buf text;
    buf_init(&text, CONFIG_FILE_BYTES_MAX);
    enum status s = file_read(path, &text, err);
    if (s == OK)
        s = config_file(c, path, (const char *)text.data, text.len, err);
    buf_fini(&text);
    return s;
}

enum status config_load(struct config *c, const struct args *a, const char *const *env,
                        struct err *err)
{
    config_defaults(c);
    const char *path = args_get(a, "config");
    if (!path)
        path = env_get(env, "ROOST_CONFIG");
    enum status s = path && *path ? load_file(c, path, err) : OK;
    if (s == OK)
        s = config_env(c, env, err);
    for (size_t i = 0; s == OK && i < ARRAY_COUNT(rows); i++) {
        const char *value = args_get(a, rows[i].key);
        if (value && set_row(c, &rows[i], value, err) != OK)
            s = err_prefix(err, "option --%s", rows[i].key);
    }
    return s == OK ? config_tenants_check(c, err) : s;
}

enum status config_print(const struct config *c, struct buf *json)
{
    enum status s = buf_str(json, "{\n");
    for (size_t i = 0; s == OK && i < ARRAY_COUNT(rows); i++) {
        const struct row *r = &rows[i];
        char number[UNITS_TEXT_MAX];
        const char *text =
            r->type == CONFIG_TEXT ? text_of(c, r) : number_text(r, *number_of(c, r), number);
        s = buf_printf(json, "  \"%s\": ", r->key);
        if (s == OK && (r->type == CONFIG_COUNT && strcmp(text, "auto") != 0))
            s = buf_str(json, text);
        else if (s == OK && r->type == CONFIG_SWITCH)
            s = buf_str(json, *number_of(c, r) ? "true" : "false");
        else if (s == OK)
            s = buf_json_str(json, text, strlen(text));
        if (s == OK)
            s = i + 1 < ARRAY_COUNT(rows) ? buf_str(json, ",\n") : config_tenants_print(c, json);
    }
    return s == OK ? buf_str(json, "\n}\n") : s;
}

/* "1 to 64"; "" where nothing bounds it that anybody would meet. */
static void range_text(const struct row *r, char *out, size_t size)
{
    char least[UNITS_TEXT_MAX], most[UNITS_TEXT_MAX], word[32];
    size_t n = 0;
    bool number = r->type == CONFIG_SIZE || r->type == CONFIG_TIME || r->type == CONFIG_COUNT;
    *out = 0;
    if (number && r->most != INT64_MAX)
        snprintf(out, size, "%s to %s", number_text(r, r->least, least),
                 number_text(r, r->most, most));
    else if (number && r->least)
        snprintf(out, size, "from %s", number_text(r, r->least, least));
    for (uint64_t i = 0; r->type == CONFIG_CHOICE && choice_word(r->value, i, word); i++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", i ? ", " : "", word);
}

enum status config_markdown(struct buf *out)
{
    enum status s = buf_str(out, "| flag | environment | default | range | meaning |\n"
                                 "|---|---|---|---|---|\n");
    for (size_t i = 0; s == OK && i < ARRAY_COUNT(rows); i++) {
        const struct row *r = &rows[i];
        char env[64], range[80];
        bool bare = r->type == CONFIG_CHOICE || !r->value;
        env_name(r, env);
        range_text(r, range, sizeof(range));
        s = buf_printf(out, "| `--%s%s%s` | `%s` | %s | %s | %s |\n", r->key, bare ? "" : " ",
                       bare ? "" : r->value, env, *r->initial ? r->initial : "(empty)", range,
                       r->help);
    }
    return s;
}
