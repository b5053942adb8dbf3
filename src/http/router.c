/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A path has a shape (how many segments, which fixed words); the shape and the method select one
 * row of the table. */
#include "http/router.h"

#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"

enum { SEGMENTS_MAX = 5, SEGMENT_BYTES = 129 };
#define VERSION_MOST UINT64_C(999999999999999999) /* eighteen digits, as the catalog has them */

static const struct {
    enum method method;
    const char *path;
    unsigned roles;
    bool body;
} routes[ROUTE_COUNT] = {
#define X(id, method, path, roles, body) {METHOD_##method, path, roles, body},
    ROUTE_TABLE(X)
#undef X
};

bool route_takes_body(enum route r)
{
    return routes[r].body;
}

bool route_is_management(enum route r)
{
    return !(routes[r].roles & ROLE_DATA);
}

bool route_publishes(enum route r)
{
    return r == ROUTE_PUBLISH || r == ROUTE_VERSIONS || r == ROUTE_ROLLBACK || r == ROUTE_DROP;
}

void route_path(enum route r, const char *model, char *out, size_t cap)
{
    static const char mark[] = "<name>";
    const char *at = strstr(routes[r].path, mark);
    if (at) {
        const char *behind = at + sizeof(mark) - 1;
        snprintf(out, cap, "%.*s%s%.*s", (int)(at - routes[r].path), routes[r].path, model,
                 (int)strcspn(behind, "<"), behind);
    } else {
        snprintf(out, cap, "%s", routes[r].path);
    }
}

/* The byte that an escape at p (three bytes) stands for; -1 when it may not stand here. */
static int unescape(const char *p, bool slash)
{
    int high = hex_value((unsigned char)p[1]), low = hex_value((unsigned char)p[2]);
    if (high < 0 || low < 0)
        return -1;
    int c = high << 4 | low;
    return c == '/' && !slash ? -1 : c;
}

enum status percent_decode(struct span s, bool slash, char *out, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        int c = (unsigned char)s.p[i];
        if (c == '%') {
            c = s.n - i >= 3 ? unescape(s.p + i, slash) : -1;
            i += 2;
        }
        if (c < 0x20 || c >= 0x7f)
            return E_BAD_INPUT;
        if (n + 1 >= cap)
            return E_TOO_LARGE;
        out[n++] = (char)c;
    }
    out[n] = 0;
    return OK;
}

enum status query_get(struct span query, const char *key, char *out, size_t cap)
{
    struct span pair;
    size_t n = strlen(key);
    while (span_split(&query, '&', &pair))
        if (pair.n > n && memcmp(pair.p, key, n) == 0 && pair.p[n] == '=')
            return percent_decode(span_of(pair.p + n + 1, pair.n - n - 1), true, out, cap);
    return E_NOT_FOUND;
}

/* A path's segments: what stands between slashes, undecoded. */
struct segments {
    struct span at[SEGMENTS_MAX];
    int count; /* SEGMENTS_MAX + 1: more than any route has */
};

static struct segments split(struct span path)
{
    struct segments s = {.count = 0};
    struct span rest = span_of(path.p + 1, path.n - 1);
    while (rest.p && s.count <= SEGMENTS_MAX) {
        const char *slash = memchr(rest.p, '/', rest.n);
        size_t n = slash ? (size_t)(slash - rest.p) : rest.n;
        if (s.count < SEGMENTS_MAX)
            s.at[s.count] = span_of(rest.p, n);
        s.count++;
        rest = slash ? span_of(slash + 1, rest.n - n - 1) : span_of(NULL, 0);
    }
    return s;
}

/* What a path is before the method decides: a set of routes and the segments of the name. */
struct shape {
    enum route first, last; /* rows of the table, first..last; they lie together */
    int name, names;        /* index of the name's first segment, how many it has */
    int version;            /* index of a version's segment; 0: it has none */
};

static bool find_shape(const struct segments *s, struct shape *out)
{
    static const struct {
        const char *word;
        enum route route;
    } single[] = {{"ping", ROUTE_PING},
                  {"ready", ROUTE_READY},
                  {"metrics", ROUTE_METRICS},
                  {"tenants", ROUTE_TENANTS},
                  {"cache", ROUTE_CACHE}};
    for (size_t i = 0; s->count == 1 && i < ARRAY_COUNT(single); i++)
        if (span_is(s->at[0], single[i].word)) {
            *out = (struct shape){single[i].route, single[i].route, 0, 0, 0};
            return true;
        }
    if (s->count > SEGMENTS_MAX || !span_is(s->at[0], "models"))
        return false;
    if (s->count == 1) {
        *out = (struct shape){ROUTE_LIST, ROUTE_LOAD, 0, 0, 0};
        return true;
    }
    struct span end = s->at[s->count - 1];
    static const struct {
        const char *word;
        enum route route;
    } verbs[] = {{"invoke", ROUTE_INVOKE},     {"prefetch", ROUTE_PREFETCH},
                 {"pin", ROUTE_PIN},           {"unpin", ROUTE_UNPIN},
                 {"versions", ROUTE_VERSIONS}, {"rollback", ROUTE_ROLLBACK}};
    for (size_t i = 0; s->count > 2 && s->count <= 4 && i < ARRAY_COUNT(verbs); i++)
        if (span_is(end, verbs[i].word)) {
            *out = (struct shape){verbs[i].route, verbs[i].route, 1, s->count - 2, 0};
            return true;
        }
    if (s->count >= 4 && span_is(s->at[s->count - 2], "versions")) {
        *out = (struct shape){ROUTE_DROP, ROUTE_DROP, 1, s->count - 3, s->count - 1};
        return true;
    }
    *out = (struct shape){ROUTE_SHOW, ROUTE_UNLOAD, 1, s->count - 1, 0};
    return s->count <= 3 && !(s->count == 3 && catalog_is_verb(end.p, end.n));
}

static enum status read_name(const struct segments *s, const struct shape *shape,
                             char out[MODEL_NAME_MAX + 1], struct err *err)
{
    char text[2 * SEGMENT_BYTES + 1];
    size_t len = 0;
    for (int i = 0; i < shape->names; i++) {
        if (i)
            text[len++] = '/';
        if (percent_decode(s->at[shape->name + i], false, text + len, SEGMENT_BYTES) != OK)
            return err_set(err, E_BAD_INPUT,
                           "a model's name has one or two segments of [A-Za-z0-9._-], 1 to 128 "
                           "bytes each");
        len += strlen(text + len);
    }
    return catalog_name(text, len, out, err);
}

/* The version that the shape's path names; 0: it names none. */
static enum status read_version(const struct segments *s, const struct shape *shape, uint64_t *out,
                                struct err *err)
{
    const struct span text = s->at[shape->version];
    *out = 0;
    if (!shape->version)
        return OK;
    if (!span_decimal(text, VERSION_MOST, out) || !*out || text.p[0] == '0')
        return err_set(err, E_BAD_INPUT, "a version is a whole number from 1");
    return OK;
}

/* The methods of the shape's rows that these roles serve, as Allow writes them. */
static const char *allow_of(const struct shape *shape, unsigned roles)
{
    enum { GET = 1, POST = 2, DELETE = 4, PUT = 8 };
    static const struct {
        enum method method;
        unsigned bit;
    } bits[] = {{METHOD_GET, GET}, {METHOD_POST, POST}, {METHOD_DELETE, DELETE}, {METHOD_PUT, PUT}};
    static const char *const texts[] = {[0] = "",
                                        [GET] = "GET, HEAD",
                                        [POST] = "POST",
                                        [GET | POST] = "GET, HEAD, POST",
                                        [DELETE] = "DELETE",
                                        [GET | PUT | DELETE] = "GET, HEAD, PUT, DELETE"};
    unsigned mask = 0;
    for (int i = (int)shape->first; i <= (int)shape->last; i++)
        for (size_t k = 0; k < ARRAY_COUNT(bits); k++)
            if (routes[i].roles & roles && routes[i].method == bits[k].method)
                mask |= bits[k].bit;
    ASSERT(mask < ARRAY_COUNT(texts) && texts[mask]);
    return texts[mask];
}

static enum status unknown_path(struct err *err)
{
    return err_set(err, E_NOT_FOUND, "no such path");
}

enum status route_match(struct span path, enum method m, unsigned roles, struct routed *out,
                        struct err *err)
{
    struct segments s = split(path);
    struct shape shape;
    out->model[0] = 0;
    out->allow = NULL;
    out->version = 0;
    if (!find_shape(&s, &shape))
        return unknown_path(err);
    const char *allow = allow_of(&shape, roles);
    if (!*allow)
        return unknown_path(err); /* served, but not by this listener */
    int row = (int)shape.first;
    while (row <= (int)shape.last &&
           !(routes[row].roles & roles &&
             (routes[row].method == m || (m == METHOD_HEAD && routes[row].method == METHOD_GET))))
        row++;
    if (row > (int)shape.last) {
        out->allow = allow;
        return err_set(err, E_METHOD, "the path does not take this method");
    }
    out->route = (enum route)row;
    enum status st = shape.names ? read_name(&s, &shape, out->model, err) : OK;
    return st == OK ? read_version(&s, &shape, &out->version, err) : st;
}
