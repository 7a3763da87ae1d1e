#define _GNU_SOURCE
#include "jail.h"

#ifdef __linux__

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Of linux/landlock.h of a newer kernel than the one of the headers.
struct ruleset {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
};
struct path_beneath {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

enum {
    LL_CREATE = 444,
    LL_ADD = 445,
    LL_RESTRICT = 446,
};
#define FS_EXECUTE (1ULL << 0)
#define FS_WRITE_FILE (1ULL << 1)
#define FS_READ_FILE (1ULL << 2)
#define FS_READ_DIR (1ULL << 3)
#define FS_ALL_1 ((1ULL << 13) - 1)
#define FS_REFER (1ULL << 13)
#define FS_TRUNCATE (1ULL << 14)
#define FS_IOCTL_DEV (1ULL << 15)
#define FS_OF_FILES (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

int stoker_jail_landlock(void) {
    long version = syscall(LL_CREATE, NULL, 0, 1);
    return version < 0 ? 0 : (int)version;
}

// Everything below runs in a child of a process with threads: system calls only, no memory is asked for.

static int allow(int rules, const char *path, uint64_t access) {
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -1;
    struct stat status;
    if (fstat(fd, &status) != 0) {
        close(fd);
        return -1;
    }
    if (!S_ISDIR(status.st_mode)) access &= FS_OF_FILES;
    struct path_beneath rule = {.allowed_access = access, .parent_fd = fd};
    long result = syscall(LL_ADD, rules, 1, &rule, 0);
    close(fd);
    return result == 0 ? 0 : -1;
}

static int confine_files(const stoker_jail *jail) {
    int version = stoker_jail_landlock();
    if (version < 1) return -1;
    uint64_t all = FS_ALL_1;
    if (version >= 2) all |= FS_REFER;
    if (version >= 3) all |= FS_TRUNCATE;
    if (version >= 5) all |= FS_IOCTL_DEV;
    // Network: binding and connecting of TCP. Scope: signals to others, sockets without a file.
    struct ruleset set = {.handled_access_fs = all, .handled_access_net = 3, .scoped = 3};
    size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    int rules = (int)syscall(LL_CREATE, &set, size, 0);
    if (rules < 0) return -1;
    for (size_t i = 0; i < jail->readable_count; i++)
        if (allow(rules, jail->readable[i], FS_EXECUTE | FS_READ_FILE | FS_READ_DIR) != 0) return -1;
    for (size_t i = 0; i < jail->writable_count; i++)
        if (allow(rules, jail->writable[i], all) != 0) return -1;
    static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"};
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++)
        if (allow(rules, devices[i], FS_READ_FILE | FS_WRITE_FILE) != 0) return -1;
    if (syscall(LL_RESTRICT, rules, 0) != 0) return -1;
    close(rules);
    return 0;
}

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "no filter for this machine"
#endif

#define REFUSE(code) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (code))
#define NO(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), REFUSE(EPERM)

// The last rules of the filter: sockets.
#define SOCKET_RULES 6

static struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#if defined(__x86_64__)
    // The other numbering of the same machine.
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
    REFUSE(ENOSYS),
#endif
    // Namespaces and mounts: what else would give rights back.
    NO(unshare), NO(setns), NO(mount), NO(umount2), NO(pivot_root), NO(chroot),
    NO(move_mount), NO(open_tree), NO(fsopen), NO(fsconfig), NO(fsmount), NO(fspick), NO(mount_setattr),
    // Other processes, the kernel, and surfaces that seldom serve a test.
    NO(ptrace), NO(process_vm_readv), NO(process_vm_writev), NO(kcmp), NO(pidfd_getfd), NO(bpf), NO(perf_event_open),
    NO(keyctl), NO(add_key), NO(request_key), NO(userfaultfd), NO(io_uring_setup), NO(io_uring_enter),
    NO(io_uring_register), NO(init_module), NO(finit_module), NO(delete_module), NO(kexec_load), NO(reboot),
    NO(swapon), NO(swapoff), NO(sethostname), NO(setdomainname), NO(syslog), NO(acct), NO(quotactl),
    NO(settimeofday), NO(clock_settime), NO(open_by_handle_at), NO(name_to_handle_at), NO(setpriority),
    // A library that finds no clone3 takes clone, whose flags can be seen.
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
    REFUSE(ENOSYS),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K,
             CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP,
             0, 1),
    REFUSE(EPERM),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    // Sockets within the jail only.
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 1, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socketpair, 0, 3),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 1, 0),
    REFUSE(EACCES),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

static int confine_calls(void) {
    static const struct sock_fprog program = {.len = sizeof filter / sizeof filter[0], .filter = filter};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

// Puts the filter where bubblewrap reads it. There the network is one of its own, with nothing in it but the jail: its sockets may be used.
static int offer_filter(void) {
    struct sock_filter sockets[] = {
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 1, 0),
        REFUSE(EACCES),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    size_t size = sizeof filter - SOCKET_RULES * sizeof filter[0];
    int fd = (int)syscall(SYS_memfd_create, "filter", 0U);
    if (fd < 0 || write(fd, filter, size) != (ssize_t)size || write(fd, sockets, sizeof sockets) != (ssize_t)sizeof sockets
        || lseek(fd, 0, SEEK_SET) != 0)
        return -1;
    return fd == STOKER_JAIL_FILTER || dup2(fd, STOKER_JAIL_FILTER) == STOKER_JAIL_FILTER ? 0 : -1;
}

// Processes of our user now, as many as /proc shows. 0 where that cannot be seen.
static unsigned own_processes(void) {
    int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (proc < 0) return 0;
    char buffer[16384];
    unsigned count = 0;
    uid_t own = geteuid();
    for (;;) {
        long size = syscall(SYS_getdents64, proc, buffer, sizeof buffer);
        if (size <= 0) break;
        for (long at = 0; at < size;) {
            const char *entry = buffer + at;
            unsigned short length;
            memcpy(&length, entry + 16, sizeof length);
            struct stat status;
            // `struct linux_dirent64`: the name stands behind 19 bytes.
            if (entry[19] >= '1' && entry[19] <= '9' && fstatat(proc, entry + 19, &status, 0) == 0 && status.st_uid == own) {
                // Its threads count too.
                count++;
                char path[64] = "";
                size_t name = strlen(entry + 19);
                if (name < 40) {
                    memcpy(path, entry + 19, name);
                    memcpy(path + name, "/task", 6);
                    if (fstatat(proc, path, &status, 0) == 0 && status.st_nlink > 3) count += (unsigned)status.st_nlink - 3;
                }
            }
            at += length;
        }
    }
    close(proc);
    return count;
}

static int limit(int what, uint64_t most) {
    struct rlimit value = {.rlim_cur = most, .rlim_max = most};
    return setrlimit(what, &value);
}

static void say(const char *text) {
    ssize_t ignored = write(2, text, strlen(text));
    (void)ignored;
}

static void inside(const stoker_jail *jail) {
    // It stops with the one that watches it.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (limit(RLIMIT_CORE, 0) || limit(RLIMIT_DATA, jail->memory) || limit(RLIMIT_FSIZE, jail->file) || limit(RLIMIT_NOFILE, 512)
        || limit(RLIMIT_CPU, (uint64_t)jail->seconds + 5) || limit(RLIMIT_MEMLOCK, 0)) {
        say("the jail's limits could not be set\n");
        _exit(STOKER_JAIL_FAILED);
    }
    if (geteuid() == 0) {
        if (setgroups(0, NULL) || setresgid(jail->user, jail->user, jail->user) || setresuid(jail->user, jail->user, jail->user)) {
            say("the jail's user could not be taken\n");
            _exit(STOKER_JAIL_FAILED);
        }
        limit(RLIMIT_NPROC, jail->processes);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    } else {
        unsigned others = own_processes();
        if (others > 0) limit(RLIMIT_NPROC, others + jail->processes);
    }
    if (chdir(jail->folder) != 0) {
        say("the jail's folder cannot be entered\n");
        _exit(STOKER_JAIL_FAILED);
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        || (jail->wrapped ? offer_filter() : confine_files(jail) || confine_calls())) {
        say("the jail could not be closed\n");
        _exit(STOKER_JAIL_FAILED);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(jail->program, jail->argv, jail->envp);
    say("the program cannot be started in the jail\n");
    _exit(STOKER_JAIL_FAILED);
}

// Kills every child until there is none: those that left their parent come to us.
static void sweep(void) {
    char path[64] = "/proc/thread-self/children";
    for (int round = 0; round < 2000; round++) {
        while (waitpid(-1, NULL, WNOHANG) > 0) {}
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) return;
        char text[4096];
        ssize_t count = read(fd, text, sizeof text - 1);
        close(fd);
        if (count <= 0) return;
        text[count] = 0;
        pid_t pid = 0;
        for (ssize_t i = 0; i < count; i++) {
            if (text[i] >= '0' && text[i] <= '9') {
                pid = pid * 10 + (text[i] - '0');
            } else {
                if (pid > 0) kill(pid, SIGKILL);
                pid = 0;
            }
        }
        struct timespec moment = {.tv_nsec = 2000000};
        nanosleep(&moment, NULL);
    }
}

static void watch(const stoker_jail *jail) {
    setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    // Ends with the program that asked for it.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    sigprocmask(SIG_SETMASK, &wanted, NULL);
    int nothing = open("/dev/null", O_RDONLY);
    if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(jail->output, 1) < 0 || dup2(jail->output, 2) < 0) _exit(STOKER_JAIL_FAILED);
    syscall(SYS_close_range, 3U, ~0U, 0U);
    pid_t child = fork();
    if (child < 0) _exit(STOKER_JAIL_FAILED);
    if (child == 0) inside(jail);
    close(1);
    close(2);
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += jail->seconds;
    int code = STOKER_JAIL_TIMEOUT;
    for (;;) {
        int status;
        pid_t ended = waitpid(-1, &status, WNOHANG);
        if (ended == child) {
            code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            break;
        }
        if (ended > 0) continue;
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec >= end.tv_sec) break;
        struct timespec rest = {.tv_sec = 0, .tv_nsec = 200000000};
        int signal = sigtimedwait(&wanted, NULL, &rest);
        if (signal == SIGTERM || signal == SIGINT) break;
    }
    sweep();
    _exit(code);
}

int stoker_jail_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

pid_t stoker_jail_start(const stoker_jail *jail) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pid_t pid = fork();
    int error = errno;
    if (pid == 0) watch(jail);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return pid < 0 ? -error : pid;
}

#else

#include <unistd.h>

int stoker_jail_landlock(void) { return 0; }
int stoker_jail_pipe(int ends[2]) { return pipe(ends); }
pid_t stoker_jail_start(const stoker_jail *jail) { return -38; }

#endif
