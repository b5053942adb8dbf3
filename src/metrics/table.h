/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Every metric there is. docs/metrics.md is made from this table. Rows of one name stand together;
 * labels is the text between the braces, "" for none. Base units; no model label. */
#ifndef ROOST_METRICS_TABLE_H
#define ROOST_METRICS_TABLE_H

/* id, COUNTER, GAUGE or GAUGE_MILLIONTHS (set in those), name, labels, help */
#define METRIC_TABLE(X)                                                                            \
    X(M_LOOKUP_HIT, COUNTER, "roost_cache_lookups_total", "result=\"hit\"",                        \
      "Invocations by how they found their model: resident, loaded for them, or joined a load.")   \
    X(M_LOOKUP_MISS, COUNTER, "roost_cache_lookups_total", "result=\"miss\"", "")                  \
    X(M_LOOKUP_JOINED, COUNTER, "roost_cache_lookups_total", "result=\"joined\"", "")              \
    X(M_NEGATIVE_HITS, COUNTER, "roost_catalog_negative_hits_total", "",                           \
      "Requests refused because the name was remembered as unknown.")                              \
    X(M_EVICT_ROOM, COUNTER, "roost_cache_evictions_total", "tier=\"host\",reason=\"room\"",       \
      "Models that left a tier, by reason.")                                                       \
    X(M_EVICT_UNLOAD, COUNTER, "roost_cache_evictions_total", "tier=\"host\",reason=\"unload\"",   \
      "")                                                                                          \
    X(M_EVICT_TTL, COUNTER, "roost_cache_evictions_total", "tier=\"host\",reason=\"ttl\"", "")     \
    X(M_EVICT_TRANSIENT, COUNTER, "roost_cache_evictions_total",                                   \
      "tier=\"host\",reason=\"transient\"", "")                                                    \
    X(M_DISK_EVICTED, COUNTER, "roost_cache_evictions_total", "tier=\"disk\",reason=\"room\"", "") \
    X(M_CACHE_RESERVED, GAUGE, "roost_cache_used_bytes", "tier=\"host\",class=\"reserved\"",       \
      "Bytes charged to the budget, by what holds them.")                                          \
    X(M_CACHE_RESIDENT, GAUGE, "roost_cache_used_bytes", "tier=\"host\",class=\"resident\"", "")   \
    X(M_CACHE_DRAINING, GAUGE, "roost_cache_used_bytes", "tier=\"host\",class=\"draining\"", "")   \
    X(M_CACHE_SCRATCH, GAUGE, "roost_cache_used_bytes", "tier=\"host\",class=\"scratch\"", "")     \
    X(M_CACHE_POOLED, GAUGE, "roost_cache_used_bytes", "tier=\"host\",class=\"pooled\"", "")       \
    X(M_DISK_RESERVED, GAUGE, "roost_cache_used_bytes", "tier=\"disk\",class=\"reserved\"", "")    \
    X(M_DISK_RESIDENT, GAUGE, "roost_cache_used_bytes", "tier=\"disk\",class=\"resident\"", "")    \
    X(M_DISK_DRAINING, GAUGE, "roost_cache_used_bytes", "tier=\"disk\",class=\"draining\"", "")    \
    X(M_CACHE_CAPACITY, GAUGE, "roost_cache_capacity_bytes", "tier=\"host\"",                      \
      "The budgets' limits (--memory, --disk-limit).")                                             \
    X(M_DISK_CAPACITY, GAUGE, "roost_cache_capacity_bytes", "tier=\"disk\"", "")                   \
    X(M_CACHE_PEAK, GAUGE, "roost_cache_peak_bytes", "tier=\"host\"",                              \
      "Most bytes ever charged to the budget at once.")                                            \
    X(M_DISK_PEAK, GAUGE, "roost_cache_peak_bytes", "tier=\"disk\"", "")                           \
    X(M_MODELS_LOADING, GAUGE, "roost_cache_models", "tier=\"host\",state=\"loading\"",            \
      "Models the node has a record of, by state.")                                                \
    X(M_MODELS_RESIDENT, GAUGE, "roost_cache_models", "tier=\"host\",state=\"resident\"", "")      \
    X(M_MODELS_DRAINING, GAUGE, "roost_cache_models", "tier=\"host\",state=\"draining\"", "")      \
    X(M_MODELS_FAILED, GAUGE, "roost_cache_models", "tier=\"host\",state=\"failed\"", "")          \
    X(M_MODELS_ABSENT, GAUGE, "roost_cache_models", "tier=\"host\",state=\"absent\"", "")          \
    X(M_THRASH_RATIO, GAUGE_MILLIONTHS, "roost_cache_thrash_ratio", "tier=\"host\"",               \
      "Bytes loaded within a minute of their eviction ÷ bytes loaded, over the last minute.")      \
    X(M_AHEAD_USED, COUNTER, "roost_cache_prefetched_total", "use=\"used\"",                       \
      "Models loaded because of a hint or foresight, by whether an invocation came.")              \
    X(M_AHEAD_UNUSED, COUNTER, "roost_cache_prefetched_total", "use=\"unused\"", "")               \
    X(M_WATCH_LOST, COUNTER, "roost_cache_watch_lost_total", "",                                   \
      "Invocations that the policy was not told of, because it was behind.")                       \
    X(M_HIT_RATE_05, GAUGE_MILLIONTHS, "roost_cache_hit_rate", "of=\"0.5\"",                       \
      "Share of invocations that lru would find in so many times the budget (GET /cache).")        \
    X(M_HIT_RATE_1, GAUGE_MILLIONTHS, "roost_cache_hit_rate", "of=\"1\"", "")                      \
    X(M_HIT_RATE_125, GAUGE_MILLIONTHS, "roost_cache_hit_rate", "of=\"1.25\"", "")                 \
    X(M_HIT_RATE_15, GAUGE_MILLIONTHS, "roost_cache_hit_rate", "of=\"1.5\"", "")                   \
    X(M_HIT_RATE_2, GAUGE_MILLIONTHS, "roost_cache_hit_rate", "of=\"2\"", "")                      \
    X(M_REGRET, GAUGE_MILLIONTHS, "roost_cache_regret_ratio", "",                                  \
      "Part of the last hour's miss cost that no policy had to pay, had it known the future.")     \
    X(M_ADVICE_LOST, COUNTER, "roost_cache_advice_lost_total", "",                                 \
      "Events of the cache that the advisor was too slow for.")                                    \
    X(M_TRACE_RECORDED, COUNTER, "roost_trace_recorded_total", "",                                 \
      "Invocations written by --record-trace.")                                                    \
    X(M_TRACE_LOST, COUNTER, "roost_trace_lost_total", "",                                         \
      "Invocations that --record-trace left out because it was behind.")                           \
    X(M_LOADS_OK, COUNTER, "roost_model_loads_total", "result=\"ok\"",                             \
      "Loads that ended, by how.")                                                                 \
    X(M_LOADS_FAILED, COUNTER, "roost_model_loads_total", "result=\"failed\"", "")                 \
    X(M_LOADS_NOT_FOUND, COUNTER, "roost_model_loads_total", "result=\"not_found\"", "")           \
    X(M_LOADS_REFUSED, COUNTER, "roost_model_loads_total", "result=\"refused\"", "")               \
    X(M_LOADS_CANCELLED, COUNTER, "roost_model_loads_total", "result=\"cancelled\"", "")           \
    X(M_RELOADS_OK, COUNTER, "roost_model_reloads_total", "result=\"ok\"",                         \
      "Loads of a new version beside the old one, by how they ended.")                             \
    X(M_RELOADS_FAILED, COUNTER, "roost_model_reloads_total", "result=\"failed\"", "")             \
    X(M_RELOADS_NO_ROOM, COUNTER, "roost_model_reloads_total", "result=\"no_room\"", "")           \
    X(M_RELOADS_CANCELLED, COUNTER, "roost_model_reloads_total", "result=\"cancelled\"", "")       \
    X(M_REFRESH_SAME, COUNTER, "roost_refresh_checks_total", "result=\"same\"",                    \
      "Looks at what a resident model's name stands for now, by what came of them.")               \
    X(M_REFRESH_CHANGED, COUNTER, "roost_refresh_checks_total", "result=\"changed\"", "")          \
    X(M_REFRESH_GONE, COUNTER, "roost_refresh_checks_total", "result=\"gone\"", "")                \
    X(M_REFRESH_FAILED, COUNTER, "roost_refresh_checks_total", "result=\"failed\"", "")            \
    X(M_COMPILES_OK, COUNTER, "roost_compiles_total", "result=\"ok\"",                             \
      "Compiles of raw model files of the store that ended, by how.")                              \
    X(M_COMPILES_FAILED, COUNTER, "roost_compiles_total", "result=\"failed\"", "")                 \
    X(M_COMPILES_CANCELLED, COUNTER, "roost_compiles_total", "result=\"cancelled\"", "")           \
    X(M_COMPILE_MEMORY, GAUGE, "roost_compile_memory_bytes", "",                                   \
      "What the compiles under way, uploads among them, may use together.")                        \
    X(M_COMPILE_MEMORY_MAX, GAUGE, "roost_compile_memory_limit_bytes", "",                         \
      "What all compiles at once may use at most, beside --memory: each of --compilers and of "    \
      "--publishes.")                                                                              \
    X(M_WRITE_BACK_OK, COUNTER, "roost_write_backs_total", "result=\"ok\"",                        \
      "With --write-back: compiled models written to the store, writes that failed, and loads "    \
      "that used what a node had written.")                                                        \
    X(M_WRITE_BACK_FAILED, COUNTER, "roost_write_backs_total", "result=\"failed\"", "")            \
    X(M_WRITE_BACK_USED, COUNTER, "roost_write_backs_total", "result=\"used\"", "")                \
    X(M_PUBLISHES_OK, COUNTER, "roost_publishes_total", "result=\"ok\"",                           \
      "Uploads that came to their end, by how: written to the store, only tried, or refused.")     \
    X(M_PUBLISHES_DRY, COUNTER, "roost_publishes_total", "result=\"dry_run\"", "")                 \
    X(M_PUBLISHES_FAILED, COUNTER, "roost_publishes_total", "result=\"failed\"", "")               \
    X(M_UNLOADS, COUNTER, "roost_model_unloads_total", "", "Programs freed.")                      \
    X(M_STORE_READS, COUNTER, "roost_store_reads_total", "", "Ranged reads from the store.")       \
    X(M_STORE_READ_BYTES, COUNTER, "roost_store_read_bytes_total", "",                             \
      "Bytes read from the store.")                                                                \
    X(M_STORE_WRITES, COUNTER, "roost_store_writes_total", "",                                     \
      "Objects written to the store or removed from it.")                                          \
    X(M_STORE_WRITTEN_BYTES, COUNTER, "roost_store_written_bytes_total", "",                       \
      "Bytes written to the store.")                                                               \
    X(M_S3_STAT, COUNTER, "roost_s3_requests_total", "kind=\"stat\"",                              \
      "HTTP requests to an s3:// store and for its credentials, further tries among them, by "     \
      "kind.")                                                                                     \
    X(M_S3_READ, COUNTER, "roost_s3_requests_total", "kind=\"read\"", "")                          \
    X(M_S3_LIST, COUNTER, "roost_s3_requests_total", "kind=\"list\"", "")                          \
    X(M_S3_PUT, COUNTER, "roost_s3_requests_total", "kind=\"put\"", "")                            \
    X(M_S3_DELETE, COUNTER, "roost_s3_requests_total", "kind=\"delete\"", "")                      \
    X(M_S3_BEGIN, COUNTER, "roost_s3_requests_total", "kind=\"begin\"", "")                        \
    X(M_S3_PART, COUNTER, "roost_s3_requests_total", "kind=\"part\"", "")                          \
    X(M_S3_END, COUNTER, "roost_s3_requests_total", "kind=\"end\"", "")                            \
    X(M_S3_ABORT, COUNTER, "roost_s3_requests_total", "kind=\"abort\"", "")                        \
    X(M_S3_CREDENTIALS, COUNTER, "roost_s3_requests_total", "kind=\"credentials\"", "")            \
    X(M_S3_RECEIVED, COUNTER, "roost_s3_received_bytes_total", "",                                 \
      "Bytes of answers' bodies from an s3:// store, those of tries that failed among them.")      \
    X(M_S3_SENT, COUNTER, "roost_s3_sent_bytes_total", "",                                         \
      "Bytes of requests' bodies to an s3:// store, those of tries that failed among them.")       \
    X(M_S3_RETRY_STATUS, COUNTER, "roost_s3_retries_total", "reason=\"status\"",                   \
      "Requests to an s3:// store that were sent again, by why.")                                  \
    X(M_S3_RETRY_SLOW, COUNTER, "roost_s3_retries_total", "reason=\"slow_down\"", "")              \
    X(M_S3_RETRY_CONNECTION, COUNTER, "roost_s3_retries_total", "reason=\"connection\"", "")       \
    X(M_S3_RETRY_STALLED, COUNTER, "roost_s3_retries_total", "reason=\"stalled\"", "")             \
    X(M_S3_RETRY_TRUNCATED, COUNTER, "roost_s3_retries_total", "reason=\"truncated\"", "")         \
    X(M_S3_RETRY_PROTOCOL, COUNTER, "roost_s3_retries_total", "reason=\"protocol\"", "")           \
    X(M_S3_RETRY_CREDENTIALS, COUNTER, "roost_s3_retries_total", "reason=\"credentials\"", "")     \
    X(M_S3_BUDGET, GAUGE, "roost_s3_retry_budget", "",                                             \
      "Retries that the node may still make (--s3-retry-budget bounds them).")                     \
    X(M_S3_CHANGED, COUNTER, "roost_s3_failures_total", "reason=\"changed\"",                      \
      "Requests to an s3:// store that failed in the end, by why; an object that is not there is " \
      "no failure.")                                                                               \
    X(M_S3_DENIED, COUNTER, "roost_s3_failures_total", "reason=\"denied\"", "")                    \
    X(M_S3_REFUSED, COUNTER, "roost_s3_failures_total", "reason=\"refused\"", "")                  \
    X(M_S3_NO_CREDENTIALS, COUNTER, "roost_s3_failures_total", "reason=\"credentials\"", "")       \
    X(M_S3_TIMEOUT, COUNTER, "roost_s3_failures_total", "reason=\"timeout\"", "")                  \
    X(M_S3_EXHAUSTED, COUNTER, "roost_s3_failures_total", "reason=\"retries\"", "")                \
    X(M_S3_NO_BUDGET, COUNTER, "roost_s3_failures_total", "reason=\"budget\"", "")                 \
    X(M_DISK_HIT, COUNTER, "roost_disk_lookups_total", "result=\"hit\"",                           \
      "Files looked for in the disk tier.")                                                        \
    X(M_DISK_MISS, COUNTER, "roost_disk_lookups_total", "result=\"miss\"", "")                     \
    X(M_DISK_WRITTEN, COUNTER, "roost_disk_written_bytes_total", "",                               \
      "Bytes put into the disk tier.")                                                             \
    X(M_DISK_SCRUBBED, COUNTER, "roost_disk_scrubbed_bytes_total", "",                             \
      "Bytes of the disk tier that were read again to be checked.")                                \
    X(M_DISK_CORRUPT, COUNTER, "roost_disk_corrupt_total", "",                                     \
      "Files of the disk tier that were not what was put, and are gone.")                          \
    X(M_MEMORY_RECYCLED, COUNTER, "roost_memory_bytes_total", "source=\"recycled\"",               \
      "Memory given to models and arenas: pages of freed ones, fresh from the kernel, or a "       \
      "file's.")                                                                                   \
    X(M_MEMORY_FRESH, COUNTER, "roost_memory_bytes_total", "source=\"fresh\"", "")                 \
    X(M_MEMORY_MAPPED, COUNTER, "roost_memory_bytes_total", "source=\"mapped\"", "")               \
    X(M_BLOBS_HASHED, COUNTER, "roost_blob_bytes_total", "check=\"hashed\"",                       \
      "Weights loaded: hashed, or known from an earlier load of the same file.")                   \
    X(M_BLOBS_KNOWN, COUNTER, "roost_blob_bytes_total", "check=\"known\"", "")                     \
    X(M_COMMON_BLOBS, GAUGE, "roost_common_blobs", "",                                             \
      "Blobs that the operator published as common to all tenants.")                               \
    X(M_BLOBS_SHARED, GAUGE, "roost_shared_blobs", "tier=\"host\"",                                \
      "Blobs in memory that several models use.")                                                  \
    X(M_SHARED_BYTES, GAUGE, "roost_shared_bytes", "tier=\"host\"",                                \
      "Bytes of them, each charged once.")                                                         \
    X(M_SHARED_SAVED, GAUGE, "roost_shared_saved_bytes", "tier=\"host\"",                          \
      "Bytes that they would take besides if each model had its own.")                             \
    X(M_SHARED_WAITS, GAUGE, "roost_shared_waits", "tier=\"host\"",                                \
      "Loads that wait for blobs which another load brings.")                                      \
    X(M_QUEUE_DEPTH, GAUGE, "roost_exec_queue_depth", "",                                          \
      "Invocations admitted and not yet running.")                                                 \
    X(M_WORKERS_BUSY, GAUGE, "roost_exec_workers_busy", "", "Workers that run an invocation.")     \
    X(M_SHARED, COUNTER, "roost_exec_shared_total", "",                                            \
      "Layers that an idle worker helped to compute.")                                             \
    X(M_WORKERS, GAUGE, "roost_exec_workers", "", "Workers of the executor pool.")                 \
    X(M_REFUSED_QUEUE, COUNTER, "roost_refused_total", "limit=\"queue\"",                          \
      "Requests refused by a limit, by its name.")                                                 \
    X(M_REFUSED_PROBES, COUNTER, "roost_refused_total", "limit=\"probes\"", "")                    \
    X(M_REFUSED_PROBES_NODE, COUNTER, "roost_refused_total", "limit=\"probes_node\"", "")          \
    X(M_REFUSED_PREFETCHES, COUNTER, "roost_refused_total", "limit=\"prefetches\"", "")            \
    X(M_REFUSED_PUBLISHES, COUNTER, "roost_refused_total", "limit=\"publishes\"", "")              \
    X(M_REFUSED_TENANT_PUBLISHES, COUNTER, "roost_refused_total",                                  \
      "limit=\"publishes_per_tenant\"", "")                                                        \
    X(M_REFUSED_TENANT_PUBLISH, COUNTER, "roost_refused_total", "limit=\"tenant_publish_max\"",    \
      "")                                                                                          \
    X(M_REFUSED_TENANT_COMPILE, COUNTER, "roost_refused_total", "limit=\"tenant_compile\"", "")    \
    X(M_REFUSED_MEMORY, COUNTER, "roost_refused_total", "limit=\"memory\"", "")                    \
    X(M_REFUSED_THRASH, COUNTER, "roost_refused_total", "limit=\"thrash\"", "")                    \
    X(M_REFUSED_NEVER_FITS, COUNTER, "roost_refused_total", "limit=\"never_fits\"", "")            \
    X(M_REFUSED_ARENA, COUNTER, "roost_refused_total", "limit=\"arena\"", "")                      \
    X(M_REFUSED_REPLY, COUNTER, "roost_refused_total", "limit=\"reply\"", "")                      \
    X(M_REFUSED_HTTP_MEMORY, COUNTER, "roost_refused_total", "limit=\"http_memory\"", "")          \
    X(M_REFUSED_HEAD, COUNTER, "roost_refused_total", "limit=\"head\"", "")                        \
    X(M_REFUSED_BODY, COUNTER, "roost_refused_total", "limit=\"body\"", "")                        \
    X(M_REFUSED_SLOW, COUNTER, "roost_refused_total", "limit=\"slow_client\"", "")                 \
    X(M_REFUSED_IDLE, COUNTER, "roost_refused_total", "limit=\"idle\"", "")                        \
    X(M_REFUSED_CONNECTIONS, COUNTER, "roost_refused_total", "limit=\"connections\"", "")          \
    X(M_REFUSED_DEADLINE, COUNTER, "roost_refused_total", "limit=\"deadline\"", "")                \
    X(M_REFUSED_STEPS, COUNTER, "roost_refused_total", "limit=\"steps\"", "")                      \
    X(M_REFUSED_TRACE, COUNTER, "roost_refused_total", "limit=\"record_trace\"", "")               \
    X(M_REFUSED_DISK, COUNTER, "roost_refused_total", "limit=\"disk\"", "")                        \
    X(M_HTTP_1XX, COUNTER, "roost_http_responses_total", "class=\"1xx\"",                          \
      "HTTP answers by class of status.")                                                          \
    X(M_HTTP_2XX, COUNTER, "roost_http_responses_total", "class=\"2xx\"", "")                      \
    X(M_HTTP_4XX, COUNTER, "roost_http_responses_total", "class=\"4xx\"", "")                      \
    X(M_HTTP_5XX, COUNTER, "roost_http_responses_total", "class=\"5xx\"", "")                      \
    X(M_HTTP_CONNECTIONS, GAUGE, "roost_http_connections", "", "Open connections.")                \
    X(M_HTTP_ACCEPTED, COUNTER, "roost_http_connections_total", "", "Connections accepted.")       \
    X(M_HTTP_MEMORY, GAUGE, "roost_http_memory_bytes", "",                                         \
      "Bytes of request and reply bodies held now (--http-memory bounds them).")                   \
    X(M_ALLOC_ALLOCATED, GAUGE, "roost_allocator_allocated_bytes", "",                             \
      "Bytes the heap allocator has handed out (jemalloc stats.allocated).")                       \
    X(M_ALLOC_RESIDENT, GAUGE, "roost_allocator_resident_bytes", "",                               \
      "Bytes the heap allocator keeps in memory (jemalloc stats.resident).")                       \
    X(M_RSS, GAUGE, "process_resident_memory_bytes", "", "Resident memory size in bytes.")         \
    X(M_FDS, GAUGE, "process_open_fds", "", "Number of open file descriptors.")                    \
    X(M_READY, GAUGE, "roost_ready", "", "1 while the node takes requests, 0 while it drains.")

/* Of each tenant that has a rule, and of all others together as "*"; only where there are rules.
 * The label tenant stands before these. id, COUNTER or GAUGE, name, labels, help */
#define TENANT_METRIC_TABLE(X)                                                                     \
    X(T_BYTES, GAUGE, "roost_tenant_bytes", "",                                                    \
      "Bytes of a tenant's models in memory, shared ones divided; `*`: of all without a rule.")    \
    X(T_PINNED, GAUGE, "roost_tenant_pinned_bytes", "", "Bytes of its pinned models.")             \
    X(T_FLOOR, GAUGE, "roost_tenant_floor_bytes", "", "Bytes that are kept for it.")               \
    X(T_MODELS, GAUGE, "roost_tenant_models", "", "Its models in memory.")                         \
    X(T_HITS, COUNTER, "roost_tenant_lookups_total", "result=\"hit\"",                             \
      "Its invocations by how they found their model.")                                            \
    X(T_MISSES, COUNTER, "roost_tenant_lookups_total", "result=\"miss\"", "")                      \
    X(T_JOINED, COUNTER, "roost_tenant_lookups_total", "result=\"joined\"", "")                    \
    X(T_LOADS, COUNTER, "roost_tenant_loads_total", "", "Its loads that ended well.")              \
    X(T_EVICTIONS, COUNTER, "roost_tenant_evictions_total", "",                                    \
      "Its models that left the memory, for whatever reason.")

/* id, name, labels, bounds, help */
#define HISTOGRAM_TABLE(X)                                                                         \
    X(H_REQUEST_HIT, "roost_request_duration_seconds", "cache=\"hit\"", BOUNDS_LATENCY,            \
      "From the whole request read to the reply written, for invocations that ran.")               \
    X(H_REQUEST_MISS, "roost_request_duration_seconds", "cache=\"miss\"", BOUNDS_LATENCY, "")      \
    X(H_REQUEST_JOINED, "roost_request_duration_seconds", "cache=\"joined\"", BOUNDS_LATENCY, "")  \
    X(H_QUEUE, "roost_queue_duration_seconds", "", BOUNDS_LATENCY,                                 \
      "From ready to run until a worker took the invocation.")                                     \
    X(H_INFER, "roost_infer_duration_seconds", "", BOUNDS_LATENCY, "Decode, run and encode.")      \
    X(H_LOAD_QUEUE, "roost_model_load_duration_seconds", "stage=\"queue\"", BOUNDS_LATENCY,        \
      "A cold start's time by stage; first_run: of the first invocation that ran after the load.") \
    X(H_LOAD_FETCH, "roost_model_load_duration_seconds", "stage=\"fetch\"", BOUNDS_LATENCY, "")    \
    X(H_LOAD_VERIFY, "roost_model_load_duration_seconds", "stage=\"verify\"", BOUNDS_LATENCY, "")  \
    X(H_LOAD_BIND, "roost_model_load_duration_seconds", "stage=\"bind\"", BOUNDS_LATENCY, "")      \
    X(H_LOAD_FIRST_RUN, "roost_model_load_duration_seconds", "stage=\"first_run\"",                \
      BOUNDS_LATENCY, "")                                                                          \
    X(H_COMPILE, "roost_compile_duration_seconds", "", BOUNDS_LATENCY,                             \
      "Compiles of raw model files that ended well: reading, compiling and keeping.")              \
    X(H_AGE_AT_EVICTION, "roost_cache_age_at_eviction_seconds", "", BOUNDS_AGE,                    \
      "Time since the last use of a model when it was evicted for room.")

#endif
