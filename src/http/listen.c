/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Every loop has a listening socket of its own on the same port, and the kernel spreads connections
 * over them. */
#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool is_loopback(const struct sockaddr_storage *a)
{
    if (a->ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)a)->sin6_addr);
}

/* Splits HOST:PORT; brackets around an IPv6 host fall away. */
static bool split(const char *text, char host[256], char port[8])
{
    const char *colon = strrchr(text, ':');
    if (!colon)
        return false;
    struct span h = span_of(text, (size_t)(colon - text)),
                p = span_of(colon + 1, strlen(colon + 1));
    uint64_t number;
    if (h.n > 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
        h = span_of(h.p + 1, h.n - 2);
    if (!h.n || h.n > 255 || !span_decimal(p, UINT16_MAX, &number))
        return false;
    memcpy(host, h.p, h.n);
    host[h.n] = 0;
    snprintf(port, 8, "%u", (unsigned)number);
    return true;
}

enum status listen_parse(const char *text, struct listen_address *a, struct err *err)
{
    char port[8];
    struct addrinfo *found, want = {.ai_family = AF_UNSPEC,
                                    .ai_socktype = SOCK_STREAM,
                                    .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    if (!split(text, a->host, port))
        return err_set(err, E_USAGE, "listen: %s is not HOST:PORT", text);
    int e = getaddrinfo(a->host, port, &want, &found);
    if (e)
        return err_set(err, E_USAGE, "listen: %s: %s", text, gai_strerror(e));
    memset(&a->addr, 0, sizeof(a->addr));
    memcpy(&a->addr, found->ai_addr, found->ai_addrlen);
    a->bytes = found->ai_addrlen;
    a->loopback = is_loopback(&a->addr);
    freeaddrinfo(found);
    return OK;
}

static enum status say(const struct listen_address *a, int e, struct err *err)
{
    return err_set(err, E_IO, "listen: %s port %u: %s", a->host, listen_port(a), strerror(e));
}

enum status listen_probe(const struct listen_address *a, struct err *err)
{
    static const int one = 1;
    if (!listen_port(a))
        return OK;
    int s = socket(a->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = s >= 0 && setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
              bind(s, (const struct sockaddr *)&a->addr, a->bytes) == 0;
    int e = errno;
    if (s >= 0)
        close(s);
    return ok ? OK : say(a, e, err);
}

/* TCP_NODELAY is inherited by what the socket accepts. */
static bool set_options(int fd, int family)
{
    static const int one = 1;
    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) == 0 &&
           setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0 &&
           (family != AF_INET6 ||
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) == 0);
}

enum status listen_open(struct listen_address *a, int *fd, struct err *err)
{
    int s = socket(a->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s >= 0 && set_options(s, a->addr.ss_family) &&
        bind(s, (struct sockaddr *)&a->addr, a->bytes) == 0 && listen(s, LISTEN_BACKLOG) == 0 &&
        getsockname(s, (struct sockaddr *)&a->addr, &a->bytes) == 0) {
        *fd = s;
        return OK;
    }
    int e = errno;
    if (s >= 0)
        close(s);
    return say(a, e, err);
}

uint16_t listen_port(const struct listen_address *a)
{
    if (a->addr.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&a->addr)->sin_port);
    return ntohs(((const struct sockaddr_in6 *)&a->addr)->sin6_port);
}

/* Without its port and brackets. */
static bool bare_host(struct span host, char out[256])
{
    const char *colon = host.n ? memrchr(host.p, ':', host.n) : NULL;
    const char *bracket = host.n ? memrchr(host.p, ']', host.n) : NULL;
    if (colon && (!bracket || colon > bracket))
        host.n = (size_t)(colon - host.p);
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = span_of(host.p + 1, host.n - 2);
    if (!host.n || host.n > 255)
        return false;
    memcpy(out, host.p, host.n);
    out[host.n] = 0;
    return true;
}

bool listen_host_allowed(struct span host, const char *configured)
{
    char name[256];
    unsigned char address[sizeof(struct in6_addr)];
    if (!bare_host(host, name))
        return false;
    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1 ||
           strcasecmp(name, "localhost") == 0 || strcasecmp(name, configured) == 0;
}
