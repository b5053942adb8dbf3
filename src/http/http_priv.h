/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The objects of a running server and who may touch them.
 *
 * A loop is a thread with an event base of its own; it owns its listeners, its connections and the
 * requests on them, and nobody else touches those. Another thread that has a result puts the
 * request into the loop's mailbox. A request outlives its connection when the client leaves while
 * the endpoint still works for it; then its connection is NULL and its result is thrown away.
 *
 * libevhtp stands behind the guard: it accepts, owns the socket's bufferevent and the life of each
 * request, but it reads only heads that the guard has proved and written anew, one at a time, each
 * after the previous answer was sent. So we never need its pause and resume: between two heads it
 * has nothing to read. Everything of ours runs outside its callbacks. */
#ifndef ROOST_HTTP_PRIV_H
#define ROOST_HTTP_PRIV_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <evhtp/evhtp.h>
#include <stdatomic.h>

#include "http/chunked.h"
#include "http/router.h"
#include "http/server.h"

enum {
    REQUEST_ID_MAX = 128,
    OUTPUT_NAME_MAX = 255,
    DISCARD_MAX = 64 * 1024,    /* a body nobody wants is read up to this size, else we close */
    SMALL_BODY_MAX = 64 * 1024, /* of POST /models */
    PIPELINE_MAX = 16 * 1024,   /* bytes kept unread behind a running request */
    BLANK_LINES_MAX = 2,        /* empty lines before a request line (RFC 9112 2.2) */
    REPLY_HEAD_MAX = 1024,
    SPARE_REQUESTS_MAX = 64,
};
#define LINGER_US 1000000u      /* how long a refused client may still read our answer */
#define LEFT_GRACE_US 100000u   /* a client that stopped sending may still read: so long */
#define CANCEL_GRACE_US 250000u /* from a deadline's cancel to an answer without the worker */
#define UNLOAD_TIMEOUT_US (360u * 1000000ull) /* POST and DELETE of a model */

struct loop;
struct conn;
struct request;

/* What one answer says. */
struct reply {
    int code;
    const char *type;    /* Content-Type; a literal */
    struct buf body;     /* moved to who sends it */
    const char *allow;   /* a literal or NULL */
    const char *version; /* of the model that answered; NULL: none did. Until the reply is sent */
    uint32_t retry_after_s;
    struct invocation_times times;
    enum lookup lookup;
};

/* One request, from its proved head to its written answer. Heap, recycled by its loop; owned by its
 * connection, or by the endpoint's work once conn is NULL. Only the loop's thread touches it, but
 * for invocation and call, which are the endpoint's between start and done. */
struct request {
    struct loop *loop;    /* borrowed; outlives it */
    struct conn *conn;    /* NULL: the client is gone */
    struct request *next; /* in the mailbox or among the spares */
    enum route route;
    enum method method;
    char id[REQUEST_ID_MAX + 1];
    char output[OUTPUT_NAME_MAX + 1]; /* x-roost-output; "" when absent */
    char page[MODEL_NAME_MAX + 1];    /* next_page_token */
    uint32_t limit;                   /* of GET /models */
    uint64_t timeout_us;
    uint64_t received_us; /* when its last byte had come */
    bool in_endpoint;     /* an invocation, a call or a step of publishing is under way */
    bool whole;           /* an upload's last byte has come */
    bool cancelled;
    bool ran;           /* an invocation that ended well: its time is observed */
    enum lookup lookup; /* copied when it ended */
    enum status status; /* OK, or why it is answered without being served */
    struct err err;
    const char *allow;
    struct buf body; /* charged to --http-memory */
    struct invocation invocation;
    struct management_call call;
    uint64_t version;             /* of the path; 0: it has none */
    struct publish_call *publish; /* NULL: the route is not one of publishing, or it was refused */
};

/* What a connection is doing. */
enum conn_state {
    CONN_HEAD,    /* reads a head, or waits for one */
    CONN_BODY,    /* reads a body */
    CONN_RUNNING, /* the request is being served */
    CONN_WRITING, /* the answer is on its way out */
    CONN_LINGER,  /* answered and shut down for writing; what still comes is thrown away */
};

enum { CONN_MAGIC = 0x636f6e6e };

/* Heap, owned by its loop's list; freed at the end of the callback in which it was dropped. */
struct conn {
    unsigned magic;
    struct door *door;
    struct conn *prev, *next; /* the loop's list, or its dead ones */
    enum conn_state state;
    bool dead;    /* dropped: nothing of it may be used but next */
    bool lost;    /* libevhtp freed its side by itself */
    bool closing; /* close once the answer is out */
    bool linger;  /* … and let the client read it first */
    bool eof;     /* the client will send nothing more */
    bool paused;  /* reading is off: PIPELINE_MAX is reached, or an upload waits for its disk */
    bool discard; /* the body is read and thrown away */
    bool http10, head_only, keep_alive, chunked_body;
    uint32_t blanks; /* empty lines seen before this head */
    evhtp_connection_t *lib;
    evhtp_request_t *lib_request; /* the request libevhtp holds open, or NULL */
    struct bufferevent *bev;      /* libevhtp's */
    bufferevent_data_cb lib_read, lib_write;
    void *lib_arg;
    struct event timer;
    uint64_t deadline_us; /* 0: none */
    uint64_t armed_us;    /* when the timer fires; 0: not armed */
    uint64_t since_us;    /* when this head, body or answer began; 0: no byte yet */
    struct head_scan scan;
    struct chunked chunked;
    uint64_t body_left; /* of a body with a length */
    uint64_t paused_us; /* CONN_BODY: when reading went off */
    uint64_t moved;     /* bytes of the body received, or of the answer to send */
    struct request *request;
};

/* One listener of one loop. */
struct door {
    struct loop *loop;
    evhtp_t *lib;
    unsigned roles;
    int spare_fd;        /* given up to shed a client when descriptors are out; -1: none */
    struct event reopen; /* ends a pause after accept failed */
};

enum { DOORS_MAX = 2 };

struct loop {
    struct server *server;
    uint32_t index;
    pthread_t thread;
    bool started;
    struct event_base *base;
    struct door doors[DOORS_MAX];
    int n_doors;
    atomic_uint_fast32_t accepted; /* connections so far, for the tests of their spread */
    struct conn *conns;            /* alive */
    struct conn *dead;             /* to be freed when the callback ends */
    struct conn *feeding;
    struct evbuffer *aside; /* holds pipelined bytes while libevhtp reads one head */
    struct request *spare;
    uint32_t spares;
    uint32_t in_endpoint; /* requests whose done has not come yet */
    uint64_t next_id;
    uint64_t date_second;
    char date[40]; /* "Date: …\r\n" of date_second */
    struct event drain_timer;
    bool draining; /* this loop has seen the server's flag */
    struct {
        struct lock lock; /* LOCK_LOOP; guards first and last */
        struct request *first, *last;
        int fd; /* an eventfd, edge-triggered, so that it is never read */
        struct event event;
        atomic_uint_fast32_t posting; /* threads inside loop_post */
    } mail;
};

struct server {
    struct server_config config; /* its texts are only valid inside server_new */
    char admin_host[256];        /* the host of the management listener, for the allow-list */
    struct endpoint *endpoint;
    struct loop *loops;
    uint32_t n_loops;
    uint16_t port, admin_port;
    uint64_t id_seed;
    atomic_bool draining, stopping;
    atomic_uint_fast64_t drain_until_us;
    atomic_uint_fast32_t connections;
    struct lock lock;  /* LOCK_SERVER */
    struct cond empty; /* connections came to 0, or a loop began to drain */
    uint32_t drained;  /* loops that have begun to drain; guarded by lock */
};

/* ---- loop.c: threads, mailbox, listeners ---- */
enum status loop_init(struct loop *l, struct server *s, uint32_t index,
                      struct err *err) WARN_UNUSED;
/* Takes the listening socket over. */
enum status loop_listen(struct loop *l, int fd, unsigned roles, struct err *err) WARN_UNUSED;
enum status loop_start(struct loop *l, struct err *err) WARN_UNUSED;
void loop_wake(struct loop *l);                    /* thread: any */
void loop_post(struct loop *l, struct request *r); /* thread: any   locks: takes LOOP */
void loop_join(struct loop *l);                    /* after server->stopping */
void loop_fini(struct loop *l);                    /* joined, or never started */
void loop_bury(struct loop *l);                    /* frees the dead connections */

/* ---- conn.c: the life of a connection and its clocks ---- */
bool conn_new(struct door *d, evhtp_connection_t *lib);
void conn_drop(struct conn *c);
void conn_deadline(struct conn *c, uint64_t at_us); /* the state's end, absolute; 0: none */
/* The request runs, at most until at_us; much shorter when its client seems to have left. */
void conn_run_until(struct conn *c, uint64_t at_us);
/* The answer is wholly handed to the kernel: what now? */
void conn_answered(struct conn *c);
void conn_drain(struct conn *c, bool cut);

/* ---- guard.c: from bytes to requests ---- */
/* Goes on as far as the bytes at hand allow; when no more will come, that is the end. */
void guard_run(struct conn *c);
void guard_refuse(struct conn *c, enum refusal why);
/* Reads on where an upload had to wait; how long it did is not counted against the client. */
void guard_resume(struct conn *c);

/* ---- feed.c: libevhtp's view of a request ---- */
bool feed_head(struct conn *c, enum method m, const char *path) WARN_UNUSED;
void feed_finish(struct conn *c); /* lets libevhtp forget the answered request */
void feed_note(evhtp_request_t *r, void *loop);

/* ---- request.c: requests and their ids ---- */
struct request *request_take(struct conn *c, const struct head *h); /* NULL: out of memory */
void request_release(struct request *r);
/* Lets go of a request whose client is gone or is being answered without it: released now, or when
 * the endpoint is done with it. */
void request_detach(struct request *r, enum status why);
/* The running request's time is over: calls it off; a second time answers without it. */
void request_overdue(struct request *r, uint64_t now_us);
void request_cut(struct request *r); /* answers 503 now: the drain's time is over */
/* The endpoint's done, on any thread: sends r home. */
void request_done(struct request *r);
/* r is home again, on its loop. */
void request_home(struct request *r);
void request_id_make(struct loop *l, char out[REQUEST_ID_MAX + 1]);

/* ---- reply.c: answers ---- */
/* 503 for a client that has no connection object. */
void reply_turn_away(struct loop *l, int fd);
/* Sends what reply says on c, as the answer to the request of that id. Takes reply->body. */
void reply_send(struct conn *c, const char *id, struct reply *reply);
/* Answers with the code of s and {"error": err's words}. Fills code, type, body and Retry-After
 * (unless set) of *reply, which says the rest. */
void reply_failure(struct conn *c, const char *id, enum status s, const struct err *err,
                   struct reply *reply);

/* ---- invoke.c, manage.c: what the routes do ---- */
/* Reads the fields that the invocation needs, before its body.  errors: as contract's table */
enum status invoke_prepare(struct request *r, const struct head *h, struct err *err) WARN_UNUSED;
void invoke_serve(struct request *r);
void invoke_ended(struct request *r); /* on the loop, conn not NULL */
void manage_serve(struct request *r);
void manage_ended(struct request *r);
enum status manage_prepare(struct request *r, const struct head *h, struct err *err) WARN_UNUSED;

/* ---- publish.c: uploads and versions ---- */
/* errors: E_BAD_INPUT; E_MEDIA_TYPE; E_DRAINING; those of publish_call_new; E_NOT_FOUND */
enum status publish_prepare(struct request *r, const struct head *h, struct err *err) WARN_UNUSED;
/* r->body is full: hands it on. False: the publisher has not taken what it got before. */
bool publish_chunk(struct request *r) WARN_UNUSED;
void publish_serve(struct request *r);
void publish_ended(struct request *r); /* a step; conn not NULL */

#endif
