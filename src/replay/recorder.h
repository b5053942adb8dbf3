/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Records a server's invocations for `roost replay`, as records of trace.h. Who invokes leaves a
 * note in a bounded buffer; one thread, "recorder", writes what is there a few times a second, in
 * the order in which the invocations came as far as they end near each other. A note that finds the
 * buffer full is lost, and counted (M_TRACE_LOST). At the limit, or when the file cannot be
 * written, recording ends, which the log says once; notes are then counted as M_REFUSED_TRACE.
 *
 * Each write ends with a whole record, and a file that was cut off by a crash is readable up to
 * there. The names of models and tenants stand in it. */
#ifndef ROOST_REPLAY_RECORDER_H
#define ROOST_REPLAY_RECORDER_H

#include "replay/trace_write.h"

enum { RECORDER_NOTES = 4096 }; /* that the buffer holds */

struct recorder; /* heap */

/* Starts a file and the thread. What stood under the path is kept as "<path>.old".
 * blocks: disk   errors: E_IO; E_NO_MEMORY; E_INTERNAL */
enum status recorder_start(const char *path, uint64_t limit_bytes, struct recorder **out,
                           struct err *err) WARN_UNUSED;
/* One invocation.  thread: any   locks: takes RECORDER   blocks: no */
void recorder_note(struct recorder *r, const struct trace_call *c);
/* Writes what is there, and ends.  blocks: disk */
void recorder_stop(struct recorder **r);

#endif
