/*
 * A cluster node without an operating system. This is `charlie`; its peer is the Linux node `alpha`, over one serial
 * line.
 *
 * Each node is the home of one resource group. A group that runs here drives its pin of port B high, which may switch a
 * relay, and is shown on the console. When alpha loses its power, its group runs here too, until alpha returns.
 *
 * Read ../pair_in_memory.c first; this is the same loop, with a UART.
 */
#include "board.h"

#include <hbcore.h>
#include <string.h>

/* Longer than one turn can take, and shorter than the time of the watchdog. */
#define OVERDUE_US 200000u

/* The longest line that tell() writes, for a name of any length. */
#define LINE_MAX 140

static hb_cluster_storage_t storage;
static hb_cluster_t *cluster;
static bool failed; /* the library returned an unexpected error: let the watchdog reset the machine */

static struct {
    uint32_t packet, turn; /* most cycles for the bytes of a packet, and for everything else of a turn */
} worst;

static void must(hb_result_t result)
{
    if (result != HB_RESULT_OK)
        failed = true;
}

/* --- the console --- */

static void say(const char *text)
{
    (void)line_write(CONSOLE, text, strlen(text)); /* this never waits: a text for which there is no room is dropped */
}

static void say_number(const char *name, uint32_t number)
{
    char digits[11], *digit = digits + sizeof digits;
    *--digit = '\0';
    do {
        *--digit = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    say(name);
    say(digit);
}

static uint32_t counter(uint32_t number)
{
    uint64_t value = 0;
    hb_cluster_counter(cluster, number, &value);
    return (uint32_t)value;
}

__attribute__((noinline)) static void report(void)
{
    say_number("stack ", stack_used());
    say_number(" packet ", worst.packet);
    say_number(" turn ", worst.turn);
    say_number(" received ", counter(HB_COUNTER_RECEIVED));
    say_number(" refused ", counter(HB_COUNTER_MALFORMED) + counter(HB_COUNTER_NOT_AUTHENTIC));
    say_number(" lost ", counter(HB_COUNTER_LOST_MESSAGES));
    say_number(" stalls ", counter(HB_COUNTER_LOCAL_STALLS));
    say("\r\n");
}

/* i: report. s: standby. t: takeover. l: leave. h: hang, to see the watchdog work. */
static void obey(uint8_t key)
{
    switch (key) {
    case 'i': report(); break;
    case 's': (void)hb_cluster_standby(cluster, time_us(), HB_CLASS_ALL); break;
    case 't': (void)hb_cluster_takeover(cluster, time_us(), HB_CLASS_ALL); break;
    case 'l': (void)hb_cluster_leave(cluster, time_us()); break;
    case 'h': failed = true; break;
    default: break;
    }
}

/* --- the node --- */

/* A function of its own, so that its stack is free again before the loop begins. */
__attribute__((noinline)) static void start(void)
{
    static const hb_node_config_t nodes[] = {{.name = "alpha"}, {.name = "charlie", .uuid = "charlie's identi"}};
    /* With the speed of the line, the library repeats heartbeats on it, against noise. */
    static const hb_link_config_t links[] = {{.form = HB_LINK_FORM_SERIAL, .baud = CABLE_BAUD}};
    static const hb_key_t keys[] = {{.index = 1, .method = HB_METHOD_SHA1, .secret = "between-us"}};
    static const hb_group_config_t groups[] = {{.home = 0}, {.home = 1}};
    hb_config_t config;
    must(hb_config_defaults(&config, sizeof config));
    config.nodes = nodes;
    config.node_count = 2;
    config.local_node = 1;
    config.links = links;
    config.link_count = 1;
    config.groups = groups;
    config.group_count = 2;
    config.keys = keys;
    config.key_count = 1;
    config.signing_key = 1;
    config.keepalive_us = 1000000;
    config.deadtime_us = 5000000;
    config.initdead_us = 10000000;
    config.generation = generation_next();
    /* The other node does not compare this clock with its own. */
    must(hb_cluster_init(&storage, sizeof storage, &config, time_us(), 1, &cluster));
    say_number("charlie starts, run ", (uint32_t)config.generation);
    say("\r\n");
}

static void carry_out(const hb_effect_t *effect)
{
    bool on = effect->kind == HB_EFFECT_ACQUIRE;
    if (!on && effect->kind != HB_EFFECT_RELEASE)
        return; /* there is nothing to announce, and a pin always switches */
    pin_set(effect->group, on);
    say_number("group ", effect->group);
    say(on ? " runs here\r\n" : " is stopped here\r\n");
    must(hb_cluster_complete(cluster, time_us(), effect->ticket, HB_OUTCOME_DONE));
}

/* The most useful events. hb_cluster_describe has a sentence for every event; they take some kilobytes of flash. */
__attribute__((noinline)) static void tell(const hb_event_t *event)
{
    static const struct {
        uint32_t kind;
        const char *text;
    } known[] = {
        {HB_EVENT_NODE_DEAD, "is dead"},
        {HB_EVENT_NODE_RETURNED, "is back"},
        {HB_EVENT_TAKEOVER_COMPLETE, "is taken over"},
        {HB_EVENT_SHUTDOWN_NOTICE, "leaves"},
    };
    hb_node_t node;
    const char *text = NULL;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].kind == event->kind)
            text = known[i].text;
    }
    bool state = event->kind == HB_EVENT_NODE_STATE;
    if ((text == NULL && !state) || hb_cluster_node(cluster, event->node, &node, sizeof node) != HB_RESULT_OK)
        return;
    say("node ");
    say(node.name);
    say(state ? " is " : " ");
    say(state ? node.state_word : text);
    say("\r\n");
}

static void receive(void)
{
    uint8_t bytes[64];
    size_t len;
    while ((len = line_read(CABLE, bytes, sizeof bytes)) > 0) {
        uint32_t begin = time_cycles();
        must(hb_cluster_feed(cluster, time_us(), 0, bytes, len, NULL));
        uint32_t took = time_cycles() - begin;
        if (took > worst.packet)
            worst.packet = took;
    }
    while (line_read(CONSOLE, bytes, 1) > 0)
        obey(bytes[0]);
}

static void turn(void)
{
    static uint8_t buffer[HB_DATAGRAM];
    hb_transmit_t transmit;
    hb_effect_t effect;
    hb_event_t event;
    uint32_t begin = time_cycles();
    must(hb_cluster_advance(cluster, time_us()));
    while (hb_cluster_poll_effect(cluster, &effect) == HB_RESULT_OK)
        carry_out(&effect);
    /* A datagram for which the line has no room stays in the library. */
    while (line_room(CABLE) >= sizeof buffer && hb_cluster_poll_transmit(cluster, buffer, sizeof buffer, &transmit) == HB_RESULT_OK)
        (void)line_write(CABLE, buffer, transmit.len);
    while (line_room(CONSOLE) >= LINE_MAX && hb_cluster_poll_event(cluster, &event) == HB_RESULT_OK)
        tell(&event);
    uint32_t took = time_cycles() - begin;
    if (took > worst.turn)
        worst.turn = took;
}

/* True if the engine works and is called in time. */
static bool is_healthy(uint64_t deadline)
{
    return !failed && (deadline == HB_NEVER || time_us() < deadline + OVERDUE_US) && stack_used() < stack_size();
}

int main(void)
{
    board_start();
    watchdog_start();
    start();
    for (;;) {
        uint64_t deadline;
        receive();
        turn();
        must(hb_cluster_next_deadline(cluster, &deadline));
        if (is_healthy(deadline))
            watchdog_feed();
        board_sleep();
    }
}
