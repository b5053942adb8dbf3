/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* An endpoint whose every answer the test stages: it stands in for the real one at link time, so
 * that the HTTP room is tested alone and its races are set up with gates instead of sleeps.
 *
 * What a model's name asks for: "echo" answers at once with the body; "held" waits until the test
 * releases it; a name in the table of statuses ends with that status; all others are unknown. */
#ifndef ROOST_TESTS_FAKE_ENDPOINT_H
#define ROOST_TESTS_FAKE_ENDPOINT_H

#include "endpoint/endpoint.h"

/* Starts the fake's worker, which calls done on a thread of its own. */
struct endpoint *fake_endpoint_new(void);
void fake_endpoint_free(struct endpoint **e);

/* Blocks until n calls of "held" have arrived in all. */
void fake_wait_held(struct endpoint *e, uint32_t n);
/* Ends everything held with its echo; what comes later is held again. */
void fake_release(struct endpoint *e);
/* Blocks until n invocations have been cancelled in all. */
void fake_wait_cancelled(struct endpoint *e, uint32_t n);
/* From now on a cancelled invocation stays held, like one whose worker does not look. */
void fake_ignore_cancel(struct endpoint *e, bool ignore);
/* Invocations and calls that have not ended. */
uint32_t fake_open(struct endpoint *e);
/* The last invocation that arrived. */
void fake_last(struct endpoint *e, struct invocation *copy);

#endif
