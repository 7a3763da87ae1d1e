#include "CLinux.h"

#include <malloc.h>

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
