#include "CLinux.h"

#include <malloc.h>

void stoker_map_large_blocks(int bytes) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, bytes);
    mallopt(M_TRIM_THRESHOLD, bytes);
#endif
}

void stoker_trim_memory(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
