/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Every setting of `roost serve`. One row is a flag (--key), an environment variable (ROOST_KEY,
 * upper case, `-` as `_`), a key of the configuration file and a line of docs/configuration.md. */
#ifndef ROOST_CLI_CONFIG_TABLE_H
#define ROOST_CLI_CONFIG_TABLE_H

/* type, field, key, what its value is called, default, least, most, help
 * Types: TEXT; SIZE in bytes; TIME in µs; COUNT; CHOICE, the place of the word in the list that its
 * value is called; SWITCH. "auto" is 0 where the least is 0. */
#define CONFIG_TABLE(X)                                                                            \
    X(TEXT, store, "store", "URL", "models", 0, 0,                                                 \
      "Where the artifacts lie: a directory, a file:// URL, or s3://BUCKET[/PREFIX].")             \
    X(TEXT, s3_endpoint, "s3-endpoint", "URL", "", 0, 0,                                           \
      "Where an s3:// store is asked; empty: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, or Amazon.")   \
    X(TEXT, s3_region, "s3-region", "NAME", "", 0, 0,                                              \
      "Region of an s3:// store; empty: AWS_REGION, the profile's, or us-east-1.")                 \
    X(CHOICE, s3_style, "s3-style", "auto|path|host", "auto", 0, 2,                                \
      "Whether the bucket stands in the path or before the host; auto: host for Amazon.")          \
    X(TEXT, s3_ca, "s3-ca", "FILE", "", 0, 0,                                                      \
      "Certificates to trust instead of the machine's; empty: AWS_CA_BUNDLE, or the machine's.")   \
    X(TIME, s3_timeout, "s3-timeout", "TIME", "60s", 1000, UINT64_C(3600000000),                   \
      "Time for one request to an s3:// store, its retries among it.")                             \
    X(TIME, s3_stall, "s3-stall", "TIME", "10s", 1000, UINT64_C(3600000000),                       \
      "Time without a byte from an s3:// store before the request is sent again.")                 \
    X(COUNT, s3_retries, "s3-retries", "N", "5", 0, 100,                                           \
      "Times that one request to an s3:// store is sent again.")                                   \
    X(COUNT, s3_retry_budget, "s3-retry-budget", "N", "100", 0, 1000000,                           \
      "Retries of all requests to an s3:// store; ten that go well earn one.")                     \
    X(TEXT, listen, "listen", "HOST:PORT", "127.0.0.1:8080", 0, 0,                                 \
      "Address of the data plane; port 0 takes a free one.")                                       \
    X(TEXT, admin_listen, "admin-listen", "HOST:PORT", "", 0, 0,                                   \
      "Address of management and metrics; empty: the same listener.")                              \
    X(SWITCH, insecure_admin, "insecure-admin", NULL, "off", 0, 1,                                 \
      "Allow management on an address that is not loopback, without keys.")                        \
    X(SIZE, memory, "memory", "SIZE", "auto", 0, INT64_MAX,                                        \
      "Budget for models and workers' arenas; auto: 60 % of the cgroup or machine.")               \
    X(CHOICE, policy, "policy", "lru|hazard|gdsf|auto", "lru", 0, 3,                               \
      "Which models give way when room is needed; see policies.md.")                               \
    X(COUNT, transient, "transient", "N", "5", 0, 50,                                              \
      "Percent of --memory for models that are served and not kept, as --policy says; 0: none.")   \
    X(COUNT, thrash, "thrash", "N", "0", 0, 100,                                                   \
      "Percent of loaded bytes that were evicted within a minute before, from which invocations "  \
      "of models that are not resident get 503; 0: none.")                                         \
    X(CHOICE, recycle, "recycle", "on|off", "on", 0, 1,                                            \
      "Keep the pages of evicted models for the next, within --memory; off: give them back.")      \
    X(CHOICE, verify, "verify", "once|always", "once", 0, 1,                                       \
      "Hash a model's weights in its first load and after each change, or in every load.")         \
    X(TEXT, disk, "disk", "DIR", "", 0, 0,                                                         \
      "Folder of the disk tier, this node's alone; empty: none.")                                  \
    X(SIZE, disk_limit, "disk-limit", "SIZE", "16GiB", 1 << 20, INT64_MAX,                         \
      "Bytes of the disk tier.")                                                                   \
    X(SIZE, disk_scrub, "disk-scrub", "SIZE", "1MiB", 0, INT64_MAX,                                \
      "Bytes of the disk tier that are read again and hashed a second; 0: none.")                  \
    X(CHOICE, share, "share", "tenant|node", "tenant", 0, 1,                                       \
      "Whose models share equal weights of 64 KiB and more: a tenant's, and what `roost common` "  \
      "lists; or all of the node.")                                                                \
    X(SIZE, http_memory, "http-memory", "SIZE", "256MiB", 1 << 16, INT64_MAX,                      \
      "Budget for request and reply bodies; beyond it 503.")                                       \
    X(SIZE, arena_max, "arena-max", "SIZE", "1GiB", 1 << 16, INT64_MAX,                            \
      "Most memory of one worker's arena; a request whose shapes need more is 413.")               \
    X(COUNT, max_steps, "max-steps", "N", "100000000", 1, UINT64_C(1000000000000),                 \
      "Instructions of one run, those in loops counted each time; beyond it 504.")                 \
    X(COUNT, workers, "workers", "N", "auto", 0, 64,                                               \
      "Threads that run invocations; auto: one per core.")                                         \
    X(COUNT, loops, "loops", "N", "auto", 0, 64,                                                   \
      "Event loops that serve connections; auto: one per core, at most 8.")                        \
    X(COUNT, loaders, "loaders", "N", "4", 1, 64, "Loads under way at once, a thread each.")       \
    X(COUNT, link_threads, "link-threads", "N", "2", 1, 64,                                        \
      "Reads under way at once from the store, and from the disk tier: more where the way is "     \
      "long.")                                                                                     \
    X(SIZE, link_chunk, "link-chunk", "SIZE", "4MiB", 1 << 16, 1 << 30,                            \
      "Bytes of one such read, in whole pages; between two of them a more urgent load may go "     \
      "first.")                                                                                    \
    X(COUNT, compilers, "compilers", "N", "1", 1, 64,                                              \
      "Raw model files of the store that are compiled at once, each in a process that is held.")   \
    X(SIZE, compile_file_max, "compile-file-max", "SIZE", "2GiB", 1, INT64_MAX,                    \
      "Bytes of a raw model file that is compiled; a larger one cannot be loaded.")                \
    X(SIZE, compile_memory, "compile-memory", "SIZE", "auto", 0, INT64_MAX,                        \
      "What a compile may use, beside --memory; auto: 1GiB and 5 times the file.")                 \
    X(SWITCH, write_back, "write-back", NULL, "off", 0, 1,                                         \
      "Write what is compiled of the store's model files to the store too, for the other nodes.")  \
    X(TIME, compile_time, "compile-time", "TIME", "2m", 1000000, UINT64_C(86400000000),            \
      "How long a compile may take.")                                                              \
    X(COUNT, tensors_max, "tensors-max", "N", "131072", 1, 1 << 17,                                \
      "Tensors of a model that is published, or compiled; one with more is refused.")              \
    X(CHOICE, optimize, "optimize", "balanced|speed|memory", "balanced", 0, 2,                     \
      "What faster weights may cost in memory where raw model files are compiled.")                \
    X(SIZE, publish_max, "publish-max", "SIZE", "1GiB", 1, INT64_MAX,                              \
      "Bytes of a model that is published (PUT /models/<name>); beyond it 413.")                   \
    X(TIME, refresh, "refresh", "TIME", "10s", 0, UINT64_C(86400000000),                           \
      "Once in so long the store is asked for a new version of each model in use; 0s: never.")     \
    X(CHOICE, reload, "reload", "keep|evict", "keep", 0, 1,                                        \
      "What becomes of the old version in memory where a new one does not fit beside it.")         \
    X(COUNT, publishes, "publishes", "N", "4", 1, 64,                                              \
      "Models that are published at once, each compiled in a process that is held; beyond it "     \
      "503.")                                                                                      \
    X(COUNT, publishes_per_tenant, "publishes-per-tenant", "N", "3", 1, 64,                        \
      "Those of one tenant at once, so that others find a place; beyond it 503.")                  \
    X(TEXT, publish_dir, "publish-dir", "DIR", "", 0, 0,                                           \
      "Where models lie while they are published; empty: TMPDIR, or /tmp.")                        \
    X(COUNT, queue, "queue", "N", "4096", 1, 1 << 20,                                              \
      "Invocations admitted and not yet running; beyond it 503.")                                  \
    X(TIME, timeout, "timeout", "TIME", "60s", 1000, UINT64_C(86400000000),                        \
      "Deadline of an invocation that names none in x-roost-timeout-ms.")                          \
    X(TIME, drain, "drain", "TIME", "30s", 0, UINT64_C(3600000000),                                \
      "Time to answer what is in flight after SIGTERM.")                                           \
    X(TIME, load_backoff, "load-backoff", "TIME", "1s", 1000, UINT64_C(3600000000),                \
      "First back-off after a model failed to load; doubles with each failure.")                   \
    X(TIME, load_backoff_max, "load-backoff-max", "TIME", "60s", 1000, UINT64_C(86400000000),      \
      "Longest back-off after a model failed to load.")                                            \
    X(COUNT, records, "records", "N", "100000", 1, 10000000,                                       \
      "Models the node keeps a record of; the oldest absent ones go first.")                       \
    X(COUNT, negatives, "negatives", "N", "10000", 1, 10000000, "Unknown names remembered.")       \
    X(COUNT, probes, "probes", "N", "100", 1, 1000000,                                             \
      "Unknown names a tenant may ask for a second; beyond it 429.")                               \
    X(COUNT, probes_node, "probes-node", "N", "1000", 1, 100000000,                                \
      "Unknown names that all tenants may ask for a second; beyond it those of which no name was " \
      "found yet get 429.")                                                                        \
    X(COUNT, prefetches, "prefetches", "N", "8", 1, 4096,                                          \
      "Models being loaded because of a hint (prefetch); beyond it 503.")                          \
    X(TIME, ttl, "ttl", "TIME", "0s", 0, UINT64_C(31536000000000),                                 \
      "Unload a model that nobody used for so long; 0s: never. A tenant's own ttl wins.")          \
    X(TIME, min_residency, "min-residency", "TIME", "0s", 0, UINT64_C(31536000000000),             \
      "For so long after its load a model is evicted only if nothing else can be.")                \
    X(TEXT, residency, "residency", "FILE", "", 0, 0,                                              \
      "Where the list of resident models is kept, to load them at the next start; empty: none.")   \
    X(CHOICE, advice, "advice", "on|off", "on", 0, 1,                                              \
      "Learn from the traffic what more memory or another policy would bring (GET /cache).")       \
    X(TEXT, record_trace, "record-trace", "FILE", "", 0, 0,                                        \
      "Record invocations there, for `roost replay`; an older file is kept as FILE.old; empty: "   \
      "none.")                                                                                     \
    X(SIZE, record_trace_limit, "record-trace-limit", "SIZE", "1GiB", 1 << 10, INT64_MAX,          \
      "Bytes of that file, at which recording ends.")                                              \
    X(COUNT, connections, "connections", "N", "10000", 1, 1000000,                                 \
      "Open connections; fewer when the limit of open files is too low.")                          \
    X(SIZE, head_bytes, "head-bytes", "SIZE", "16KiB", 512, 1 << 20,                               \
      "Bytes of a request's head; beyond it 431.")                                                 \
    X(COUNT, head_count, "head-count", "N", "100", 1, 10000,                                       \
      "Headers of a request; beyond it 431.")                                                      \
    X(TIME, head_timeout, "head-timeout", "TIME", "10s", 1000, UINT64_C(3600000000),               \
      "Time for a whole request head to arrive.")                                                  \
    X(TIME, idle_timeout, "idle-timeout", "TIME", "30s", 1000, UINT64_C(86400000000),              \
      "Time an idle connection is kept.")                                                          \
    X(SIZE, body_max, "body-max", "SIZE", "64MiB", 1, INT64_MAX,                                   \
      "Bytes of a request's body; beyond it 413 before it is read.")                               \
    X(SIZE, body_rate, "body-rate", "SIZE", "64KiB", 0, INT64_MAX,                                 \
      "Least bytes a second of a body after body-grace.")                                          \
    X(TIME, body_grace, "body-grace", "TIME", "10s", 0, UINT64_C(3600000000),                      \
      "Time before body-rate holds.")                                                              \
    X(SIZE, reply_max, "reply-max", "SIZE", "256MiB", 1 << 10, INT64_MAX,                          \
      "Bytes of one reply; beyond it 413.")                                                        \
    X(CHOICE, cache_headers, "cache-headers", "on|off", "on", 0, 1,                                \
      "Tell in x-roost-cache and Server-Timing whether the model was resident.")                   \
    X(CHOICE, log_level, "log-level", "debug|info|warn|error", "info", 0, 3,                       \
      "Least level of the log on stderr.")                                                         \
    X(CHOICE, log_format, "log-format", "auto|logfmt|json", "auto", 0, 2,                          \
      "Form of the log; auto: logfmt on a terminal, else json.")

#endif
