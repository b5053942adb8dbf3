/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A pull reader of tags and texts, and above it the walk over the elements of a page. An element is
 * known by its name and depth; attributes and name-space prefixes are passed over. */
#include "store/s3_xml.h"

#include <string.h>

#include "store/credentials_priv.h"

enum { NAME_BYTES_MAX = 48, ENTITY_BYTES_MAX = 8 };

enum token { TOKEN_OPEN, TOKEN_CLOSE, TOKEN_TEXT, TOKEN_END, TOKEN_BAD };

struct reader {
    const char *p, *end;
    const char *text; /* of TOKEN_TEXT, raw */
    size_t text_n;
    char name[NAME_BYTES_MAX]; /* of TOKEN_OPEN and TOKEN_CLOSE; cut to its size */
    bool close_follows;        /* <name/>: the next token is its TOKEN_CLOSE */
};

static const char *find(const char *p, const char *end, const char *what)
{
    return memmem(p, (size_t)(end - p), what, strlen(what));
}

/* Where the tag that begins at p ends: behind quoted attributes. NULL without an end. */
static const char *tag_end(const char *p, const char *end)
{
    char quote = 0;
    for (; p < end; p++) {
        if (quote ? *p == quote : *p == '"' || *p == '\'')
            quote = quote ? 0 : *p;
        else if (!quote && *p == '>')
            return p;
    }
    return NULL;
}

static void take_name(struct reader *r, const char *p, const char *end)
{
    size_t n = 0;
    const char *at = p;
    while (at < end && !strchr(" \t\r\n/", *at))
        at++;
    const char *colon = memchr(p, ':', (size_t)(at - p));
    if (colon)
        p = colon + 1;
    n = MIN((size_t)(at - p), sizeof(r->name) - 1);
    memcpy(r->name, p, n);
    r->name[n] = 0;
}

/* At '<'. */
static enum token read_tag(struct reader *r)
{
    const char *at = r->p + 1, *end = tag_end(at, r->end);
    if (!end || at == end || *at == '!')
        return TOKEN_BAD;
    r->p = end + 1;
    if (*at == '/') {
        take_name(r, at + 1, end);
        return TOKEN_CLOSE;
    }
    take_name(r, at, end);
    r->close_follows = end[-1] == '/';
    return TOKEN_OPEN;
}

/* Passes over "<?...?>" and "<!--...-->"; false when one of them has no end. */
static bool skip_remarks(struct reader *r)
{
    for (;;) {
        const char *stop;
        size_t left = (size_t)(r->end - r->p);
        if (left >= 2 && memcmp(r->p, "<?", 2) == 0)
            stop = "?>";
        else if (left >= 4 && memcmp(r->p, "<!--", 4) == 0)
            stop = "-->";
        else
            return true;
        const char *at = find(r->p + 2, r->end, stop);
        if (!at)
            return false;
        r->p = at + strlen(stop);
    }
}

static enum token next(struct reader *r)
{
    if (r->close_follows) {
        r->close_follows = false;
        return TOKEN_CLOSE;
    }
    if (!skip_remarks(r))
        return TOKEN_BAD;
    if (r->p == r->end)
        return TOKEN_END;
    if (*r->p == '<')
        return read_tag(r);
    const char *end = memchr(r->p, '<', (size_t)(r->end - r->p));
    r->text = r->p;
    r->p = end ? end : r->end;
    r->text_n = (size_t)(r->p - r->text);
    return TOKEN_TEXT;
}

/* The byte that "&...;" stands for; 0 when it is none of the five or a number of one ASCII byte.
 * *n becomes the entity's length. */
static char entity(const char *p, size_t left, size_t *n)
{
    static const struct {
        const char *name;
        char byte;
    } named[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    for (size_t i = 0; i < ARRAY_COUNT(named); i++) {
        *n = strlen(named[i].name);
        if (*n <= left && memcmp(p, named[i].name, *n) == 0)
            return named[i].byte;
    }
    const char *semi = memchr(p, ';', MIN(left, (size_t)ENTITY_BYTES_MAX));
    unsigned value = 0, base = left > 3 && p[2] == 'x' ? 16 : 10;
    if (!semi || left < 4 || p[1] != '#')
        return 0;
    for (const char *d = p + (base == 16 ? 3 : 2); d < semi; d++) {
        const char *digits = "0123456789abcdef", *lower = strchr(digits, *d | 0x20);
        if (!*d || !lower || (unsigned)(lower - digits) >= base)
            return 0;
        value = value * base + (unsigned)(lower - digits);
    }
    *n = (size_t)(semi - p) + 1;
    return value < 128 ? (char)value : 0;
}

/* Appends the text to out; false when it does not fit or holds an entity that is not known. */
static bool add_text(const struct reader *r, char *out, size_t size)
{
    size_t len = strlen(out);
    for (size_t i = 0; i < r->text_n;) {
        size_t n = 1;
        char c = r->text[i];
        if (c == '&')
            c = entity(r->text + i, r->text_n - i, &n);
        if (!c || len + 1 >= size)
            return false;
        out[len++] = c;
        out[len] = 0;
        i += n;
    }
    return true;
}

bool s3_tag(const char *text, size_t n, char out[STORE_TAG_MAX])
{
    if (n >= 2 && text[0] == '"' && text[n - 1] == '"') {
        text++;
        n -= 2;
    }
    if (!n || n >= STORE_TAG_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        if (text[i] <= ' ' || text[i] > '~' || text[i] == '"')
            return false;
    memcpy(out, text, n);
    out[n] = 0;
    return true;
}

/* A page under way: of objects, or of uploads. */
struct walk {
    struct reader r;
    const char *root;                                       /* the document's */
    enum status (*end_of)(struct walk *w, struct err *err); /* the innermost open element ends */
    struct s3_page *page;
    s3_entry_fn *fn;
    struct s3_entry entry;
    struct s3_uploads_page *uploads_page;
    s3_upload_fn *upload_fn;
    struct s3_upload upload;
    void *arg;
    char names[S3_XML_DEPTH_MAX][NAME_BYTES_MAX]; /* of the open elements */
    size_t depth;
    char text[S3_XML_TEXT_MAX]; /* of the innermost open element */
    bool overlong;              /* it did not fit */
};

static bool number(const char *s, uint64_t *out)
{
    uint64_t v = 0;
    if (!*s)
        return false;
    for (; *s; s++) {
        if (*s < '0' || *s > '9' || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
            return false;
    }
    *out = v;
    return true;
}

static enum status bad(struct err *err, const char *what)
{
    return err_set(err, E_STORE, "a listing that makes no sense: %s", what);
}

/* what: for messages, should the text not fit */
static enum status take_text(const struct walk *w, char *out, size_t size, const char *what,
                             struct err *err)
{
    size_t n = strlen(w->text);
    if (w->overlong || n >= size)
        return err_set(err, E_STORE, "a listing that makes no sense: %s is too long", what);
    memcpy(out, w->text, n + 1);
    return OK;
}

static enum status take_key(struct walk *w, struct err *err)
{
    return take_text(w, w->entry.key, sizeof(w->entry.key), "a key", err);
}

/* When something was written or begun, in ms; what is no time changes nothing. */
static void take_time(const struct walk *w, uint64_t *ms)
{
    uint64_t s = 0;
    if (!w->overlong && credentials_time(w->text, &s))
        *ms = s * 1000;
}

/* A child of <Contents>. */
static enum status end_of_field(struct walk *w, const char *name, struct err *err)
{
    struct store_object *o = &w->entry.object;
    if (strcmp(name, "Key") == 0)
        return take_key(w, err);
    if (strcmp(name, "Size") == 0 && (w->overlong || !number(w->text, &o->bytes)))
        return bad(err, "a size is no number");
    if (strcmp(name, "ETag") == 0 && (w->overlong || !s3_tag(w->text, strlen(w->text), o->tag)))
        return bad(err, "an ETag is none");
    if (strcmp(name, "LastModified") == 0)
        take_time(w, &o->modified_ms);
    return OK;
}

static enum status end_of_entry(struct walk *w, bool is_prefix, struct err *err)
{
    if (!*w->entry.key)
        return bad(err, "an entry without a key");
    w->entry.is_prefix = is_prefix;
    w->entry.object.settled = true;
    if (is_prefix)
        w->entry.object = (struct store_object){0};
    return w->fn(w->arg, &w->entry);
}

/* In a <ListBucketResult>. */
static enum status end_in_objects(struct walk *w, struct err *err)
{
    const char *name = w->names[w->depth - 1];
    const char *parent = w->depth == 3 ? w->names[1] : "";
    if (w->depth == 2 && strcmp(name, "IsTruncated") == 0)
        w->page->truncated = strcmp(w->text, "true") == 0;
    else if (w->depth == 2 && strcmp(name, "NextContinuationToken") == 0)
        return take_text(w, w->page->next, sizeof(w->page->next), "its continuation", err);
    else if (w->depth == 2 && strcmp(name, "Contents") == 0)
        return end_of_entry(w, false, err);
    else if (w->depth == 2 && strcmp(name, "CommonPrefixes") == 0)
        return end_of_entry(w, true, err);
    else if (strcmp(parent, "Contents") == 0)
        return end_of_field(w, name, err);
    else if (strcmp(parent, "CommonPrefixes") == 0 && strcmp(name, "Prefix") == 0)
        return take_key(w, err);
    return OK;
}

/* A child of <Upload>. */
static enum status end_of_upload_field(struct walk *w, const char *name, struct err *err)
{
    struct s3_upload *u = &w->upload;
    if (strcmp(name, "Key") == 0)
        return take_text(w, u->key, sizeof(u->key), "a key", err);
    if (strcmp(name, "UploadId") == 0)
        return take_text(w, u->id, sizeof(u->id), "an upload's id", err);
    if (strcmp(name, "Initiated") == 0)
        take_time(w, &u->began_ms);
    return OK;
}

/* In a <ListMultipartUploadsResult>. */
static enum status end_in_uploads(struct walk *w, struct err *err)
{
    struct s3_uploads_page *page = w->uploads_page;
    const char *name = w->names[w->depth - 1];
    if (w->depth == 3 && strcmp(w->names[1], "Upload") == 0)
        return end_of_upload_field(w, name, err);
    if (w->depth != 2)
        return OK;
    if (strcmp(name, "IsTruncated") == 0)
        page->truncated = strcmp(w->text, "true") == 0;
    else if (strcmp(name, "NextKeyMarker") == 0)
        return take_text(w, page->key, sizeof(page->key), "its continuation", err);
    else if (strcmp(name, "NextUploadIdMarker") == 0)
        return take_text(w, page->id, sizeof(page->id), "its continuation", err);
    else if (strcmp(name, "Upload") == 0)
        return *w->upload.key && *w->upload.id ? w->upload_fn(w->arg, &w->upload)
                                               : bad(err, "an upload without a key or an id");
    return OK;
}

static enum status open_element(struct walk *w, struct err *err)
{
    if (w->depth == S3_XML_DEPTH_MAX)
        return bad(err, "it is nested too deep");
    if (w->depth == 0 && strcmp(w->r.name, w->root) != 0)
        return err_set(err, E_STORE, "a listing that makes no sense: it is no %s", w->root);
    memcpy(w->names[w->depth++], w->r.name, sizeof(w->r.name));
    if (w->depth == 2) {
        memset(&w->entry, 0, sizeof(w->entry));
        memset(&w->upload, 0, sizeof(w->upload));
    }
    w->text[0] = 0;
    w->overlong = false;
    return OK;
}

static enum status close_element(struct walk *w, struct err *err)
{
    if (!w->depth || strcmp(w->names[w->depth - 1], w->r.name) != 0)
        return bad(err, "its tags do not match");
    enum status s = w->end_of(w, err);
    w->depth--;
    w->text[0] = 0;
    w->overlong = false;
    return s;
}

static enum status walk_all(struct walk *w, struct err *err)
{
    bool any = false;
    for (;;) {
        enum status s = OK;
        switch (next(&w->r)) {
        case TOKEN_OPEN:
            if (any && !w->depth)
                return bad(err, "something follows its end");
            any = true;
            s = open_element(w, err);
            break;
        case TOKEN_CLOSE:
            s = close_element(w, err);
            break;
        case TOKEN_TEXT:
            w->overlong |= !add_text(&w->r, w->text, sizeof(w->text));
            break;
        case TOKEN_END:
            return any && !w->depth ? OK : bad(err, "it ends too soon");
        default:
            return bad(err, "it is no XML that is read here");
        }
        if (s != OK)
            return s;
    }
}

enum status s3_xml_list(const char *xml, size_t n, struct s3_page *page, s3_entry_fn *fn, void *arg,
                        struct err *err)
{
    struct walk w = {.r = {.p = xml, .end = xml + n},
                     .root = "ListBucketResult",
                     .end_of = end_in_objects,
                     .page = page,
                     .fn = fn,
                     .arg = arg};
    *page = (struct s3_page){.truncated = false};
    enum status s = walk_all(&w, err);
    if (s == OK && page->truncated && !*page->next)
        return bad(err, "it goes on and does not say where");
    return s;
}

enum status s3_xml_uploads(const char *xml, size_t n, struct s3_uploads_page *page,
                           s3_upload_fn *fn, void *arg, struct err *err)
{
    struct walk w = {.r = {.p = xml, .end = xml + n},
                     .root = "ListMultipartUploadsResult",
                     .end_of = end_in_uploads,
                     .uploads_page = page,
                     .upload_fn = fn,
                     .arg = arg};
    *page = (struct s3_uploads_page){.truncated = false};
    enum status s = walk_all(&w, err);
    if (s == OK && page->truncated && !*page->key)
        return bad(err, "it goes on and does not say where");
    return s;
}

/* Is it a word of letters, as error codes are? */
static bool is_word(const char *s)
{
    if (!*s)
        return false;
    for (; *s; s++)
        if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9')))
            return false;
    return true;
}

/* What is looked for: the first <child> of a document's <root>. */
struct wanted {
    const char *root, *child;
    bool ended; /* set: its end was seen, and so all of it */
};

/* Its text; "" where there is none that fits. */
static void child_text(const char *xml, size_t n, struct wanted *w, char *out, size_t size)
{
    struct reader r = {.p = xml, .end = xml + n};
    size_t depth = 0;
    bool inside = false, good = true;
    enum token t;
    out[0] = 0;
    for (t = next(&r); t < TOKEN_END; t = next(&r)) {
        if (t == TOKEN_OPEN && ++depth == 1 && strcmp(r.name, w->root) != 0)
            break;
        if (t == TOKEN_CLOSE && (inside || !depth--))
            break;
        if (t == TOKEN_OPEN)
            inside = depth == 2 && strcmp(r.name, w->child) == 0;
        if (t == TOKEN_TEXT && inside)
            good &= add_text(&r, out, size);
    }
    w->ended = inside && t == TOKEN_CLOSE;
    if (!good)
        out[0] = 0;
}

void s3_xml_error(const char *xml, size_t n, char code[S3_CODE_MAX])
{
    struct wanted w = {.root = "Error", .child = "Code"};
    child_text(xml, n, &w, code, S3_CODE_MAX);
    if (!is_word(code)) /* one that is cut says enough */
        code[0] = 0;
}

bool s3_xml_begun(const char *xml, size_t n, char upload[S3_UPLOAD_MAX])
{
    struct wanted w = {.root = "InitiateMultipartUploadResult", .child = "UploadId"};
    child_text(xml, n, &w, upload, S3_UPLOAD_MAX);
    bool good = w.ended && *upload;
    for (const char *c = upload; good && *c; c++)
        good = *c > ' ' && *c <= '~';
    if (!good)
        upload[0] = 0;
    return good;
}

bool s3_xml_ended(const char *xml, size_t n)
{
    struct wanted w = {.root = "CompleteMultipartUploadResult", .child = "ETag"};
    char text[S3_XML_TEXT_MAX];
    child_text(xml, n, &w, text, sizeof(text));
    return w.ended;
}
