/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What every fallible function returns, and the words that go with a failure. A status has a class
 * that says whose fault it is; only src/http turns one into an HTTP code. */
#ifndef ROOST_BASE_STATUS_H
#define ROOST_BASE_STATUS_H

#include "base/base.h"

enum status_class {
    STATUS_FINE,    /* not a failure */
    STATUS_CALLER,  /* the caller's fault: the same call fails again */
    STATUS_RETRY,   /* later, or elsewhere, the same call may succeed */
    STATUS_CORRUPT, /* bytes from a store or a model file are not what they claim */
    STATUS_OURS,    /* our own limit or defect */
};

/* name, class, short text */
#define STATUS_TABLE(X)                                                                            \
    X(OK, STATUS_FINE, "ok")                                                                       \
    X(E_BAD_INPUT, STATUS_CALLER, "bad input")           /* shape, dtype, JSON, header, name */    \
    X(E_NOT_FOUND, STATUS_CALLER, "not found")           /* unknown model, version, route */       \
    X(E_EXISTS, STATUS_CALLER, "exists already")         /* loaded or created before */            \
    X(E_FLOOR, STATUS_CALLER, "beyond the floor")        /* a tenant keeps all it may keep */      \
    X(E_METHOD, STATUS_CALLER, "method not allowed")     /* known route, other methods */          \
    X(E_NOT_ACCEPTABLE, STATUS_CALLER, "not acceptable") /* nothing in Accept can be written */    \
    X(E_MEDIA_TYPE, STATUS_CALLER, "unsupported media type") /* Content-Type cannot be read */     \
    X(E_TOO_LARGE, STATUS_CALLER, "too large")           /* body, or shape beyond --arena-max */   \
    X(E_STEPS, STATUS_CALLER, "too many steps")          /* a run beyond --max-steps */            \
    X(E_HEAD_TOO_LARGE, STATUS_CALLER, "head too large") /* request head beyond its limits */      \
    X(E_USAGE, STATUS_CALLER, "usage")                   /* command line or configuration */       \
    X(E_QUEUE_FULL, STATUS_RETRY, "queue full")          /* the executor's bound is reached */     \
    X(E_RATE, STATUS_RETRY, "too many requests")         /* a tenant's limit, not the node's */    \
    X(E_NO_ROOM, STATUS_RETRY, "no room just now")       /* what could be evicted is in use */     \
    X(E_THRASH, STATUS_RETRY, "loads would undo each other") /* beyond --thrash */                 \
    X(E_NO_MEMORY, STATUS_RETRY, "out of memory")            /* an allocation failed */            \
    X(E_STORE, STATUS_RETRY, "store unavailable")       /* the store did not answer properly */    \
    X(E_CHANGED, STATUS_RETRY, "changed meanwhile")     /* an object, while it was read */         \
    X(E_DRAINING, STATUS_RETRY, "draining")             /* the server or the slot is going away */ \
    X(E_CANCELLED, STATUS_RETRY, "cancelled")           /* load or invocation was cancelled */     \
    X(E_UNREACHABLE, STATUS_RETRY, "no server answers") /* CLI: nothing listens there */           \
    X(E_TIMEOUT, STATUS_RETRY, "deadline passed")       /* in the queue, in a load or in a run */  \
    X(E_NEVER_FITS, STATUS_OURS, "can never fit")       /* larger than the whole empty budget */   \
    X(E_CORRUPT, STATUS_CORRUPT, "corrupt")             /* structure, hash or length is wrong */   \
    X(E_UNSUPPORTED, STATUS_CORRUPT, "unsupported")     /* well formed, but not for this build */  \
    X(E_IO, STATUS_OURS, "input/output error")          /* a local file or socket failed */        \
    X(E_INTERNAL, STATUS_OURS, "internal error")        /* our own bug, noticed in time */

enum status {
#define X(name, class, text) name,
    STATUS_TABLE(X)
#undef X
        STATUS_COUNT
};

/* Owned by the caller, untouched on OK, complete when set: what failed, on which name, with which
 * value. */
struct err {
    enum status code;
    char msg[256];
};

const char *status_name(enum status s); /* "E_BAD_INPUT" */
const char *status_text(enum status s); /* "bad input" */
enum status_class status_class(enum status s);

/* Its argument; a call, so that an unused result is no warning. */
static inline enum status err_code(enum status code)
{
    return code;
}

/* Fills err (which may be NULL) with code and the formatted words; control bytes in the result are
 * replaced by '?'. Returns code, so that `return err_set(...)` reads well: a macro, so that
 * compilers see which code comes back; `code` is evaluated twice. thread: any   blocks: no */
#define err_set(err, code, ...) (err_fill(err, code, __VA_ARGS__), err_code(code))
void err_fill(struct err *err, enum status code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts the formatted words and ": " before what err already says. Returns err's code. */
enum status err_prefix(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
