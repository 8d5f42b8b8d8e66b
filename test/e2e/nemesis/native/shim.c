/*
 * Stands between a node and the C library (LD_PRELOAD): slow and failing syncs, another wall clock,
 * and a journal of what no sync has made durable yet, from which a power failure is made.
 *
 *   NEMESIS_FOLDER   the files under this folder are meant, no others
 *   NEMESIS_ATTIC    a folder on the same file system: files that were unlinked or replaced lie
 *                    there until that is durable
 *   NEMESIS_CONTROL  a file of 4096 bytes, shared with the harness (struct control)
 *   NEMESIS_JOURNAL  the journal, see struct record; read by unsynced-loss.ts
 *
 * Data is durable after fsync or fdatasync of its file, or when a write with O_DSYNC or O_SYNC
 * returns. Creating, renaming and unlinking is durable after fsync of the folder. Both are taken
 * for durable after a while as well, as file systems write back by themselves.
 *
 * LevelDB writes through stdio, whose buffer calls write where no shim sees it; so what is written
 * to a stream of the folder goes to its file at once.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control {
  /* Written by the harness. */
  _Atomic uint64_t sync_microseconds; /* added to each sync */
  _Atomic uint64_t failing_syncs;     /* so many fail with EIO; all ones: all of them */
  _Atomic int64_t clock_milliseconds; /* added to the wall clock */
  uint64_t unused[5];
  /* Written here. */
  _Atomic uint64_t syncs, slow_syncs, failed_syncs, shifted_clocks, overflowed;
};

enum kind { NAME = 1, WRITE, TRUNCATE, CREATE, UNLINK, RENAME, SYNCED, SYNCED_ONE, SYNCED_FOLDER };

/* Little endian, followed by `bytes` bytes: a path, two paths with a zero between, or what was
 * there before a write. A record's number is its place in the journal. */
struct record {
  uint32_t kind, file;
  uint64_t offset, length; /* of the write; SYNCED: of records below `offset` */
  uint64_t old_size;
  uint32_t bytes, is_zero; /* what was there before was nothing but zeros */
  uint64_t milliseconds;   /* monotone */
};

#define FILES_MAX 8192
#define HANDLES_MAX 65536
#define JOURNAL_MAX (768u << 20)
#define METADATA_MILLISECONDS 5000
#define DATA_MILLISECONDS 30000
#define PENDING_MAX 65536

struct file {
  char *path;
  uint32_t folder; /* hash of the path of the folder it is in */
  int is_named;    /* in the journal as it is now */
  int is_ignored;
};

struct pending {
  uint64_t number, milliseconds;
  uint32_t file, folder;
  int is_metadata, is_over;
  char *attic;
};

static struct control nothing, *control = &nothing;
static const char *folder_path, *attic_path;
static size_t folder_length;
static int journal = -1;
static off_t journal_size;
static uint64_t records, journals, attics;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static struct file files[FILES_MAX];
static uint32_t file_count;
static struct {
  uint32_t file; /* plus one; 0: not one of ours */
  int is_durable;
  ino_t inode;
} handles[HANDLES_MAX];
static struct pending pending[PENDING_MAX];
static size_t pending_head, pending_count;

#undef fwrite_unlocked
#define REAL(name) (*(find((void **)&real_##name, #name), real_##name))
static int (*real_open64)(const char *, int, ...);
static FILE *(*real_fopen64)(const char *, const char *);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_pwrite64)(int, const void *, size_t, off_t);
static ssize_t (*real_pwritev64)(int, const struct iovec *, int, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate64)(int, off_t);
static int (*real_rename)(const char *, const char *);
static int (*real_unlink)(const char *);
static int (*real_close)(int);
static int (*real_fclose)(FILE *);
static size_t (*real_fwrite)(const void *, size_t, size_t, FILE *);
static size_t (*real_fwrite_unlocked)(const void *, size_t, size_t, FILE *);
static int (*real_clock_gettime)(clockid_t, struct timespec *);
static int (*real_gettimeofday)(struct timeval *, void *);

static void find(void **real, const char *name) {
  if (*real == NULL) *real = dlsym(RTLD_NEXT, name);
}

static uint64_t milliseconds_now(void) {
  struct timespec time;
  REAL(clock_gettime)(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000u + (uint64_t)time.tv_nsec / 1000000u;
}

__attribute__((constructor)) static void begin(void) {
  const char *shared = getenv("NEMESIS_CONTROL");
  folder_path = getenv("NEMESIS_FOLDER");
  attic_path = getenv("NEMESIS_ATTIC");
  folder_length = folder_path ? strlen(folder_path) : 0;
  int handle = shared ? REAL(open64)(shared, O_RDWR | O_CLOEXEC) : -1;
  if (handle >= 0) {
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, handle, 0);
    if (page != MAP_FAILED) control = page;
    REAL(close)(handle);
  }
  const char *path = getenv("NEMESIS_JOURNAL");
  if (path && attic_path && folder_length > 0)
    journal = REAL(open64)(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

/* ---- what is pending, and the journal ---- */

static uint32_t hash_of(const char *text, size_t length) {
  uint32_t hash = 2166136261u;
  for (size_t at = 0; at < length; at++) hash = (hash ^ (unsigned char)text[at]) * 16777619u;
  return hash;
}

static uint32_t folder_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return hash_of(path, slash ? (size_t)(slash - path) : 0);
}

static void end_pending(struct pending *one) {
  one->is_over = 1;
  if (one->attic) {
    REAL(unlink)(one->attic);
    free(one->attic);
    one->attic = NULL;
  }
}

/* Forgets what is durable, and the whole journal once there is nothing else in it. */
static void reap(void) {
  uint64_t time = milliseconds_now();
  for (size_t at = 0; at < pending_count; at++) {
    struct pending *one = &pending[(pending_head + at) % PENDING_MAX];
    uint64_t life = one->is_metadata ? METADATA_MILLISECONDS : DATA_MILLISECONDS;
    if (!one->is_over && time - one->milliseconds > life) end_pending(one);
    if (!one->is_over && time - one->milliseconds <= METADATA_MILLISECONDS) break;
  }
  while (pending_count > 0 && pending[pending_head].is_over) {
    pending_head = (pending_head + 1) % PENDING_MAX;
    pending_count--;
  }
  if (pending_count > 0 || journal_size < (1 << 20)) return;
  if (REAL(ftruncate64)(journal, 0) != 0) return;
  journal_size = 0;
  records = 0;
  journals++;
  for (uint32_t file = 0; file < file_count; file++) files[file].is_named = 0;
}

static uint64_t note(struct record record, const void *bytes) {
  record.milliseconds = milliseconds_now();
  struct iovec parts[2] = {{&record, sizeof record}, {(void *)bytes, record.bytes}};
  if (journal_size + (off_t)sizeof record + record.bytes > JOURNAL_MAX) {
    atomic_fetch_add(&control->overflowed, 1);
    return records;
  }
  ssize_t written = REAL(pwritev64)(journal, parts, record.bytes > 0 ? 2 : 1, journal_size);
  if (written != (ssize_t)(sizeof record + record.bytes)) {
    atomic_fetch_add(&control->overflowed, 1);
    return records;
  }
  journal_size += written;
  return records++;
}

static void await_sync(uint64_t number, uint32_t file, int is_metadata, char *attic) {
  if (pending_count == PENDING_MAX) {
    end_pending(&pending[pending_head]);
    pending_head = (pending_head + 1) % PENDING_MAX;
    pending_count--;
  }
  pending[(pending_head + pending_count++) % PENDING_MAX] = (struct pending){
      .number = number,
      .milliseconds = milliseconds_now(),
      .file = file,
      .folder = files[file].folder,
      .is_metadata = is_metadata,
      .attic = attic,
  };
}

static void end_all(int is_metadata, uint32_t file_or_folder, uint64_t below) {
  for (size_t at = 0; at < pending_count; at++) {
    struct pending *one = &pending[(pending_head + at) % PENDING_MAX];
    uint32_t own = is_metadata ? one->folder : one->file;
    if (one->is_metadata == is_metadata && own == file_or_folder && one->number < below)
      end_pending(one);
  }
}

/* The number of a file under the folder, plus one; 0 for others. */
static uint32_t file_at(const char *path) {
  if (journal < 0 || path == NULL || strncmp(path, folder_path, folder_length) != 0) return 0;
  if (path[folder_length] != '/') return 0;
  for (uint32_t file = 0; file < file_count; file++)
    if (files[file].path && strcmp(files[file].path, path) == 0) return file + 1;
  if (file_count == FILES_MAX) {
    atomic_fetch_add(&control->overflowed, 1);
    return 0;
  }
  /* No number is used twice: handles and records name files by it. */
  const char *name = strrchr(path, '/') + 1;
  files[file_count++] = (struct file){
      .path = strdup(path),
      .folder = folder_of(path),
      .is_ignored = strncmp(name, "LOG", 3) == 0,
  };
  return file_count;
}

static void name(uint32_t file) {
  if (files[file].is_named || files[file].path == NULL) return;
  files[file].is_named = 1;
  const char *path = files[file].path;
  note((struct record){.kind = NAME, .file = file, .bytes = (uint32_t)strlen(path)}, path);
}

static char *attic_name(void) {
  char *path = NULL;
  if (asprintf(&path, "%s/%d-%llu", attic_path, getpid(), (unsigned long long)attics++) < 0)
    return NULL;
  return path;
}

/* ---- opening and closing ---- */

static int is_writing(int flags) { return (flags & O_ACCMODE) != O_RDONLY; }

static void track(int handle, const char *path, int flags, int was_there) {
  if (handle < 0 || handle >= HANDLES_MAX) return;
  handles[handle].file = 0;
  if (!is_writing(flags)) return;
  pthread_mutex_lock(&mutex);
  uint32_t file = file_at(path);
  struct stat status;
  if (file > 0 && fstat(handle, &status) == 0 && S_ISREG(status.st_mode)) {
    handles[handle].file = file;
    handles[handle].is_durable = (flags & (O_DSYNC | O_SYNC)) != 0;
    handles[handle].inode = status.st_ino;
    if (!was_there) {
      reap();
      name(file - 1);
      await_sync(note((struct record){.kind = CREATE, .file = file - 1}, NULL), file - 1, 1, NULL);
    }
  }
  pthread_mutex_unlock(&mutex);
}

static int is_ours(const char *path) {
  return journal >= 0 && path && strncmp(path, folder_path, folder_length) == 0;
}

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(rest, int) : 0;
  va_end(rest);
  if (!is_ours(path) || !is_writing(flags)) {
    int handle = REAL(open64)(path, flags, mode);
    if (handle >= 0 && handle < HANDLES_MAX) handles[handle].file = 0;
    return handle;
  }
  struct stat status;
  int was_there = stat(path, &status) == 0;
  /* What a truncating open throws away has to be kept first. */
  int handle = REAL(open64)(path, flags & ~O_TRUNC, mode);
  track(handle, path, flags, was_there);
  if (handle >= 0 && (flags & O_TRUNC) && was_there && ftruncate64(handle, 0) != 0) {
    close(handle);
    return -1;
  }
  return handle;
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(rest, int) : 0;
  va_end(rest);
  return open64(path, flags, mode);
}

FILE *fopen64(const char *path, const char *mode) {
  if (!is_ours(path) || (mode[0] == 'r' && strchr(mode, '+') == NULL))
    return REAL(fopen64)(path, mode);
  int flags = strchr(mode, '+') ? O_RDWR : O_WRONLY;
  if (mode[0] != 'r') flags |= O_CREAT | (mode[0] == 'a' ? O_APPEND : O_TRUNC);
  int handle = open64(path, flags | O_CLOEXEC, 0666);
  return handle < 0 ? NULL : fdopen(handle, mode);
}

FILE *fopen(const char *path, const char *mode) { return fopen64(path, mode); }

int close(int handle) {
  if (handle >= 0 && handle < HANDLES_MAX) handles[handle].file = 0;
  return REAL(close)(handle);
}

int fclose(FILE *stream) {
  int handle = fileno(stream);
  if (handle >= 0 && handle < HANDLES_MAX) handles[handle].file = 0;
  return REAL(fclose)(stream);
}

/* ---- syncing ---- */

/* False if it is to fail. */
static int pass_sync(void) {
  atomic_fetch_add(&control->syncs, 1);
  uint64_t rest = atomic_load(&control->sync_microseconds);
  if (rest > 0) {
    atomic_fetch_add(&control->slow_syncs, 1);
    struct timespec time = {(time_t)(rest / 1000000u), (long)(rest % 1000000u) * 1000};
    nanosleep(&time, NULL);
  }
  uint64_t left = atomic_load(&control->failing_syncs);
  if (left == 0) return 1;
  if (left != UINT64_MAX) atomic_fetch_sub(&control->failing_syncs, 1);
  atomic_fetch_add(&control->failed_syncs, 1);
  errno = EIO;
  return 0;
}

static uint32_t file_of(int handle) {
  if (journal < 0 || handle < 0 || handle >= HANDLES_MAX) return 0;
  uint32_t file = handles[handle].file;
  if (file == 0 || files[file - 1].path == NULL || files[file - 1].is_ignored) return 0;
  return file;
}

static int sync_with(int (*real)(int), int handle) {
  struct stat status;
  if (journal < 0 || fstat(handle, &status) != 0) return real(handle);
  uint32_t file = file_of(handle);
  char path[PATH_MAX] = "", link[64];
  if (S_ISDIR(status.st_mode)) {
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = 0;
  }
  int is_folder = path[0] != 0 && is_ours(path);
  if (file == 0 && !is_folder) return real(handle);
  pthread_mutex_lock(&mutex);
  uint64_t below = records, own = journals;
  pthread_mutex_unlock(&mutex);
  if (!pass_sync()) return -1;
  int result = real(handle);
  if (result != 0) return result;
  pthread_mutex_lock(&mutex);
  /* A journal that began anew meanwhile holds nothing that was there before. */
  if (own == journals) {
    if (file > 0) {
      end_all(0, file - 1, below);
      note((struct record){.kind = SYNCED, .file = file - 1, .offset = below}, NULL);
    } else {
      end_all(1, hash_of(path, strlen(path)), below);
      note((struct record){.kind = SYNCED_FOLDER,
                           .offset = below,
                           .bytes = (uint32_t)strlen(path)},
           path);
    }
  }
  reap();
  pthread_mutex_unlock(&mutex);
  return 0;
}

int fsync(int handle) { return sync_with(REAL(fsync), handle); }
int fdatasync(int handle) { return sync_with(REAL(fdatasync), handle); }

/* ---- writing ---- */

static int is_zero(const unsigned char *bytes, size_t length) {
  return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

/* Keeps what a write will replace. Returns the number of the record. */
static uint64_t prepare(int handle, uint32_t file, enum kind kind, off_t offset, size_t length) {
  struct stat status;
  if (fstat(handle, &status) != 0) return 0;
  off_t old_size = status.st_size;
  off_t start = offset, end = kind == TRUNCATE ? old_size : offset + (off_t)length;
  if (end > old_size) end = old_size;
  size_t kept = end > start ? (size_t)(end - start) : 0;
  unsigned char *bytes = kept > 0 ? malloc(kept) : NULL;
  /* The handle may be write-only. */
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
  int reader = kept > 0 ? REAL(open64)(link, O_RDONLY | O_CLOEXEC) : -1;
  if (kept > 0 && (reader < 0 || pread(reader, bytes, kept, start) != (ssize_t)kept))
    atomic_fetch_add(&control->overflowed, 1);
  if (reader >= 0) REAL(close)(reader);
  int zero = kept > 0 && is_zero(bytes, kept);
  pthread_mutex_lock(&mutex);
  reap();
  name(file);
  struct record record = {
      .kind = kind,
      .file = file,
      .offset = (uint64_t)offset,
      .length = kind == TRUNCATE ? kept : length,
      .old_size = (uint64_t)old_size,
      .bytes = zero ? 0 : (uint32_t)kept,
      .is_zero = (uint32_t)zero,
  };
  uint64_t number = note(record, bytes);
  await_sync(number, file, 0, NULL);
  pthread_mutex_unlock(&mutex);
  free(bytes);
  return number;
}

/* The end of a write: durable if the handle says so. */
static ssize_t finish(int handle, uint32_t file, uint64_t number, ssize_t result) {
  if (result < 0 || !handles[handle].is_durable) return result;
  if (!pass_sync()) return -1;
  pthread_mutex_lock(&mutex);
  for (size_t at = 0; at < pending_count; at++) {
    struct pending *one = &pending[(pending_head + at) % PENDING_MAX];
    if (!one->is_metadata && one->number == number && one->file == file) end_pending(one);
  }
  note((struct record){.kind = SYNCED_ONE, .file = file, .offset = number}, NULL);
  pthread_mutex_unlock(&mutex);
  return result;
}

/* The file of a handle that still is what it was when it was opened. */
static uint32_t tracked(int handle) {
  uint32_t file = file_of(handle);
  struct stat status;
  if (file == 0 || (fstat(handle, &status) == 0 && status.st_ino == handles[handle].inode))
    return file;
  handles[handle].file = 0;
  return 0;
}

static off_t position_of(int handle) {
  int flags = fcntl(handle, F_GETFL);
  struct stat status;
  if ((flags & O_APPEND) && fstat(handle, &status) == 0) return status.st_size;
  return lseek(handle, 0, SEEK_CUR);
}

static size_t length_of(const struct iovec *parts, int count) {
  size_t length = 0;
  for (int at = 0; at < count; at++) length += parts[at].iov_len;
  return length;
}

ssize_t write(int handle, const void *bytes, size_t length) {
  uint32_t file = tracked(handle);
  if (file == 0) return REAL(write)(handle, bytes, length);
  uint64_t number = prepare(handle, file - 1, WRITE, position_of(handle), length);
  return finish(handle, file - 1, number, REAL(write)(handle, bytes, length));
}

ssize_t writev(int handle, const struct iovec *parts, int count) {
  uint32_t file = tracked(handle);
  if (file == 0) return REAL(writev)(handle, parts, count);
  size_t length = length_of(parts, count);
  uint64_t number = prepare(handle, file - 1, WRITE, position_of(handle), length);
  return finish(handle, file - 1, number, REAL(writev)(handle, parts, count));
}

ssize_t pwrite64(int handle, const void *bytes, size_t length, off_t offset) {
  uint32_t file = tracked(handle);
  if (file == 0) return REAL(pwrite64)(handle, bytes, length, offset);
  uint64_t number = prepare(handle, file - 1, WRITE, offset, length);
  return finish(handle, file - 1, number, REAL(pwrite64)(handle, bytes, length, offset));
}

ssize_t pwrite(int handle, const void *bytes, size_t length, off_t offset) {
  return pwrite64(handle, bytes, length, offset);
}

ssize_t pwritev64(int handle, const struct iovec *parts, int count, off_t offset) {
  uint32_t file = tracked(handle);
  if (file == 0) return REAL(pwritev64)(handle, parts, count, offset);
  uint64_t number = prepare(handle, file - 1, WRITE, offset, length_of(parts, count));
  return finish(handle, file - 1, number, REAL(pwritev64)(handle, parts, count, offset));
}

ssize_t pwritev(int handle, const struct iovec *parts, int count, off_t offset) {
  return pwritev64(handle, parts, count, offset);
}

size_t fwrite_unlocked(const void *bytes, size_t size, size_t count, FILE *stream) {
  int handle = fileno(stream);
  if (handle < 0 || handle >= HANDLES_MAX || handles[handle].file == 0)
    return REAL(fwrite_unlocked)(bytes, size, count, stream);
  size_t length = size * count, at = 0;
  while (at < length) {
    ssize_t written = write(handle, (const char *)bytes + at, length - at);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return size > 0 ? at / size : 0;
    at += (size_t)written;
  }
  return count;
}

size_t fwrite(const void *bytes, size_t size, size_t count, FILE *stream) {
  int handle = journal >= 0 ? fileno(stream) : -1;
  if (handle >= 0 && handle < HANDLES_MAX && handles[handle].file > 0)
    return fwrite_unlocked(bytes, size, count, stream);
  return REAL(fwrite)(bytes, size, count, stream);
}

int ftruncate64(int handle, off_t size) {
  uint32_t file = tracked(handle);
  if (file > 0) prepare(handle, file - 1, TRUNCATE, size, 0);
  return REAL(ftruncate64)(handle, size);
}

int ftruncate(int handle, off_t size) { return ftruncate64(handle, size); }

/* ---- folders ---- */

int rename(const char *from, const char *to) {
  if (!is_ours(from) || !is_ours(to)) return REAL(rename)(from, to);
  pthread_mutex_lock(&mutex);
  reap();
  uint32_t file = file_at(from), replaced = file_at(to);
  char *attic = attic_name();
  if (attic && link(to, attic) != 0) {
    free(attic);
    attic = NULL;
  }
  int result = REAL(rename)(from, to);
  int cause = errno;
  if (result == 0 && file > 0 && replaced > 0) {
    name(file - 1);
    char paths[2 * PATH_MAX];
    int length = snprintf(paths, sizeof paths, "%s%c%s", to, 0, attic ? attic : "");
    uint64_t number = note(
        (struct record){.kind = RENAME, .file = file - 1, .bytes = (uint32_t)length}, paths);
    free(files[replaced - 1].path);
    files[replaced - 1].path = NULL;
    files[replaced - 1].is_named = 0;
    free(files[file - 1].path);
    files[file - 1].path = strdup(to);
    files[file - 1].folder = folder_of(to);
    await_sync(number, file - 1, 1, attic);
  } else if (attic) {
    REAL(unlink)(attic);
    free(attic);
  }
  pthread_mutex_unlock(&mutex);
  errno = cause;
  return result;
}

int unlink(const char *path) {
  if (!is_ours(path)) return REAL(unlink)(path);
  pthread_mutex_lock(&mutex);
  reap();
  uint32_t file = file_at(path);
  char *attic = attic_name();
  if (attic && link(path, attic) != 0) {
    free(attic);
    attic = NULL;
  }
  int result = REAL(unlink)(path);
  int cause = errno;
  if (result == 0 && file > 0 && attic) {
    name(file - 1);
    uint64_t number = note(
        (struct record){.kind = UNLINK, .file = file - 1, .bytes = (uint32_t)strlen(attic)}, attic);
    await_sync(number, file - 1, 1, attic);
    free(files[file - 1].path);
    files[file - 1].path = NULL;
    files[file - 1].is_named = 0;
  } else if (attic) {
    REAL(unlink)(attic);
    free(attic);
  }
  pthread_mutex_unlock(&mutex);
  errno = cause;
  return result;
}

/* ---- the wall clock ---- */

int clock_gettime(clockid_t clock, struct timespec *time) {
  int result = REAL(clock_gettime)(clock, time);
  int64_t shift = atomic_load(&control->clock_milliseconds);
  if (shift == 0 || result != 0) return result;
  if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE) return result;
  int64_t all = (int64_t)time->tv_sec * 1000000000 + time->tv_nsec + shift * 1000000;
  time->tv_sec = (time_t)(all / 1000000000);
  time->tv_nsec = (long)(all % 1000000000);
  atomic_fetch_add(&control->shifted_clocks, 1);
  return 0;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  int result = REAL(gettimeofday)(time, zone);
  int64_t shift = atomic_load(&control->clock_milliseconds);
  if (shift == 0 || result != 0) return result;
  int64_t all = (int64_t)time->tv_sec * 1000000 + time->tv_usec + shift * 1000;
  time->tv_sec = (time_t)(all / 1000000);
  time->tv_usec = (suseconds_t)(all % 1000000);
  atomic_fetch_add(&control->shifted_clocks, 1);
  return 0;
}

time_t time(time_t *where) {
  struct timespec own;
  if (clock_gettime(CLOCK_REALTIME, &own) != 0) return -1;
  if (where) *where = own.tv_sec;
  return own.tv_sec;
}
