/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The source on the left, what is left of it on the right. */
#include "cli/show_graph.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/files.h"
#include "cli/graph/picture.h"

enum { TITLE_MAX = 64 };

static bool ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n > m && strcmp(path + n - m, end) == 0;
}

enum status show_graph_check(const char *out, struct err *err)
{
    if (ends_in(out, ".svg") || ends_in(out, ".dot"))
        return OK;
    return err_set(err, E_USAGE, "option --graph: '%.100s' ends neither in .svg nor in .dot", out);
}

static enum status draw(struct picture *pic, const struct program *p, const char *what)
{
    char title[TITLE_MAX];
    uint32_t n = program_instr_count(p);
    snprintf(title, sizeof(title), "%s: %" PRIu32 " instruction%s", what, n, n == 1 ? "" : "s");
    enum status s = picture_init(pic, p, title);
    if (s != OK)
        return s;
    s = picture_layout(pic);
    if (s != OK)
        picture_fini(pic);
    return s;
}

/* The model as it came. Not every model goes through without its passes (shapes that only folding
 * makes known): then the picture has one half. */
static enum status source_of(const char *path, const struct local_compile *how,
                             struct program **out, struct err *err)
{
    struct local_compile plain = *how;
    plain.passes_off = UINT64_MAX;
    enum status s = local_open(path, &plain, out, NULL, err);
    return s == E_UNSUPPORTED || s == E_CORRUPT ? OK : s;
}

static enum status write_picture(const char *path, const struct picture *pics, int count,
                                 const char *out, struct err *err)
{
    struct buf text = {0};
    const char *slash = strrchr(path, '/');
    const char *title = slash && slash[1] ? slash + 1 : path;
    enum status s = ends_in(out, ".dot") ? picture_dot(title, pics, count, &text)
                                         : picture_svg(title, pics, count, &text);
    if (s != OK)
        err_set(err, s, "cannot draw %.100s: %s", path, status_text(s));
    else
        s = file_write(out, text.data, text.len, err);
    buf_fini(&text);
    return s;
}

enum status show_graph(const char *path, const struct local_compile *how, const struct program *p,
                       const char *out, struct err *err)
{
    struct picture pics[2];
    struct program *source = NULL;
    int count = 0;
    enum status s = ends_in(path, ".roost") ? OK : source_of(path, how, &source, err);
    if (s != OK)
        return s;
    if (source) {
        s = draw(&pics[0], source, "source");
        count = s == OK;
    }
    if (s == OK) {
        s = draw(&pics[count], p, "compiled");
        count += s == OK;
    }
    if (s == OK)
        s = write_picture(path, pics, count, out, err);
    else
        err_set(err, s, "cannot draw %.100s: %s", path, status_text(s));
    for (int i = 0; i < count; i++)
        picture_fini(&pics[i]);
    if (source)
        program_free(&source);
    return s;
}
