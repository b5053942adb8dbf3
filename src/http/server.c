/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Puts loops and listeners together and takes them apart: every loop serves the data plane;
 * management shares its listeners, or has one of its own on the first loop. */
#include "http/server.h"

#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "http/http_priv.h"
#include "http/listen.h"

/* The addresses of the two listeners; *one: they are the same, perhaps written differently. */
static enum status read_addresses(struct server *s, struct listen_address *data,
                                  struct listen_address *admin, bool *one, struct err *err)
{
    const struct server_config *c = &s->config;
    enum status st = listen_parse(c->listen, data, err);
    if (st == OK)
        st = listen_parse(c->admin_listen ? c->admin_listen : c->listen, admin, err);
    if (st != OK)
        return st;
    bool same_text = !c->admin_listen || strcmp(c->admin_listen, c->listen) == 0;
    *one = same_text || (listen_port(data) && data->bytes == admin->bytes &&
                         memcmp(&data->addr, &admin->addr, data->bytes) == 0);
    memcpy(s->admin_host, admin->host, sizeof(s->admin_host));
    if (!admin->loopback && !c->insecure_admin)
        return err_set(err, E_USAGE,
                       "management would listen on %s, which is not loopback: name a loopback "
                       "address with --admin-listen, or accept it with --insecure-admin",
                       admin->host);
    st = listen_probe(data, err);
    return st == OK && !*one ? listen_probe(admin, err) : st;
}

static enum status open_door(struct loop *l, struct listen_address *a, unsigned roles,
                             struct err *err)
{
    int fd;
    enum status st = listen_open(a, &fd, err);
    return st == OK ? loop_listen(l, fd, roles, err) : st;
}

static enum status start_loops(struct server *s, struct err *err)
{
    struct listen_address data, admin;
    bool one = true;
    enum status st = read_addresses(s, &data, &admin, &one, err);
    unsigned roles = one ? ROLE_DATA | ROLE_ADMIN : ROLE_DATA;
    for (uint32_t i = 0; st == OK && i < s->config.loops; i++) {
        s->n_loops = i + 1;
        st = loop_init(&s->loops[i], s, i, err);
        if (st == OK)
            st = open_door(&s->loops[i], &data, roles, err);
    }
    if (st == OK && !one)
        st = open_door(&s->loops[0], &admin, ROLE_ADMIN, err);
    if (st != OK)
        return st;
    s->port = listen_port(&data);
    s->admin_port = one ? s->port : listen_port(&admin);
    for (uint32_t i = 0; st == OK && i < s->n_loops; i++)
        st = loop_start(&s->loops[i], err);
    return st;
}

enum status server_new(const struct server_config *c, struct endpoint *e, struct server **out,
                       struct err *err)
{
    ASSERT(c->loops > 0 && c->memory);
    struct server *s = alloc_zero(1, sizeof(*s));
    if (!s)
        return err_set(err, E_NO_MEMORY, "http: out of memory");
    lock_init(&s->lock, LOCK_SERVER);
    cond_init(&s->empty);
    s->config = *c;
    s->endpoint = e;
    if (getrandom(&s->id_seed, sizeof(s->id_seed), 0) != sizeof(s->id_seed))
        s->id_seed = clock_wall_ms() ^ clock_now_us() << 20;
    s->loops = alloc_zero(c->loops, sizeof(*s->loops));
    enum status st = s->loops ? start_loops(s, err) : err_set(err, E_NO_MEMORY, "http: no memory");
    if (st != OK) {
        server_free(&s);
        return st;
    }
    s->config.listen = s->config.admin_listen = NULL;
    *out = s;
    return OK;
}

uint16_t server_port(const struct server *s)
{
    return s->port;
}

uint16_t server_admin_port(const struct server *s)
{
    return s->admin_port;
}

void server_drain(struct server *s, uint64_t until_us)
{
    atomic_store(&s->drain_until_us, until_us);
    atomic_store(&s->draining, true);
    uint32_t running = 0;
    for (uint32_t i = 0; i < s->n_loops; i++)
        if (s->loops[i].started) {
            running++;
            loop_wake(&s->loops[i]);
        }
    lock_take(&s->lock);
    while (s->drained < running || atomic_load(&s->connections))
        cond_wait(&s->empty, &s->lock, 0);
    lock_release(&s->lock);
}

void server_free(struct server **out)
{
    struct server *s = *out;
    if (!s)
        return;
    if (s->loops && s->n_loops && s->loops[0].started && !atomic_load(&s->draining))
        server_drain(s, clock_now_us());
    atomic_store(&s->stopping, true);
    for (uint32_t i = 0; i < s->n_loops; i++)
        loop_join(&s->loops[i]);
    for (uint32_t i = 0; i < s->n_loops; i++)
        loop_fini(&s->loops[i]);
    alloc_free(s->loops);
    cond_fini(&s->empty);
    lock_fini(&s->lock);
    alloc_free(s);
    *out = NULL;
}
