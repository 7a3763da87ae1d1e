#define _GNU_SOURCE
#include "CLinux.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

void stoker_map_large_blocks(int bytes, int kept) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, bytes);
    mallopt(M_TRIM_THRESHOLD, kept);
#endif
}

void stoker_limit_arenas(int most) {
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, most);
#endif
}

void stoker_trim_memory(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

static int release(struct dl_phdr_info *object, size_t size, void *data) {
    (void)size, (void)data;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int number = 0; number < object->dlpi_phnum; number++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[number];
        // What is written to, relocated constants among it, would be lost.
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X) || (segment->p_flags & PF_W)) continue;
        uintptr_t begin = (object->dlpi_addr + segment->p_vaddr + page - 1) / page * page;
        uintptr_t end = (object->dlpi_addr + segment->p_vaddr + segment->p_filesz) / page * page;
        if (begin < end) madvise((void *)begin, end - begin, MADV_DONTNEED);
    }
    return 1; // The first is the program itself, the others are shared libraries.
}

void stoker_release_program(void) { dl_iterate_phdr(release, NULL); }
