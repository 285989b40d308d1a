/*
 * A node of a real cluster, over UDP:
 *
 *     udp_node DIRECTORY NAME [COMMAND [CLIENT]]
 *
 * DIRECTORY is like /etc/ha.d: the links are the lines `ucast` and `bcast` of its ha.cf. NAME is this node's name
 * there. COMMAND is run as `COMMAND start GROUP RESOURCE` and `COMMAND stop GROUP RESOURCE` for the groups of
 * haresources; its exit code tells whether that succeeded. On SIGTERM the node leaves the cluster, so that the other
 * node takes over. Each line of the input goes to the clients called CLIENT on the other nodes, such as those of the
 * example client.c; their messages are shown.
 *
 * Read pair_in_memory.c first.
 */
#define _GNU_SOURCE
#include "node.h"
#include "talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* The number of datagrams that are read from a link before it is the turn of the others. */
enum { READS = 16 };

struct link {
    int fd;
    struct sockaddr_in to;
};

struct media {
    struct link links[HB_LINKS];
    struct pollfd fds[HB_LINKS + 1]; /* the last one is the input of talk.c */
    nfds_t count;
};

static void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

/* The address to which a medium sends: the host, or the broadcast address of the interface. */
static struct in_addr destination(int fd, const hb_medium_t *medium, const char *interface)
{
    char host[64];
    struct in_addr to;
    if (medium->kind == HB_MEDIUM_KIND_BCAST) {
        struct ifreq request = {0};
        struct sockaddr_in address;
        snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
        if (ioctl(fd, SIOCGIFBRDADDR, &request) < 0)
            fail(interface);
        memcpy(&address, &request.ifr_broadaddr, sizeof address);
        return address.sin_addr;
    }
    snprintf(host, sizeof host, "%.*s", (int)medium->host.len, medium->host.data);
    if (inet_pton(AF_INET, host, &to) != 1) {
        fprintf(stderr, "ucast %s: this example wants an IPv4 address here\n", host);
        exit(1);
    }
    return to;
}

static struct link open_link(const hb_medium_t *medium)
{
    char interface[IFNAMSIZ];
    const int yes = 1;
    snprintf(interface, sizeof interface, "%.*s", (int)medium->device.len, medium->device.data);
    struct link link = {.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)medium->port)};
    if (link.fd < 0)
        fail("socket");
    setsockopt(link.fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    setsockopt(link.fd, SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes);
    if (setsockopt(link.fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) < 0)
        fail(interface);
    if (bind(link.fd, (struct sockaddr *)&here, sizeof here) < 0)
        fail("bind");
    link.to = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = here.sin_port, .sin_addr = destination(link.fd, medium, interface)};
    return link;
}

/* Opens the media of ha.cf, in the order of the engine's links. */
static void open_media(struct media *media, const hb_files_t *files)
{
    hb_medium_t medium;
    while (hb_files_medium(files, media->count, &medium, sizeof medium) == HB_RESULT_OK) {
        if (medium.kind != HB_MEDIUM_KIND_UCAST && medium.kind != HB_MEDIUM_KIND_BCAST) {
            fprintf(stderr, "this example has ucast and bcast only\n");
            exit(1);
        }
        media->links[media->count] = open_link(&medium);
        media->fds[media->count] = (struct pollfd){.fd = media->links[media->count].fd, .events = POLLIN};
        media->count++;
    }
}

static void send_datagram(void *context, unsigned link, const void *data, size_t len)
{
    const struct media *media = context;
    const struct link *to = &media->links[link];
    if (sendto(to->fd, data, len, 0, (const struct sockaddr *)&to->to, sizeof to->to) < 0)
        return; /* lost: the other node requests it again, or there is another link */
}

static void receive(struct node *node, const struct talk *talk, const struct media *media)
{
    static unsigned char buffer[65536];
    for (nfds_t link = 0; link < media->count; link++) {
        for (int i = 0; i < READS && media->fds[link].revents != 0; i++) {
            ssize_t len = recv(media->links[link].fd, buffer, sizeof buffer, 0);
            if (len < 0)
                break;
            /* The engine checks any bytes that arrive, and counts those that it drops. */
            uint32_t received;
            hb_result_t result =
                hb_cluster_handle(node->cluster, node_now(), (uint32_t)link, buffer, (size_t)len, &received);
            if (result == HB_RESULT_OK && received == HB_RECEIVED_FOR_CLIENTS)
                talk_hear(talk, buffer, (size_t)len);
        }
    }
}

int main(int argc, char **argv)
{
    static struct node node;
    static struct media media;
    static struct talk talk;
    if (argc < 3 || argc > 5) {
        fprintf(stderr, "usage: udp_node DIRECTORY NAME [COMMAND [CLIENT]]\n");
        return 2;
    }
    node_start(&node, argv[1], argv[2], argv[3]);
    talk_start(&talk, node.cluster, argc == 5 ? argv[4] : NULL);
    open_media(&media, &node.files);
    for (;;) {
        node_turn(&node, send_datagram, &media);
        if (node.left)
            return 0;
        media.fds[media.count] = talk_poll(&talk);
        node_wait(&node, media.fds, media.count + 1);
        receive(&node, &talk, &media);
        talk_input(&talk, &media.fds[media.count]);
    }
}
