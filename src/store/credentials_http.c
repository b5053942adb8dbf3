/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Credentials of the place where the process runs: the container's endpoint (ECS, EKS Pod Identity)
 * and the instance's metadata, version 2 with its session token. Both are on the machine or its
 * link, so they are asked without a proxy, with short timeouts, and their answers are small. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "metrics/metrics.h"
#include "store/credentials_priv.h"

enum { ASK_MS = 5000, CONNECT_MS = 1000, URL_MAX = 1024, LINE_MAX_BYTES = 4096, ROLE_MAX = 256 };

#define CONTAINER_HOST "http://169.254.170.2"
#define INSTANCE_HOST "http://169.254.169.254"
#define ROLES_PATH "/latest/meta-data/iam/security-credentials/"

/* One small request: a header of ours at most. */
struct ask {
    const struct curl_door *c;
    const char *method, *url;
    const char *header; /* "name: value"; "" none; never logged */
    struct buf *body;   /* bounded; wiped by the caller */
    long http;
};

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct ask *a = arg;
    return buf_add(a->body, p, size * n) == OK ? size * n : 0;
}

static CURLcode set_up(struct ask *a, CURL *h, struct curl_slist *headers)
{
    __typeof__(a->c->easy_setopt) set = a->c->easy_setopt;
    CURLcode e = set(h, CURLOPT_URL, a->url);
    if (e == CURLE_OK)
        e = set(h, CURLOPT_CUSTOMREQUEST, a->method);
    if (e == CURLE_OK)
        e = set(h, CURLOPT_NOPROXY, "*");
    if (e == CURLE_OK)
        e = set(h, CURLOPT_PROTOCOLS_STR, "http,https");
    if (e == CURLE_OK)
        e = set(h, CURLOPT_OPENSOCKETFUNCTION, curl_door_socket);
    set(h, CURLOPT_HTTPHEADER, headers);
    set(h, CURLOPT_NOSIGNAL, 1L);
    set(h, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    set(h, CURLOPT_TIMEOUT_MS, (long)ASK_MS);
    set(h, CURLOPT_WRITEFUNCTION, on_body);
    set(h, CURLOPT_WRITEDATA, a);
    return e;
}

/* The answer's body, NUL-terminated.  errors: E_STORE; E_NOT_FOUND for 404; E_NO_MEMORY */
static enum status ask(struct ask *a, const char *what, struct err *err)
{
    struct curl_slist *headers = NULL;
    CURL *h = a->c->easy_init();
    CURLcode e = CURLE_OUT_OF_MEMORY;
    metric_add(M_S3_CREDENTIALS, 1);
    if (h && *a->header)
        headers = a->c->slist_append(NULL, a->header);
    if (h && (headers || !*a->header))
        e = set_up(a, h, headers);
    if (e == CURLE_OK)
        e = a->c->easy_perform(h);
    if (e == CURLE_OK)
        e = a->c->easy_getinfo(h, CURLINFO_RESPONSE_CODE, &a->http);
    a->c->slist_free_all(headers);
    if (h)
        a->c->easy_cleanup(h);
    if (e == CURLE_OUT_OF_MEMORY || (e == CURLE_OK && buf_terminate(a->body) != OK))
        return err_set(err, E_NO_MEMORY, "credentials: out of memory");
    if (e != CURLE_OK)
        return err_set(err, E_STORE, "credentials of the %s: %s", what, a->c->easy_strerror(e));
    if (a->http == 404)
        return err_set(err, E_NOT_FOUND, "credentials of the %s: there are none", what);
    if (a->http != 200)
        return err_set(err, E_STORE, "credentials of the %s: HTTP %ld", what, a->http);
    return OK;
}

bool credentials_time(const char *text, uint64_t *out_s)
{
    struct tm tm = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest && *rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    if (!rest || strcmp(rest, "Z") != 0)
        return false;
    time_t t = timegm(&tm);
    if (t <= 0)
        return false;
    *out_s = (uint64_t)t;
    return true;
}

/* A member's text; false when it is no text or does not fit. */
static bool member(const cJSON *root, const char *name, char *out, size_t size)
{
    const cJSON *m = cJSON_GetObjectItemCaseSensitive(root, name);
    if (!cJSON_IsString(m) || strlen(m->valuestring) >= size)
        return false;
    memcpy(out, m->valuestring, strlen(m->valuestring) + 1);
    return true;
}

enum status credentials_json(const char *text, size_t n, struct credentials *out, struct err *err)
{
    char expires[64];
    cJSON *root = cJSON_ParseWithLength(text, n);
    bool good = member(root, "AccessKeyId", out->key_id, sizeof(out->key_id)) &&
                member(root, "SecretAccessKey", out->secret, sizeof(out->secret));
    bool token = good && cJSON_HasObjectItem(root, "Token");
    out->token[0] = 0;
    if (token)
        good = member(root, "Token", out->token, sizeof(out->token));
    bool limited = good && cJSON_HasObjectItem(root, "Expiration");
    out->expires_s = 0;
    if (limited)
        good = member(root, "Expiration", expires, sizeof(expires)) &&
               credentials_time(expires, &out->expires_s);
    cJSON_Delete(root);
    return good ? OK : err_set(err, E_STORE, "an answer that should be credentials is not");
}

static void forget(struct buf *b)
{
    if (b->cap)
        explicit_bzero(b->data, b->cap);
    buf_fini(b);
}

/* Plain HTTP only to the machine itself and the addresses that containers are given. */
static bool may_be_asked(const char *url)
{
    static const char *const plain[] = {"127.0.0.1",     "localhost",      "[::1]",
                                        "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
    if (strncasecmp(url, "https://", 8) == 0)
        return true;
    if (strncasecmp(url, "http://", 7) != 0)
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(plain); i++) {
        size_t n = strlen(plain[i]);
        if (strncasecmp(url + 7, plain[i], n) == 0 && strchr("/:", url[7 + n]))
            return !memchr(url + 7, '@', strcspn(url + 7, "/?#"));
    }
    return false;
}

/* "Authorization: ..." of the variable or of the file that another names; "" without either. */
static enum status container_token(char line[LINE_MAX_BYTES], struct err *err)
{
    const char *token = credentials_env("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    const char *path = credentials_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    struct buf text;
    enum status s = OK;
    line[0] = 0;
    buf_init(&text, CREDENTIALS_FILE_BYTES_MAX);
    if (path)
        s = credentials_read_file(path, &text, err);
    if (s == OK && path) {
        text.data[strcspn((const char *)text.data, "\r\n")] = 0;
        token = (const char *)text.data;
    }
    if (s != OK)
        s = err_set(err, E_STORE, "the container's token cannot be read from %.120s", path);
    else if (token && (strpbrk(token, "\r\n") || strlen(token) > LINE_MAX_BYTES - 32))
        s = err_set(err, E_STORE, "the container's token fits no header");
    else if (token)
        snprintf(line, LINE_MAX_BYTES, "Authorization: %s", token);
    forget(&text);
    return s;
}

enum status credentials_from_container(const struct curl_door *curl, struct credentials *out,
                                       struct err *err)
{
    const char *relative = credentials_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = credentials_env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    char url[URL_MAX], line[LINE_MAX_BYTES];
    if (!relative && !full)
        return E_NOT_FOUND;
    int n = relative ? snprintf(url, sizeof(url), CONTAINER_HOST "%s", relative)
                     : snprintf(url, sizeof(url), "%s", full);
    if (n >= (int)sizeof(url) || !may_be_asked(url))
        return err_set(err, E_STORE,
                       "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor on this machine");
    enum status s = container_token(line, err);
    struct buf body;
    buf_init(&body, CREDENTIALS_REPLY_BYTES_MAX);
    struct ask a = {.c = curl, .method = "GET", .url = url, .header = line, .body = &body};
    if (s == OK)
        s = ask(&a, "container", err);
    if (s == OK)
        s = credentials_json((const char *)body.data, body.len, out, err);
    forget(&body);
    explicit_bzero(line, sizeof(line));
    return s == E_NOT_FOUND ? err_set(err, E_STORE, "the container's role has no credentials") : s;
}

/* One text of the instance's metadata into body. */
static enum status instance_ask(const struct curl_door *curl, const char *method, const char *path,
                                const char *header, struct buf *body, struct err *err)
{
    const char *host = credentials_env("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    char url[URL_MAX];
    size_t len = host ? strlen(host) : 0;
    while (len && host[len - 1] == '/')
        len--;
    int n = snprintf(url, sizeof(url), "%.*s%s", len ? (int)len : (int)strlen(INSTANCE_HOST),
                     len ? host : INSTANCE_HOST, path);
    if (n >= (int)sizeof(url))
        return err_set(err, E_STORE, "AWS_EC2_METADATA_SERVICE_ENDPOINT is too long");
    struct ask a = {.c = curl, .method = method, .url = url, .header = header, .body = body};
    buf_clear(body);
    return ask(&a, "instance", err);
}

/* The role's name is a path segment of the next request: nothing else is taken for one. */
static bool take_role(const struct buf *body, char role[ROLE_MAX])
{
    size_t n = strcspn((const char *)body->data, "\r\n");
    if (!n || n >= ROLE_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = (char)body->data[i];
        if (c <= ' ' || c > '~' || strchr("/?#%\\", c))
            return false;
    }
    memcpy(role, body->data, n);
    role[n] = 0;
    return true;
}

enum status credentials_from_instance(const struct curl_door *curl, struct credentials *out,
                                      struct err *err)
{
    char line[LINE_MAX_BYTES], path[URL_MAX], role[ROLE_MAX];
    const char *off = credentials_env("AWS_EC2_METADATA_DISABLED");
    struct buf body;
    if (off && strcasecmp(off, "true") == 0)
        return E_NOT_FOUND;
    buf_init(&body, CREDENTIALS_REPLY_BYTES_MAX);
    enum status s = instance_ask(curl, "PUT", "/latest/api/token",
                                 "X-aws-ec2-metadata-token-ttl-seconds: 21600", &body, err);
    /* No metadata service at all is a place that holds none. */
    if (s == E_STORE && !credentials_env("AWS_EC2_METADATA_SERVICE_ENDPOINT"))
        s = E_NOT_FOUND;
    if (s == OK && (strlen((const char *)body.data) > LINE_MAX_BYTES - 64 ||
                    strpbrk((const char *)body.data, "\r\n")))
        s = err_set(err, E_STORE, "the instance's token fits no header");
    if (s == OK) {
        snprintf(line, sizeof(line), "X-aws-ec2-metadata-token: %s", (const char *)body.data);
        s = instance_ask(curl, "GET", ROLES_PATH, line, &body, err);
    }
    if (s == OK && !take_role(&body, role))
        s = E_NOT_FOUND;
    if (s == OK) {
        snprintf(path, sizeof(path), ROLES_PATH "%s", role);
        s = instance_ask(curl, "GET", path, line, &body, err);
    }
    if (s == OK)
        s = credentials_json((const char *)body.data, body.len, out, err);
    forget(&body);
    explicit_bzero(line, sizeof(line));
    return s;
}
