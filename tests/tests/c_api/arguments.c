/* Calls every function with arguments that it must refuse: NULL, misaligned, short, out of range, stale, foreign. It
 * runs under sanitizers. */
#include <hbcore.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void expect(int line, hb_result_t wanted, hb_result_t got, const char *call)
{
    if (wanted != got) {
        failures++;
        fprintf(stderr, "line %d: %s\n  wanted %d (%s), got %d (%s)\n", line, call, (int)wanted, hb_result_text(wanted), (int)got,
                hb_result_text(got));
    }
}

#define EXPECT(result, call) expect(__LINE__, HB_RESULT_##result, (call), #call)
#define TRUE(condition) expect(__LINE__, HB_RESULT_OK, (condition) ? HB_RESULT_OK : HB_RESULT_BAD_VALUE, #condition)
/* A pointer of that type to an address that is not aligned for it. */
#define ODD(type) ((type *)(void *)(odd + 1))

static _Alignas(16) unsigned char odd[16384];
static hb_cluster_storage_t storage, other_storage;
static hb_cluster_t *cluster;

static const hb_node_config_t nodes[2] = {{.name = "alpha"}, {.name = "bravo"}};
static const hb_link_config_t links[1] = {{.form = HB_LINK_FORM_DATAGRAM}};
static const hb_link_config_t serial[1] = {{.form = HB_LINK_FORM_SERIAL}};
static const hb_group_config_t groups[1] = {{.home = 0, .key = "10.0.0.1"}};
static const hb_key_t one_key[1] = {{.index = 1, .method = HB_METHOD_SHA1, .secret = "secret"}};

static hb_config_t good_config(void)
{
    hb_config_t config;
    EXPECT(OK, hb_config_defaults(&config, sizeof config));
    config.nodes = nodes;
    config.node_count = 2;
    config.links = links;
    config.link_count = 1;
    config.groups = groups;
    config.group_count = 1;
    config.keys = one_key;
    config.key_count = 1;
    config.signing_key = 1;
    config.keepalive_us = 100000;
    config.deadtime_us = 500000;
    config.initdead_us = 1000000;
    config.generation = 1;
    return config;
}

static hb_result_t init(const hb_config_t *config)
{
    return hb_cluster_init(&storage, sizeof storage, config, 0, 1800000000, &cluster);
}

static void versions_and_texts(void)
{
    hb_limits_t limits;
    TRUE(hb_version() == HB_VERSION);
    TRUE(strlen(hb_version_text()) > 4);
    for (int32_t result = -5; result < 200; result++)
        TRUE(hb_result_text(result) != NULL && hb_result_text(result)[0] != 0);
    for (uint32_t counter = 0; counter < HB_COUNTERS + 2; counter++)
        TRUE(hb_counter_text(counter) != NULL);
    TRUE(strcmp(hb_counter_text(HB_COUNTERS - 1), "unknown counter") != 0);
    TRUE(strcmp(hb_counter_text(HB_COUNTERS), "unknown counter") == 0);

    EXPECT(NULL_POINTER, hb_limits(NULL, sizeof limits));
    EXPECT(BAD_LENGTH, hb_limits(&limits, sizeof limits - 1));
    EXPECT(MISALIGNED, hb_limits(ODD(hb_limits_t), sizeof limits));
    EXPECT(OK, hb_limits(&limits, sizeof limits));
    TRUE(limits.nodes == HB_NODES && limits.links == HB_LINKS && limits.serial_links == HB_SERIAL_LINKS);
    TRUE(limits.groups == HB_GROUPS && limits.keys == HB_KEYS && limits.history == HB_HISTORY);
    TRUE(limits.frame == HB_FRAME && limits.datagram == HB_DATAGRAM && limits.cluster_used <= HB_CLUSTER_SIZE);
    TRUE(sizeof(hb_cluster_storage_t) == HB_CLUSTER_SIZE && _Alignof(hb_cluster_storage_t) == HB_CLUSTER_ALIGN);
    printf("a cluster uses %u of %d bytes\n", limits.cluster_used, HB_CLUSTER_SIZE);
}

static void configurations(void)
{
    hb_config_t config;
    hb_cluster_t *unset = (hb_cluster_t *)&storage;
    EXPECT(NULL_POINTER, hb_config_defaults(NULL, sizeof config));
    EXPECT(BAD_LENGTH, hb_config_defaults(&config, 4));
    EXPECT(BAD_LENGTH, hb_config_defaults(&config, sizeof config + 8));
    EXPECT(MISALIGNED, hb_config_defaults(ODD(hb_config_t), sizeof config));

    config = good_config();
    EXPECT(NULL_POINTER, hb_cluster_init(NULL, sizeof storage, &config, 0, 1, &cluster));
    EXPECT(MISALIGNED, hb_cluster_init(odd + 1, sizeof storage, &config, 0, 1, &cluster));
    EXPECT(BAD_LENGTH, hb_cluster_init(&storage, 64, &config, 0, 1, &cluster));
    EXPECT(NULL_POINTER, hb_cluster_init(&storage, sizeof storage, NULL, 0, 1, &cluster));
    EXPECT(MISALIGNED, hb_cluster_init(&storage, sizeof storage, ODD(hb_config_t), 0, 1, &cluster));
    EXPECT(NULL_POINTER, hb_cluster_init(&storage, sizeof storage, &config, 0, 1, NULL));
    EXPECT(MISALIGNED, hb_cluster_init(&storage, sizeof storage, &config, 0, 1, ODD(hb_cluster_t *)));

#define WITH(field, value, result)                                                                                                         \
    do {                                                                                                                                   \
        config = good_config();                                                                                                            \
        config.field = (value);                                                                                                            \
        EXPECT(result, hb_cluster_init(&storage, sizeof storage, &config, 0, 1, &unset));                                                  \
        TRUE(unset == NULL);                                                                                                               \
        EXPECT(NULL_POINTER, hb_cluster_advance(unset, 0));                                                                                \
    } while (0)
    WITH(size, 8, BAD_LENGTH);
    WITH(size, sizeof config + 8, BAD_LENGTH);
    WITH(nodes, NULL, NULL_POINTER);
    WITH(nodes, ODD(const hb_node_config_t), MISALIGNED);
    WITH(node_count, 0, UNKNOWN_CONFIG_NODE);
    WITH(links, NULL, NULL_POINTER);
    WITH(link_count, SIZE_MAX, BAD_LENGTH);
    WITH(groups, NULL, NULL_POINTER);
    WITH(groups, ODD(const hb_group_config_t), MISALIGNED);
    WITH(keys, NULL, NULL_POINTER);
    WITH(key_count, 0, NO_SIGNING_KEY);
    WITH(signing_key, 2, NO_SIGNING_KEY);
    WITH(signing_key, 300, BAD_KEY_INDEX);
    WITH(local_node, 2, UNKNOWN_CONFIG_NODE);
    WITH(local_node, 1000, UNKNOWN_CONFIG_NODE);
    WITH(auto_failback, 3, BAD_VALUE);
    WITH(heartbeat, 2, BAD_VALUE);
    WITH(manage_resources, 2, BAD_VALUE);
    WITH(autojoin, 2, BAD_VALUE);
    WITH(hopfudge, 256, BAD_VALUE);
    WITH(fencing, 2, BAD_VALUE);
    WITH(keepalive_us, 0, NO_KEEPALIVE);
    WITH(deadtime_us, 200000, DEADTIME_TOO_SMALL);
    WITH(initdead_us, 1, INITDEAD_TOO_SMALL);
    WITH(deadping_us, 1, DEADPING_TOO_SMALL);
    WITH(max_rexmit_delay_us, 0, NO_REXMIT_DELAY);
    WITH(generation, 0, NO_GENERATION);

    static char long_name[HB_NAME_MAX + 2];
    memset(long_name, 'a', sizeof long_name - 1);
    const struct {
        const char *name;
        uint32_t kind;
        hb_result_t result;
    } names[] = {{NULL, 0, HB_RESULT_NULL_POINTER},   {"", 0, HB_RESULT_BAD_NAME},        {"two words", 0, HB_RESULT_BAD_NAME},
                 {"\xff", 0, HB_RESULT_BAD_NAME},     {long_name, 0, HB_RESULT_BAD_NAME}, {"bravo", HB_NODE_KIND_REMOVED, HB_RESULT_BAD_VALUE},
                 {"ALPHA", 0, HB_RESULT_DUPLICATE_NAME}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        hb_node_config_t pair[2] = {{.name = "alpha"}, {.name = names[i].name, .kind = names[i].kind}};
        config = good_config();
        config.nodes = pair;
        expect(__LINE__, names[i].result, init(&config), names[i].name ? names[i].name : "NULL");
    }
    const struct {
        hb_key_t key;
        hb_result_t result;
    } keys[] = {{{.index = 16, .method = HB_METHOD_MD5, .secret = "x"}, HB_RESULT_BAD_KEY_INDEX},
                {{.index = 1, .method = HB_METHOD_CRC, .secret = "x"}, HB_RESULT_BAD_SECRET},
                {{.index = 1, .method = HB_METHOD_SHA1, .secret = NULL}, HB_RESULT_BAD_SECRET},
                {{.index = 1, .method = 3, .secret = "x"}, HB_RESULT_BAD_VALUE},
                {{.index = 1, .method = HB_METHOD_SHA1, .secret = "\xff\x01 any bytes"}, HB_RESULT_OK},
                {{.index = 1, .method = HB_METHOD_CRC, .secret = NULL}, HB_RESULT_OK}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        config = good_config();
        config.keys = &keys[i].key;
        expect(__LINE__, keys[i].result, init(&config), "a key");
    }
    hb_node_config_t many_nodes[HB_NODES + 1];
    hb_link_config_t many_links[HB_LINKS + 1];
    hb_group_config_t many_groups[HB_GROUPS + 1];
    char many_names[HB_NODES + 1][16];
    for (unsigned i = 0; i <= HB_NODES; i++) {
        snprintf(many_names[i], sizeof many_names[i], "node%u", i);
        many_nodes[i] = (hb_node_config_t){.name = many_names[i]};
    }
    memset(many_links, 0, sizeof many_links);
    memset(many_groups, 0, sizeof many_groups);
    config = good_config();
    config.nodes = many_nodes;
    config.node_count = HB_NODES;
    config.links = many_links;
    config.link_count = HB_LINKS;
    config.groups = many_groups;
    config.group_count = HB_GROUPS;
    EXPECT(OK, init(&config));
    config.node_count++;
    EXPECT(TOO_MANY_NODES, init(&config));
    config.node_count--, config.link_count++;
    EXPECT(TOO_MANY_LINKS, init(&config));
    config.link_count--, config.group_count++;
    EXPECT(TOO_MANY_GROUPS, init(&config));
    for (unsigned i = 0; i <= HB_LINKS; i++)
        many_links[i].form = i <= HB_SERIAL_LINKS ? HB_LINK_FORM_SERIAL : HB_LINK_FORM_DATAGRAM;
    config.group_count--, config.link_count = HB_SERIAL_LINKS + 1;
    EXPECT(TOO_MANY_LINKS, init(&config));
    many_links[0] = (hb_link_config_t){.form = HB_LINK_FORM_PING, .node = HB_NODES};
    config.link_count = 1;
    EXPECT(UNKNOWN_CONFIG_NODE, init(&config));
    many_links[0] = (hb_link_config_t){.form = 3};
    EXPECT(BAD_VALUE, init(&config));
}

/* Every function that takes a cluster gets a pointer that is none. */
static void no_cluster(hb_result_t wanted, hb_cluster_t *bad)
{
    unsigned char buffer[HB_DATAGRAM];
    char text[80];
    uint64_t number;
    uint32_t index;
    hb_transmit_t transmit;
    hb_effect_t effect;
    hb_event_t event = {0};
    hb_status_t status;
    hb_node_t node;
    hb_group_t group;
    hb_link_t link;
#define NONE(call) expect(__LINE__, wanted, (call), #call)
    NONE(hb_cluster_deinit(bad));
    NONE(hb_cluster_handle(bad, 0, 0, "x", 1, NULL));
    NONE(hb_cluster_feed(bad, 0, 0, "x", 1, NULL));
    NONE(hb_cluster_advance(bad, 0));
    NONE(hb_cluster_link_changed(bad, 0, 0, 1));
    NONE(hb_cluster_standby(bad, 0, HB_CLASS_ALL));
    NONE(hb_cluster_takeover(bad, 0, HB_CLASS_ALL));
    NONE(hb_cluster_leave(bad, 0));
    NONE(hb_cluster_complete(bad, 0, 0, HB_OUTCOME_DONE));
    NONE(hb_cluster_set_wall_clock(bad, 0, 1));
    NONE(hb_cluster_set_keys(bad, one_key, 1, 1));
#if !defined(HB_SMALL)
    const hb_field_t note = {{"t", 1}, {"note", 4}, HB_FIELD_KIND_STRING};
    hb_text_t message;
    size_t used;
    NONE(hb_cluster_set_authkeys(bad, "auth 1\n1 crc\n", 13));
    NONE(hb_cluster_send(bad, 0, &note, 1));
    NONE(hb_cluster_fields(bad, "x", 1, NULL, 0, &used));
    NONE(hb_cluster_feed_message(bad, 0, 0, "x", 1, &used, &index, &message));
#endif
    NONE(hb_cluster_next_deadline(bad, &number));
    NONE(hb_cluster_poll_transmit(bad, buffer, sizeof buffer, &transmit));
    NONE(hb_cluster_poll_effect(bad, &effect));
    NONE(hb_cluster_poll_event(bad, &event));
    NONE(hb_cluster_describe(bad, &event, text, sizeof text));
    NONE(hb_cluster_status(bad, &status, sizeof status));
    NONE(hb_cluster_node(bad, 0, &node, sizeof node));
    NONE(hb_cluster_find_node(bad, "alpha", &index));
    NONE(hb_cluster_group(bad, 0, &group, sizeof group));
    NONE(hb_cluster_link(bad, 0, &link, sizeof link));
    NONE(hb_cluster_counter(bad, 0, &number));
}

static void wrong_clusters(void)
{
    no_cluster(HB_RESULT_NULL_POINTER, NULL);
    no_cluster(HB_RESULT_MISALIGNED, ODD(hb_cluster_t));
    memset(&other_storage, 0, sizeof other_storage);
    no_cluster(HB_RESULT_NOT_A_CLUSTER, (hb_cluster_t *)&other_storage);
    memset(&other_storage, 0xa5, sizeof other_storage);
    no_cluster(HB_RESULT_NOT_A_CLUSTER, (hb_cluster_t *)&other_storage);
    memcpy(&other_storage, &storage, sizeof storage);
    no_cluster(HB_RESULT_NOT_A_CLUSTER, (hb_cluster_t *)&other_storage); /* a copy */
}

static void inputs(void)
{
    uint32_t received;
    size_t messages;
    EXPECT(NULL_POINTER, hb_cluster_handle(cluster, 0, 0, NULL, 5, NULL));
    EXPECT(BAD_LENGTH, hb_cluster_handle(cluster, 0, 0, "x", SIZE_MAX, NULL));
    EXPECT(MISALIGNED, hb_cluster_handle(cluster, 0, 0, "x", 1, ODD(uint32_t)));
    EXPECT(NOT_FOUND, hb_cluster_handle(cluster, 0, HB_LINKS, "x", 1, &received));
    EXPECT(NOT_FOUND, hb_cluster_handle(cluster, 0, 256, "x", 1, &received));
    EXPECT(PACKET_EMPTY, hb_cluster_handle(cluster, 0, 0, NULL, 0, &received));
    EXPECT(PACKET_EMPTY, hb_cluster_handle(cluster, 0, 0, "x", 1, &received));
    EXPECT(PACKET_BAD_MARKER, hb_cluster_handle(cluster, 0, 0, "hello, world", 12, &received));
    EXPECT(PACKET_TRUNCATED, hb_cluster_handle(cluster, 0, 0, "###\n14:(0)t=NS", 13, &received));
    EXPECT(PACKET_NO_SIGNATURE, hb_cluster_handle(cluster, 0, 0, ">>>\nt=status\n<<<\n", 17, &received));
    EXPECT(WRONG_LINK, hb_cluster_feed(cluster, 0, 0, "x", 1, &messages));
    EXPECT(NOT_FOUND, hb_cluster_feed(cluster, 0, 99, "x", 1, &messages));
    EXPECT(NULL_POINTER, hb_cluster_feed(cluster, 0, 0, NULL, 1, &messages));
    EXPECT(NOT_FOUND, hb_cluster_link_changed(cluster, 0, HB_LINKS, 1));
    EXPECT(BAD_VALUE, hb_cluster_link_changed(cluster, 0, 0, 2));
    EXPECT(OK, hb_cluster_link_changed(cluster, 0, 0, 0));
    EXPECT(BAD_VALUE, hb_cluster_standby(cluster, 0, 3));
    EXPECT(NO_PARTNER, hb_cluster_standby(cluster, 0, HB_CLASS_ALL));
    EXPECT(BAD_VALUE, hb_cluster_takeover(cluster, 0, 3));
    EXPECT(NO_PARTNER, hb_cluster_takeover(cluster, 0, HB_CLASS_ALL));
    EXPECT(OK, hb_cluster_set_wall_clock(cluster, 0, 1800000001));
    EXPECT(NULL_POINTER, hb_cluster_set_keys(cluster, NULL, 1, 1));
    EXPECT(NO_SIGNING_KEY, hb_cluster_set_keys(cluster, one_key, 1, 3));
    EXPECT(OK, hb_cluster_set_keys(cluster, one_key, 1, 1));
#if !defined(HB_SMALL)
    EXPECT(NULL_POINTER, hb_cluster_set_authkeys(cluster, NULL, 5));
    EXPECT(BAD_FILES, hb_cluster_set_authkeys(cluster, "auth 1\n", 7));
    EXPECT(OK, hb_cluster_set_authkeys(cluster, "auth 1\n1 sha1 secret\n", 21));
#endif
}

static void views(void)
{
    hb_status_t status;
    hb_node_t node;
    hb_group_t group;
    hb_link_t link;
    uint32_t index;
    uint64_t number;
    unsigned char larger[sizeof status + 16];
    EXPECT(NULL_POINTER, hb_cluster_status(cluster, NULL, sizeof status));
    EXPECT(BAD_LENGTH, hb_cluster_status(cluster, &status, 4));
    EXPECT(BAD_LENGTH, hb_cluster_status(cluster, &status, SIZE_MAX));
    EXPECT(MISALIGNED, hb_cluster_status(cluster, ODD(hb_status_t), sizeof status));
    EXPECT(OK, hb_cluster_status(cluster, &status, sizeof status));
    TRUE(status.node_count == 2 && status.link_count == 1 && status.group_count == 1 && status.generation == 1);
    memset(odd, 0xff, sizeof odd); /* a program that was compiled with a later header */
    EXPECT(OK, hb_cluster_status(cluster, (hb_status_t *)(void *)odd, sizeof larger));
    for (size_t i = sizeof status; i < sizeof larger; i++)
        TRUE(odd[i] == 0);
    TRUE(odd[sizeof larger] == 0xff);

    EXPECT(NULL_POINTER, hb_cluster_node(cluster, 0, NULL, sizeof node));
    EXPECT(BAD_LENGTH, hb_cluster_node(cluster, 0, &node, sizeof node - 1));
    EXPECT(MISALIGNED, hb_cluster_node(cluster, 0, ODD(hb_node_t), sizeof node));
    EXPECT(NOT_FOUND, hb_cluster_node(cluster, 2, &node, sizeof node));
    EXPECT(NOT_FOUND, hb_cluster_node(cluster, 256, &node, sizeof node));
    EXPECT(OK, hb_cluster_node(cluster, 1, &node, sizeof node));
    TRUE(strcmp(node.name, "bravo") == 0 && node.state == HB_NODE_STATE_INIT && strcmp(node.state_word, "init") == 0);
    EXPECT(NULL_POINTER, hb_cluster_find_node(cluster, NULL, &index));
    EXPECT(NULL_POINTER, hb_cluster_find_node(cluster, "bravo", NULL));
    EXPECT(MISALIGNED, hb_cluster_find_node(cluster, "bravo", ODD(uint32_t)));
    EXPECT(NOT_FOUND, hb_cluster_find_node(cluster, "charlie", &index));
    EXPECT(OK, hb_cluster_find_node(cluster, "BRAVO", &index));
    TRUE(index == 1);
    EXPECT(NULL_POINTER, hb_cluster_group(cluster, 0, NULL, sizeof group));
    EXPECT(BAD_LENGTH, hb_cluster_group(cluster, 0, &group, 0));
    EXPECT(NOT_FOUND, hb_cluster_group(cluster, 1, &group, sizeof group));
    EXPECT(NOT_FOUND, hb_cluster_group(cluster, 65536, &group, sizeof group));
    EXPECT(OK, hb_cluster_group(cluster, 0, &group, sizeof group));
    EXPECT(NULL_POINTER, hb_cluster_link(cluster, 0, NULL, sizeof link));
    EXPECT(BAD_LENGTH, hb_cluster_link(cluster, 0, &link, 0));
    EXPECT(NOT_FOUND, hb_cluster_link(cluster, 1, &link, sizeof link));
    EXPECT(OK, hb_cluster_link(cluster, 0, &link, sizeof link));
    EXPECT(NULL_POINTER, hb_cluster_counter(cluster, 0, NULL));
    EXPECT(MISALIGNED, hb_cluster_counter(cluster, 0, ODD(uint64_t)));
    EXPECT(BAD_VALUE, hb_cluster_counter(cluster, HB_COUNTERS, &number));
    EXPECT(OK, hb_cluster_counter(cluster, HB_COUNTER_MALFORMED, &number));
    TRUE(number == 4);
}

static void outputs(void)
{
    unsigned char buffer[HB_DATAGRAM];
    char text[120];
    hb_transmit_t transmit;
    hb_effect_t effect;
    hb_event_t event;
    uint64_t deadline;
    EXPECT(NULL_POINTER, hb_cluster_next_deadline(cluster, NULL));
    EXPECT(MISALIGNED, hb_cluster_next_deadline(cluster, ODD(uint64_t)));
    EXPECT(OK, hb_cluster_next_deadline(cluster, &deadline));
    EXPECT(NULL_POINTER, hb_cluster_poll_transmit(cluster, NULL, sizeof buffer, &transmit));
    EXPECT(NULL_POINTER, hb_cluster_poll_transmit(cluster, buffer, sizeof buffer, NULL));
    EXPECT(MISALIGNED, hb_cluster_poll_transmit(cluster, buffer, sizeof buffer, ODD(hb_transmit_t)));
    EXPECT(BAD_LENGTH, hb_cluster_poll_transmit(cluster, buffer, HB_DATAGRAM - 1, &transmit));
    EXPECT(OK, hb_cluster_poll_transmit(cluster, buffer, sizeof buffer, &transmit)); /* nothing was lost */
    TRUE(transmit.links == 1 && transmit.len > 100);
    while (hb_cluster_poll_transmit(cluster, buffer, sizeof buffer, &transmit) == HB_RESULT_OK) {
    }
    EXPECT(NULL_POINTER, hb_cluster_poll_effect(cluster, NULL));
    EXPECT(MISALIGNED, hb_cluster_poll_effect(cluster, ODD(hb_effect_t)));
    EXPECT(NOTHING, hb_cluster_poll_effect(cluster, &effect));
    EXPECT(NULL_POINTER, hb_cluster_poll_event(cluster, NULL));
    EXPECT(MISALIGNED, hb_cluster_poll_event(cluster, ODD(hb_event_t)));
    EXPECT(OK, hb_cluster_poll_event(cluster, &event));
    TRUE(event.kind == HB_EVENT_CARRIER_ABSENT && event.link == 0 && event.node == HB_NONE);
    EXPECT(NULL_POINTER, hb_cluster_describe(cluster, NULL, text, sizeof text));
    EXPECT(NULL_POINTER, hb_cluster_describe(cluster, &event, NULL, sizeof text));
    EXPECT(BAD_LENGTH, hb_cluster_describe(cluster, &event, text, 0));
    EXPECT(TRUNCATED, hb_cluster_describe(cluster, &event, text, 7));
    TRUE(strcmp(text, "link 0") == 0);
    EXPECT(OK, hb_cluster_describe(cluster, &event, text, sizeof text));
    TRUE(strcmp(text, "link 0 has no carrier") == 0);
    for (uint32_t kind = 0; kind < 100; kind++) { /* unknown kinds too */
        hb_event_t made = {.kind = kind, .node = kind * 77, .link = 99, .group_class = kind, .value = UINT64_MAX};
        EXPECT(OK, hb_cluster_describe(cluster, &made, text, sizeof text));
    }
    while (hb_cluster_poll_event(cluster, &event) == HB_RESULT_OK) {
    }
    EXPECT(NOTHING, hb_cluster_poll_event(cluster, &event));
}

/* Alone after initdead, the node gives an effect, whose ticket can be used once. */
static void tickets(void)
{
    hb_effect_t effect = {0};
    for (uint64_t now = 0; now < 1500000; now += 50000)
        EXPECT(OK, hb_cluster_advance(cluster, now));
    EXPECT(STALE_TICKET, hb_cluster_complete(cluster, 1500000, 0, HB_OUTCOME_DONE));
    EXPECT(OK, hb_cluster_poll_effect(cluster, &effect));
    TRUE(effect.kind == HB_EFFECT_ACQUIRE && effect.group == 0);
    EXPECT(BAD_VALUE, hb_cluster_complete(cluster, 1500000, effect.ticket, 3));
    EXPECT(STALE_TICKET, hb_cluster_complete(cluster, 1500000, effect.ticket + 1, HB_OUTCOME_DONE));
    EXPECT(STALE_TICKET, hb_cluster_complete(cluster, 1500000, UINT32_MAX, HB_OUTCOME_DONE));
    EXPECT(OK, hb_cluster_complete(cluster, 1500000, effect.ticket, HB_OUTCOME_DONE));
    EXPECT(STALE_TICKET, hb_cluster_complete(cluster, 1500000, effect.ticket, HB_OUTCOME_DONE));
    EXPECT(OK, hb_cluster_leave(cluster, 1500000));
    EXPECT(OK, hb_cluster_leave(cluster, 1500000));
    EXPECT(OK, hb_cluster_poll_effect(cluster, &effect));
    TRUE(effect.kind == HB_EFFECT_RELEASE);
    uint32_t ticket = effect.ticket;
    EXPECT(OK, hb_cluster_complete(cluster, 1500000, ticket, HB_OUTCOME_DONE));
    EXPECT(STALE_TICKET, hb_cluster_complete(cluster, 1500000, ticket, HB_OUTCOME_DONE));
}

/* A ticket is stale after the time limit of its effect. Without a limit in the configuration, that is an hour. */
static void effect_limits(void)
{
    static const uint64_t minute = 60000000, limits[2] = {0, 1000000};
    static const hb_result_t wanted[2] = {HB_RESULT_OK, HB_RESULT_STALE_TICKET};
    for (int i = 0; i < 2; i++) {
        hb_config_t config = good_config();
        hb_effect_t effect = {0};
        config.effect_limit_us = limits[i];
        EXPECT(OK, init(&config));
        for (uint64_t now = 0; now < 1500000; now += 50000)
            EXPECT(OK, hb_cluster_advance(cluster, now));
        EXPECT(OK, hb_cluster_poll_effect(cluster, &effect));
        for (uint64_t now = 1500000; now <= minute; now += 50000)
            EXPECT(OK, hb_cluster_advance(cluster, now));
        expect(__LINE__, wanted[i], hb_cluster_complete(cluster, minute, effect.ticket, HB_OUTCOME_DONE), "hb_cluster_complete");
        EXPECT(OK, hb_cluster_deinit(cluster));
    }
}

static void serial_link(void)
{
    hb_config_t config = good_config();
    hb_link_t link;
    size_t messages = 99;
    config.links = serial;
    EXPECT(OK, init(&config));
    EXPECT(WRONG_LINK, hb_cluster_handle(cluster, 0, 0, "x", 1, NULL));
    EXPECT(OK, hb_cluster_feed(cluster, 0, 0, "noise\n>>>\nt=status\n<<<\n", 23, &messages));
    TRUE(messages == 0);
    memset(odd, 'x', sizeof odd);
    memcpy(odd, ">>>\n", 4);
    EXPECT(OK, hb_cluster_feed(cluster, 0, 0, odd, sizeof odd, NULL));
    EXPECT(OK, hb_cluster_link(cluster, 0, &link, sizeof link));
    TRUE(link.form == HB_LINK_FORM_SERIAL && link.noise_bytes > 0 && link.oversized == 1);
}

#if !defined(HB_SMALL)
static hb_text_t text_of(const char *text)
{
    return (hb_text_t){.data = text, .len = strlen(text)};
}

static void files(void)
{
    hb_files_t files = {.size = sizeof files,
                        .manage_resources = 1,
                        .local_name = "alpha",
                        .ha_cf = text_of("node alpha bravo\nkeepalive 100ms\ndeadtime 500ms\nucast eth0 10.0.0.2\nauto_failback on\n"),
                        .authkeys = text_of("auth 1\n1 sha1 secret\n"),
                        .haresources = text_of("alpha 10.0.0.9/24/eth0:0 Lamp::/tmp/x::2\n"),
                        .generation = 1};
    hb_files_t wrong = files;
    hb_problem_t problem;
    hb_medium_t medium;
    hb_address_t address;
    hb_text_t word, part;
    EXPECT(NULL_POINTER, hb_cluster_init_from_files(NULL, sizeof storage, &files, 0, 1, &cluster));
    EXPECT(BAD_LENGTH, hb_cluster_init_from_files(&storage, 10, &files, 0, 1, &cluster));
    EXPECT(NULL_POINTER, hb_cluster_init_from_files(&storage, sizeof storage, NULL, 0, 1, &cluster));
    EXPECT(NULL_POINTER, hb_cluster_init_from_files(&storage, sizeof storage, &files, 0, 1, NULL));
    EXPECT(MISALIGNED, hb_cluster_init_from_files(&storage, sizeof storage, ODD(hb_files_t), 0, 1, &cluster));
    EXPECT(OK, hb_cluster_init_from_files(&storage, sizeof storage, &files, 0, 1, &cluster));
    wrong.size = 4;
    EXPECT(BAD_LENGTH, hb_cluster_init_from_files(&storage, sizeof storage, &wrong, 0, 1, &cluster));
    wrong = files, wrong.local_name = NULL;
    EXPECT(NULL_POINTER, hb_cluster_init_from_files(&storage, sizeof storage, &wrong, 0, 1, &cluster));
    wrong = files, wrong.local_name = "charlie";
    EXPECT(BAD_FILES, hb_cluster_init_from_files(&storage, sizeof storage, &wrong, 0, 1, &cluster));
    wrong = files, wrong.ha_cf = (hb_text_t){.data = NULL, .len = 7};
    EXPECT(NULL_POINTER, hb_cluster_init_from_files(&storage, sizeof storage, &wrong, 0, 1, &cluster));
    wrong = files, wrong.ha_cf = text_of("frob 1\n");
    EXPECT(BAD_FILES, hb_cluster_init_from_files(&storage, sizeof storage, &wrong, 0, 1, &cluster));
    TRUE(cluster == NULL);
    EXPECT(OK, hb_files_problem(&wrong, 0, &problem, sizeof problem));
    TRUE(problem.file == HB_FILE_HA_CF && problem.severity == HB_SEVERITY_ERROR && problem.line == 1 && problem.column == 1);
    TRUE(strstr(problem.message, "frob") != NULL && problem.help[0] != 0);
    EXPECT(NOTHING, hb_files_problem(&wrong, 1000, &problem, sizeof problem));
    EXPECT(NULL_POINTER, hb_files_problem(NULL, 0, &problem, sizeof problem));
    EXPECT(NULL_POINTER, hb_files_problem(&files, 0, NULL, sizeof problem));
    EXPECT(BAD_LENGTH, hb_files_problem(&files, 0, &problem, 8));

    EXPECT(NULL_POINTER, hb_files_medium(NULL, 0, &medium, sizeof medium));
    EXPECT(NULL_POINTER, hb_files_medium(&files, 0, NULL, sizeof medium));
    EXPECT(BAD_LENGTH, hb_files_medium(&files, 0, &medium, 8));
    EXPECT(BAD_FILES, hb_files_medium(&wrong, 0, &medium, sizeof medium));
    EXPECT(NOTHING, hb_files_medium(&files, 1, &medium, sizeof medium));
    EXPECT(OK, hb_files_medium(&files, 0, &medium, sizeof medium));
    TRUE(medium.kind == HB_MEDIUM_KIND_UCAST && medium.port == 694 && medium.host.len == 8);
    TRUE(memcmp(medium.host.data, "10.0.0.2", 8) == 0 && memcmp(medium.device.data, "eth0", 4) == 0);
    files.ha_cf = text_of("node alpha\nmcast eth0 239.0.0.1 694 1 0\nping_group gate 10.0.0.3 10.0.0.4 # near\nping 10.0.0.7\n");
    EXPECT(OK, hb_files_medium(&files, 0, &medium, sizeof medium));
    TRUE(medium.kind == HB_MEDIUM_KIND_MCAST && medium.host.len == 9 && medium.ttl == 1 && medium.loopback == 0);
    EXPECT(OK, hb_files_medium(&files, 1, &medium, sizeof medium));
    TRUE(medium.form == HB_LINK_FORM_PING && medium.host.len == 17 && memcmp(medium.host.data, "10.0.0.3 10.0.0.4", 17) == 0);

    wrong = files, wrong.manage_resources = 2;
    EXPECT(BAD_VALUE, hb_cluster_init_from_files(&storage, sizeof storage, &wrong, 0, 1, &cluster));

    EXPECT(NULL_POINTER, hb_files_resource(NULL, 0, 0, &word));
    EXPECT(NULL_POINTER, hb_files_resource(&files, 0, 0, NULL));
    EXPECT(MISALIGNED, hb_files_resource(&files, 0, 0, ODD(hb_text_t)));
    EXPECT(NOT_FOUND, hb_files_resource(&files, 1, 0, &word));
    EXPECT(NOTHING, hb_files_resource(&files, 0, 2, &word));
    EXPECT(OK, hb_files_resource(&files, 0, 1, &word));
    EXPECT(NULL_POINTER, hb_resource_part(word, 0, NULL));
    EXPECT(NULL_POINTER, hb_resource_part((hb_text_t){.len = 3}, 0, &part));
    EXPECT(BAD_VALUE, hb_resource_part(text_of("\xff\xfe"), 0, &part));
    EXPECT(OK, hb_resource_part(word, 0, &part));
    TRUE(part.len == 4 && memcmp(part.data, "Lamp", 4) == 0);
    EXPECT(OK, hb_resource_part(word, 2, &part));
    TRUE(part.len == 1 && *part.data == '2');
    EXPECT(NOTHING, hb_resource_part(word, 3, &part));
    EXPECT(NOTHING, hb_resource_address(word, &address, sizeof address));
    EXPECT(NULL_POINTER, hb_resource_address(word, NULL, sizeof address));
    EXPECT(BAD_LENGTH, hb_resource_address(word, &address, 2));
    EXPECT(ADDRESS_BAD_MASK, hb_resource_address(text_of("IPaddr::10.0.0.1/99"), &address, sizeof address));
    EXPECT(OK, hb_files_resource(&files, 0, 0, &word));
    EXPECT(OK, hb_resource_address(word, &address, sizeof address));
    TRUE(address.version == 4 && address.prefix == 24 && address.address[3] == 9 && address.interface.len == 4 && address.label.len == 1);
}

/* Serial lines have their speed from the file: heartbeats are repeated, as with hb_link_config_t.baud. */
static void speed_of_files(void)
{
    const hb_files_t files = {.size = sizeof files,
                              .local_name = "alpha",
                              .ha_cf = text_of("node alpha bravo\nkeepalive 1\ndeadtime 5\nbaud 19200\nserial /dev/ttyS0\n"),
                              .authkeys = text_of("auth 1\n1 crc\n"),
                              .generation = 1};
    unsigned messages = 0;
    hb_transmit_t transmit;
    EXPECT(OK, hb_cluster_init_from_files(&storage, sizeof storage, &files, 0, 1, &cluster));
    for (uint64_t now = 0; now < 20000000;) {
        EXPECT(OK, hb_cluster_advance(cluster, now));
        while (hb_cluster_poll_transmit(cluster, odd, sizeof odd, &transmit) == HB_RESULT_OK)
            messages++;
        EXPECT(OK, hb_cluster_next_deadline(cluster, &now));
    }
    TRUE(messages > 80); /* 20 heartbeats, their copies, and some more */
}

static void packets(void)
{
    static const char authkeys[] = "auth 1\n1 sha1 secret\n2 crc\n";
    hb_keys_storage_t table;
    const hb_keys_t *keys;
    hb_packet_t packet;
    hb_field_t field;
    unsigned char message[512];
    size_t len;
    const hb_field_t fields[] = {{text_of("t"), text_of("status"), HB_FIELD_KIND_STRING},
                                 {text_of("st"), text_of("active"), HB_FIELD_KIND_STRING},
                                 {text_of("src"), text_of("bravo"), HB_FIELD_KIND_STRING},
                                 {text_of("seq"), text_of("1f"), HB_FIELD_KIND_STRING},
                                 {text_of("ts"), text_of("6b026ae8"), HB_FIELD_KIND_STRING},
                                 {text_of("id"), {"\0\1\2\n", 4}, HB_FIELD_KIND_BINARY}};
    const size_t count = sizeof fields / sizeof *fields;
    const hb_field_t unknown_kind = {text_of("t"), text_of("status"), 9};
    const hb_field_t bad_name = {text_of("a=b"), text_of("status"), HB_FIELD_KIND_STRING};

    EXPECT(NULL_POINTER, hb_keys_init(NULL, sizeof table, authkeys, sizeof authkeys - 1, &keys));
    EXPECT(MISALIGNED, hb_keys_init(odd + 1, sizeof table, authkeys, sizeof authkeys - 1, &keys));
    EXPECT(BAD_LENGTH, hb_keys_init(&table, 100, authkeys, sizeof authkeys - 1, &keys));
    EXPECT(NULL_POINTER, hb_keys_init(&table, sizeof table, NULL, 5, &keys));
    EXPECT(NULL_POINTER, hb_keys_init(&table, sizeof table, authkeys, sizeof authkeys - 1, NULL));
    EXPECT(BAD_FILES, hb_keys_init(&table, sizeof table, "auth 7\n", 7, &keys));
    TRUE(keys == NULL);
    EXPECT(OK, hb_keys_init(&table, sizeof table, authkeys, sizeof authkeys - 1, &keys));

    EXPECT(NULL_POINTER, hb_packet_write(NULL, HB_FORM_CLASSIC, fields, count, message, sizeof message, &len));
    EXPECT(NULL_POINTER, hb_packet_write(keys, HB_FORM_CLASSIC, NULL, count, message, sizeof message, &len));
    EXPECT(NULL_POINTER, hb_packet_write(keys, HB_FORM_CLASSIC, fields, count, NULL, sizeof message, &len));
    EXPECT(NULL_POINTER, hb_packet_write(keys, HB_FORM_CLASSIC, fields, count, message, sizeof message, NULL));
    EXPECT(BAD_VALUE, hb_packet_write(keys, 2, fields, count, message, sizeof message, &len));
    EXPECT(BAD_VALUE, hb_packet_write(keys, HB_FORM_CLASSIC, &unknown_kind, 1, message, sizeof message, &len));
    EXPECT(WRITE_BAD_VALUE, hb_packet_write(keys, HB_FORM_CLASSIC, &bad_name, 1, message, sizeof message, &len));
    EXPECT(WRITE_FULL, hb_packet_write(keys, HB_FORM_CLASSIC, fields, count, message, 40, &len));

    for (uint32_t form = HB_FORM_NETSTRING; form <= HB_FORM_CLASSIC; form++) {
        EXPECT(OK, hb_packet_write(keys, form, fields, count, message, sizeof message, &len));
        EXPECT(NULL_POINTER, hb_packet_open(NULL, message, len, &packet, sizeof packet));
        EXPECT(NULL_POINTER, hb_packet_open(keys, NULL, len, &packet, sizeof packet));
        EXPECT(NULL_POINTER, hb_packet_open(keys, message, len, NULL, sizeof packet));
        EXPECT(BAD_LENGTH, hb_packet_open(keys, message, len, &packet, 9));
        EXPECT(OK, hb_packet_open(keys, message, len, &packet, sizeof packet));
        TRUE(packet.form == form && packet.seq == 31 && packet.timestamp == 0x6b026ae8 && packet.dest.data == NULL);
        TRUE(packet.src.len == 5 && memcmp(packet.src.data, "bravo", 5) == 0);
        EXPECT(NULL_POINTER, hb_packet_field(NULL, message, len, 0, &field));
        EXPECT(NULL_POINTER, hb_packet_field(keys, message, len, 0, NULL));
        EXPECT(NOTHING, hb_packet_field(keys, message, len, packet.field_count, &field));
        EXPECT(OK, hb_packet_field(keys, message, len, 1, &field));
        TRUE(field.name.len == 2 && field.value.len == 6 && memcmp(field.value.data, "active", 6) == 0);
        for (size_t cut = 0; cut < len - 1; cut++) /* no byte of a packet may be missing, except a newline at the end */
            TRUE(hb_packet_open(keys, message, cut, &packet, sizeof packet) != HB_RESULT_OK);
        message[20] ^= 1;
        TRUE(hb_packet_open(keys, message, len, &packet, sizeof packet) != HB_RESULT_OK);
    }
    hb_keys_storage_t copy = table;
    EXPECT(NOT_A_CLUSTER, hb_packet_open((const hb_keys_t *)(const void *)&copy, message, len, &packet, sizeof packet));
}

/* Two clusters with one key: a message of one is read by the other. */
static void messages(void)
{
    static hb_cluster_storage_t other_storage;
    static char long_text[HB_MESSAGE_MAX];
    hb_cluster_t *other;
    hb_config_t config = good_config();
    unsigned char datagram[HB_DATAGRAM];
    hb_transmit_t transmit;
    hb_field_t read[16];
    hb_text_t message;
    size_t count, len = 0, used;
    uint32_t received;
    EXPECT(OK, init(&config));
    config.local_node = 1;
    EXPECT(OK, hb_cluster_init(&other_storage, sizeof other_storage, &config, 0, 1, &other));

    const hb_field_t fields[] = {{text_of("t"), text_of("note"), HB_FIELD_KIND_STRING},
                                 {text_of("text"), text_of("a = 1"), HB_FIELD_KIND_STRING},
                                 {text_of("raw"), {"\0\1\2\n", 4}, HB_FIELD_KIND_BINARY}};
    const hb_field_t status = {text_of("t"), text_of("status"), HB_FIELD_KIND_STRING};
    const hb_field_t bad_name = {text_of("a=b"), text_of("status"), HB_FIELD_KIND_STRING};
    const hb_field_t unknown_kind = {text_of("t"), text_of("note"), 9};
    memset(long_text, 'x', sizeof long_text);
    const hb_field_t too_long[] = {fields[0], {text_of("text"), {long_text, sizeof long_text}, HB_FIELD_KIND_STRING}};
    const hb_field_t longest[] = {fields[0], {text_of("text"), {long_text, HB_MESSAGE_MAX - 40}, HB_FIELD_KIND_STRING}};
    EXPECT(NULL_POINTER, hb_cluster_send(cluster, 0, NULL, 1));
    EXPECT(MISALIGNED, hb_cluster_send(cluster, 0, ODD(const hb_field_t), 1));
    EXPECT(BAD_LENGTH, hb_cluster_send(cluster, 0, fields, SIZE_MAX));
    EXPECT(WRITE_BAD_VALUE, hb_cluster_send(cluster, 0, fields, 0));
    EXPECT(WRITE_BAD_VALUE, hb_cluster_send(cluster, 0, fields + 1, 1));
    EXPECT(WRITE_BAD_VALUE, hb_cluster_send(cluster, 0, &bad_name, 1));
    EXPECT(WRITE_RESERVED, hb_cluster_send(cluster, 0, &status, 1));
    EXPECT(BAD_VALUE, hb_cluster_send(cluster, 0, &unknown_kind, 1));
    EXPECT(WRITE_FULL, hb_cluster_send(cluster, 0, too_long, 2));
    EXPECT(OK, hb_cluster_send(cluster, 0, longest, 2));
    while (hb_cluster_poll_transmit(cluster, datagram, sizeof datagram, &transmit) == HB_RESULT_OK)
        len = transmit.len;
    TRUE(len > HB_MESSAGE_MAX);
    EXPECT(OK, hb_cluster_send(cluster, 0, fields, 3));
    EXPECT(OK, hb_cluster_poll_transmit(cluster, datagram, sizeof datagram, &transmit));
    EXPECT(OK, hb_cluster_handle(other, 0, 0, datagram, transmit.len, &received));
    TRUE(received == HB_RECEIVED_FOR_CLIENTS);

    EXPECT(NULL_POINTER, hb_cluster_fields(other, NULL, 5, read, 16, &count));
    EXPECT(NULL_POINTER, hb_cluster_fields(other, datagram, transmit.len, NULL, 16, &count));
    EXPECT(NULL_POINTER, hb_cluster_fields(other, datagram, transmit.len, read, 16, NULL));
    EXPECT(MISALIGNED, hb_cluster_fields(other, datagram, transmit.len, ODD(hb_field_t), 1, &count));
    EXPECT(BAD_LENGTH, hb_cluster_fields(other, datagram, transmit.len, read, SIZE_MAX, &count));
    EXPECT(PACKET_EMPTY, hb_cluster_fields(other, datagram, 0, read, 16, &count));
    EXPECT(TRUNCATED, hb_cluster_fields(other, datagram, transmit.len, NULL, 0, &count));
    TRUE(count > 6 && count <= 16);
    EXPECT(TRUNCATED, hb_cluster_fields(other, datagram, transmit.len, read, 2, &count));
    TRUE(read[1].value.len == 5 && memcmp(read[1].value.data, "a = 1", 5) == 0);
    EXPECT(OK, hb_cluster_fields(other, datagram, transmit.len, read, 16, &count));
    TRUE(read[2].kind == HB_FIELD_KIND_BINARY && read[2].value.len == 4 && memcmp(read[2].value.data, "\0\1\2\n", 4) == 0);
    datagram[30] ^= 1;
    TRUE(hb_cluster_fields(other, datagram, transmit.len, read, 16, &count) != HB_RESULT_OK);

    EXPECT(WRONG_LINK, hb_cluster_feed_message(other, 0, 0, "x", 1, &used, &received, &message));
    EXPECT(OK, hb_cluster_deinit(other));
    config.links = serial;
    EXPECT(OK, hb_cluster_init(&other_storage, sizeof other_storage, &config, 0, 1, &other));
    config.local_node = 0;
    EXPECT(OK, init(&config));
    EXPECT(NOT_FOUND, hb_cluster_feed_message(other, 0, 99, "x", 1, &used, &received, &message));
    EXPECT(NULL_POINTER, hb_cluster_feed_message(other, 0, 0, NULL, 1, &used, &received, &message));
    EXPECT(NULL_POINTER, hb_cluster_feed_message(other, 0, 0, "x", 1, NULL, &received, &message));
    EXPECT(NULL_POINTER, hb_cluster_feed_message(other, 0, 0, "x", 1, &used, NULL, &message));
    EXPECT(NULL_POINTER, hb_cluster_feed_message(other, 0, 0, "x", 1, &used, &received, NULL));
    EXPECT(NOTHING, hb_cluster_feed_message(other, 0, 0, NULL, 0, &used, &received, &message));
    TRUE(used == 0);
    while (hb_cluster_poll_transmit(cluster, datagram, sizeof datagram, &transmit) == HB_RESULT_OK)
        continue; /* what it has said at its start */
    EXPECT(OK, hb_cluster_send(cluster, 0, fields, 3));
    EXPECT(OK, hb_cluster_poll_transmit(cluster, datagram, sizeof datagram, &transmit));
    EXPECT(NOTHING, hb_cluster_feed_message(other, 0, 0, datagram, 10, &used, &received, &message));
    TRUE(used == 10);
    memcpy(datagram + transmit.len, "noise", 5);
    EXPECT(OK, hb_cluster_feed_message(other, 0, 0, datagram + 10, transmit.len - 5, &used, &received, &message));
    TRUE(used <= transmit.len - 10 && received == HB_RECEIVED_FOR_CLIENTS);
    EXPECT(OK, hb_cluster_fields(other, message.data, message.len, read, 16, &count));
    TRUE(read[2].kind == HB_FIELD_KIND_BINARY && read[2].value.len == 8 && memcmp(read[2].value.data, "AAECCg==", 8) == 0);
    EXPECT(OK, hb_cluster_deinit(other));

    /* A node that is alive and acknowledges nothing. */
    hb_result_t result = HB_RESULT_OK;
    for (int i = 0; i < 300 && result == HB_RESULT_OK; i++)
        result = hb_cluster_send(cluster, 0, fields, 3);
    TRUE(result == HB_RESULT_WRITE_CONGESTED);
}

static void agents(void)
{
    const char *start[] = {"Lamp", "file", "start"}, *wrong[] = {"Lamp", "file", "frobnicate-and-then-some-more-of-that"};
    uint32_t action;
    EXPECT(NULL_POINTER, hb_agent_action(3, NULL, &action));
    EXPECT(NULL_POINTER, hb_agent_action(3, start, NULL));
    EXPECT(MISALIGNED, hb_agent_action(3, ODD(const char *const), &action));
    EXPECT(BAD_LENGTH, hb_agent_action(-1, start, &action));
    EXPECT(BAD_LENGTH, hb_agent_action(0, start, &action));
    EXPECT(BAD_LENGTH, hb_agent_action(1, start, &action));
    EXPECT(BAD_VALUE, hb_agent_action(3, wrong, &action));
    EXPECT(BAD_VALUE, hb_agent_action(2, start, &action));
    EXPECT(OK, hb_agent_action(3, start, &action));
    TRUE(action == HB_ACTION_START);
    TRUE(strcmp(hb_agent_status(0), "stopped") == 0 && strcmp(hb_agent_status(1), "running") == 0);
}

#endif

int main(void)
{
    hb_config_t config = good_config();
    versions_and_texts();
    configurations();
    EXPECT(OK, init(&config));
    wrong_clusters();
    inputs();
    views();
    outputs();
    tickets();
    EXPECT(OK, hb_cluster_deinit(cluster));
    EXPECT(NOT_A_CLUSTER, hb_cluster_deinit(cluster));
    for (size_t i = 0; i < sizeof storage.bytes; i++) {
        if (i < sizeof storage.bytes / 2)
            TRUE(storage.bytes[i] == 0); /* keys included */
    }
    effect_limits();
    serial_link();
#if !defined(HB_SMALL)
    files();
    speed_of_files();
    packets();
    messages();
    agents();
#endif
    if (failures > 0)
        fprintf(stderr, "%d failures\n", failures);
    return failures > 0;
}
