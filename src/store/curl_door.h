/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* libcurl, loaded when a verb first asks a server or a store is s3://. It brings some forty
 * libraries with it, whose start costs more than all of ours: too much for the verbs that need none
 * of it, and for each child that compiles one model. */
#ifndef ROOST_STORE_CURL_DOOR_H
#define ROOST_STORE_CURL_DOOR_H

#include <curl/curl.h>

#include "base/status.h"

/* name here, name in libcurl; the types are those of its header */
#define CURL_DOOR_TABLE(X)                                                                         \
    X(global_init, curl_global_init)                                                               \
    X(easy_init, curl_easy_init)                                                                   \
    X(easy_reset, curl_easy_reset)                                                                 \
    X(easy_setopt, curl_easy_setopt)                                                               \
    X(easy_perform, curl_easy_perform)                                                             \
    X(easy_getinfo, curl_easy_getinfo)                                                             \
    X(easy_cleanup, curl_easy_cleanup)                                                             \
    X(easy_strerror, curl_easy_strerror)                                                           \
    X(slist_append, curl_slist_append)                                                             \
    X(slist_free_all, curl_slist_free_all)                                                         \
    X(version_info, curl_version_info)

struct curl_door {
#define X(ours, theirs) __typeof__(theirs) *ours;
    CURL_DOOR_TABLE(X)
#undef X
};

/* *out is valid for the rest of the process; what is behind it may be called by any thread.
 * thread: one, at the start   blocks: disk, the first time
 * errors: E_UNSUPPORTED when libcurl is not installed */
enum status curl_door_open(const struct curl_door **out, struct err *err) WARN_UNUSED;

/* For CURLOPT_OPENSOCKETFUNCTION: a socket that no child inherits. */
curl_socket_t curl_door_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address);

#endif
