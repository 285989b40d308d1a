#define _POSIX_C_SOURCE 200809L

#include "frames.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint32_t MAGIC = 0xabcd;

_Noreturn void fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("client: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(1);
}

static void append(struct frame *frame, const char *text, size_t length)
{
    if (length > sizeof frame->bytes - frame->length)
        fail("a message is too long");
    memcpy(frame->bytes + frame->length, text, length);
    frame->length += length;
}

void add(struct frame *frame, const char *name, const char *value)
{
    append(frame, name, strlen(name));
    append(frame, "=", 1);
    append(frame, value, strlen(value));
    append(frame, "\n", 1);
}

void begin(struct frame *frame, const char *type)
{
    frame->length = HEAD;
    append(frame, ">>>\n", 4);
    add(frame, "t", type);
}

/* Waits until the daemon reads, and reads meanwhile: a daemon disconnects a client that does not (1.7). */
static void wait_for_room(struct connection *connection)
{
    const int may_read = connection->held < sizeof connection->buffer;
    struct pollfd ready = {.fd = connection->socket, .events = (short)(may_read ? POLLIN | POLLOUT : POLLOUT)};
    if (poll(&ready, 1, -1) > 0 && may_read && (ready.revents & POLLIN) != 0)
        fill(connection);
}

void transmit(struct connection *connection, struct frame *frame)
{
    append(frame, "<<<\n", sizeof "<<<\n"); /* with its NUL, which counts */
    const uint32_t head[2] = {(uint32_t)(frame->length - HEAD), MAGIC};
    memcpy(frame->bytes, head, HEAD);
    for (size_t sent = 0; sent < frame->length;) {
        ssize_t count = send(connection->socket, frame->bytes + sent, frame->length - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count >= 0)
            sent += (size_t)count;
        else if (errno == EAGAIN)
            wait_for_room(connection);
        else if (errno != EINTR)
            fail("the daemon has ended the connection: %s", strerror(errno));
    }
}

static int add_field(struct message *message, char *name, char *value)
{
    if (message->count == FIELDS_MAX)
        return 0;
    if (name[0] == '(' && name[1] != '\0' && name[2] == ')') /* the type of a field that is no string */
        name += 3;
    message->names[message->count] = name;
    message->values[message->count++] = value;
    return 1;
}

/* `>>>`, then a line for each field. The body ends with a NUL. */
static int parse_classic(char *at, struct message *message)
{
    for (char *end; strncmp(at, "<<<", 3) != 0; at = end + 1) {
        char *equals = strchr(at, '=');
        if ((end = strchr(at, '\n')) == NULL || equals == NULL || equals > end)
            return 0;
        *equals = *end = '\0';
        if (!add_field(message, at, equals + 1))
            return 0;
    }
    return 1;
}

/* `###`, then `LENGTH:(TYPE)NAME=VALUE,` for each field. */
static int parse_netstring(char *at, char *limit, struct message *message)
{
    while (limit - at < 3 || memcmp(at, "%%%", 3) != 0) {
        size_t length = 0;
        for (; at < limit && *at >= '0' && *at <= '9' && length <= BODY_MAX; at++)
            length = length * 10 + (size_t)(*at - '0');
        if (limit - at < 2 || *at != ':' || length > (size_t)(limit - at) - 2 || at[1 + length] != ',')
            return 0;
        char *name = at + 1, *end = name + length, *equals = memchr(name, '=', length);
        if (equals == NULL)
            return 0;
        *equals = *end = '\0';
        if (!add_field(message, name, equals + 1))
            return 0;
        at = end + 1;
    }
    return 1;
}

int take(struct connection *connection, struct message *message)
{
    static char body[BODY_MAX + 1];
    while (connection->held >= HEAD) {
        uint32_t head[2];
        memcpy(head, connection->buffer, HEAD);
        if (head[1] != MAGIC || head[0] > BODY_MAX)
            fail("the daemon sends no frames");
        if (connection->held - HEAD < head[0])
            break;
        memcpy(body, connection->buffer + HEAD, head[0]);
        body[head[0]] = '\0';
        connection->held -= HEAD + head[0];
        memmove(connection->buffer, connection->buffer + HEAD + head[0], connection->held);
        message->count = 0;
        if (strncmp(body, ">>>\n", 4) == 0 && parse_classic(body + 4, message))
            return 1;
        if (strncmp(body, "###\n", 4) == 0 && parse_netstring(body + 4, body + head[0], message))
            return 1;
        fprintf(stderr, "client: a message cannot be read, and is left out\n"); /* the connection stays (1.5) */
    }
    return 0;
}

void fill(struct connection *connection)
{
    const size_t room = sizeof connection->buffer - connection->held;
    ssize_t count = read(connection->socket, connection->buffer + connection->held, room);
    if (count > 0)
        connection->held += (size_t)count;
    else if (count == 0)
        fail("the daemon has ended the connection");
    else if (errno != EINTR && errno != EAGAIN)
        fail("the daemon cannot be read: %s", strerror(errno));
}

const char *get(const struct message *message, const char *name)
{
    for (size_t i = 0; i < message->count; i++)
        if (strcmp(message->names[i], name) == 0)
            return message->values[i];
    return "";
}

int is(const struct message *message, const char *name, const char *value)
{
    return strcmp(get(message, name), value) == 0;
}
