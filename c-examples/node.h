/*
 * What udp_node and serial_node have in common: a node under POSIX, but for its media.
 *
 * It reads a directory like /etc/ha.d, prints what happens, and starts and stops groups by running a command. One thread, one ppoll().
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

/* Sends a datagram on one link. What cannot be sent is dropped. */
typedef void (*node_send)(void *media, unsigned link, const void *data, size_t len);

/* Reads ha.cf, authkeys, haresources and hbcore.cf of `directory` and starts the node called `name`. Ends the program with every
   problem of the files if they have errors. */
void node_start(struct node *node, const char *directory, const char *name, const char *command);

/* Waits until something can be read, a command has ended, a signal came, or the engine wants to be called. */
void node_wait(struct node *node, struct pollfd *fds, nfds_t count);

/* After what was read was given to the engine: everything else of one turn. */
void node_turn(struct node *node, node_send send, void *media);

/* Microseconds of a clock that never goes back and goes on in suspend. */
uint64_t node_now(void);

/* Ends the program if a call failed. */
void must(hb_result_t result, const char *what);

#endif
