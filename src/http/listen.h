/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* HOST:PORT texts, listening sockets, and which Host fields management believes. */
#ifndef ROOST_HTTP_LISTEN_H
#define ROOST_HTTP_LISTEN_H

#include <sys/socket.h>

#include "base/status.h"
#include "http/span.h"

enum { LISTEN_BACKLOG = 1024 };

/* Embedded. */
struct listen_address {
    struct sockaddr_storage addr;
    socklen_t bytes;
    char host[256]; /* as written, without brackets */
    bool loopback;
};

/* An IPv4 or bracketed IPv6 address, or a name that the resolver knows, then a port; port 0 is any.
 * blocks: network, for names   errors: E_USAGE */
enum status listen_parse(const char *text, struct listen_address *a, struct err *err) WARN_UNUSED;
/* Is somebody else listening there already? Sockets that share a port (SO_REUSEPORT) would share it
 * with another server of the same user, unnoticed. Port 0 is free.  errors: E_IO */
enum status listen_probe(const struct listen_address *a, struct err *err) WARN_UNUSED;
/* A bound, listening, non-blocking socket that shares its port with its like. After the first call
 * a holds the port it got.  errors: E_IO */
enum status listen_open(struct listen_address *a, int *fd, struct err *err) WARN_UNUSED;
uint16_t listen_port(const struct listen_address *a);

/* Addresses and localhost pass, and the name that the operator has configured; a name that some
 * page's DNS could have pointed at us does not. */
bool listen_host_allowed(struct span host, const char *configured);

#endif
