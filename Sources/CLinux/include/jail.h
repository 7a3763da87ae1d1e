#ifndef STOKER_JAIL_H
#define STOKER_JAIL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// What a program of a stranger may do. Everything else is refused by the kernel.
typedef struct {
    const char *program;
    char *const *argv;
    /// All of its environment.
    char *const *envp;
    /// Where it starts.
    const char *folder;
    /// Files and folders that it may read and execute from. What does not exist is left out.
    const char *const *readable;
    size_t readable_count;
    /// Folders in which it may do everything.
    const char *const *writable;
    size_t writable_count;
    /// Standard output and error.
    int output;
    /// After so many seconds all of it is killed.
    unsigned seconds;
    /// Data of each process; bytes.
    uint64_t memory;
    /// Largest file; bytes.
    uint64_t file;
    /// Processes at a time: of the user that it gets; of ours besides those that run already, where we are not root.
    unsigned processes;
    /// Its user when ours is root; otherwise ours is kept.
    uid_t user;
    /// The program is bubblewrap, which makes the walls itself: limits and user are set here, and a filter of system calls waits at
    /// descriptor STOKER_JAIL_FILTER for its `--seccomp`. `readable` and `writable` are not used.
    int wrapped;
} stoker_jail;

enum {
    /// Exit status when the time was over.
    STOKER_JAIL_TIMEOUT = 124,
    /// Exit status when the jail could not be made; nothing was run.
    STOKER_JAIL_FAILED = 125,
    /// Where a wrapped program finds the filter.
    STOKER_JAIL_FILTER = 3,
};

/// Version of Landlock that the kernel has; 0 for none. Below 1 there is no jail.
int stoker_jail_landlock(void);

/// A pipe that no other program inherits. 0, or -1 with errno.
int stoker_jail_pipe(int ends[2]);

/// Starts it below a process that outlives all that it starts, and kills all of that at the end.
/// Returns the id of that process, to be waited for, or -errno.
pid_t stoker_jail_start(const stoker_jail *jail);

#endif
