/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* libcurl, told to speak plain HTTP to the named address only: no proxies, no redirects. */
#include "cli/client.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "catalog/catalog.h"

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

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
    char line[CLIENT_HEADER_MAX];
    if (!value)
        return true;
    snprintf(line, sizeof(line), "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer)
        *list = longer;
    return longer != NULL;
}

static CURLcode set_up(CURL *curl, const struct client_request *r, const char *url,
                       struct curl_slist *headers, struct client_reply *out)
{
    CURLcode e = curl_easy_setopt(curl, CURLOPT_URL, url);
    if (e == CURLE_OK)
        e = curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (e == CURLE_OK)
        e = curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, r->method);
    if (e == CURLE_OK && r->body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_bytes);
        e = curl_easy_setopt(curl, CURLOPT_POSTFIELDS, r->body);
    }
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, out);
    return e;
}

static enum status explain(CURLcode e, const struct client_request *r, struct err *err)
{
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
        return err_set(err, E_IO, "asking %.100s: %s", r->server, curl_easy_strerror(e));
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
    struct curl_slist *headers = NULL;
    CURL *curl = curl_easy_init();
    CURLcode e = CURLE_OUT_OF_MEMORY;
    if (curl && add_header(&headers, "content-type", r->content_type) &&
        add_header(&headers, "accept", r->accept) && add_header(&headers, "expect", ""))
        e = set_up(curl, r, url, headers, out);
    if (e == CURLE_OK)
        e = curl_easy_perform(curl);
    if (e == CURLE_OK)
        e = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out->status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return explain(e, r, err);
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
