/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A loop: one thread, one event base, its listeners and its mailbox. The mailbox is a list under a
 * lock and an eventfd that is written when the list was empty before. Nothing else of a loop is
 * touched by another thread while it runs. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/http_priv.h"
#include "http/listen.h"
#include "metrics/metrics.h"

enum { STACK_BYTES = 1024 * 1024, REOPEN_US = 100000 };

void loop_bury(struct loop *l)
{
    struct conn *c;
    while ((c = l->dead)) {
        l->dead = c->next;
        alloc_free(c);
    }
    if (atomic_load(&l->server->stopping) && !l->conns && !l->in_endpoint)
        event_base_loopbreak(l->base);
}

/* ---- the mailbox ---- */

void loop_wake(struct loop *l)
{
    uint64_t one = 1;
    /* Fails only when the counter is full, and then the loop is awake anyway. */
    if (write(l->mail.fd, &one, sizeof(one)) < 0)
        return;
}

void loop_post(struct loop *l, struct request *r)
{
    r->next = NULL;
    /* Once the loop has r, only this count keeps it alive until the wake is done. */
    atomic_fetch_add(&l->mail.posting, 1);
    lock_take(&l->mail.lock);
    bool empty = !l->mail.first;
    if (empty)
        l->mail.first = r;
    else
        l->mail.last->next = r;
    l->mail.last = r;
    lock_release(&l->mail.lock);
    if (empty)
        loop_wake(l);
    atomic_fetch_sub(&l->mail.posting, 1);
}

static struct request *take_mail(struct loop *l)
{
    lock_take(&l->mail.lock);
    struct request *r = l->mail.first;
    l->mail.first = l->mail.last = NULL;
    lock_release(&l->mail.lock);
    return r;
}

/* ---- draining and stopping ---- */

static void close_doors(struct loop *l)
{
    for (int i = 0; i < l->n_doors; i++) {
        evhtp_unbind_socket(l->doors[i].lib);
        event_del(&l->doors[i].reopen);
    }
}

static void drain_all(struct loop *l, bool cut)
{
    struct conn *next;
    for (struct conn *c = l->conns; c; c = next) {
        next = c->next;
        conn_drain(c, cut);
    }
    loop_bury(l);
}

static void on_drain_time(evutil_socket_t fd, short what, void *arg)
{
    UNUSED(fd);
    UNUSED(what);
    drain_all(arg, true);
}

static void begin_drain(struct loop *l)
{
    uint64_t now = clock_now_us(), until = atomic_load(&l->server->drain_until_us);
    uint64_t wait = until > now ? until - now : 0;
    struct timeval t = {(time_t)(wait / 1000000u), (suseconds_t)(wait % 1000000u)};
    l->draining = true;
    close_doors(l);
    drain_all(l, false);
    event_add(&l->drain_timer, &t);
    lock_take(&l->server->lock);
    l->server->drained++;
    cond_wake_all(&l->server->empty);
    lock_release(&l->server->lock);
}

static void on_mail(evutil_socket_t fd, short what, void *arg)
{
    struct loop *l = arg;
    struct request *next;
    UNUSED(fd);
    UNUSED(what);
    for (struct request *r = take_mail(l); r; r = next) {
        next = r->next;
        request_home(r);
    }
    if (atomic_load(&l->server->draining) && !l->draining)
        begin_drain(l);
    loop_bury(l);
}

/* ---- listeners ---- */

static evhtp_res on_pre_accept(evhtp_connection_t *lib, void *arg)
{
    struct door *d = arg;
    struct server *s = d->loop->server;
    uint_fast32_t now = atomic_fetch_add(&s->connections, 1) + 1;
    metric_add(M_HTTP_ACCEPTED, 1);
    if (now <= s->config.limits.connections && !d->loop->draining)
        return EVHTP_RES_OK;
    atomic_fetch_sub(&s->connections, 1);
    reply_turn_away(d->loop, lib->sock);
    return EVHTP_RES_ERROR;
}

static evhtp_res on_post_accept(evhtp_connection_t *lib, void *arg)
{
    struct door *d = arg;
    if (conn_new(d, lib)) {
        atomic_fetch_add(&d->loop->accepted, 1);
        return EVHTP_RES_OK;
    }
    atomic_fetch_sub(&d->loop->server->connections, 1);
    return EVHTP_RES_ERROR;
}

static void on_reopen(evutil_socket_t fd, short what, void *arg)
{
    struct door *d = arg;
    UNUSED(fd);
    UNUSED(what);
    if (d->spare_fd < 0)
        d->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (d->lib->server)
        evconnlistener_enable(d->lib->server);
}

/* Accept failed, mostly for want of descriptors: the spare one serves to turn one client away, and
 * the listener rests a little, since its readiness would otherwise spin us. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    struct door *d = ((evhtp_t *)arg)->arg;
    int e = errno;
    LOG(LOG_WARN, "accept_failed", log_num("errno", e));
    if ((e == EMFILE || e == ENFILE) && d->spare_fd >= 0) {
        close(d->spare_fd);
        int fd = accept4(evconnlistener_get_fd(listener), NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            reply_turn_away(d->loop, fd);
            close(fd);
        }
        d->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    struct timeval t = {0, REOPEN_US};
    evconnlistener_disable(listener);
    event_add(&d->reopen, &t);
}

enum status loop_listen(struct loop *l, int fd, unsigned roles, struct err *err)
{
    ASSERT(l->n_doors < DOORS_MAX);
    struct door *d = &l->doors[l->n_doors];
    *d = (struct door){.loop = l, .roles = roles, .spare_fd = -1};
    d->lib = evhtp_new(l->base, d);
    if (!d->lib) {
        close(fd);
        return err_set(err, E_NO_MEMORY, "http: out of memory");
    }
    l->n_doors++;
    evhtp_disable_flag(d->lib, EVHTP_FLAG_ENABLE_100_CONT);
    evhtp_set_pre_accept_cb(d->lib, on_pre_accept, d);
    evhtp_set_post_accept_cb(d->lib, on_post_accept, d);
    evhtp_set_gencb(d->lib, feed_note, l);
    event_assign(&d->reopen, l->base, -1, 0, on_reopen, d);
    d->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (evhtp_accept_socket(d->lib, fd, LISTEN_BACKLOG)) {
        close(fd);
        return err_set(err, E_NO_MEMORY, "http: out of memory");
    }
    evconnlistener_set_error_cb(d->lib->server, on_accept_error);
    return OK;
}

/* ---- the thread ---- */

/* Without locks, since only the loop's thread touches it. Without the changelist, which would still
 * name a descriptor after another loop got it anew. */
static struct event_base *new_base(void)
{
    struct event_config *c = event_config_new();
    if (!c)
        return NULL;
    event_config_set_flag(c, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *b = event_base_new_with_config(c);
    event_config_free(c);
    return b;
}

enum status loop_init(struct loop *l, struct server *s, uint32_t index, struct err *err)
{
    l->server = s;
    l->index = index;
    l->next_id = (uint64_t)index << 56;
    lock_init(&l->mail.lock, LOCK_LOOP);
    l->mail.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (l->mail.fd < 0)
        return err_set(err, E_IO, "http: no event descriptor");
    l->base = new_base();
    l->aside = evbuffer_new();
    if (!l->base || !l->aside)
        return err_set(err, E_NO_MEMORY, "http: out of memory");
    event_assign(&l->drain_timer, l->base, -1, 0, on_drain_time, l);
    event_assign(&l->mail.event, l->base, l->mail.fd, EV_READ | EV_PERSIST | EV_ET, on_mail, l);
    if (event_add(&l->mail.event, NULL))
        return err_set(err, E_NO_MEMORY, "http: out of memory");
    return OK;
}

static void *loop_main(void *arg)
{
    struct loop *l = arg;
    char name[16];
    snprintf(name, sizeof(name), "loop-%u", l->index);
    pthread_setname_np(pthread_self(), name);
    event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY);
    /* libevent frees a bufferevent in the turn after the one that gave it up; nothing may cut that
     * turn short. */
    event_del(&l->mail.event);
    event_del(&l->drain_timer);
    event_base_loop(l->base, EVLOOP_NONBLOCK);
    return NULL;
}

/* Signals belong to the process' own thread; a broken connection is a return value here. */
enum status loop_start(struct loop *l, struct err *err)
{
    pthread_attr_t attr;
    sigset_t all, before;
    int e = pthread_attr_init(&attr);
    if (e)
        return err_set(err, E_NO_MEMORY, "http: out of memory");
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    e = pthread_attr_setstacksize(&attr, STACK_BYTES);
    if (!e)
        e = pthread_create(&l->thread, &attr, loop_main, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (e)
        return err_set(err, E_INTERNAL, "http: a loop's thread cannot be started");
    l->started = true;
    return OK;
}

void loop_join(struct loop *l)
{
    if (!l->started)
        return;
    loop_wake(l);
    pthread_join(l->thread, NULL);
    l->started = false;
}

void loop_fini(struct loop *l)
{
    ASSERT(!l->started && !l->conns);
    while (atomic_load(&l->mail.posting))
        sched_yield();
    for (int i = 0; i < l->n_doors; i++) {
        evhtp_unbind_socket(l->doors[i].lib);
        event_del(&l->doors[i].reopen);
        evhtp_free(l->doors[i].lib);
        if (l->doors[i].spare_fd >= 0)
            close(l->doors[i].spare_fd);
    }
    for (struct request *r; (r = l->spare);) {
        l->spare = r->next;
        alloc_free(r);
    }
    if (l->base) {
        event_del(&l->mail.event);
        event_del(&l->drain_timer);
    }
    if (l->aside)
        evbuffer_free(l->aside);
    if (l->base)
        event_base_free(l->base);
    if (l->mail.fd >= 0)
        close(l->mail.fd);
    lock_fini(&l->mail.lock);
}
