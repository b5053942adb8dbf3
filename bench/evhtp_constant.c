/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A peer for bench/http: libevhtp alone, one loop per thread on SO_REUSEPORT, answering every
 * request with a constant. What Roost adds to this is its guard, its routing and its work.
 *
 * usage: evhtp_constant PORT LOOPS FILE */
#include <event2/event.h>
#include <evhtp/evhtp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static char body[65536];
static size_t body_bytes;
static int port;

static void answer(evhtp_request_t *r, void *arg)
{
    (void)arg;
    evbuffer_add(r->buffer_out, body, body_bytes);
    evhtp_headers_add_header(r->headers_out,
                             evhtp_header_new("Content-Type", "application/json", 0, 0));
    evhtp_send_reply(r, EVHTP_RES_OK);
}

static void *loop(void *arg)
{
    (void)arg;
    struct event_base *base = event_base_new();
    evhtp_t *htp = evhtp_new(base, NULL);
    evhtp_enable_flag(htp, EVHTP_FLAG_ENABLE_REUSEPORT | EVHTP_FLAG_ENABLE_NODELAY);
    evhtp_set_gencb(htp, answer, NULL);
    if (evhtp_bind_socket(htp, "127.0.0.1", (uint16_t)port, 1024) != 0) {
        perror("bind");
        exit(1);
    }
    event_base_dispatch(base);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: evhtp_constant PORT LOOPS FILE\n");
        return 2;
    }
    port = atoi(argv[1]);
    FILE *f = fopen(argv[3], "rb");
    if (!f) {
        perror(argv[3]);
        return 1;
    }
    body_bytes = fread(body, 1, sizeof(body), f);
    fclose(f);
    pthread_t t;
    for (int i = 1; i < atoi(argv[2]); i++)
        if (pthread_create(&t, NULL, loop, NULL) != 0)
            return 1;
    loop(NULL);
    return 0;
}
