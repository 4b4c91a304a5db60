/* Preloaded into a process: writes down whatever it changes on the disk below the folder $JOURNAL_ROOT, in order, into
 * the file $JOURNAL_FILE. tests/support/power_cut.py reads it. Linux, glibc. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct entry {
  uint8_t what;
  uint64_t file, offset, size;
  uint32_t first, second;
} __attribute__((packed));

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static int below(const char *path) {
  const char *root = getenv("JOURNAL_ROOT");
  return root != NULL && strncmp(path, root, strlen(root)) == 0;
}

static void write_down(char what, uint64_t file, uint64_t offset, const char *first, const char *second,
                       const void *data, uint64_t size) {
  static int journal = -1;
  struct entry head = {(uint8_t)what, file, offset, size, (uint32_t)strlen(first), (uint32_t)strlen(second)};
  struct iovec parts[] = {{&head, sizeof head},
                          {(void *)first, head.first},
                          {(void *)second, head.second},
                          {(void *)data, data == NULL ? 0 : size}};
  pthread_mutex_lock(&turn);
  if (journal < 0) journal = (int)syscall(SYS_openat, AT_FDCWD, getenv("JOURNAL_FILE"),
                                          O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (journal < 0 || syscall(SYS_writev, journal, parts, 4) < 0) abort();
  pthread_mutex_unlock(&turn);
}

/* Where an open file lies; empty: not below the root. */
static int path_of(int handle, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
  const ssize_t length = readlink(link, path, PATH_MAX - 1);
  path[length < 0 ? 0 : length] = 0;
  return length > 0 && below(path);
}

static uint64_t number_of(int handle) {
  struct stat about;
  return fstat(handle, &about) == 0 ? about.st_ino : 0;
}

static void absolute(int folder, const char *path, char *found) {
  char base[PATH_MAX];
  if (path[0] == '/') {
    snprintf(found, PATH_MAX, "%s", path);
    return;
  }
  if (folder == AT_FDCWD) {
    if (getcwd(base, sizeof base) == NULL) base[0] = 0;
  } else {
    path_of(folder, base);
  }
  snprintf(found, PATH_MAX, "%.2000s/%.2000s", base, path);
}

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (real == NULL) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

static int opened(int handle, int existed, int flags, const char *path) {
  char found[PATH_MAX];
  if (handle < 0 || !path_of(handle, found)) return handle;
  (void)path;
  if ((flags & O_CREAT) && !existed) write_down('c', number_of(handle), 0, found, "", NULL, 0);
  if (flags & O_TRUNC) write_down('t', number_of(handle), 0, "", "", NULL, 0);
  return handle;
}

#define OPEN(name)                                                       \
  int name(const char *path, int flags, ...) {                           \
    REAL(int, name, const char *, int, ...);                             \
    va_list rest;                                                        \
    va_start(rest, flags);                                               \
    const mode_t mode = (flags & O_CREAT) ? va_arg(rest, mode_t) : 0;    \
    va_end(rest);                                                        \
    const int existed = faccessat(AT_FDCWD, path, F_OK, 0) == 0;         \
    return opened(real(path, flags, mode), existed, flags, path);        \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                         \
  int name(int folder, const char *path, int flags, ...) {                   \
    REAL(int, name, int, const char *, int, ...);                            \
    va_list rest;                                                            \
    va_start(rest, flags);                                                   \
    const mode_t mode = (flags & O_CREAT) ? va_arg(rest, mode_t) : 0;        \
    va_end(rest);                                                            \
    const int existed = faccessat(folder, path, F_OK, 0) == 0;               \
    return opened(real(folder, path, flags, mode), existed, flags, path);    \
  }
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int handle, const void *data, size_t size) {
  REAL(ssize_t, write, int, const void *, size_t);
  char path[PATH_MAX];
  const int mine = path_of(handle, path);
  off_t at = mine ? lseek(handle, 0, SEEK_CUR) : 0;
  if (mine && (fcntl(handle, F_GETFL) & O_APPEND)) at = lseek(handle, 0, SEEK_END);
  const ssize_t done = real(handle, data, size);
  if (mine && done > 0) write_down('w', number_of(handle), (uint64_t)at, "", "", data, (uint64_t)done);
  return done;
}

#define PWRITE(name, offset_type)                                                             \
  ssize_t name(int handle, const void *data, size_t size, offset_type offset) {               \
    REAL(ssize_t, name, int, const void *, size_t, offset_type);                              \
    char path[PATH_MAX];                                                                      \
    const ssize_t done = real(handle, data, size, offset);                                    \
    if (done > 0 && path_of(handle, path))                                                    \
      write_down('w', number_of(handle), (uint64_t)offset, "", "", data, (uint64_t)done);     \
    return done;                                                                              \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define TRUNCATE(name, offset_type)                                                           \
  int name(int handle, offset_type size) {                                                    \
    REAL(int, name, int, offset_type);                                                        \
    char path[PATH_MAX];                                                                      \
    const int done = real(handle, size);                                                      \
    if (done == 0 && path_of(handle, path)) write_down('t', number_of(handle), (uint64_t)size, "", "", NULL, 0); \
    return done;                                                                              \
  }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define SYNC(name)                                                                           \
  int name(int handle) {                                                                     \
    REAL(int, name, int);                                                                    \
    char path[PATH_MAX];                                                                     \
    const int done = real(handle);                                                           \
    if (done == 0 && path_of(handle, path)) write_down('s', number_of(handle), 0, path, "", NULL, 0); \
    return done;                                                                             \
  }
SYNC(fsync)
SYNC(fdatasync)

static int renamed(int done, int from_folder, const char *from, int to_folder, const char *to) {
  char old[PATH_MAX], new[PATH_MAX];
  absolute(from_folder, from, old);
  absolute(to_folder, to, new);
  if (done == 0 && below(new)) write_down('r', 0, 0, old, new, NULL, 0);
  return done;
}

int rename(const char *from, const char *to) {
  REAL(int, rename, const char *, const char *);
  return renamed(real(from, to), AT_FDCWD, from, AT_FDCWD, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
  REAL(int, renameat, int, const char *, int, const char *);
  return renamed(real(from_folder, from, to_folder, to), from_folder, from, to_folder, to);
}

static int removed(int done, int folder, const char *path) {
  char found[PATH_MAX];
  absolute(folder, path, found);
  if (done == 0 && below(found)) write_down('u', 0, 0, found, "", NULL, 0);
  return done;
}

int unlink(const char *path) {
  REAL(int, unlink, const char *);
  return removed(real(path), AT_FDCWD, path);
}

int unlinkat(int folder, const char *path, int flags) {
  REAL(int, unlinkat, int, const char *, int);
  return removed(real(folder, path, flags), folder, path);
}

int rmdir(const char *path) {
  REAL(int, rmdir, const char *);
  return removed(real(path), AT_FDCWD, path);
}

int mkdir(const char *path, mode_t mode) {
  REAL(int, mkdir, const char *, mode_t);
  char found[PATH_MAX];
  const int done = real(path, mode);
  absolute(AT_FDCWD, path, found);
  if (done == 0 && below(found)) write_down('m', 0, 0, found, "", NULL, 0);
  return done;
}
