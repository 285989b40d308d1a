/* All that the library and the compiler want of a C library. Nothing else is linked. */
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
    unsigned char *t = to;
    const unsigned char *f = from;
    while (len-- > 0)
        *t++ = *f++;
    return to;
}

void *memmove(void *to, const void *from, size_t len)
{
    unsigned char *t = to;
    const unsigned char *f = from;
    if (t <= f) {
        while (len-- > 0)
            *t++ = *f++;
    } else {
        while (len-- > 0)
            t[len] = f[len];
    }
    return to;
}

void *memset(void *to, int byte, size_t len)
{
    unsigned char *t = to;
    while (len-- > 0)
        *t++ = (unsigned char)byte;
    return to;
}

int memcmp(const void *left, const void *right, size_t len)
{
    const unsigned char *l = left, *r = right;
    for (; len > 0; len--, l++, r++) {
        if (*l != *r)
            return *l - *r;
    }
    return 0;
}
