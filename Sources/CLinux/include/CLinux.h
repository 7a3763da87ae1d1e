// Calls of Linux that Swift's Glibc module does not have: variadic ones, those behind _GNU_SOURCE, and what has to be done between fork and
// exec, where only system calls are safe: no memory is asked for, nothing is locked. Programs of strangers start in jail.h.
#ifndef STOKER_LINUX_H
#define STOKER_LINUX_H

/// Starts a program in a process group of its own, with every signal as it is by default and no descriptor but 0, 1 and 2.
///
/// `folder` is NULL for ours. `input`, `output` and `errors` become 0, 1 and 2; -1 for ours. `dies`: it is killed when the calling *thread* ends
/// (prctl(2), PR_SET_PDEATHSIG), so call it on one that lives as long as the process. Returns 0, or what went wrong as an `errno`.
int stoker_spawn(
    int *pid, const char *program, char *const *arguments, char *const *environment, const char *folder, int input,
    int output, int errors, int dies);

/// Starts a child that kills a process group when this process ends without a word. Whoever writes a byte to the descriptor first lets it go.
/// Returns that descriptor, which is closed by exec; -1 with `errno`.
int stoker_watch_group(int group, int *pid);

/// Orphans among our descendants become our children, as those of process 1 do. Returns 0, or -1 with `errno`.
int stoker_become_subreaper(void);

/// The next byte that is data, or the next hole, at or behind an offset; -1 with ENXIO behind the last.
long long stoker_seek_data(int file, long long offset);
long long stoker_seek_hole(int file, long long offset);

/// Names of a file's attributes, and one attribute's value; the last part of the path is not followed. As llistxattr(2), lgetxattr(2) and
/// lsetxattr(2).
long stoker_attribute_names(const char *path, char *names, unsigned long size);
long stoker_attribute(const char *path, const char *name, void *value, unsigned long size);
int stoker_set_attribute(const char *path, const char *name, const void *value, unsigned long size);

/// One attribute of an open file; as fsetxattr(2).
int stoker_set_file_attribute(int file, const char *name, const void *value, unsigned long size);

/// Everything of the file system of an open file is on its disk; as syncfs(2).
int stoker_sync_file_system(int file);

/// From now on blocks of `bytes` and more come from the system and go back to it when they are freed, and of what is free at the end of an arena
/// `kept` bytes stay (mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD). Nothing where the C library is not glibc.
void stoker_map_large_blocks(int bytes, int kept);

/// At most so many arenas of the allocator; as mallopt(3), M_ARENA_MAX. Nothing where the C library is not glibc.
void stoker_limit_arenas(int most);

/// Gives free memory back to the system; as malloc_trim(3). Nothing where the C library is not glibc.
void stoker_trim_memory(void);

/// Takes the pages of the program's own code out of this process. Those that are needed again come back from the page cache, one fault for sixteen; the
/// kernel may drop the others when it needs room. As madvise(2), MADV_DONTNEED, on the segment that nobody writes.
void stoker_release_program(void);

#endif
