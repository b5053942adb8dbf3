/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* libcurl (store/curl_door.h), told to speak plain HTTP to the named address only: no proxies, no
 * redirects. */
#include "cli/client.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "catalog/catalog.h"
#include "store/curl_door.h"

enum { REPLY_MAX_BYTES = 1 << 30, CONNECT_MS = 5000 };

const char *client_server(const struct args *a)
{
    const char *server = args_get(a, "server");
    if (!server)
        server = getenv("ROOST_SERVER");
    return server && *server ? server : "127.0.0.1:8080";
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct client_reply *r = arg;
    return buf_add(&r->body, p, size * n) == OK ? size * n : 0;
}

/* Copies the value of "name: value\r\n" when the line is that header. */
static void keep_header(const char *line, size_t n, const char *name, char *out)
{
    size_t len = strlen(name);
    if (n <= len || strncasecmp(line, name, len) != 0 || line[len] != ':')
        return;
    const char *p = line + len + 1, *end = line + n;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    while (end > p && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
        end--;
    snprintf(out, CLIENT_HEADER_MAX, "%.*s", (int)MIN(end - p, CLIENT_HEADER_MAX - 1), p);
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
    struct client_reply *r = arg;
    keep_header(p, size * n, "server-timing", r->timing);
    keep_header(p, size * n, "x-roost-cache", r->cache);
    keep_header(p, size * n, "x-request-id", r->request_id);
    return size * n;
}

/* One request under way. */
struct ask {
    const struct curl_door *c;
    const struct client_request *r;
    struct client_reply *out;
    CURL *curl;
    struct curl_slist *headers;
    uint64_t sent; /* of a file */
};

static size_t on_send(char *p, size_t size, size_t n, void *arg)
{
    struct ask *a = arg;
    ssize_t got =
        pread(a->r->body_fd, p, (size_t)MIN(size * n, a->r->body_bytes - a->sent), (off_t)a->sent);
    if (got < 0)
        return CURL_READFUNC_ABORT;
    a->sent += (uint64_t)got;
    if (a->r->shown)
        progress_to(a->r->shown, a->sent);
    return (size_t)got;
}

/* A file goes as it is read; one that ends early ends the request. */
static CURLcode set_up_file(struct ask *a)
{
    __typeof__(a->c->easy_setopt) set = a->c->easy_setopt;
    CURLcode e = set(a->curl, CURLOPT_UPLOAD, 1L);
    set(a->curl, CURLOPT_READFUNCTION, on_send);
    set(a->curl, CURLOPT_READDATA, a);
    set(a->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)a->r->body_bytes);
    return e;
}

static bool add_header(struct ask *a, const char *name, const char *value)
{
    char line[CLIENT_HEADER_MAX];
    if (!value)
        return true;
    snprintf(line, sizeof(line), "%s: %s", name, value);
    struct curl_slist *longer = a->c->slist_append(a->headers, line);
    if (longer)
        a->headers = longer;
    return longer != NULL;
}

static CURLcode set_up(struct ask *a, const char *url)
{
    const struct client_request *r = a->r;
    __typeof__(a->c->easy_setopt) set = a->c->easy_setopt;
    CURLcode e = set(a->curl, CURLOPT_URL, url);
    if (e == CURLE_OK)
        e = set(a->curl, CURLOPT_HTTPHEADER, a->headers);
    if (e == CURLE_OK)
        e = set(a->curl, CURLOPT_CUSTOMREQUEST, r->method);
    if (e == CURLE_OK && r->body) {
        set(a->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_bytes);
        e = set(a->curl, CURLOPT_POSTFIELDS, r->body);
    } else if (e == CURLE_OK && r->body_bytes) {
        e = set_up_file(a);
    }
    set(a->curl, CURLOPT_PROTOCOLS_STR, "http");
    set(a->curl, CURLOPT_NOPROXY, "*");
    set(a->curl, CURLOPT_NOSIGNAL, 1L);
    set(a->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    set(a->curl, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
    set(a->curl, CURLOPT_WRITEFUNCTION, on_body);
    set(a->curl, CURLOPT_WRITEDATA, a->out);
    set(a->curl, CURLOPT_HEADERFUNCTION, on_header);
    set(a->curl, CURLOPT_HEADERDATA, a->out);
    return e;
}

static enum status explain(const struct ask *a, CURLcode e, struct err *err)
{
    const struct client_request *r = a->r;
    switch (e) {
    case CURLE_OK:
        return OK;
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        return err_set(err, E_UNREACHABLE,
                       "no server answers at %.100s; start one with `roost serve`", r->server);
    case CURLE_OPERATION_TIMEDOUT:
        return err_set(err, E_TIMEOUT, "the server at %.100s did not answer in time", r->server);
    case CURLE_OUT_OF_MEMORY:
        return err_set(err, E_NO_MEMORY, "out of memory");
    case CURLE_URL_MALFORMAT:
        return err_set(err, E_USAGE, "'%.100s' is no address: write HOST:PORT", r->server);
    default:
        return err_set(err, E_IO, "asking %.100s: %s", r->server, a->c->easy_strerror(e));
    }
}

enum status client_call(const struct client_request *r, struct client_reply *out, struct err *err)
{
    *out = (struct client_reply){.status = 0};
    buf_init(&out->body, REPLY_MAX_BYTES);
    char url[1024];
    int n = snprintf(url, sizeof(url), "http://%s%s", r->server, r->path);
    if (n < 0 || (size_t)n >= sizeof(url))
        return err_set(err, E_USAGE, "the address or the name is too long");
    struct ask a = {.r = r, .out = out};
    enum status s = curl_door_open(&a.c, err);
    if (s != OK)
        return s;
    a.curl = a.c->easy_init();
    CURLcode e = CURLE_OUT_OF_MEMORY;
    if (a.curl && add_header(&a, "content-type", r->content_type) &&
        add_header(&a, "accept", r->accept) && add_header(&a, "expect", ""))
        e = set_up(&a, url);
    if (e == CURLE_OK)
        e = a.c->easy_perform(a.curl);
    if (e == CURLE_OK)
        e = a.c->easy_getinfo(a.curl, CURLINFO_RESPONSE_CODE, &out->status);
    a.c->slist_free_all(a.headers);
    a.c->easy_cleanup(a.curl);
    return explain(&a, e, err);
}

enum status client_model_path(const char *name, const char *after, char *out, size_t size,
                              struct err *err)
{
    char proved[MODEL_NAME_MAX + 1];
    if (catalog_name(name, strlen(name), proved, err) != OK) {
        err->code = E_USAGE;
        return E_USAGE;
    }
    snprintf(out, size, "/models/%s%s", proved, after);
    return OK;
}

void client_reply_fini(struct client_reply *r)
{
    buf_fini(&r->body);
}

/* Which status an HTTP code means to a verb: only its exit status follows from it. */
static enum status status_of(long http)
{
    if (http == 404)
        return E_NOT_FOUND;
    if (http == 409)
        return E_EXISTS;
    if (http == 507)
        return E_NEVER_FITS;
    return http >= 500 ? E_INTERNAL : E_BAD_INPUT;
}

enum status client_check(const struct client_reply *r, struct err *err)
{
    if (r->status >= 200 && r->status < 300)
        return OK;
    cJSON *root =
        r->body.len ? cJSON_ParseWithLength((const char *)r->body.data, r->body.len) : NULL;
    const cJSON *words = cJSON_GetObjectItemCaseSensitive(root, "error");
    enum status s =
        err_set(err, status_of(r->status), "%s (HTTP %ld)",
                cJSON_IsString(words) ? words->valuestring : "the server refused", r->status);
    cJSON_Delete(root);
    return s;
}
