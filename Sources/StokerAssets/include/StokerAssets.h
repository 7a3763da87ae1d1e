#ifndef STOKER_ASSETS_H
#define STOKER_ASSETS_H

#include <stddef.h>

/// A file of `Files/`, or the schema of the fleet file, compiled in. The bytes live as long as the process and are not zero-terminated.
typedef struct {
    const char *name;
    const unsigned char *bytes;
    size_t length;
} stoker_asset;

/// All files; `count` is set to how many.
const stoker_asset *stoker_assets(size_t *count);

/// The file of that name; NULL when there is none.
const stoker_asset *stoker_asset_named(const char *name);

/// Files of the templates for new Spaces, named `TEMPLATE/PATH`; `count` is set to how many.
const stoker_asset *stoker_templates(size_t *count);

/// Pages of the documentation that agents may read, named without their ending; `count` is set to how many.
const stoker_asset *stoker_docs(size_t *count);

/// Largest size that `stoker_gzip` may need for `length` bytes.
size_t stoker_gzip_bound(size_t length);

/// Packs `input` as one gzip member into `output`; returns its length, or 0 when it could not be done.
size_t stoker_gzip(const unsigned char *input, size_t length, unsigned char *output, size_t capacity, int level);

#endif
