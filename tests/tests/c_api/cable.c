/*
 * Two nodes and a serial line of 19200 bits per second, byte by byte, with a simulated clock. The line is cut at
 * many times, also in the middle of a message. Each node must notice the cut within its deadtime and the time of
 * one character, and not earlier: the deadtime counts from the last heartbeat that was heard, which is at most one
 * interval, and the time of two messages, before the cut.
 */
#include <hbcore.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { NODES = 2, LINE = 1 << 16 };

#define SECOND UINT64_C(1000000)
#define KEEPALIVE SECOND
#define DEADTIME (5 * SECOND)
#define BAUD 19200
#define MESSAGE_CHARACTERS 150
#define CHARACTER (10 * SECOND / BAUD + 1) /* rounded up */

/* Bytes that a node has written and the other has not received yet. */
struct line {
    unsigned char bytes[LINE];
    size_t begin, end;
    uint64_t next; /* when the first of them arrives */
};

static hb_cluster_storage_t storage[NODES];
static hb_cluster_t *nodes[NODES];
static struct line lines[NODES];
static uint64_t died[NODES]; /* when this node declared the other one dead */

static void must(hb_result_t result, const char *what)
{
    if (result != HB_RESULT_OK) {
        fprintf(stderr, "%s: %s\n", what, hb_result_text(result));
        exit(1);
    }
}

static void start(uint32_t local)
{
    static const hb_node_config_t both[NODES] = {{.name = "alpha"}, {.name = "bravo"}};
    static const hb_link_config_t link = {.form = HB_LINK_FORM_SERIAL, .baud = BAUD};
    static const hb_key_t key = {.index = 1, .method = HB_METHOD_SHA1, .secret = "between us"};
    hb_config_t config;
    must(hb_config_defaults(&config, sizeof config), "hb_config_defaults");
    config.local_node = local;
    config.nodes = both;
    config.node_count = NODES;
    config.links = &link;
    config.link_count = 1;
    config.keys = &key;
    config.key_count = 1;
    config.signing_key = 1;
    config.keepalive_us = KEEPALIVE;
    config.deadtime_us = DEADTIME;
    config.initdead_us = 2 * DEADTIME;
    config.generation = 1;
    must(hb_cluster_init(&storage[local], sizeof storage[local], &config, 0, 1, &nodes[local]), "hb_cluster_init");
    lines[local].begin = lines[local].end = 0;
    died[local] = 0;
}

static void turn(int i, uint64_t now)
{
    struct line *line = &lines[i];
    unsigned char buffer[HB_DATAGRAM];
    hb_transmit_t transmit;
    hb_event_t event;
    must(hb_cluster_advance(nodes[i], now), "hb_cluster_advance");
    while (hb_cluster_poll_transmit(nodes[i], buffer, sizeof buffer, &transmit) == HB_RESULT_OK) {
        if (line->begin == line->end)
            line->next = now + CHARACTER;
        for (size_t k = 0; k < transmit.len; k++)
            line->bytes[line->end++ % LINE] = buffer[k];
    }
    while (hb_cluster_poll_event(nodes[i], &event) == HB_RESULT_OK) {
        if (event.kind == HB_EVENT_NODE_DEAD && died[i] == 0)
            died[i] = now;
    }
}

/* Passes the byte that has arrived to the other node. */
static void carry(int from, uint64_t now, uint64_t cut)
{
    struct line *line = &lines[from];
    unsigned char byte = line->bytes[line->begin++ % LINE];
    line->next = now + CHARACTER;
    if (now > cut + CHARACTER)
        return; /* a byte that began before the cut is still heard; this makes the check strict */
    must(hb_cluster_feed(nodes[1 - from], now, 0, &byte, 1, NULL), "hb_cluster_feed");
}

static void life(uint64_t cut)
{
    uint64_t now = 0, end = cut + 2 * DEADTIME;
    start(0);
    start(1);
    while (now < end) {
        uint64_t deadline, next = end;
        for (int i = 0; i < NODES; i++) {
            turn(i, now);
            must(hb_cluster_next_deadline(nodes[i], &deadline), "hb_cluster_next_deadline");
            if (deadline < next)
                next = deadline;
            if (lines[i].begin != lines[i].end && lines[i].next < next)
                next = lines[i].next;
        }
        now = next > now ? next : now + 1;
        for (int i = 0; i < NODES; i++) {
            if (lines[i].begin != lines[i].end && lines[i].next <= now)
                carry(i, now, cut);
        }
    }
}

int main(void)
{
    uint64_t latest = 0;
    for (uint64_t k = 0; k < 60; k++) {
        uint64_t cut = 20 * SECOND + k * 41 * CHARACTER; /* 41 divides none of the other periods */
        life(cut);
        for (int i = 0; i < NODES; i++) {
            uint64_t earliest = cut + DEADTIME - KEEPALIVE - 2 * MESSAGE_CHARACTERS * CHARACTER;
            if (died[i] < earliest || died[i] > cut + DEADTIME + CHARACTER) {
                fprintf(stderr, "cut at %llu: node %d noticed it at %llu\n", (unsigned long long)cut, i, (unsigned long long)died[i]);
                return 1;
            }
            if (died[i] - cut > latest)
                latest = died[i] - cut;
        }
    }
    printf("noticed at most %llu us after the cut; dead time %llu, a character %llu\n", (unsigned long long)latest,
           (unsigned long long)DEADTIME, (unsigned long long)CHARACTER);
    return 0;
}
