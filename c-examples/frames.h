/*
 * The frames on the sockets of Heartbeat, and the messages in them: docs/protocol/clients.md 1.4 and 1.5. An error
 * ends the program: these are examples.
 */
#ifndef FRAMES_H
#define FRAMES_H

#include <stddef.h>

enum { BODY_MAX = 262144, HEAD = 8, FIELDS_MAX = 128 };

/* A message: names and values, which are pieces of the buffer of the frame. */
struct message {
    size_t count;
    const char *names[FIELDS_MAX], *values[FIELDS_MAX];
};

/* A frame that is being written. */
struct frame {
    size_t length;
    char bytes[HEAD + 8192];
};

/* A connection, and what has arrived on it. */
struct connection {
    int socket;
    size_t held; /* bytes in the buffer */
    char buffer[HEAD + BODY_MAX];
};

/* Says why on the standard error, and ends the program with 1. */
_Noreturn void fail(const char *format, ...);

/* Begins a frame with the type of its message; adds a field, whose value may hold any byte but NUL and a line break;
 * and sends the frame. While the daemon does not read, transmit waits, and reads into the buffer. */
void begin(struct frame *frame, const char *type);
void add(struct frame *frame, const char *name, const char *value);
void transmit(struct connection *connection, struct frame *frame);

/* Reads what there is. It waits for the first byte. */
void fill(struct connection *connection);
/* Takes the next message out of the buffer, if it is there whole. It lasts until the next call. */
int take(struct connection *connection, struct message *message);
/* The value of the first field of this name, or an empty text. */
const char *get(const struct message *message, const char *name);
/* Whether the first field of this name has this value. */
int is(const struct message *message, const char *name, const char *value);

#endif
