/*
 * Two nodes in one program, with a simulated clock. Read this example first.
 *
 * alpha and bravo share a link and a resource group whose home is alpha. They start, alpha loses its power, bravo
 * takes over, alpha returns and gets its group back. Nothing waits: an hour of simulated time takes milliseconds.
 *
 * step() contains everything that a program must do with the library.
 */
#include <hbcore.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { ALPHA, BRAVO, NODES };
enum { SECOND = 1000 * 1000 }; /* in microseconds */

struct node {
    const char *name;
    hb_cluster_storage_t storage; /* the library's memory: there is no other */
    hb_cluster_t *cluster;        /* NULL: this node has no power */
    bool runs_group;              /* the "service" of the group */
    uint64_t generation;
};

static struct node nodes[NODES] = {{.name = "alpha"}, {.name = "bravo"}};

/* Every result is a number with a text. In an example, an unexpected result ends the program. */
static void must(hb_result_t result, const char *what)
{
    if (result != HB_RESULT_OK) {
        fprintf(stderr, "%s: %s\n", what, hb_result_text(result));
        exit(1);
    }
}

static void power_on(struct node *node, uint64_t now)
{
    const hb_node_config_t both[NODES] = {{.name = "alpha"}, {.name = "bravo"}};
    const hb_link_config_t link = {.form = HB_LINK_FORM_DATAGRAM};
    const hb_group_config_t group_0 = {.home = ALPHA};
    const hb_key_t key = {.index = 1, .method = HB_METHOD_SHA1, .secret = "between us"};

    hb_config_t config;
    must(hb_config_defaults(&config, sizeof config), "hb_config_defaults");
    config.local_node = (uint32_t)(node - nodes);
    config.nodes = both;
    config.node_count = NODES;
    config.links = &link;
    config.link_count = 1;
    config.groups = &group_0;
    config.group_count = 1;
    config.keys = &key;
    config.key_count = 1;
    config.signing_key = 1;
    config.keepalive_us = SECOND / 10;
    config.deadtime_us = SECOND / 2;
    config.initdead_us = 2 * SECOND;
    config.generation = ++node->generation; /* a real node keeps this number in storage that survives a restart */

    must(hb_cluster_init(&node->storage, sizeof node->storage, &config, now, 1800000000, &node->cluster), "hb_cluster_init");
}

static void power_off(struct node *node)
{
    node->cluster = NULL;
    node->runs_group = false;
}

/* The library orders the start or stop of a group. A real program would switch a relay, or set an address. */
static void carry_out(struct node *node, const hb_effect_t *effect, uint64_t now)
{
    if (effect->kind == HB_EFFECT_ANNOUNCE)
        return; /* this effect is not completed */
    node->runs_group = effect->kind == HB_EFFECT_ACQUIRE;
    must(hb_cluster_complete(node->cluster, now, effect->ticket, HB_OUTCOME_DONE), "hb_cluster_complete");
}

static void tell(struct node *node, const hb_event_t *event, uint64_t now)
{
    char line[120];
    hb_cluster_describe(node->cluster, event, line, sizeof line);
    printf("%8.3f s  %s: %s\n", (double)now / SECOND, node->name, line);
}

/* One turn of a node's loop. Returns whether the other node received a datagram. */
static bool step(struct node *node, struct node *other, uint64_t now)
{
    static unsigned char buffer[HB_DATAGRAM];
    hb_transmit_t transmit;
    hb_effect_t effect;
    hb_event_t event;
    bool sent = false;

    /* 1. Do the work that is due. (No input waits here: step() of the other node passes its datagrams to this one.) */
    must(hb_cluster_advance(node->cluster, now), "hb_cluster_advance");

    /* 2. Carry out effects. Do it before sending: an outcome makes the node send something, and no deadline
     * announces that. */
    while (hb_cluster_poll_effect(node->cluster, &effect) == HB_RESULT_OK)
        carry_out(node, &effect, now);

    /* 3. Send datagrams. */
    while (hb_cluster_poll_transmit(node->cluster, buffer, sizeof buffer, &transmit) == HB_RESULT_OK) {
        if (other->cluster != NULL) {
            must(hb_cluster_handle(other->cluster, now, 0, buffer, transmit.len, NULL), "hb_cluster_handle");
            sent = true;
        }
    }
    /* 4. Print events. */
    while (hb_cluster_poll_event(node->cluster, &event) == HB_RESULT_OK)
        tell(node, &event, now);
    return sent;
}

/* Lets time pass. The clock jumps from deadline to deadline, as a program sleeps until its deadline or until input
 * arrives. */
static void run_until(uint64_t *now, uint64_t end)
{
    while (*now < end) {
        uint64_t deadline, next = end;
        bool awake = false;
        for (int i = 0; i < NODES; i++) {
            if (nodes[i].cluster != NULL && step(&nodes[i], &nodes[NODES - 1 - i], *now))
                awake = true;
        }
        if (awake)
            continue; /* a node received a datagram at this very instant */
        for (int i = 0; i < NODES; i++) {
            if (nodes[i].cluster == NULL)
                continue;
            must(hb_cluster_next_deadline(nodes[i].cluster, &deadline), "hb_cluster_next_deadline");
            if (deadline < next)
                next = deadline;
        }
        *now = next > *now ? next : *now + 1;
    }
}

static void expect_owner(int owner)
{
    printf("            -> the group runs on %s\n", nodes[owner].name);
    if (!nodes[owner].runs_group || nodes[NODES - 1 - owner].runs_group) {
        fprintf(stderr, "the group should run on %s, and nowhere else\n", nodes[owner].name);
        exit(1);
    }
}

int main(void)
{
    uint64_t now = 0;

    puts("--- both start");
    power_on(&nodes[ALPHA], now);
    power_on(&nodes[BRAVO], now);
    run_until(&now, 15 * SECOND);
    expect_owner(ALPHA);

    puts("--- alpha's power is cut");
    power_off(&nodes[ALPHA]);
    run_until(&now, 20 * SECOND);
    expect_owner(BRAVO);

    puts("--- alpha is back");
    power_on(&nodes[ALPHA], now);
    run_until(&now, 35 * SECOND);
    expect_owner(ALPHA);

    puts("--- alpha is asked to give its groups away, for maintenance");
    must(hb_cluster_standby(nodes[ALPHA].cluster, now, HB_CLASS_LOCAL), "hb_cluster_standby");
    run_until(&now, 36 * SECOND);
    expect_owner(BRAVO);

    for (int i = 0; i < NODES; i++)
        must(hb_cluster_deinit(nodes[i].cluster), "hb_cluster_deinit");
    return 0;
}
