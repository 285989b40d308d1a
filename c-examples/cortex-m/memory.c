/* All functions of a C library that the library and the compiler need. Nothing else is linked. */
#include <stddef.h>
#include <string.h>

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

/* The same functions under the names of the processor's ABI. Without them, those of Rust's library are linked too. */
#define SAME_AS(of) __attribute__((alias(#of)))

void *memcpy(void *restrict to, const void *restrict from, size_t len) SAME_AS(memmove);
void *__aeabi_memcpy(void *to, const void *from, size_t len) SAME_AS(memmove);
void *__aeabi_memcpy4(void *to, const void *from, size_t len) SAME_AS(memmove);
void *__aeabi_memcpy8(void *to, const void *from, size_t len) SAME_AS(memmove);
void *__aeabi_memmove(void *to, const void *from, size_t len) SAME_AS(memmove);
void *__aeabi_memmove4(void *to, const void *from, size_t len) SAME_AS(memmove);
void *__aeabi_memmove8(void *to, const void *from, size_t len) SAME_AS(memmove);

void __aeabi_memset(void *to, size_t len, int byte) { memset(to, byte, len); }
void __aeabi_memset4(void *to, size_t len, int byte) SAME_AS(__aeabi_memset);
void __aeabi_memset8(void *to, size_t len, int byte) SAME_AS(__aeabi_memset);

void __aeabi_memclr(void *to, size_t len) { memset(to, 0, len); }
void __aeabi_memclr4(void *to, size_t len) SAME_AS(__aeabi_memclr);
void __aeabi_memclr8(void *to, size_t len) SAME_AS(__aeabi_memclr);
