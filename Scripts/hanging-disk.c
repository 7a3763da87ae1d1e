/* A disk that hangs, fills, turns read-only and comes back, for tests and for `make campaign`. Loaded with LD_PRELOAD:
 *   STOKER_DISK_FOLDER   files below it are on that disk
 *   STOKER_DISK_CONTROL  a file whose first byte says how the disk is now:
 *     o  works      h  hangs: writes and syncs wait until it says otherwise      f  full (ENOSPC)
 *     q  over quota (EDQUOT)      r  read-only (EROFS)      e  input/output error (EIO)
 * The control file is mapped, so that what is written into it holds at once and for calls that already wait. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static volatile char *mode;
static char folder[4096];
static size_t length;

__attribute__((constructor)) static void begin(void) {
    const char *control = getenv("STOKER_DISK_CONTROL"), *named = getenv("STOKER_DISK_FOLDER");
    if (!control || !named || !realpath(named, folder)) return;
    length = strlen(folder);
    int file = open(control, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    void *page = mmap(NULL, 1, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (page != MAP_FAILED) mode = page;
}

static int is_ours(int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t count = readlink(link, path, sizeof path - 1);
    return count > (ssize_t)length && !strncmp(path, folder, length) && path[length] == '/';
}

/* The error that the call ends with; 0 when it is to be made. */
static int trouble(int file, int writes) {
    if (!mode || *mode == 'o' || !is_ours(file)) return 0;
    while (*mode == 'h') usleep(2000);
    switch (*mode) {
    case 'f': return writes ? ENOSPC : 0;
    case 'q': return writes ? EDQUOT : 0;
    case 'r': return writes ? EROFS : 0;
    case 'e': return EIO;
    }
    return 0;
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define ON_DISK(file, writes) \
    int error = trouble(file, writes); \
    if (error) { errno = error; return -1; }

ssize_t write(int file, const void *bytes, size_t count) { REAL(write); ON_DISK(file, 1) return real(file, bytes, count); }
ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
    REAL(pwrite); ON_DISK(file, 1) return real(file, bytes, count, at);
}
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
    REAL(pwrite64); ON_DISK(file, 1) return real(file, bytes, count, at);
}
int fsync(int file) { REAL(fsync); ON_DISK(file, 0) return real(file); }
int fdatasync(int file) { REAL(fdatasync); ON_DISK(file, 0) return real(file); }
int ftruncate(int file, off_t size) { REAL(ftruncate); ON_DISK(file, 1) return real(file, size); }
int ftruncate64(int file, off64_t size) { REAL(ftruncate64); ON_DISK(file, 1) return real(file, size); }
int fallocate(int file, int how, off_t at, off_t size) { REAL(fallocate); ON_DISK(file, 1) return real(file, how, at, size); }
