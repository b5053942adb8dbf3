/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The shared files of the AWS tools: ~/.aws/credentials with a section a profile, ~/.aws/config
 * with [profile NAME]. Keys that stand in the profile itself are read; a profile that names another
 * source (role_arn, sso, credential_process) holds none for us. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "store/credentials_priv.h"

enum { PATH_BYTES_MAX = 1024, READ_BYTES = 16384 };

static enum status read_all(int fd, const char *path, struct buf *out, struct err *err)
{
    for (;;) {
        enum status s = buf_reserve(out, READ_BYTES);
        if (s != OK)
            return err_set(err, s, "%.120s: %s", path, status_text(s));
        ssize_t n = read(fd, out->data + out->len, READ_BYTES - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(err, E_IO, "%.120s: %s", path, strerrordesc_np(errno));
        if (n == 0)
            break;
        out->len += (size_t)n;
    }
    out->data[out->len] = 0;
    return OK;
}

enum status credentials_read_file(const char *path, struct buf *out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return err_set(err, E_NOT_FOUND, "%.120s is not there", path);
    if (fd < 0)
        return err_set(err, E_IO, "%.120s: %s", path, strerrordesc_np(errno));
    enum status s = read_all(fd, path, out, err);
    close(fd);
    return s;
}

/* A line of the text, without the white space at its end. */
struct line {
    const char *at;
    size_t n;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct line trimmed(const char *at, size_t n)
{
    while (n && is_blank(*at)) {
        at++;
        n--;
    }
    while (n && is_blank(at[n - 1]))
        n--;
    return (struct line){at, n};
}

static bool says(struct line l, const char *word)
{
    return l.n == strlen(word) && memcmp(l.at, word, l.n) == 0;
}

/* The text between the brackets of a section's line; at NULL for any other line. */
static struct line section_of(struct line l)
{
    const char *end = l.n && l.at[0] == '[' ? memchr(l.at, ']', l.n) : NULL;
    if (!end)
        return (struct line){0};
    return trimmed(l.at + 1, (size_t)(end - l.at - 1));
}

/* Takes "key = value" if it is that key. */
static bool take_value(struct line l, const char *key, char *out, size_t size)
{
    const char *eq = memchr(l.at, '=', l.n);
    if (!eq)
        return false;
    struct line name = trimmed(l.at, (size_t)(eq - l.at));
    struct line value = trimmed(eq + 1, l.n - (size_t)(eq - l.at) - 1);
    if (name.n != strlen(key) || strncasecmp(name.at, key, name.n) != 0)
        return false;
    if (value.n >= size || memchr(value.at, 0, value.n))
        return false;
    memcpy(out, value.at, value.n);
    out[value.n] = 0;
    return true;
}

bool credentials_ini(const char *text, size_t n, const char *section, const char *key, char *out,
                     size_t size)
{
    bool inside = false, found = false;
    for (size_t off = 0; off < n;) {
        const char *end = memchr(text + off, '\n', n - off);
        size_t len = end ? (size_t)(end - text) - off : n - off;
        const char *at = text + off;
        off += len + 1;
        if (!len || is_blank(*at) || *at == '#' || *at == ';')
            continue;
        struct line l = trimmed(at, len), name = section_of(l);
        if (name.at)
            inside = says(name, section);
        else if (inside && take_value(l, key, out, size))
            found = true;
    }
    return found;
}

/* Where the environment says, or below the home; false when neither is known. */
static bool file_path(const char *variable, const char *below_home, char out[PATH_BYTES_MAX])
{
    const char *path = credentials_env(variable), *home = credentials_env("HOME");
    if (!path && !home)
        return false;
    int n = path ? snprintf(out, PATH_BYTES_MAX, "%s", path)
                 : snprintf(out, PATH_BYTES_MAX, "%s/%s", home, below_home);
    return n > 0 && n < PATH_BYTES_MAX;
}

static const char *profile(void)
{
    const char *name = credentials_env("AWS_PROFILE");
    if (!name)
        name = credentials_env("AWS_DEFAULT_PROFILE");
    return name ? name : "default";
}

/* The section of the profile in the config file: it has a word before it, but for the default. */
static void config_section(char *out, size_t size)
{
    bool plain = strcmp(profile(), "default") == 0;
    snprintf(out, size, "%s%s", plain ? "" : "profile ", profile());
}

/* What a section holds of the three; false without key and secret. */
static bool take_keys(const struct buf *text, const char *section, struct credentials *out)
{
    const char *p = (const char *)text->data;
    if (!credentials_ini(p, text->len, section, "aws_access_key_id", out->key_id,
                         sizeof(out->key_id)) ||
        !credentials_ini(p, text->len, section, "aws_secret_access_key", out->secret,
                         sizeof(out->secret)))
        return false;
    if (!credentials_ini(p, text->len, section, "aws_session_token", out->token,
                         sizeof(out->token)))
        out->token[0] = 0;
    return true;
}

static void forget(struct buf *text)
{
    if (text->cap)
        explicit_bzero(text->data, text->cap);
    buf_fini(text);
}

static enum status keys_of(const char *path, const char *section, struct credentials *out,
                           struct err *err)
{
    struct buf text;
    buf_init(&text, CREDENTIALS_FILE_BYTES_MAX);
    enum status s = credentials_read_file(path, &text, err);
    if (s == OK && !take_keys(&text, section, out))
        s = E_NOT_FOUND;
    forget(&text);
    if (s != OK && s != E_NOT_FOUND && s != E_NO_MEMORY) {
        err->code = E_STORE;
        s = E_STORE;
    }
    return s;
}

enum status credentials_from_file(const struct curl_door *curl, struct credentials *out,
                                  struct err *err)
{
    char path[PATH_BYTES_MAX], section[CREDENTIALS_PROFILE_MAX];
    enum status s = E_NOT_FOUND;
    UNUSED(curl);
    if (file_path("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", path))
        s = keys_of(path, profile(), out, err);
    config_section(section, sizeof(section));
    if (s == E_NOT_FOUND && file_path("AWS_CONFIG_FILE", ".aws/config", path))
        s = keys_of(path, section, out, err);
    if (s == E_NOT_FOUND && credentials_env("AWS_PROFILE"))
        return err_set(err, E_STORE, "profile '%.60s' holds no aws_access_key_id and secret",
                       profile());
    return s;
}

/* Looks for a region in the files only. */
static bool region_of_profile(char out[CREDENTIALS_REGION_MAX])
{
    char path[PATH_BYTES_MAX], section[CREDENTIALS_PROFILE_MAX];
    struct buf text;
    struct err ignored;
    bool found = false;
    config_section(section, sizeof(section));
    buf_init(&text, CREDENTIALS_FILE_BYTES_MAX);
    if (file_path("AWS_CONFIG_FILE", ".aws/config", path) &&
        credentials_read_file(path, &text, &ignored) == OK)
        found = credentials_ini((const char *)text.data, text.len, section, "region", out,
                                CREDENTIALS_REGION_MAX);
    forget(&text);
    return found;
}

void credentials_region(char out[CREDENTIALS_REGION_MAX])
{
    const char *region = credentials_env("AWS_REGION");
    if (!region)
        region = credentials_env("AWS_DEFAULT_REGION");
    out[0] = 0;
    if (region)
        snprintf(out, CREDENTIALS_REGION_MAX, "%s", region);
    else if (!region_of_profile(out))
        out[0] = 0;
}
