#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

// In the child of vfork: memory is the parent's, which waits; only system calls, and nothing is left changed.
static void become(
    pid_t parent, const char *program, char *const *arguments, char *const *environment, const char *folder,
    const int *files, int dies) {
    if (dies) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return;
        // Dead before it was asked for: nobody would send it any more.
        if (getppid() != parent) _exit(127);
    }
    if (setpgid(0, 0) != 0) return;
    struct sigaction usual = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) sigaction(number, &usual, NULL);
    if (folder && chdir(folder) != 0) return;
    for (int number = 0; number < 3; number++) {
        if (files[number] < 0) continue;
        if (files[number] == number) {
            if (fcntl(number, F_SETFD, 0) != 0) return;
        } else if (dup2(files[number], number) < 0) {
            return;
        }
    }
    // Linux before 5.9 has no close_range.
    if (close_range(3, ~0U, 0) != 0) {
        long most = sysconf(_SC_OPEN_MAX);
        if (most < 0 || most > 1 << 20) most = 1 << 20;
        for (int number = 3; number < most; number++) close(number);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvpe(program, arguments, environment);
}

int stoker_spawn(
    int *pid, const char *program, char *const *arguments, char *const *environment, const char *folder, int input,
    int output, int errors, int dies) {
    const int files[3] = {input, output, errors};
    const pid_t parent = getpid();
    volatile int failure = 0;
    sigset_t all, old;
    sigfillset(&all);
    // No handler of ours runs in the child.
    pthread_sigmask(SIG_SETMASK, &all, &old);
    const pid_t started = vfork();
    if (started == 0) {
        become(parent, program, arguments, environment, folder, files, dies);
        failure = errno ? errno : EINVAL;
        _exit(127);
    }
    const int unforked = started < 0 ? errno : 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (unforked) return unforked;
    if (failure) {
        // It never ran; nobody else is to hear of its end.
        while (waitpid(started, NULL, 0) < 0 && errno == EINTR) {}
        return failure;
    }
    *pid = started;
    return 0;
}

int stoker_watch_group(int group, int *pid) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return -1;
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    const pid_t started = fork();
    if (started == 0) {
        // All signals stay blocked: it ends by what it reads, or with its parent.
        prctl(PR_SET_NAME, "stoker-watch");
        const int end = 0;
        if (dup2(ends[0], end) != end || close_range(1, ~0U, 0) != 0) _exit(1);
        char word;
        ssize_t count;
        do { count = read(end, &word, 1); } while (count < 0 && errno == EINTR);
        if (count == 0) kill(-group, SIGKILL);
        _exit(0);
    }
    const int unforked = started < 0 ? errno : 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    close(ends[0]);
    if (unforked) {
        close(ends[1]);
        errno = unforked;
        return -1;
    }
    *pid = started;
    return ends[1];
}

int stoker_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

long long stoker_seek_data(int file, long long offset) { return lseek(file, offset, SEEK_DATA); }

long long stoker_seek_hole(int file, long long offset) { return lseek(file, offset, SEEK_HOLE); }

long stoker_attribute_names(const char *path, char *names, unsigned long size) {
    return llistxattr(path, names, size);
}

long stoker_attribute(const char *path, const char *name, void *value, unsigned long size) {
    return lgetxattr(path, name, value, size);
}

int stoker_set_attribute(const char *path, const char *name, const void *value, unsigned long size) {
    return lsetxattr(path, name, value, size, 0);
}

int stoker_set_file_attribute(int file, const char *name, const void *value, unsigned long size) {
    return fsetxattr(file, name, value, size, 0);
}

int stoker_sync_file_system(int file) { return syncfs(file); }
