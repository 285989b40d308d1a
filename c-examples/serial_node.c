/*
 * A node of a real cluster, over a serial line:
 *
 *     serial_node DIRECTORY NAME [COMMAND [CLIENT]]
 *
 * This is like udp_node, but the links are the lines `serial` of ha.cf, with the speed from `baud`. The engine finds
 * the messages in the bytes (hb_cluster_feed_message); this program only carries the bytes. A line is slow: a message
 * for which the queue has no room is dropped, and its retransmission is requested.
 *
 * Read pair_in_memory.c first.
 */
#define _GNU_SOURCE
#include "node.h"
#include "talk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

struct line {
    int fd;
    unsigned char queue[2 * HB_DATAGRAM]; /* bytes for which the driver has no room yet */
    size_t queued;
};

struct media {
    struct line lines[HB_SERIAL_LINKS];
    struct pollfd fds[HB_SERIAL_LINKS + 1]; /* the last one is the input of talk.c */
    nfds_t count;
};

static speed_t speed_of(uint32_t baud)
{
    static const struct {
        uint32_t baud;
        speed_t speed;
    } speeds[] = {{9600, B9600},   {19200, B19200},   {38400, B38400},   {57600, B57600},
                  {115200, B115200}, {230400, B230400}, {460800, B460800}};
    for (size_t i = 0; i < sizeof speeds / sizeof *speeds; i++) {
        if (speeds[i].baud == baud)
            return speeds[i].speed;
    }
    fprintf(stderr, "%u bits per second: not a speed of this example\n", baud);
    exit(1);
}

/* Sets the line for a null-modem cable: raw bytes, eight bits, no flow control. */
static int open_line(const hb_medium_t *medium)
{
    char device[256];
    struct termios settings;
    snprintf(device, sizeof device, "%.*s", (int)medium->device.len, medium->device.data);
    int fd = open(device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || tcgetattr(fd, &settings) < 0) {
        fprintf(stderr, "%s: %s\n", device, strerror(errno));
        exit(1);
    }
    cfmakeraw(&settings);
    settings.c_cflag |= CLOCAL | CREAD;
    cfsetspeed(&settings, speed_of(medium->baud));
    tcsetattr(fd, TCSANOW, &settings);
    return fd;
}

static void open_media(struct media *media, const hb_files_t *files)
{
    hb_medium_t medium;
    while (hb_files_medium(files, media->count, &medium, sizeof medium) == HB_RESULT_OK) {
        if (medium.kind != HB_MEDIUM_KIND_SERIAL) {
            fprintf(stderr, "this example has serial lines only\n");
            exit(1);
        }
        media->lines[media->count].fd = open_line(&medium);
        media->fds[media->count] = (struct pollfd){.fd = media->lines[media->count].fd, .events = POLLIN};
        media->count++;
    }
}

/* Writes as much of the queue as the driver takes. */
static void flush(struct media *media, unsigned link)
{
    struct line *line = &media->lines[link];
    ssize_t written = write(line->fd, line->queue, line->queued);
    if (written > 0) {
        line->queued -= (size_t)written;
        memmove(line->queue, line->queue + written, line->queued);
    }
    media->fds[link].events = (short)(line->queued > 0 ? POLLIN | POLLOUT : POLLIN);
}

static void send_bytes(void *context, unsigned link, const void *data, size_t len)
{
    struct media *media = context;
    struct line *line = &media->lines[link];
    if (len > sizeof line->queue - line->queued)
        return; /* queue whole messages only: half a message is noise */
    memcpy(line->queue + line->queued, data, len);
    line->queued += len;
    flush(media, link);
}

/* Hands in the bytes, message by message. */
static void feed(struct node *node, const struct talk *talk, unsigned link, const unsigned char *bytes, size_t len)
{
    uint32_t received;
    hb_text_t message;
    for (size_t used = 0; len > 0; bytes += used, len -= used) {
        hb_result_t result =
            hb_cluster_feed_message(node->cluster, node_now(), link, bytes, len, &used, &received, &message);
        if (result == HB_RESULT_OK && received == HB_RECEIVED_FOR_CLIENTS)
            talk_hear(talk, message.data, message.len);
    }
}

static void receive(struct node *node, const struct talk *talk, struct media *media)
{
    unsigned char bytes[256];
    for (unsigned link = 0; link < media->count; link++) {
        if (media->fds[link].revents & POLLOUT)
            flush(media, link);
        if ((media->fds[link].revents & (POLLIN | POLLHUP | POLLERR)) == 0)
            continue;
        ssize_t len = read(media->lines[link].fd, bytes, sizeof bytes);
        if (len > 0) {
            feed(node, talk, link, bytes, (size_t)len);
        } else if (len == 0 || (errno != EAGAIN && errno != EINTR)) {
            /* The device is gone, for example because an adapter was pulled out. A daemon would try to open it
             * again. */
            media->fds[link].fd = -1;
            must(hb_cluster_link_changed(node->cluster, node_now(), link, 0), "hb_cluster_link_changed");
        }
    }
}

int main(int argc, char **argv)
{
    static struct node node;
    static struct media media;
    static struct talk talk;
    if (argc < 3 || argc > 5) {
        fprintf(stderr, "usage: serial_node DIRECTORY NAME [COMMAND [CLIENT]]\n");
        return 2;
    }
    node_start(&node, argv[1], argv[2], argv[3]);
    talk_start(&talk, node.cluster, argc == 5 ? argv[4] : NULL);
    open_media(&media, &node.files);
    for (;;) {
        node_turn(&node, send_bytes, &media);
        if (node.left)
            return 0;
        media.fds[media.count] = talk_poll(&talk);
        node_wait(&node, media.fds, media.count + 1);
        receive(&node, &talk, &media);
        talk_input(&talk, &media.fds[media.count]);
    }
}
