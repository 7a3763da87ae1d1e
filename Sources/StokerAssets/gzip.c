#include "StokerAssets.h"

#include <string.h>
#include <zlib.h>

size_t stoker_gzip_bound(size_t length) {
    // deflateBound for a gzip wrapper: compressBound counts the 6 bytes of zlib's, gzip has 18.
    return compressBound(length) + 18;
}

size_t stoker_gzip(const unsigned char *input, size_t length, unsigned char *output, size_t capacity, int level) {
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    // 15 bits of window, plus 16 for the gzip wrapper (zlib.h, deflateInit2).
    if (deflateInit2(&stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
    stream.next_in = (unsigned char *)input;
    stream.avail_in = (uInt)length;
    stream.next_out = output;
    stream.avail_out = (uInt)capacity;
    int result = deflate(&stream, Z_FINISH);
    size_t written = stream.total_out;
    deflateEnd(&stream);
    return result == Z_STREAM_END ? written : 0;
}
