#include "CLinux.h"

#include <malloc.h>

void stoker_map_large_blocks(int bytes) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, bytes);
    mallopt(M_TRIM_THRESHOLD, 1 << 20);
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
