/*
 * The message functions of an installed 3.0.6, as a filter. It is a process of its own, so that a crash ends
 * nothing else.
 *
 * A request is a length (4 bytes, in this machine's order) and a message in either form. The answer is two lengths
 * with their bytes: the message as a netstring and in the classic form. ABSENT means that the library did not read
 * the message, or cannot write it.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ABSENT UINT32_MAX
/* The exit code if there is no library. */
#define MISSING 77

struct ha_msg;

static struct ha_msg *(*read_message)(const char *, size_t, int);
static char *(*write_netstring)(const struct ha_msg *, size_t *);
static char *(*write_classic)(const struct ha_msg *);
static void (*delete_message)(struct ha_msg *);

/* ISO C has no conversion from an object pointer to a function pointer; POSIX guarantees the copy. */
static void find(void *library, const char *name, void *function, size_t size)
{
    void *symbol = dlsym(library, name);
    if (symbol == NULL)
        exit(1);
    memcpy(function, &symbol, size);
}

static void answer(const char *bytes, size_t length)
{
    uint32_t number = bytes == NULL ? ABSENT : (uint32_t)length;
    fwrite(&number, sizeof number, 1, stdout);
    if (bytes != NULL)
        fwrite(bytes, 1, length, stdout);
}

int main(void)
{
    void *library = dlopen("libplumb.so.2", RTLD_NOW);
    if (library == NULL)
        return MISSING;
    find(library, "wirefmt2msg", &read_message, sizeof read_message);
    find(library, "msg2netstring_noauth", &write_netstring, sizeof write_netstring);
    find(library, "msg2string", &write_classic, sizeof write_classic);
    find(library, "ha_msg_del", &delete_message, sizeof delete_message);

    uint32_t length;
    while (fread(&length, sizeof length, 1, stdin) == 1) {
        char *request = calloc(1, (size_t)length + 1);
        if (request == NULL || fread(request, 1, length, stdin) != length)
            return 1;
        struct ha_msg *message = read_message(request, length, 0);
        size_t size = 0;
        char *netstring = message == NULL ? NULL : write_netstring(message, &size);
        char *classic = message == NULL ? NULL : write_classic(message);
        answer(netstring, size);
        answer(classic, classic == NULL ? 0 : strlen(classic));
        fflush(stdout);
        free(netstring);
        free(classic);
        if (message != NULL)
            delete_message(message);
        free(request);
    }
    return 0;
}
