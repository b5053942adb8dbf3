/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Connections and requests over time: clients that leave, deadlines, drains, many connections,
 * memory that runs out. Races are staged by the fake endpoint's gates. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "client.h"
#include "http/http_priv.h"
#include "metrics/metrics.h"
#include "support/support.h"

#define HOST "Host: localhost\r\n"
#define PING "GET /ping HTTP/1.1\r\n" HOST "\r\n"
#define INVOKE(model, fields) "POST /models/" model "/invoke HTTP/1.1\r\n" HOST fields
#define BODY "Content-Length: 5\r\n\r\n[1,2]"

static int next_code(int fd)
{
    struct answer a;
    client_answer(fd, true, &a);
    answer_free(&a);
    return a.code;
}

/* Looks away until the server counts n connections. */
static void wait_connections(const struct stage *s, uint32_t n)
{
    while (atomic_load(&s->server->connections) != n)
        poll(NULL, 0, 1);
}

START_TEST(a_client_that_leaves_calls_its_invocation_off)
{
    struct stage s;
    stage_init(&s);
    stage_start(&s);
    for (uint32_t i = 1; i <= 20; i++) {
        int fd = client_connect(server_port(s.server));
        client_text(fd, INVOKE("held", BODY));
        fake_wait_held(s.endpoint, i);
        if (i % 2) { /* with a reset, and with an orderly end */
            struct linger now = {1, 0};
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        }
        close(fd);
        fake_wait_cancelled(s.endpoint, i);
    }
    ck_assert_int_eq(ask(&s, INVOKE("echo", BODY)), 200);
    stage_end(&s);
}
END_TEST

START_TEST(a_result_without_a_client_is_thrown_away)
{
    struct stage s;
    stage_init(&s);
    stage_start(&s);
    fake_ignore_cancel(s.endpoint, true);
    for (uint32_t i = 1; i <= 10; i++) {
        int fd = client_connect(server_port(s.server));
        client_text(fd, INVOKE("held", BODY));
        fake_wait_held(s.endpoint, i);
        close(fd);
    }
    fake_wait_cancelled(s.endpoint, 10);
    wait_connections(&s, 0);
    fake_release(s.endpoint); /* all done come now, to nobody */
    ck_assert_int_eq(ask(&s, INVOKE("echo", BODY)), 200);
    stage_end(&s);
}
END_TEST

START_TEST(a_client_may_leave_while_a_model_loads_or_unloads)
{
    struct stage s;
    stage_init(&s);
    stage_start(&s);
    int fd = client_connect(server_port(s.server));
    client_text(fd, "DELETE /models/held HTTP/1.1\r\n" HOST "\r\n");
    fake_wait_held(s.endpoint, 1);
    close(fd);
    fd = client_connect(server_port(s.server));
    client_text(fd, "POST /models HTTP/1.1\r\n" HOST
                    "Content-Length: 22\r\n\r\n{\"model_name\": \"held\"}");
    fake_wait_held(s.endpoint, 2);
    close(fd);
    wait_connections(&s, 0);
    ck_assert_uint_eq(fake_open(s.endpoint), 2);
    fake_release(s.endpoint);
    stage_end(&s);
}
END_TEST

START_TEST(a_deadline_ends_as_504)
{
    struct stage s;
    stage_init(&s);
    stage_start(&s);
    ck_assert_int_eq(ask(&s, INVOKE("held", "x-roost-timeout-ms: 20\r\n" BODY)), 504);
    fake_wait_cancelled(s.endpoint, 1);
    /* a worker that does not look keeps neither the client nor the connection waiting */
    fake_ignore_cancel(s.endpoint, true);
    int fd = client_connect(server_port(s.server));
    client_text(fd, INVOKE("held", "x-roost-timeout-ms: 20\r\n" BODY));
    ck_assert_int_eq(next_code(fd), 504);
    client_text(fd, PING);
    ck_assert_int_eq(next_code(fd), 200);
    ck_assert_uint_eq(fake_open(s.endpoint), 1);
    close(fd);
    fake_release(s.endpoint);
    stage_end(&s);
}
END_TEST

START_TEST(connections_spread_over_all_loops)
{
    enum { LOOPS = 4, CLIENTS = 128 };
    int fds[CLIENTS];
    struct stage s;
    stage_init(&s);
    s.config.loops = LOOPS;
    stage_start(&s);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = client_connect(server_port(s.server));
        client_text(fds[i], PING);
    }
    for (int i = 0; i < CLIENTS; i++) {
        ck_assert_int_eq(next_code(fds[i]), 200);
        close(fds[i]);
    }
    for (int i = 0; i < LOOPS; i++) /* 32 each; below 4 by chance: less than one in 10^11 */
        ck_assert_uint_ge(atomic_load(&s.server->loops[i].accepted), 4);
    stage_end(&s);
}
END_TEST

START_TEST(connections_have_a_limit)
{
    struct stage s;
    int fds[3];
    stage_init(&s);
    s.config.limits.connections = 3;
    stage_start(&s);
    metrics_reset();
    for (int i = 0; i < 3; i++) {
        fds[i] = client_connect(server_port(s.server));
        client_text(fds[i], PING);
        ck_assert_int_eq(next_code(fds[i]), 200);
    }
    int fd = client_connect(server_port(s.server));
    ck_assert_int_eq(next_code(fd), 503);
    close(fd);
    ck_assert_uint_eq(metric_get(M_REFUSED_CONNECTIONS), 1);
    close(fds[0]);
    wait_connections(&s, 2);
    ck_assert_int_eq(ask(&s, "GET /metrics HTTP/1.1\r\n" HOST "\r\n"), 200);
    ck_assert_uint_eq(metric_get(M_HTTP_CONNECTIONS), 3);
    close(fds[1]);
    close(fds[2]);
    stage_end(&s);
}
END_TEST

/* In a process of its own: opens far more connections than the server can, then lets go. */
static void crowd(uint16_t port, int go)
{
    enum { CROWD = 60 };
    int fds[CROWD];
    char byte;
    if (read(go, &byte, 1) != 1)
        _exit(1);
    for (int i = 0; i < CROWD; i++)
        fds[i] = client_connect(port);
    /* The last ones are turned away at once or wait in the kernel; the first are served. */
    client_text(fds[0], PING);
    int code = next_code(fds[0]);
    if (read(go, &byte, 1) != 1)
        _exit(1);
    _exit(code == 200 ? 0 : 1);
}

START_TEST(descriptors_may_run_out)
{
    struct stage s;
    struct rlimit before, limit;
    int go[2], state;
    stage_init(&s);
    s.config.loops = 1;
    stage_start(&s);
    ck_assert_int_eq(pipe(go), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (!child)
        crowd(server_port(s.server), go[0]);
    int highest = dup(go[0]);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = before;
    limit.rlim_cur = (rlim_t)highest + 10;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_int_eq(write(go[1], "g", 1), 1);
    while (metric_get(M_REFUSED_CONNECTIONS) == 0)
        poll(NULL, 0, 1);
    ck_assert_int_eq(write(go[1], "e", 1), 1); /* they may leave */
    ck_assert_int_eq(waitpid(child, &state, 0), child);
    ck_assert(WIFEXITED(state) && WEXITSTATUS(state) == 0);
    wait_connections(&s, 0);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0); /* the client needs one too */
    ck_assert_int_eq(ask(&s, PING), 200);                   /* and the listener is open again */
    stage_end(&s);
}
END_TEST

struct drain {
    struct server *server;
    uint64_t until_us;
};

static void *drain_main(void *arg)
{
    struct drain *d = arg;
    server_drain(d->server, d->until_us);
    return NULL;
}

static void wait_drained_loops(struct stage *s)
{
    for (uint32_t i = 0; i < s->server->n_loops;) {
        lock_take(&s->server->lock);
        i = s->server->drained;
        lock_release(&s->server->lock);
        poll(NULL, 0, 1);
    }
}

START_TEST(a_drain_answers_what_runs_and_ends_what_idles)
{
    struct stage s;
    struct answer a;
    pthread_t thread;
    stage_init(&s);
    stage_start(&s);
    int idle = client_connect(server_port(s.server)), busy = client_connect(server_port(s.server)),
        slow = client_connect(server_port(s.server));
    client_text(idle, PING);
    ck_assert_int_eq(next_code(idle), 200);
    client_text(slow, PING "GET /rea");
    ck_assert_int_eq(next_code(slow), 200);
    client_text(busy, INVOKE("held", BODY));
    fake_wait_held(s.endpoint, 1);
    uint16_t port = server_port(s.server);
    struct drain d = {s.server, clock_now_us() + 60000000};
    ck_assert_int_eq(pthread_create(&thread, NULL, drain_main, &d), 0);
    wait_drained_loops(&s);
    ck_assert_int_eq(next_code(idle), 0);
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int late = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(late, (struct sockaddr *)&to, sizeof(to)), -1);
    client_text(slow, "dy HTTP/1.1\r\n" HOST "\r\n"); /* was begun before, and ends now */
    client_answer(slow, true, &a);
    ck_assert_int_eq(a.code, 503);
    ck_assert_str_eq(answer_field(&a, "connection"), "close");
    answer_free(&a);
    fake_release(s.endpoint);
    client_answer(busy, true, &a);
    ck_assert_int_eq(a.code, 200);
    ck_assert_str_eq(answer_field(&a, "connection"), "close");
    answer_free(&a);
    pthread_join(thread, NULL);
    close(idle);
    close(busy);
    close(slow);
    close(late);
    stage_end(&s);
}
END_TEST

START_TEST(a_drain_that_is_over_answers_503)
{
    struct stage s;
    stage_init(&s);
    stage_start(&s);
    fake_ignore_cancel(s.endpoint, true);
    int busy = client_connect(server_port(s.server)), half = client_connect(server_port(s.server));
    client_text(half, PING "GET /pi");
    ck_assert_int_eq(next_code(half), 200);
    client_text(busy, INVOKE("held", BODY));
    fake_wait_held(s.endpoint, 1);
    server_drain(s.server, clock_now_us() + 20000);
    ck_assert_int_eq(next_code(busy), 503);
    ck_assert_int_eq(next_code(half), 503);
    ck_assert_uint_eq(fake_open(s.endpoint), 1); /* still at work, for nobody */
    fake_release(s.endpoint);
    close(busy);
    close(half);
    stage_end(&s);
}
END_TEST

START_TEST(readiness_follows_the_endpoint)
{
    struct stage s;
    stage_init(&s);
    stage_start(&s);
    ck_assert_int_eq(ask(&s, "GET /ready HTTP/1.1\r\n" HOST "\r\n"), 200);
    endpoint_drain(s.endpoint);
    ck_assert_int_eq(ask(&s, "GET /ready HTTP/1.1\r\n" HOST "\r\n"), 503);
    ck_assert_int_eq(ask(&s, PING), 200);
    stage_end(&s);
}
END_TEST

START_TEST(every_allocation_may_fail_while_requests_come)
{
    enum { BIG = 100000 };
    struct stage s;
    char *big = malloc(BIG + 200);
    ck_assert_ptr_nonnull(big);
    int n = sprintf(big, INVOKE("echo", "Transfer-Encoding: chunked\r\n\r\n186a0\r\n"));
    memset(big + n, '7', BIG);
    strcpy(big + n + BIG, "\r\n0\r\n\r\n");
    const char *const requests[] = {PING,
                                    INVOKE("echo", BODY),
                                    INVOKE("bad", BODY),
                                    big,
                                    "GET /models HTTP/1.1\r\n" HOST "\r\n",
                                    "GET /metrics HTTP/1.1\r\n" HOST "\r\n",
                                    "GET /ping HTTP/1.1\r\n\r\n"};
    stage_init(&s);
    s.config.loops = 1;
    stage_start(&s);
    for (size_t r = 0; r < ARRAY_COUNT(requests); r++) {
        int good = 0, refused = 0;
        for (uint64_t at = 1;; at++) {
            alloc_fail_at(at);
            int code = ask(&s, requests[r]);
            uint64_t calls = alloc_calls();
            alloc_fail_at(0);
            ck_assert_msg(code == 0 || code == 200 || code == 400 || code == 503, "%d", code);
            refused += code == 0 || code == 503;
            good += code == 200 || code == 400;
            if (calls < at)
                break;
        }
        ck_assert_int_ge(good, 1);
        ck_assert_int_ge(refused, 1);
    }
    free(big);
    stage_end(&s);
}
END_TEST

START_TEST(every_allocation_may_fail_at_the_start)
{
    struct stage s;
    struct err err;
    stage_init(&s);
    s.endpoint = fake_endpoint_new();
    for (uint64_t at = 1;; at++) {
        int64_t live = alloc_live();
        alloc_fail_at(at);
        enum status st = server_new(&s.config, s.endpoint, &s.server, &err);
        uint64_t calls = alloc_calls();
        alloc_fail_at(0);
        if (calls < at) {
            ck_ok(st, &err);
            break;
        }
        ck_assert_int_eq(st, E_NO_MEMORY);
        ck_assert_int_eq(alloc_live(), live);
    }
    stage_end(&s);
}
END_TEST

/* Many clients, half of which hang up in the middle: nothing is lost, crossed or leaked. */
struct swarm {
    uint16_t port;
    unsigned seed;
    int wrong;
};

static void *swarm_main(void *arg)
{
    enum { ROUNDS = 60 };
    struct swarm *w = arg;
    for (int i = 0; i < ROUNDS; i++) {
        char text[256], body[32];
        int n = snprintf(body, sizeof(body), "[%u,%d]", w->seed, i);
        snprintf(text, sizeof(text), INVOKE("echo", "Content-Length: %d\r\n\r\n%s"), n, body);
        int fd = client_connect(w->port);
        client_text(fd, text);
        if (rand_r(&w->seed) % 2) {
            struct answer a;
            client_answer(fd, true, &a);
            w->wrong += a.code != 200 || strcmp(a.body, body) != 0;
            answer_free(&a);
        }
        close(fd);
    }
    return NULL;
}

START_TEST(clients_that_come_and_go_get_their_own_answers)
{
    enum { SWARM = 8 };
    pthread_t threads[SWARM];
    struct swarm w[SWARM];
    struct stage s;
    stage_init(&s);
    s.config.loops = 3;
    stage_start(&s);
    for (unsigned i = 0; i < SWARM; i++) {
        w[i] = (struct swarm){server_port(s.server), i + 1, 0};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, swarm_main, &w[i]), 0);
    }
    for (unsigned i = 0; i < SWARM; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(w[i].wrong, 0);
    }
    wait_connections(&s, 0);
    stage_end(&s);
}
END_TEST

START_TEST(latencies_are_observed_for_what_ran)
{
    struct stage s;
    struct buf text = {.data = NULL};
    stage_init(&s);
    s.config.loops = 1; /* the later requests show that the first is wholly over */
    stage_start(&s);
    metrics_reset();
    ck_assert_int_eq(ask(&s, INVOKE("echo", BODY)), 200);
    ck_assert_int_eq(ask(&s, INVOKE("bad", BODY)), 400);
    ck_assert_int_eq(ask(&s, PING), 200);
    ck_assert_int_eq(metrics_render(&text), OK);
    ck_assert_int_eq(buf_terminate(&text), OK);
    ck_assert_ptr_nonnull(
        strstr((char *)text.data, "roost_request_duration_seconds_count{cache=\"hit\"} 1\n"));
    buf_fini(&text);
    stage_end(&s);
}
END_TEST

Suite *suite_life(void)
{
    return SUITE(
        "life", a_client_that_leaves_calls_its_invocation_off,
        a_result_without_a_client_is_thrown_away, a_client_may_leave_while_a_model_loads_or_unloads,
        a_deadline_ends_as_504, connections_spread_over_all_loops, connections_have_a_limit,
        descriptors_may_run_out, a_drain_answers_what_runs_and_ends_what_idles,
        a_drain_that_is_over_answers_503, readiness_follows_the_endpoint,
        every_allocation_may_fail_while_requests_come, every_allocation_may_fail_at_the_start,
        clients_that_come_and_go_get_their_own_answers, latencies_are_observed_for_what_ran);
}
