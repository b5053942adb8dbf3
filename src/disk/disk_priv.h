/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the tier's files share: the index, the folder, and system calls that tests can make fail. */
#ifndef ROOST_DISK_DISK_PRIV_H
#define ROOST_DISK_DISK_PRIV_H

#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "disk/disk.h"

/* WRITING -> PRESENT -> LEAVING -> (GONE ->) freed;  WRITING -> freed;  LEAVING -> PRESENT where it
 * could not be removed. All but GONE are in the index. */
enum entry_state {
    ENTRY_WRITING, /* a put owns it; charged as reserved */
    ENTRY_PRESENT, /* under its name; charged as resident */
    ENTRY_LEAVING, /* its name is being removed; charged as draining */
    ENTRY_GONE,    /* without a name, and still read; charged as draining */
};

/* Heap; all but key, bytes and inode guarded by LOCK_DISK. */
struct disk_entry {
    struct disk_entry *next;          /* of its bucket */
    struct disk_entry *newer, *older; /* in_line: PRESENT, and nobody but a scrub reads it */
    struct disk_key key;
    uint64_t bytes;  /* of the file */
    uint64_t inode;  /* set when it is PRESENT */
    int64_t stamp_s; /* wall clock: the file's own time of last use */
    uint32_t refs;
    enum entry_state state;
    bool in_line;
};

enum { DISK_BUCKETS = 1 << 17 };

struct disk {
    int dir, owner; /* descriptors: the folder, and the lock file in it */
    struct budget budget;
    struct lock lock;            /* LOCK_DISK; guards what follows */
    struct disk_entry **buckets; /* DISK_BUCKETS chains */
    struct disk_entry *newest, *oldest;
    uint64_t idle_bytes;     /* charged for what stands in that line */
    uint64_t temp_next;      /* number of the next unfinished file */
    struct disk_usage usage; /* all but budget */
    struct cond stop;        /* stopping was set */
    bool stopping;
    bool scrubbing;         /* scrub_thread is to be joined; open, start and close only */
    pthread_t scrub_thread; /* as above */
    uint64_t scrub_rate;    /* bytes a second; set before the thread */
};

/* ---- index.c: all need LOCK_DISK ---- */

uint64_t disk_charge(uint64_t bytes); /* whole blocks; UINT64_MAX on overflow */
struct disk_entry *index_find(const struct disk *d, const struct disk_key *key);
const struct disk_entry *index_find_mark(const struct disk *d, enum disk_kind kind, uint64_t mark);
uint32_t index_bucket(const struct disk_key *key);
void index_add(struct disk *d, struct disk_entry *e); /* its key is not in it */
void index_remove(struct disk *d, struct disk_entry *e);
void line_add(struct disk *d, struct disk_entry *e); /* as the newest */
void line_remove(struct disk *d, struct disk_entry *e);
/* WRITING -> PRESENT, as the newest. */
void entry_publish(struct disk *d, struct disk_entry *e);
/* PRESENT -> LEAVING: out of the line, charged as draining. The caller removes the name. */
void entry_leave(struct disk *d, struct disk_entry *e);
/* LEAVING -> PRESENT. */
void entry_stay(struct disk *d, struct disk_entry *e);
/* LEAVING -> GONE, or freed when nobody reads it. */
void entry_left(struct disk *d, struct disk_entry *e);
/* One reference less; frees what is GONE with the last. */
void entry_unref(struct disk *d, struct disk_entry *e);

/* ---- folder.c ---- */

enum { DISK_NAME_MAX = 128 };

void folder_name(const struct disk_key *key, uint64_t bytes, char out[DISK_NAME_MAX]);
/* Is it a name that folder_name makes? */
bool folder_name_read(const char *name, struct disk_key *key, uint64_t *bytes);
void folder_temp_name(uint64_t n, char out[DISK_NAME_MAX]);
/* Opens, proves and locks the folder: d->dir and d->owner.  errors: E_USAGE; E_IO */
enum status folder_own(struct disk *d, const char *path, struct err *err) WARN_UNUSED;
/* Takes up what lies in it.  errors: E_IO; E_NO_MEMORY */
enum status folder_scan(struct disk *d, struct err *err) WARN_UNUSED;

/* ---- disk.c ---- */

/* Removes the name of a LEAVING entry. False: it could not be, and stays.  blocks: disk */
bool disk_remove(struct disk *d, struct disk_entry *e) WARN_UNUSED;
/* A PRESENT entry that is not what was put: out of the index; its file is removed if `ours`. */
void disk_drop(struct disk *d, struct disk_entry *e, bool ours, const char *why);
/* Tells the metrics what is held. */
void disk_publish(struct disk *d);

/* ---- sys.c: system calls, the n-th of which fails where a test says so ---- */

/* From now on the n-th call (1 is the next) fails with this errno, once; 0 switches it off. */
void disk_fail_at(uint64_t n, int error);
uint64_t disk_calls(void); /* since disk_fail_at */

enum { DISK_PROBE_PAGES = 1024 };

int sys_open(int dir, const char *name, int flags, mode_t mode);
int sys_fstat(int fd, struct stat *st);
int sys_lstat(int dir, const char *name, struct stat *st);
ssize_t sys_pread(int fd, void *to, size_t n, uint64_t off);
/* Does the page cache hold more than half of what begins there, or cannot that be told? Looks at
 * DISK_PROBE_PAGES pages at most. (A read that is not to wait, RWF_NOWAIT, would start the reading
 * ahead that a direct read then has to wait for.) */
bool sys_cached(int fd, uint64_t off, size_t n);
/* Begins to bring the bytes into the page cache, and does not wait for them. */
void sys_expect(int fd, uint64_t off, size_t n);
ssize_t sys_pwrite(int fd, const void *from, size_t n, uint64_t off);
int sys_allocate(int fd, uint64_t bytes);
int sys_datasync(int fd);
int sys_rename_new(int dir, const char *from, const char *to); /* never over another file */
int sys_unlink(int dir, const char *name);
int sys_mkdir(const char *path);
int sys_own(int fd);   /* an exclusive flock, or EWOULDBLOCK */
int sys_stamp(int fd); /* the time of last use is now */

#endif
