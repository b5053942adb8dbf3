/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A state per byte of framing; data bytes are handed over in runs. A line must end with CR LF, a
 * size is 1 to 12 hexadecimal digits without anything before them, and each trailer line is a field
 * name, a colon and a value. */
#include "http/chunked.h"

#include "http/span.h"

enum {
    SIZE,        /* digits of a size */
    EXTENSION,   /* behind ';' or blanks, up to CR */
    SIZE_LF,     /* LF of the size line */
    DATA,        /* in the data */
    DATA_CR,     /* CR behind the data */
    DATA_LF,     /* LF behind the data */
    LINE_START,  /* first byte of a trailer line, or the final CR */
    TRAILER_KEY, /* in a trailer's name */
    TRAILER,     /* in a trailer's value */
    TRAILER_LF,  /* LF of a trailer line */
    FINAL_LF,    /* the very last LF */
    DONE,
    FAILED,
};

void chunked_init(struct chunked *d, uint64_t max)
{
    *d = (struct chunked){.state = SIZE, .max = max};
}

static int in_size(struct chunked *d, unsigned char c)
{
    int v = hex_value(c);
    if (v >= 0) {
        if (++d->digits > CHUNK_DIGITS_MAX)
            return FAILED;
        d->size = d->size << 4 | (unsigned)v;
        return SIZE;
    }
    if (!d->digits)
        return FAILED;
    return c == '\r' ? SIZE_LF : c == ';' ? EXTENSION : FAILED;
}

/* The size line is whole: what follows it? */
static int after_size(struct chunked *d)
{
    uint64_t size = d->size;
    d->size = d->digits = d->line = 0;
    d->left = size;
    d->total += size; /* below 2^48 each, and checked against max before the next */
    return size ? DATA : LINE_START;
}

static int in_trailer(const struct chunked *d, unsigned char c)
{
    switch (d->state) {
    case LINE_START:
        if (c == '\r')
            return FINAL_LF;
        return char_class[c] & CHAR_TOKEN ? TRAILER_KEY : FAILED;
    case TRAILER_KEY:
        if (c == ':')
            return TRAILER;
        return char_class[c] & CHAR_TOKEN ? TRAILER_KEY : FAILED;
    case TRAILER:
        if (c == '\r')
            return TRAILER_LF;
        return char_class[c] & CHAR_VALUE ? TRAILER : FAILED;
    default: /* TRAILER_LF */
        return c == '\n' ? LINE_START : FAILED;
    }
}

static int next_state(struct chunked *d, unsigned char c)
{
    switch (d->state) {
    case SIZE:
        return in_size(d, c);
    case EXTENSION:
        return c == '\r' ? SIZE_LF : char_class[c] & CHAR_VALUE ? EXTENSION : FAILED;
    case SIZE_LF:
        return c == '\n' ? after_size(d) : FAILED;
    case DATA_CR:
        return c == '\r' ? DATA_LF : FAILED;
    case DATA_LF:
        return c == '\n' ? SIZE : FAILED;
    case FINAL_LF:
        return c == '\n' ? DONE : FAILED;
    case LINE_START:
    case TRAILER_KEY:
    case TRAILER:
    case TRAILER_LF:
        return in_trailer(d, c);
    default:
        return FAILED;
    }
}

static bool line_too_long(struct chunked *d)
{
    if (d->state <= SIZE_LF)
        return ++d->line > CHUNK_LINE_MAX;
    if (d->state >= LINE_START)
        return ++d->trailer > CHUNK_TRAILER_MAX;
    return false;
}

enum chunk_step chunked_next(struct chunked *d, const char *p, size_t n, size_t *used, size_t *data)
{
    *used = *data = 0;
    while (d->state != DONE && d->state != FAILED) {
        if (d->total > d->max)
            return CHUNK_TOO_LARGE;
        if (*used == n)
            return CHUNK_MORE;
        if (d->state == DATA) {
            *data = MIN(d->left, n - *used);
            d->left -= *data;
            d->state = d->left ? DATA : DATA_CR;
            return CHUNK_DATA;
        }
        if (line_too_long(d))
            d->state = FAILED;
        else
            d->state = next_state(d, (unsigned char)p[(*used)++]);
    }
    return d->state == DONE ? CHUNK_END : CHUNK_BAD;
}
