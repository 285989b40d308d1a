/* The C library of a program that has no other. The test is that this links. */
#include <hbcore.h>

void *memcpy(void *to, const void *from, size_t len)
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
    if (t <= f)
        return memcpy(to, from, len);
    while (len-- > 0)
        t[len] = f[len];
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

/* Compilers call this one if only equality matters. */
int bcmp(const void *left, const void *right, size_t len)
{
    return memcmp(left, right, len);
}

void _start(void)
{
    for (;;)
        hb_version();
}
