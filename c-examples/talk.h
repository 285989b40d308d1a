/*
 * Messages between a node and the clients of the others, for udp_node and serial_node.
 */
#ifndef TALK_H
#define TALK_H

#include <hbcore.h>

#include <poll.h>
#include <stddef.h>

struct talk {
    hb_cluster_t *cluster;
    const char *client; /* the name of the clients; NULL: none */
    char line[1001];
    size_t held; /* bytes in `line` */
    int input;   /* -1 after its end */
};

/* Begins. The input is the standard input. */
void talk_start(struct talk *talk, hb_cluster_t *cluster, const char *client);

/* The descriptor to wait for. */
struct pollfd talk_poll(const struct talk *talk);

/* Reads lines and sends each as a message. `ready` is what poll() has found. */
void talk_input(struct talk *talk, const struct pollfd *ready);

/* Shows a message of a client: a datagram, or a message of a serial line. */
void talk_hear(const struct talk *talk, const void *data, size_t len);

#endif
