#define _GNU_SOURCE
#include "CLinux.h"

#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>

int stoker_spawn(
    int *pid, const char *program, char *const *arguments, char *const *environment, const char *folder, int input,
    int output, int errors) {
    posix_spawn_file_actions_t actions;
    int result = posix_spawn_file_actions_init(&actions);
    if (result != 0) return result;
    posix_spawnattr_t attributes;
    result = posix_spawnattr_init(&attributes);
    if (result != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return result;
    }
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    if (result == 0 && folder) result = posix_spawn_file_actions_addchdir_np(&actions, folder);
    if (result == 0 && input >= 0) result = posix_spawn_file_actions_adddup2(&actions, input, 0);
    if (result == 0 && output >= 0) result = posix_spawn_file_actions_adddup2(&actions, output, 1);
    if (result == 0 && errors >= 0) result = posix_spawn_file_actions_adddup2(&actions, errors, 2);
    if (result == 0) result = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    if (result == 0) {
        pid_t started = 0;
        result = posix_spawnp(&started, program, &actions, &attributes, arguments, environment);
        *pid = started;
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return result;
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
