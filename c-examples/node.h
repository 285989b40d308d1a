/*
 * The common part of udp_node and serial_node: a node under POSIX, without its media.
 *
 * It reads a directory like /etc/ha.d, prints events, and starts and stops groups with a command. It has one thread
 * and one ppoll().
 */
#ifndef NODE_H
#define NODE_H

#include <hbcore.h>

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

/* A command that runs for a group. */
struct job {
    pid_t pid; /* 0: none */
    uint32_t ticket;
};

struct node {
    hb_cluster_storage_t storage;
    hb_cluster_t *cluster;
    hb_files_t files;
    const char *command; /* NULL: groups are only printed */
    struct job jobs[HB_GROUPS];
    bool leaving;
    bool left;
};

/* Sends a datagram on one link, or drops it if it cannot be sent. */
typedef void (*node_send)(void *media, unsigned link, const void *data, size_t len);

/* Reads ha.cf, authkeys, haresources and hbcore.cf of `directory` and starts the node called `name`. If the files
 * have errors, prints all their problems and ends the program. */
void node_start(struct node *node, const char *directory, const char *name, const char *command);

/* Waits until a file descriptor is readable, a command has ended, a signal came, or the engine's deadline has come. */
void node_wait(struct node *node, struct pollfd *fds, nfds_t count);

/* The rest of one turn, after all input was passed to the engine. */
void node_turn(struct node *node, node_send send, void *media);

/* Microseconds of a clock that never goes back and also runs during suspend. */
uint64_t node_now(void);

/* Ends the program if a call failed. */
void must(hb_result_t result, const char *what);

#endif
