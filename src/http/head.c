/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Every rule here refuses what two readers could understand differently: whitespace before a colon,
 * folded lines, repeated framing fields, both framings at once, targets that are not plain paths.
 * A field's value is kept as a span; nothing is decoded here. */
#include "http/head.h"

#include <string.h>

static const char *const methods[METHOD_COUNT] = {
#define X(name) #name,
    METHOD_TABLE(X)
#undef X
};

static const char *const fields[FIELD_COUNT] = {
#define X(id, name) name,
    FIELD_TABLE(X)
#undef X
};

static const struct {
    int code;
    const char *text;
} refusals[REFUSAL_COUNT] = {{200, ""},
#define X(name, code, text) {code, text},
                             REFUSAL_TABLE(X)
#undef X
};

int refusal_code(enum refusal r)
{
    return refusals[r].code;
}

const char *refusal_text(enum refusal r)
{
    return refusals[r].text;
}

const char *method_text(enum method m)
{
    return methods[m];
}

enum head_state head_find(struct head_scan *s, const char *p, size_t n, size_t bytes_max,
                          uint32_t count_max, enum refusal *why)
{
    /* What cannot begin a method is no HTTP (TLS, say): no use in waiting for its end. */
    if (n && !(char_class[(unsigned char)p[0]] & CHAR_TOKEN)) {
        *why = REFUSE_LINE;
        return HEAD_BAD;
    }
    while (s->at < n) {
        const char *lf = memchr(p + s->at, '\n', n - s->at);
        if (!lf) {
            s->at = n;
            break;
        }
        size_t end = (size_t)(lf - p);
        s->at = end + 1;
        if (s->at > bytes_max)
            break;
        if (end == s->line || p[end - 1] != '\r') {
            *why = REFUSE_LINE_END;
            return HEAD_BAD;
        }
        if (end - 1 == s->line)
            return HEAD_WHOLE;
        s->line = s->at;
        if (++s->lines > count_max + 1) { /* and the request line */
            *why = REFUSE_HEAD_COUNT;
            return HEAD_BAD;
        }
    }
    *why = REFUSE_HEAD_BYTES;
    return s->at > bytes_max ? HEAD_BAD : HEAD_MORE;
}

static bool parse_method(struct span s, enum method *m)
{
    for (int i = 0; i < METHOD_COUNT; i++)
        if (span_is(s, methods[i])) {
            *m = (enum method)i;
            return true;
        }
    return false;
}

static enum refusal parse_version(struct span s, int *minor)
{
    if (s.n != 8 || !span_starts(s, "HTTP/") || !(char_class[(unsigned char)s.p[5]] & CHAR_DIGIT) ||
        s.p[6] != '.' || !(char_class[(unsigned char)s.p[7]] & CHAR_DIGIT))
        return REFUSE_LINE;
    if (s.p[5] != '1' || s.p[7] > '1')
        return REFUSE_VERSION;
    *minor = s.p[7] - '0';
    return REFUSE_NOTHING;
}

static bool escapes_are_whole(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '%')
            continue;
        if (s.n - i < 3 || hex_value((unsigned char)s.p[i + 1]) < 0 ||
            hex_value((unsigned char)s.p[i + 2]) < 0)
            return false;
        i += 2;
    }
    return true;
}

static enum refusal parse_target(struct span s, struct head *h)
{
    const char *mark = memchr(s.p, '?', s.n);
    h->path = span_of(s.p, mark ? (size_t)(mark - s.p) : s.n);
    h->query = mark ? span_of(mark + 1, s.n - h->path.n - 1) : span_of(NULL, 0);
    if (!h->path.n || h->path.p[0] != '/' || !span_all(h->path, CHAR_PATH) ||
        !span_all(h->query, CHAR_QUERY) || !escapes_are_whole(h->path) ||
        !escapes_are_whole(h->query))
        return REFUSE_TARGET;
    return REFUSE_NOTHING;
}

/* Exactly one space between the three parts: source: RFC 9112 3, without its leniency. */
static enum refusal parse_request_line(struct span s, struct head *h)
{
    const char *one = memchr(s.p, ' ', s.n);
    if (!one)
        return REFUSE_LINE;
    struct span method = span_of(s.p, (size_t)(one - s.p));
    struct span rest = span_of(one + 1, s.n - method.n - 1);
    const char *two = memchr(rest.p, ' ', rest.n);
    if (!two || !method.n || !span_all(method, CHAR_TOKEN))
        return REFUSE_LINE;
    struct span target = span_of(rest.p, (size_t)(two - rest.p));
    enum refusal r = parse_version(span_of(two + 1, rest.n - target.n - 1), &h->minor);
    if (r != REFUSE_NOTHING)
        return r;
    if (!parse_method(method, &h->method))
        return REFUSE_METHOD;
    return parse_target(target, h);
}

static void note_connection(struct span value, struct head *h)
{
    struct span token;
    while (span_split(&value, ',', &token)) {
        h->close = h->close || span_is_nocase(token, "close");
        h->keep = h->keep || span_is_nocase(token, "keep-alive");
    }
}

static enum refusal note_field(struct span name, struct span value, struct head *h)
{
    if (span_is_nocase(name, "connection")) {
        note_connection(value, h);
        return REFUSE_NOTHING;
    }
    if (span_is_nocase(name, "accept")) {
        if (h->accepts == ACCEPT_MAX)
            return REFUSE_TWICE;
        h->accept[h->accepts++] = value;
        return REFUSE_NOTHING;
    }
    for (int i = 0; i < FIELD_COUNT; i++) {
        if (!span_is_nocase(name, fields[i]))
            continue;
        if (h->field[i].p)
            return REFUSE_TWICE;
        h->field[i] = value;
        break;
    }
    return REFUSE_NOTHING;
}

static enum refusal parse_field(struct span line, struct head *h)
{
    if (line.p[0] == ' ' || line.p[0] == '\t')
        return REFUSE_FOLD;
    const char *colon = memchr(line.p, ':', line.n);
    if (!colon)
        return REFUSE_FIELD;
    struct span name = span_of(line.p, (size_t)(colon - line.p));
    struct span value = span_of(colon + 1, line.n - name.n - 1);
    if (!name.n || !span_all(name, CHAR_TOKEN) || !span_all(value, CHAR_VALUE))
        return REFUSE_FIELD;
    return note_field(name, span_trim(value), h);
}

/* source: RFC 9112 6.3, taking "may reject" as "must" everywhere */
static enum refusal check_framing(struct head *h)
{
    struct span length = h->field[FIELD_LENGTH], coding = h->field[FIELD_CODING];
    if (length.p && coding.p)
        return REFUSE_BOTH;
    if (length.p && !span_decimal(length, INT64_MAX, &h->length))
        return REFUSE_LENGTH;
    if (coding.p) {
        if (h->minor == 0)
            return REFUSE_CODING_10;
        if (!span_is(coding, "chunked"))
            return REFUSE_CODING;
        h->chunked = true;
    }
    return REFUSE_NOTHING;
}

/* host[:port], where host is a name, an IPv4 address or an IPv6 address in brackets. */
static bool is_host(struct span s)
{
    if (!s.n)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!(char_class[(unsigned char)c] & CHAR_PATH || c == '[' || c == ']') || c == '/' ||
            c == '@' || c == '%')
            return false;
    }
    return true;
}

static enum refusal check_meaning(struct head *h)
{
    struct span host = h->field[FIELD_HOST], expect = h->field[FIELD_EXPECT];
    if ((h->minor == 1 && !host.p) || (host.p && !is_host(host)))
        return REFUSE_HOST;
    enum refusal r = check_framing(h);
    if (r != REFUSE_NOTHING)
        return r;
    if (expect.p && h->minor == 1) { /* source: RFC 9110 10.1.1: HTTP/1.0's is ignored */
        if (!span_is_nocase(expect, "100-continue"))
            return REFUSE_EXPECT;
        h->expect_continue = h->chunked || h->length;
    }
    h->keep_alive = !h->close && (h->minor == 1 || h->keep);
    return REFUSE_NOTHING;
}

/* The next line of *rest without its CR LF; a CR elsewhere in it is refused by its class. */
static struct span next_line(struct span *rest)
{
    const char *lf = memchr(rest->p, '\n', rest->n);
    if (!lf)
        return span_of(NULL, 0);
    struct span line = span_of(rest->p, (size_t)(lf - rest->p));
    *rest = span_of(lf + 1, rest->n - line.n - 1);
    if (!line.n || line.p[line.n - 1] != '\r')
        return span_of(NULL, 0);
    line.n--;
    return line;
}

enum refusal head_parse(const char *p, size_t n, struct head *h)
{
    memset(h, 0, sizeof(*h));
    struct span rest = span_of(p, n);
    struct span line = next_line(&rest);
    enum refusal r = line.p ? parse_request_line(line, h) : REFUSE_LINE_END;
    while (r == REFUSE_NOTHING) {
        line = next_line(&rest);
        if (!line.p)
            return REFUSE_LINE_END;
        if (!line.n)
            return check_meaning(h);
        r = parse_field(line, h);
    }
    return r;
}
