/*
 * libhbcore: heartbeat, membership and resource takeover for C.
 *
 * The library does no input and output, reads no clock, allocates nothing, calls nothing back and has no global state.
 * A program passes it datagrams, bytes, the time and the outcomes of effects. It polls datagrams to send, effects to
 * carry out and events to log:
 *
 *     hb_cluster_init(&storage, sizeof storage, &config, now, time(NULL), &cluster);
 *     for (;;) {
 *         hb_cluster_next_deadline(cluster, &deadline);
 *         ... wait until then, or until something arrives ...
 *         hb_cluster_handle(cluster, now, link, bytes, len, NULL);       input: a datagram,
 *         hb_cluster_feed(cluster, now, link, bytes, len, NULL);         or bytes of a serial line
 *         hb_cluster_advance(cluster, now);
 *         while (hb_cluster_poll_effect(cluster, &effect) == HB_RESULT_OK) ... start or stop the group, then hb_cluster_complete ...
 *         while (hb_cluster_poll_transmit(cluster, buffer, sizeof buffer, &transmit) == HB_RESULT_OK) ... send it ...
 *         while (hb_cluster_poll_event(cluster, &event) == HB_RESULT_OK) ... write the log ...
 *     }
 *
 * Poll effects before datagrams: completing an effect gives the node something to send, and no deadline announces that.
 *
 * Read c-examples/pair_in_memory.c first; c-examples/README.md walks through all examples. C11 or C++11 is needed.
 *
 * The contract, for every function
 *
 * - A pointer points to an object of its declared type and of the given length. That object is not part of another
 *   argument of the same call. Only the library accesses the storage of a cluster. The library recognises NULL and
 *   misaligned pointers, storage that holds no cluster, and storage that was copied elsewhere. After a call it keeps no
 *   reference to any argument except the storage.
 * - Only one call at a time may use a cluster, from any thread or from an interrupt. The program provides the lock or
 *   masks the interrupt. A call that meets another one that changes the cluster does nothing and returns
 *   HB_RESULT_BUSY. Functions that take a const cluster may run at the same time; a function that changes the cluster
 *   does not notice them. Different clusters are independent. A key table never changes: any number of threads may use
 *   it at once.
 * - Every call returns soon: its work is proportional to its input, or to a table. Every table is bounded. The comment
 *   of each function says what happens when a table is full or when nobody polls.
 * - Times are microseconds of one clock that never goes back, from any origin. The clock must also run while the
 *   machine sleeps.
 * - Numbers of enumerations never change. Structures may grow: a structure that begins with `size` gets its sizeof from
 *   the program, and a function that fills in a structure takes sizeof as an argument.
 * - If the library itself fails (a panic), the call returns HB_RESULT_PANIC and the cluster cannot be used any more.
 *   Without an operating system, the library stops in a loop and waits for the watchdog. It never unwinds into C.
 *
 * Capacities are chosen when the library is built (`cargo build -p hbcore-ffi`, with `--features small` for
 * microcontrollers). For a small library, define HB_SMALL before you include this header; hb_limits() returns the
 * capacities of the library that runs. A small library has no functions for files, packets and agents, and supports
 * keys of the method md5 only with the feature `md5`.
 *
 * MIT OR Apache-2.0. cbindgen makes this file from the folder ffi: do not edit it.
 */


#ifndef HBCORE_H
#define HBCORE_H

#include <stddef.h>
#include <stdint.h>

/* The version of this header, to be compared with hb_version(). */
#define HB_VERSION (HB_VERSION_MAJOR << 16 | HB_VERSION_MINOR << 8 | HB_VERSION_PATCH)

/* Capacities. hb_limits() has those of the library that runs. */
#if defined(HB_SMALL)
#define HB_NODES 2             /* most nodes, ping nodes included */
#define HB_LINKS 1             /* most links */
#define HB_SERIAL_LINKS 1      /* most of them that are serial lines */
#define HB_GROUPS 4            /* most resource groups */
#define HB_KEYS 2              /* most keys */
#define HB_HISTORY 2048        /* bytes of sent messages that are kept for repetition */
#define HB_FRAME 768           /* longest message on a serial line; a longer one is thrown away and counted */
#define HB_DATAGRAM 768        /* bytes of the buffer for hb_cluster_poll_transmit */
#if UINTPTR_MAX > 0xFFFFFFFF
#define HB_CLUSTER_SIZE 7168   /* bytes of storage that a cluster takes */
#else
#define HB_CLUSTER_SIZE 6336
#endif
#else
#define HB_NODES 16
#define HB_LINKS 8
#define HB_SERIAL_LINKS 4
#define HB_GROUPS 32
#define HB_KEYS 16
#define HB_HISTORY 32768
#define HB_FRAME 4096
#define HB_DATAGRAM 4096
#define HB_CLUSTER_SIZE 73728
#endif

#define HB_CLUSTER_ALIGN 16    /* alignment of the storage of a cluster, and of a key table */
#define HB_KEYS_SIZE 6528      /* bytes of storage that a key table takes */

#if defined(__cplusplus)
#define HB_ALIGNED alignas(HB_CLUSTER_ALIGN)
#else
#define HB_ALIGNED _Alignas(HB_CLUSTER_ALIGN)
#endif

/* Storage for one cluster. Its content is private to the library. */
typedef struct {
    HB_ALIGNED unsigned char bytes[HB_CLUSTER_SIZE];
} hb_cluster_storage_t;

/* Storage for one key table. */
typedef struct {
    HB_ALIGNED unsigned char bytes[HB_KEYS_SIZE];
} hb_keys_storage_t;


/// Changes when programs must be changed. While it is 0, the minor version changes for that too.
#define HB_VERSION_MAJOR 0

/// Changes when something is added.
#define HB_VERSION_MINOR 1

/// Changes when a fault is repaired.
#define HB_VERSION_PATCH 0

/// Longest node name in bytes, without the NUL at its end.
#define HB_NAME_MAX 99

/// Longest secret of a key in a plain configuration.
#define HB_SECRET_MAX 1024

/// "None" in the fields `node`, `link` and `group_class` of an event; also the node of a group without a home.
#define HB_NONE UINT32_MAX

/// "No deadline".
#define HB_NEVER UINT64_MAX

/// The number of counters: they are numbered 0 to `HB_COUNTERS - 1`.
#define HB_COUNTERS 24

#if !defined(HB_SMALL)
/// The longest message that `hb_cluster_send` takes, in bytes: its names and values, and about ten bytes more for each
/// field. It fits into a datagram and a frame of a serial line with the header, and with binary values in base64.
#define HB_MESSAGE_MAX 2048
#endif

/// The result of a call. The numbers never change their meaning; new ones may be added.
///
/// Unless the function documents otherwise, a call that does not return `HB_RESULT_OK` has changed nothing but
/// counters.
enum {
    /// Success.
    HB_RESULT_OK = 0,
    /// There is no (further) item. This is not an error.
    HB_RESULT_NOTHING = 1,
    /// A pointer is NULL and must not be.
    HB_RESULT_NULL_POINTER = 10,
    /// A pointer is not aligned for its type.
    HB_RESULT_MISALIGNED = 11,
    /// A length or size is too small, or this version does not know it.
    HB_RESULT_BAD_LENGTH = 12,
    /// An argument has a value that is not allowed: an enum number, an index, or a malformed text.
    HB_RESULT_BAD_VALUE = 13,
    /// The storage does not contain a cluster (or key table) that this library made at this address.
    HB_RESULT_NOT_A_CLUSTER = 14,
    /// Another call with this cluster has not returned: it runs in another thread, or this call interrupted it.
    HB_RESULT_BUSY = 15,
    /// The library failed in this call. The cluster cannot be used any more.
    HB_RESULT_PANIC = 16,
    /// The library failed in an earlier call. The cluster cannot be used; initialise it again.
    HB_RESULT_POISONED = 17,
    /// No effect with this ticket is in progress: the ticket was used, or timed out, or never existed.
    HB_RESULT_STALE_TICKET = 18,
    /// There is no such node, link or group.
    HB_RESULT_NOT_FOUND = 19,
    /// The link has another form: bytes were passed to a datagram link, or a datagram to a serial one.
    HB_RESULT_WRONG_LINK = 20,
    /// The text was cut to fit. The part that fits was written.
    HB_RESULT_TRUNCATED = 21,
    /// `keepalive` is zero.
    HB_RESULT_NO_KEEPALIVE = 30,
    /// `warntime` is zero.
    HB_RESULT_NO_WARNTIME = 31,
    /// `deadtime` is not more than twice `keepalive`.
    HB_RESULT_DEADTIME_TOO_SMALL = 32,
    /// `initdead` is below `deadtime`.
    HB_RESULT_INITDEAD_TOO_SMALL = 33,
    /// `deadping` is not more than twice `keepalive`.
    HB_RESULT_DEADPING_TOO_SMALL = 34,
    /// `max_rexmit_delay` is zero.
    HB_RESULT_NO_REXMIT_DELAY = 35,
    /// More nodes than the library has room for.
    HB_RESULT_TOO_MANY_NODES = 36,
    /// More links, or more serial links, than the library has room for.
    HB_RESULT_TOO_MANY_LINKS = 37,
    /// More groups than the library has room for.
    HB_RESULT_TOO_MANY_GROUPS = 38,
    /// More keys than the library has room for.
    HB_RESULT_TOO_MANY_KEYS = 39,
    /// A group, a ping link or the local node names a node that does not exist.
    HB_RESULT_UNKNOWN_CONFIG_NODE = 40,
    /// Two nodes have one name.
    HB_RESULT_DUPLICATE_NAME = 41,
    /// A name is empty, too long, or contains a byte that a node name cannot have.
    HB_RESULT_BAD_NAME = 42,
    /// There is no key with the index of the signing key.
    HB_RESULT_NO_SIGNING_KEY = 43,
    /// The index of a key is above 15.
    HB_RESULT_BAD_KEY_INDEX = 44,
    /// md5 and sha1 need a secret, crc must not have one.
    HB_RESULT_BAD_SECRET = 45,
    /// `generation` is zero.
    HB_RESULT_NO_GENERATION = 46,
    /// A file has errors: see `hb_files_problem`.
    HB_RESULT_BAD_FILES = 47,
    /// The configuration cannot be used, for a reason that this version has no number for.
    HB_RESULT_BAD_CONFIG = 48,
    /// The datagram is too short to be a packet.
    HB_RESULT_PACKET_EMPTY = 60,
    /// The datagram is not a packet of this protocol.
    HB_RESULT_PACKET_BAD_MARKER = 61,
    /// The packet is cut off.
    HB_RESULT_PACKET_TRUNCATED = 62,
    /// A field of the packet is malformed.
    HB_RESULT_PACKET_MALFORMED = 63,
    /// The packet has no signature.
    HB_RESULT_PACKET_NO_SIGNATURE = 64,
    /// The signature is malformed.
    HB_RESULT_PACKET_BAD_SIGNATURE = 65,
    /// The key that signed the packet is not in the key table.
    HB_RESULT_PACKET_UNKNOWN_KEY = 66,
    /// The signature is wrong: the sender has another secret, or the packet is forged.
    HB_RESULT_PACKET_BAD_DIGEST = 67,
    /// The packet is authentic, but a field that every message has is missing or wrong.
    HB_RESULT_PACKET_BAD_HEADER = 68,
    /// The packet is compressed as a whole, and this library does not decompress.
    HB_RESULT_PACKET_COMPRESSED = 69,
    /// The packet comes from a node that is not in the configuration.
    HB_RESULT_PACKET_UNKNOWN_NODE = 70,
    /// The packet comes from an earlier incarnation of its sender.
    HB_RESULT_PACKET_REPLAYED = 71,
    /// The packet comes from another host that uses our node name.
    HB_RESULT_PACKET_NAME_CONFLICT = 72,
    /// The packet was dropped, for a reason that this version has no number for.
    HB_RESULT_PACKET_DROPPED = 73,
    /// The message does not fit into the buffer.
    HB_RESULT_WRITE_FULL = 80,
    /// A name or a value cannot be sent.
    HB_RESULT_WRITE_BAD_VALUE = 81,
    /// The other nodes have not acknowledged enough of the earlier messages; try again after the next input.
    HB_RESULT_WRITE_CONGESTED = 82,
    /// Only the library itself sends messages of this type.
    HB_RESULT_WRITE_RESERVED = 83,
    /// This cluster does not manage resource groups.
    HB_RESULT_NOT_MANAGED = 90,
    /// Groups are being moved already.
    HB_RESULT_MOVE_IN_PROGRESS = 91,
    /// No other node can take the groups.
    HB_RESULT_NO_PARTNER = 92,
    /// The claim of the other node is not settled yet; try again.
    HB_RESULT_OTHER_IN_FLUX = 93,
    /// The claim of this node is not settled yet; try again.
    HB_RESULT_LOCAL_IN_FLUX = 94,
    /// The request is refused, for a reason that this version has no number for.
    HB_RESULT_REFUSED = 95,
    /// `auto_failback legacy` has no standby.
    HB_RESULT_STANDBY_UNSUPPORTED = 96,
    /// The text is not an IPv4 or IPv6 address.
    HB_RESULT_ADDRESS_BAD = 100,
    /// The text is not a prefix length or netmask of the address family.
    HB_RESULT_ADDRESS_BAD_MASK = 101,
    /// The interface or its label is empty or too long.
    HB_RESULT_ADDRESS_BAD_INTERFACE = 102,
    /// The broadcast address is wrong, or there is one field too many.
    HB_RESULT_ADDRESS_BAD_FIELD = 103,
};
typedef int32_t hb_result_t;

/// The kind of a node.
enum {
    /// A member of the cluster.
    HB_NODE_KIND_MEMBER = 0,
    /// A host that only answers pings.
    HB_NODE_KIND_PING = 1,
    /// A member that was removed from the cluster while this node ran.
    HB_NODE_KIND_REMOVED = 2,
};
typedef uint32_t hb_node_kind_t;

/// The form in which a link carries messages.
enum {
    /// One message in each datagram: for `hb_cluster_handle`.
    HB_LINK_FORM_DATAGRAM = 0,
    /// A stream of bytes: for `hb_cluster_feed`.
    HB_LINK_FORM_SERIAL = 1,
    /// Echo requests to a ping node; the payload of its replies is for `hb_cluster_handle`.
    HB_LINK_FORM_PING = 2,
};
typedef uint32_t hb_link_form_t;

/// The method that signs messages.
enum {
    /// A checksum: it finds damage, and stops no attacker.
    HB_METHOD_CRC = 0,
    /// HMAC-MD5.
    HB_METHOD_MD5 = 1,
    /// HMAC-SHA1.
    HB_METHOD_SHA1 = 2,
};
typedef uint32_t hb_method_t;

/// The policy when the home of a group returns.
enum {
    /// The home gets the group back.
    HB_FAILBACK_ON = 0,
    /// The group stays with its owner.
    HB_FAILBACK_OFF = 1,
    /// The older protocol, which is the default of 3.0.6. Either all nodes must have it, or none.
    HB_FAILBACK_LEGACY = 2,
};
typedef uint32_t hb_failback_t;

/// The form of a periodic heartbeat. Every node understands both.
enum {
    /// At most 150 bytes.
    HB_HEARTBEAT_COMPACT = 0,
    /// All fields that 3.0.6 sends.
    HB_HEARTBEAT_FULL = 1,
};
typedef uint32_t hb_heartbeat_t;

/// The kind of a datagram that was not dropped as an error.
enum {
    /// A new message.
    HB_RECEIVED_NEW = 0,
    /// The newest message of its sender once more. This is normal with several links.
    HB_RECEIVED_DUPLICATE = 1,
    /// An older message that was not missing.
    HB_RECEIVED_OLD = 2,
    /// A message for another node.
    HB_RECEIVED_NOT_FOR_US = 3,
    /// Our own message, which came back.
    HB_RECEIVED_OWN_ECHO = 4,
    /// The first message of a node that this message added to the cluster.
    HB_RECEIVED_JOINED = 5,
    /// A new message of a type that the library does not act on: one of a client. `hb_cluster_fields` reads it.
    HB_RECEIVED_FOR_CLIENTS = 6,
};
typedef uint32_t hb_received_t;

/// A class of groups for a standby or takeover.
enum {
    /// The groups whose home is this node.
    HB_CLASS_LOCAL = 0,
    /// The groups whose home is another node.
    HB_CLASS_FOREIGN = 1,
    /// All groups.
    HB_CLASS_ALL = 2,
};
typedef uint32_t hb_class_t;

/// The outcome of an effect.
enum {
    /// The effect succeeded.
    HB_OUTCOME_DONE = 0,
    /// The effect failed. After a failed start, everything that it had started was stopped again; after a failed stop,
    /// something still runs.
    HB_OUTCOME_FAILED = 1,
    /// A start failed, and something that it had started could not be stopped again.
    HB_OUTCOME_FAILED_AND_STUCK = 2,
};
typedef uint32_t hb_outcome_t;

/// The kinds of effects.
enum {
    /// Start the group, then complete the effect.
    HB_EFFECT_ACQUIRE = 0,
    /// Stop the group, then complete the effect.
    HB_EFFECT_RELEASE = 1,
    /// Announce the addresses of the group once more: a rival owner is gone. This effect is not completed.
    HB_EFFECT_ANNOUNCE = 2,
    /// The group could not be stopped. Make sure by any means that it cannot run here any more (turn its power off,
    /// reset this machine), then complete the effect. Until then, and after a failure, this node keeps its claim, so
    /// that no other node starts the group.
    HB_EFFECT_ESCALATE = 3,
    /// Make sure that a dead node does nothing any more: reset it, or cut its power. Then complete the effect. The
    /// groups that it may run are started only after this effect is done; a failure is tried again after five seconds.
    HB_EFFECT_FENCE = 4,
};
typedef uint32_t hb_effect_kind_t;

/// The kinds of events.
enum {
    /// An event that this version has no number for.
    HB_EVENT_OTHER = 0,
    /// The state of `node` changed: read it with `hb_cluster_node`.
    HB_EVENT_NODE_STATE = 1,
    /// `node` is dead: nothing was heard from it for its dead time.
    HB_EVENT_NODE_DEAD = 2,
    /// `node` was dead and speaks again in the same incarnation: a partition healed.
    HB_EVENT_NODE_RETURNED = 3,
    /// `node` began a new incarnation.
    HB_EVENT_NODE_RESTARTED = 4,
    /// `node` joined; it was not configured.
    HB_EVENT_NODE_ADDED = 5,
    /// `node` was taken out of the configuration.
    HB_EVENT_NODE_REMOVED = 6,
    /// `node` has another name.
    HB_EVENT_NODE_RENAMED = 7,
    /// A heartbeat of `node` came after `value` microseconds of silence.
    HB_EVENT_LATE = 8,
    /// `node` is heard on `link` again, or for the first time.
    HB_EVENT_LINK_UP = 9,
    /// `node` is not heard on `link` any more.
    HB_EVENT_LINK_DOWN = 10,
    /// The carrier of `link` is gone.
    HB_EVENT_CARRIER_ABSENT = 11,
    /// The carrier of `link` is back.
    HB_EVENT_CARRIER_PRESENT = 12,
    /// `value` messages of `node` are missing; their retransmission will be requested.
    HB_EVENT_MISSING = 13,
    /// `value` messages of `node` are missing: too many to request their retransmission.
    HB_EVENT_LOST_TOO_MANY = 14,
    /// No message of `node` is missing any more.
    HB_EVENT_NOTHING_MISSING = 15,
    /// `node` cannot retransmit message number `value`: it is lost.
    HB_EVENT_REPEAT_REFUSED = 16,
    /// A message of an earlier incarnation of `node` arrived. It may be a copy that an attacker sent.
    HB_EVENT_REPLAY = 17,
    /// Another host uses our name, on `link`.
    HB_EVENT_NAME_CONFLICT = 18,
    /// All nodes were heard or are dead.
    HB_EVENT_COMMUNICATION_UP = 19,
    /// This node is active.
    HB_EVENT_ACTIVE = 20,
    /// This node was not running for `value` microseconds.
    HB_EVENT_LOCAL_STALL = 21,
    /// All groups were released: the program may end after it has polled all outputs.
    HB_EVENT_LEFT = 22,
    /// Our own start is complete.
    HB_EVENT_LOCAL_TRANSITION_COMPLETE = 64,
    /// The other node's claims are settled.
    HB_EVENT_REMOTE_TRANSITION_COMPLETE = 65,
    /// This node acquires the groups of `node`, which is dead or leaves.
    HB_EVENT_ACQUIRING_FROM = 66,
    /// The groups of `node`, which is dead, run here.
    HB_EVENT_TAKEOVER_COMPLETE = 67,
    /// `node` is dead, may run groups, and is not fenced.
    HB_EVENT_NOT_FENCED = 68,
    /// `node` is dead and ran no group.
    HB_EVENT_GAVE_UP = 69,
    /// `node` released everything and leaves.
    HB_EVENT_SHUTDOWN_NOTICE = 70,
    /// `node` wants to hand over groups of `group_class`.
    HB_EVENT_WANTS_STANDBY = 71,
    /// `node` takes our groups of `group_class`.
    HB_EVENT_STANDBY_AGREED = 72,
    /// Our groups of `group_class` were released.
    HB_EVENT_STANDBY_RELEASED = 73,
    /// The other node runs the groups that we released.
    HB_EVENT_STANDBY_HANDED_OVER = 74,
    /// We run the groups that the other node released.
    HB_EVENT_STANDBY_ACQUIRED = 75,
    /// A standby request of `node` was ignored.
    HB_EVENT_STANDBY_IGNORED = 76,
    /// No node answered our standby request.
    HB_EVENT_STANDBY_UNANSWERED = 77,
    /// The standby ended because the other node died.
    HB_EVENT_STANDBY_CANCELLED = 78,
    /// Both nodes own groups after a partition: this node keeps `group_class`.
    HB_EVENT_KEEPING = 79,
    /// Both nodes own groups after a partition: this node releases `group_class`.
    HB_EVENT_YIELDING = 80,
    /// Group number `value` could not be started.
    HB_EVENT_START_FAILED = 81,
    /// Group number `value` could not be stopped.
    HB_EVENT_STOP_FAILED = 82,
    /// Group number `value` runs here.
    HB_EVENT_STARTED = 83,
    /// Group number `value` is stopped here.
    HB_EVENT_STOPPED = 84,
    /// This node begins to release all groups.
    HB_EVENT_GIVING_UP = 85,
    /// All groups were released.
    HB_EVENT_ALL_RELEASED = 86,
    /// Groups of `group_class` cannot be started here: the other node is asked to take them over.
    HB_EVENT_GIVING_AWAY = 87,
    /// `node` has a different `auto_failback`: one node has `legacy`, and the other has not. They cannot share groups.
    HB_EVENT_MODE_MISMATCH = 88,
    /// A standby was requested, which `auto_failback legacy` does not have.
    HB_EVENT_STANDBY_UNSUPPORTED = 89,
    /// `node` is dead, may run groups, and is being fenced.
    HB_EVENT_FENCING = 90,
    /// `node` is fenced.
    HB_EVENT_FENCED = 91,
    /// The fencing of `node` failed; it will be tried again.
    HB_EVENT_FENCE_FAILED = 92,
    /// `node` is heard again: its fencing is cancelled.
    HB_EVENT_FENCE_CANCELLED = 93,
    /// `node` has released its groups of `group_class`, and this node starts them.
    HB_EVENT_STANDBY_ACQUIRING = 94,
    /// The other node does not report its claim; this node starts nothing until it does.
    HB_EVENT_NO_REPORT = 95,
    /// Group number `value` lacks something that cannot be restored here: the other node is asked to take it over.
    HB_EVENT_GROUP_LOST = 96,
};
typedef uint32_t hb_event_kind_t;

/// The state of a node: the one that it reports, or dead.
enum {
    /// The node was never heard.
    HB_NODE_STATE_INIT = 0,
    /// The node listens and is not yet part of the cluster.
    HB_NODE_STATE_UP = 1,
    /// The node works fully.
    HB_NODE_STATE_ACTIVE = 2,
    /// The node was silent for longer than its deadtime.
    HB_NODE_STATE_DEAD = 3,
    /// A ping node that answers.
    HB_NODE_STATE_PING = 4,
    /// A state that the library does not know: see `state_word`.
    HB_NODE_STATE_OTHER = 5,
};
typedef uint32_t hb_node_state_t;

/// Whether a group runs on this node.
enum {
    /// The group does not run here.
    HB_GROUP_STATE_STOPPED = 0,
    /// The group is being started.
    HB_GROUP_STATE_STARTING = 1,
    /// The group runs here.
    HB_GROUP_STATE_RUNNING = 2,
    /// The group is being stopped.
    HB_GROUP_STATE_STOPPING = 3,
    /// The start of the group failed.
    HB_GROUP_STATE_FAILED = 4,
    /// The group could not be stopped, and may still run here.
    HB_GROUP_STATE_STUCK = 5,
};
typedef uint32_t hb_group_state_t;

/// The phase of this node in resource management.
enum {
    /// The node is not active yet.
    HB_PHASE_INIT = 0,
    /// The node is active and asks for the claims of the others.
    HB_PHASE_STARTING = 1,
    /// The claims are settled.
    HB_PHASE_STABLE = 2,
    /// The node releases all its groups.
    HB_PHASE_LEAVING = 3,
    /// All groups were released.
    HB_PHASE_LEFT = 4,
};
typedef uint32_t hb_phase_t;

/// Counters. No counter is ever reset; all stop at their greatest value.
enum {
    /// Datagrams and messages received.
    HB_COUNTER_RECEIVED = 0,
    /// Received messages that were processed as new.
    HB_COUNTER_ACCEPTED = 1,
    /// Copies of the newest message of a node.
    HB_COUNTER_DUPLICATES = 2,
    /// Older messages that were not missing.
    HB_COUNTER_OLD = 3,
    /// New messages for another node.
    HB_COUNTER_NOT_FOR_US = 4,
    /// Our own messages that came back.
    HB_COUNTER_OWN_ECHOES = 5,
    /// Packets that are not of this protocol, or are damaged.
    HB_COUNTER_MALFORMED = 6,
    /// Packets without a signature, or with a wrong one.
    HB_COUNTER_NOT_AUTHENTIC = 7,
    /// Authentic messages in which a required field is missing or wrong.
    HB_COUNTER_BAD_HEADER = 8,
    /// Messages from a node that is not in the configuration.
    HB_COUNTER_UNKNOWN_NODE = 9,
    /// Messages from an earlier incarnation of a node.
    HB_COUNTER_REPLAYED = 10,
    /// Messages from another host that uses our name.
    HB_COUNTER_NAME_CONFLICTS = 11,
    /// Datagrams on a link that does not exist.
    HB_COUNTER_UNKNOWN_LINK = 12,
    /// Messages that are compressed as a whole.
    HB_COUNTER_COMPRESSED = 13,
    /// Numbered messages sent for the first time.
    HB_COUNTER_SENT = 14,
    /// Messages retransmitted on request.
    HB_COUNTER_REPEATED = 15,
    /// Requests to retransmit a message that is no longer kept.
    HB_COUNTER_REFUSED_REPEATS = 16,
    /// Numbers whose retransmission we requested.
    HB_COUNTER_REQUESTED_REPEATS = 17,
    /// Numbers given up as lost.
    HB_COUNTER_LOST_MESSAGES = 18,
    /// Messages that did not fit into a buffer or the history.
    HB_COUNTER_OVERSIZE = 19,
    /// Nodes for which there was no room.
    HB_COUNTER_NODES_REFUSED = 20,
    /// Events that nobody polled in time.
    HB_COUNTER_EVENTS_LOST = 21,
    /// Calls with an earlier time than the call before them.
    HB_COUNTER_CLOCK_WENT_BACK = 22,
    /// Calls of `advance` that came much later than the deadline.
    HB_COUNTER_LOCAL_STALLS = 23,
};
typedef uint32_t hb_counter_t;

#if !defined(HB_SMALL)
/// A file of the configuration.
enum {
#if !defined(HB_SMALL)
    /// `ha.cf`
    HB_FILE_HA_CF = 0,
#endif
#if !defined(HB_SMALL)
    /// `authkeys`
    HB_FILE_AUTHKEYS = 1,
#endif
#if !defined(HB_SMALL)
    /// `haresources`
    HB_FILE_HARESOURCES = 2,
#endif
#if !defined(HB_SMALL)
    /// `hbcore.cf`
    HB_FILE_HBCORE_CF = 3,
#endif
};
typedef uint32_t hb_file_t;
#endif

#if !defined(HB_SMALL)
/// The severity of a problem.
enum {
#if !defined(HB_SMALL)
    /// No cluster can be made.
    HB_SEVERITY_ERROR = 0,
#endif
#if !defined(HB_SMALL)
    /// A cluster can be made, but probably not the intended one.
    HB_SEVERITY_WARNING = 1,
#endif
#if !defined(HB_SMALL)
    /// Worth knowing.
    HB_SEVERITY_INFO = 2,
#endif
};
typedef uint32_t hb_severity_t;
#endif

#if !defined(HB_SMALL)
/// The kind of a medium.
enum {
#if !defined(HB_SMALL)
    /// UDP broadcast on `device`.
    HB_MEDIUM_KIND_BCAST = 0,
#endif
#if !defined(HB_SMALL)
    /// UDP multicast on `device` to `host`.
    HB_MEDIUM_KIND_MCAST = 1,
#endif
#if !defined(HB_SMALL)
    /// UDP multicast over IPv6 on `device` to `host`.
    HB_MEDIUM_KIND_MCAST6 = 2,
#endif
#if !defined(HB_SMALL)
    /// UDP on `device` to `host`, an IPv4 address or name.
    HB_MEDIUM_KIND_UCAST = 3,
#endif
#if !defined(HB_SMALL)
    /// UDP on `device` to `host`, an IPv6 address.
    HB_MEDIUM_KIND_UCAST6 = 4,
#endif
#if !defined(HB_SMALL)
    /// The serial line `device`.
    HB_MEDIUM_KIND_SERIAL = 5,
#endif
#if !defined(HB_SMALL)
    /// Pings of `host`.
    HB_MEDIUM_KIND_PING = 6,
#endif
#if !defined(HB_SMALL)
    /// Pings over IPv6 of `host`.
    HB_MEDIUM_KIND_PING6 = 7,
#endif
#if !defined(HB_SMALL)
    /// Pings of a group of hosts; `host` contains them all, between blanks.
    HB_MEDIUM_KIND_PING_GROUP = 8,
#endif
};
typedef uint32_t hb_medium_kind_t;
#endif

#if !defined(HB_SMALL)
/// The two encodings of a message.
enum {
#if !defined(HB_SMALL)
    /// Counted fields, for datagrams: `###`.
    HB_FORM_NETSTRING = 0,
#endif
#if !defined(HB_SMALL)
    /// Lines of text, for serial lines and datagrams: `>>>`.
    HB_FORM_CLASSIC = 1,
#endif
};
typedef uint32_t hb_form_t;
#endif

#if !defined(HB_SMALL)
/// The type of a field.
enum {
#if !defined(HB_SMALL)
    /// A text without NUL.
    HB_FIELD_KIND_STRING = 0,
#endif
#if !defined(HB_SMALL)
    /// Any bytes; base64 in the classic form.
    HB_FIELD_KIND_BINARY = 1,
#endif
#if !defined(HB_SMALL)
    /// A message within the message.
    HB_FIELD_KIND_STRUCT = 2,
#endif
#if !defined(HB_SMALL)
    /// A list of texts.
    HB_FIELD_KIND_LIST = 3,
#endif
#if !defined(HB_SMALL)
    /// A compressed structure.
    HB_FIELD_KIND_COMPRESSED = 4,
#endif
#if !defined(HB_SMALL)
    /// A structure that was to be compressed, and is not.
    HB_FIELD_KIND_UNCOMPRESSED = 5,
#endif
};
typedef uint32_t hb_field_kind_t;
#endif

#if !defined(HB_SMALL)
/// The action that an agent is asked for.
enum {
#if !defined(HB_SMALL)
    /// `start`: when the agent returns 0, the resource runs. Starting a running resource is no error.
    HB_ACTION_START = 0,
#endif
#if !defined(HB_SMALL)
    /// `stop`: when the agent returns 0, the resource is stopped. Stopping a stopped resource is no error.
    HB_ACTION_STOP = 1,
#endif
#if !defined(HB_SMALL)
    /// `status`: the agent prints `hb_agent_status`.
    HB_ACTION_STATUS = 2,
#endif
#if !defined(HB_SMALL)
    /// `monitor`: like status, with only the exit code as answer: 0 if the resource runs.
    HB_ACTION_MONITOR = 3,
#endif
};
typedef uint32_t hb_action_t;
#endif

/// A cluster. Its content is private to the library.
typedef struct hb_cluster_t hb_cluster_t;

#if !defined(HB_SMALL)
/// A key table. Its content is private to the library.
typedef struct hb_keys_t hb_keys_t;
#endif

/// The capacities of the library that runs. They should be those of the header that the program was compiled with.
typedef struct {
    /// `HB_NODES`
    uint32_t nodes;
    /// `HB_LINKS`
    uint32_t links;
    /// `HB_SERIAL_LINKS`
    uint32_t serial_links;
    /// `HB_GROUPS`
    uint32_t groups;
    /// `HB_KEYS`
    uint32_t keys;
    /// `HB_HISTORY`
    uint32_t history;
    /// `HB_FRAME`
    uint32_t frame;
    /// `HB_DATAGRAM`
    uint32_t datagram;
    /// Bytes of storage that a cluster uses: at most `HB_CLUSTER_SIZE`. This many bytes are enough for
    /// `hb_cluster_init`.
    uint32_t cluster_used;
} hb_limits_t;

/// A node of the configuration.
typedef struct {
    /// Its name, which is `uname -n` on that node; at most `HB_NAME_MAX` bytes and a NUL.
    const char *name;
    /// Its kind: `HB_NODE_KIND_MEMBER` or `HB_NODE_KIND_PING`.
    uint32_t kind;
    /// Its identity, or zeros if that is not known. Our own must be made at random once, and be kept.
    uint8_t uuid[16];
} hb_node_config_t;

/// A link of the configuration.
typedef struct {
    /// Its form: an `hb_link_form_t`.
    uint32_t form;
    /// For `HB_LINK_FORM_PING`: the index of the ping node.
    uint32_t node;
    /// For `HB_LINK_FORM_SERIAL`: the speed in bits per second; 0 if it is not known. With a known speed, the library
    /// repeats heartbeats, against noise, while the line has nothing else to carry; retransmissions wait until the line
    /// is free. So poll again at the deadline. The slowest line counts for all.
    uint32_t baud;
} hb_link_config_t;

/// A resource group of the configuration.
typedef struct {
    /// Its home: the index of a node.
    uint32_t home;
    /// Its name: the first word of its line in `haresources`, in ASCII; may be NULL. Only `HB_FAILBACK_LEGACY` needs it.
    const char *key;
} hb_group_config_t;

/// A key of the cluster.
typedef struct {
    /// The index by which packets name it: 0 to 15. Of two keys with the same index the later one counts.
    uint32_t index;
    /// Its method: an `hb_method_t`.
    uint32_t method;
    /// The secret, at most `HB_SECRET_MAX` bytes and a NUL; NULL for `HB_METHOD_CRC`.
    const char *secret;
} hb_key_t;

/// Everything that a cluster must know before it starts. The library keeps no reference to it after the call.
///
/// Begin with `hb_config_defaults`, which also sets `size`. Then set the fields that are marked with a star. All nodes
/// of a cluster should have the same nodes, groups and keys in the same order.
typedef struct {
    /// `sizeof(hb_config_t)`: the version of this structure.
    uint32_t size;
    /// (*) The index of this node in `nodes`.
    uint32_t local_node;
    /// (*) All nodes.
    const hb_node_config_t *nodes;
    /// (*) The number of nodes: at most `HB_NODES`.
    size_t node_count;
    /// (*) All links. Their indexes are local: other nodes may number their links differently.
    const hb_link_config_t *links;
    /// (*) The number of links: at most `HB_LINKS`, of which `HB_SERIAL_LINKS` serial ones.
    size_t link_count;
    /// The resource groups, in the order of `haresources`. May be NULL.
    const hb_group_config_t *groups;
    /// The number of groups: at most `HB_GROUPS`.
    size_t group_count;
    /// (*) The keys.
    const hb_key_t *keys;
    /// (*) The number of keys: at most `HB_KEYS`.
    size_t key_count;
    /// (*) The index, as in `hb_key_t`, of the key that signs.
    uint32_t signing_key;
    /// The policy when the home of a group returns: an `hb_failback_t`. Default: the home gets the group back.
    uint32_t auto_failback;
    /// The form of our heartbeats: an `hb_heartbeat_t`. Default: compact.
    uint32_t heartbeat;
    /// 1: resource groups are managed. 0: this node only watches. Default: 1.
    uint32_t manage_resources;
    /// 1: nodes that are not configured may join if their messages are authentic. Default: 0.
    uint32_t autojoin;
    /// The time to live of messages is the number of nodes plus this: 0 to 255. Default: 1.
    uint32_t hopfudge;
    /// 1: this program can fence nodes. Then groups that a dead node may still run are started only after an
    /// `HB_EFFECT_FENCE` was completed as done. 0: silence counts as death. Default: 0.
    uint32_t fencing;
    /// Interval of our heartbeats in microseconds. Default: 2 s.
    uint64_t keepalive_us;
    /// A heartbeat later than this is reported. 0: half of `deadtime_us`, which is the default.
    uint64_t warntime_us;
    /// The others declare this node dead after so long a silence; more than twice `keepalive_us`. Default: 30 s.
    uint64_t deadtime_us;
    /// A node that was not heard since our start is dead after so long a silence. 0: twice `deadtime_us`, the default.
    uint64_t initdead_us;
    /// A ping node is dead after so long a silence. 0: `deadtime_us`, the default.
    uint64_t deadping_us;
    /// The longest delay before a retransmission is requested. Default: 250 ms.
    uint64_t max_rexmit_delay_us;
    /// The longest that an effect may take before it counts as failed. 0: an hour, the default.
    uint64_t effect_limit_us;
    /// A number that is larger at each start of this node than ever before: a counter in persistent memory, or seconds
    /// since 1970.
    uint64_t generation;
    /// Seeds the generator of random delays; should differ between nodes. Default: 0, which derives it from the
    /// generation and `local_node`.
    uint64_t seed;
} hb_config_t;

/// An event. Its kind tells the meaning of the fields; a field without a meaning is `HB_NONE` or 0.
typedef struct {
    /// The kind: an `hb_event_kind_t`.
    uint32_t kind;
    /// The index of the node.
    uint32_t node;
    /// The index of the link.
    uint32_t link;
    /// The class of groups: an `hb_class_t`.
    uint32_t group_class;
    /// A number.
    uint64_t value;
} hb_event_t;

/// A datagram to be sent.
typedef struct {
    /// The links that send it: bit 0 is link 0. Serial links get the same bytes.
    uint64_t links;
    /// The length of the datagram in the buffer, in bytes.
    size_t len;
} hb_transmit_t;

/// An effect, which the program carries out. There is at most one at a time for a group, besides announcements.
typedef struct {
    /// The kind: an `hb_effect_kind_t`.
    uint32_t kind;
    /// The group; `HB_NONE` for fencing.
    uint32_t group;
    /// The node to fence; `HB_NONE` for groups.
    uint32_t node;
    /// The ticket for `hb_cluster_complete`.
    uint32_t ticket;
} hb_effect_t;

/// This node and the cluster as a whole.
typedef struct {
    /// The index of this node.
    uint32_t local_node;
    /// The number of nodes, removed ones included. Their indexes are below this.
    uint32_t node_count;
    /// The number of links.
    uint32_t link_count;
    /// The number of groups.
    uint32_t group_count;
    /// The phase of this node: an `hb_phase_t`.
    uint32_t phase;
    /// 1: no group is in transition on either node.
    uint32_t settled;
    /// 1: the acknowledgements of the other nodes are overdue.
    uint32_t congested;
    /// 1: this node claims the groups whose home it is.
    uint32_t holds_local;
    /// 1: this node claims the groups whose home is another node.
    uint32_t holds_foreign;
    /// Our generation.
    uint64_t generation;
} hb_status_t;

/// A node.
typedef struct {
    /// Its name, with a NUL.
    char name[100];
    /// Its state as in logs, with a NUL.
    char state_word[32];
    /// Its identity; zeros if it is not known.
    uint8_t uuid[16];
    /// Its kind: an `hb_node_kind_t`.
    uint32_t kind;
    /// Its state: an `hb_node_state_t`.
    uint32_t state;
    /// The number of its messages that are missing.
    uint32_t missing;
    /// Its weight in quorum decisions.
    uint32_t weight;
    /// Its last known generation; 0 if it was never heard.
    uint64_t generation;
    /// Its deadtime.
    uint64_t deadtime_us;
    /// The links on which it is heard: bit 0 is link 0.
    uint64_t links_up;
} hb_node_t;

/// A resource group.
typedef struct {
    /// The home of the group.
    uint32_t home;
    /// Whether it runs here: an `hb_group_state_t`.
    uint32_t state;
    /// 1: it should run here.
    uint32_t wanted;
} hb_group_t;

/// A link.
typedef struct {
    /// Its form: an `hb_link_form_t`.
    uint32_t form;
    /// The number of other nodes that are heard on it.
    uint32_t nodes_heard;
    /// Serial: bytes that belonged to no message.
    uint64_t noise_bytes;
    /// Serial: messages that broke off.
    uint64_t broken;
    /// Serial: messages longer than `HB_FRAME`.
    uint64_t oversized;
} hb_link_t;

/// A piece of a text that belongs to the caller. There is no NUL at its end: print it with `"%.*s", (int)text.len, text.data`.
typedef struct {
    /// Its first byte; NULL if there is no such text.
    const char *data;
    /// Its length in bytes.
    size_t len;
} hb_text_t;

#if !defined(HB_SMALL)
/// The texts of a configuration, and further values that a node needs. The files need no NUL at their end. Reading them
/// takes some 250 kB of stack: a microcontroller uses `hb_config_t`.
///
/// The library acts on nodes, keys, media, times, the speed of serial lines, `auto_failback`, `autojoin`, `hopfudge`,
/// `msgfmt`, `crm` and `heartbeat_format`. It checks all other directives too; the program may act on them: logs,
/// fencing, time limits of scripts.
typedef struct {
    /// `sizeof(hb_files_t)`: the version of this structure.
    uint32_t size;
    /// 1: resource groups are managed. 0: this node only watches.
    uint32_t manage_resources;
    /// Our node name, from `uname -n`: one of the nodes in `ha.cf`.
    const char *local_name;
    /// `ha.cf`
    hb_text_t ha_cf;
    /// `authkeys`
    hb_text_t authkeys;
    /// `haresources`; may be empty.
    hb_text_t haresources;
    /// `hbcore.cf`; may be empty.
    hb_text_t hbcore_cf;
    /// A number that is larger at each start of this node than ever before.
    uint64_t generation;
    /// Seeds the generator of random delays; should differ between nodes. 0: derived from the generation and our place
    /// in `ha.cf`.
    uint64_t seed;
    /// Our identity: made at random once, and kept.
    uint8_t uuid[16];
    /// 1: this program can fence nodes, as with `hb_config_t`.
    uint32_t fencing;
} hb_files_t;
#endif

#if !defined(HB_SMALL)
/// A problem of a file.
typedef struct {
    /// The file: an `hb_file_t`.
    uint32_t file;
    /// The severity: an `hb_severity_t`.
    uint32_t severity;
    /// The line, counted from 1; 0 if the file as a whole lacks something.
    uint32_t line;
    /// The byte in the line, counted from 1.
    uint32_t column;
    /// The problem, with a NUL.
    char message[160];
    /// The remedy, with a NUL.
    char help[240];
} hb_problem_t;
#endif

#if !defined(HB_SMALL)
/// A medium of `ha.cf`, which the caller opens. Its index is the index of the link. The texts are pieces of `ha_cf`.
typedef struct {
    /// Its kind: an `hb_medium_kind_t`.
    uint32_t kind;
    /// The form of the link: an `hb_link_form_t`.
    uint32_t form;
    /// The interface or the device.
    hb_text_t device;
    /// The other end, as in the file; none for broadcast and serial.
    hb_text_t host;
    /// UDP port; 0 if it has none.
    uint32_t port;
    /// Time to live of multicast.
    uint32_t ttl;
    /// 1: this node receives its own multicast.
    uint32_t loopback;
    /// Bits per second of a serial line; 0 for another medium.
    uint32_t baud;
} hb_medium_t;
#endif

#if !defined(HB_SMALL)
/// An address resource.
typedef struct {
    /// 4 or 6.
    uint32_t version;
    /// Length of the network prefix; `HB_NONE` if the word has none.
    uint32_t prefix;
    /// The address in network order; IPv4 in the first four bytes.
    uint8_t address[16];
    /// The interface; none if the word has none.
    hb_text_t interface;
    /// The alias label, as `0` in `eth0:0`; none if the word has none.
    hb_text_t label;
} hb_address_t;
#endif

#if !defined(HB_SMALL)
/// A field of a message.
typedef struct {
    /// Its name.
    hb_text_t name;
    /// Its value as it is in the packet; for `hb_packet_write`, the plain value.
    hb_text_t value;
    /// Its type: an `hb_field_kind_t`.
    uint32_t kind;
} hb_field_t;
#endif

#if !defined(HB_SMALL)
/// The fields that every message has, and those that most have. The texts are pieces of the packet; a missing one is
/// NULL.
typedef struct {
    /// Its form: an `hb_form_t`.
    uint32_t form;
    /// The index of the key that signed it.
    uint32_t key_index;
    /// `t`: its type, such as `status`.
    hb_text_t kind;
    /// `src`: the node that sent it.
    hb_text_t src;
    /// `dest`: the node to which it is addressed.
    hb_text_t dest;
    /// `st`: the state of its sender.
    hb_text_t status;
    /// `info`: a comment, or the kind of this report.
    hb_text_t info;
    /// `seq`: its number; 0 if it has none.
    uint64_t seq;
    /// `hg`: the generation of its sender.
    uint64_t generation;
    /// `ts`: the wall clock of its sender, in seconds since 1970.
    uint64_t timestamp;
    /// `dt`: the deadtime that its sender wants; 0 if there is none.
    uint64_t deadtime_us;
    /// The number of its fields.
    uint32_t field_count;
} hb_packet_t;
#endif

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/// The meaning of a result in a few words; never NULL. Numbers that this version does not know have a text too.
const char *hb_result_text(int32_t result);

/// The version of the library that runs: major times 65536, minor times 256, patch. Compare it with `HB_VERSION`.
uint32_t hb_version(void);

/// The same as text, such as `0.1.0`.
const char *hb_version_text(void);

/// Reads the capacities of the library that runs. `size` is `sizeof *limits`.
hb_result_t hb_limits(hb_limits_t *limits, size_t size);

/// Fills `config` with defaults. `size` is `sizeof *config`.
hb_result_t hb_config_defaults(hb_config_t *config, size_t size);

/// Makes a cluster in `storage`, which has `len` bytes: use an `hb_cluster_storage_t`. The cluster begins to speak:
/// poll it.
///
/// `now_us` is the caller's monotonic clock, `unix_seconds` the wall clock (any number above 0 if there is none; the
/// other nodes do not compare it with theirs). `cluster` gets the pointer for all other calls; it is the address of the
/// storage. The former content of the storage is overwritten, even a cluster: this is how a node restarts.
///
/// The library makes the cluster in place. No call of the small library takes more than 3 kB of stack on a Cortex-M.
/// The large library is for programs that have some hundred kilobytes of stack, for calls with `hb_files_t`.
///
/// Returns `HB_RESULT_BAD_LENGTH` if the storage or `config->size` is too small, or else the fault in the
/// configuration; `*cluster` is NULL then.
hb_result_t hb_cluster_init(void *storage,
                            size_t len,
                            const hb_config_t *config,
                            uint64_t now_us,
                            uint64_t unix_seconds,
                            hb_cluster_t **cluster);

/// Ends a cluster and wipes its storage, keys included. The other nodes are not told; to tell them, call
/// `hb_cluster_leave` and wait for `HB_EVENT_LEFT` first. A poisoned cluster can be ended too.
hb_result_t hb_cluster_deinit(hb_cluster_t *cluster);

/// Processes a datagram that arrived on `link`. Any bytes may be passed: the library interprets a datagram only after
/// it has checked its signature. It counts a dropped datagram and returns the reason: an error from
/// `HB_RESULT_PACKET_EMPTY` on. `received` may be NULL. The work is proportional to `len`.
hb_result_t hb_cluster_handle(hb_cluster_t *cluster,
                              uint64_t now_us,
                              uint32_t link,
                              const void *data,
                              size_t len,
                              uint32_t *received);

/// Processes bytes that arrived on a serial link, as many or few as there are, and finds the messages in them. Noise,
/// broken messages and messages that are not authentic are counted (`hb_cluster_link`, `hb_cluster_counter`) and are no
/// error. `messages` gets the number of messages that were processed or were copies of processed ones, and may be NULL.
/// The work is proportional to `len`.
hb_result_t hb_cluster_feed(hb_cluster_t *cluster,
                            uint64_t now_us,
                            uint32_t link,
                            const void *data,
                            size_t len,
                            size_t *messages);

/// Does everything that is due. Call it when the deadline has come; extra calls are harmless. Time never goes back: if
/// `now_us` is earlier than in the call before, the time counts as unchanged.
hb_result_t hb_cluster_advance(hb_cluster_t *cluster, uint64_t now_us);

/// Reports that a link has a carrier (1) or none (0). The library only gives an event for it: nodes die by their
/// deadtime alone.
hb_result_t hb_cluster_link_changed(hb_cluster_t *cluster, uint64_t now_us, uint32_t link, uint32_t carrier);

/// Hands groups over to the other node. `class` is an `hb_class_t`. The hand-over has begun when this returns
/// `HB_RESULT_OK`; effects and events show its progress. Otherwise the result is the reason: one from
/// `HB_RESULT_NOT_MANAGED` on. A cluster in transition settles within seconds: try again.
hb_result_t hb_cluster_standby(hb_cluster_t *cluster, uint64_t now_us, uint32_t class_);

/// Asks the other node to hand groups over, as if it were told to go standby. `class` is an `hb_class_t`. The hand-over
/// has begun when this returns `HB_RESULT_OK`; effects and events show its progress.
hb_result_t hb_cluster_takeover(hb_cluster_t *cluster, uint64_t now_us, uint32_t class_);

/// Releases all groups and leaves the cluster. The other node takes over as soon as the groups are released. Go on as
/// before until `HB_EVENT_LEFT`, and then send all datagrams that are still to be polled. Calling this twice is no
/// error.
hb_result_t hb_cluster_leave(hb_cluster_t *cluster, uint64_t now_us);

/// Reports the outcome of an effect: `outcome` is an `hb_outcome_t`. The ticket is used up. Returns
/// `HB_RESULT_STALE_TICKET`, and does nothing, if no effect with this ticket is in progress.
hb_result_t hb_cluster_complete(hb_cluster_t *cluster, uint64_t now_us, uint32_t ticket, uint32_t outcome);

/// Sets the wall clock, whose seconds are part of messages. Call it when the wall clock was set while the cluster runs.
hb_result_t hb_cluster_set_wall_clock(hb_cluster_t *cluster, uint64_t now_us, uint64_t unix_seconds);

/// Replaces the keys. To lose no message, add the new key on all nodes first, and then make it the signing one.
hb_result_t hb_cluster_set_keys(hb_cluster_t *cluster, const hb_key_t *keys, size_t key_count, uint32_t signing_key);

/// Writes an event as a line for people, such as `node bravo is dead`, into `text` of `size` bytes. 120 bytes are
/// enough for any but the longest names. The event must come from this cluster.
hb_result_t hb_cluster_describe(const hb_cluster_t *cluster, const hb_event_t *event, char *text, size_t size);

/// The time at which `hb_cluster_advance` is due; `HB_NEVER` if only input needs a call. Outputs that wait to be polled
/// have no deadline: poll them first.
hb_result_t hb_cluster_next_deadline(const hb_cluster_t *cluster, uint64_t *deadline_us);

/// Writes the next datagram to send into `buffer`, of at least `HB_DATAGRAM` bytes. Call it after each input until it
/// returns `HB_RESULT_NOTHING`; completing an effect is an input too. A datagram that cannot be sent may be dropped:
/// the peers request its retransmission if it matters. Datagrams that are not polled stay in the `HB_HISTORY` bytes,
/// where new messages replace the oldest ones; no call fails for that.
hb_result_t hb_cluster_poll_transmit(hb_cluster_t *cluster, void *buffer, size_t len, hb_transmit_t *transmit);

/// Returns the next effect. Call it after each input until it returns `HB_RESULT_NOTHING`. No effect is lost if it is
/// polled late.
///
/// Start an effect that takes long, and complete it when it ends; heartbeats must go on meanwhile. An effect that is
/// not completed within `effect_limit_us` counts as failed, and its ticket is stale.
hb_result_t hb_cluster_poll_effect(hb_cluster_t *cluster, hb_effect_t *effect);

/// Returns the next event. Call it after each input until it returns `HB_RESULT_NOTHING`. If the program does not poll,
/// the oldest of 64 events are lost, and nothing else. Only `HB_EVENT_LEFT` needs a reaction.
hb_result_t hb_cluster_poll_event(hb_cluster_t *cluster, hb_event_t *next);

/// Reads the state of the cluster as a whole. `size` is `sizeof *status`.
hb_result_t hb_cluster_status(const hb_cluster_t *cluster, hb_status_t *status, size_t size);

/// Reads the state of node number `index`. `size` is `sizeof *node`.
hb_result_t hb_cluster_node(const hb_cluster_t *cluster, uint32_t index, hb_node_t *node, size_t size);

/// Finds a node by its name; upper and lower case are equal.
hb_result_t hb_cluster_find_node(const hb_cluster_t *cluster, const char *name, uint32_t *index);

/// Reads the state of group number `index`. `size` is `sizeof *group`.
hb_result_t hb_cluster_group(const hb_cluster_t *cluster, uint32_t index, hb_group_t *group, size_t size);

/// Reads the state of link number `index`. `size` is `sizeof *link`.
hb_result_t hb_cluster_link(const hb_cluster_t *cluster, uint32_t index, hb_link_t *link, size_t size);

/// Reads counter number `counter`, an `hb_counter_t`.
hb_result_t hb_cluster_counter(const hb_cluster_t *cluster, uint32_t counter, uint64_t *value);

/// The meaning of a counter in a few words; never NULL.
const char *hb_counter_text(uint32_t counter);

#if !defined(HB_SMALL)
/// Makes a cluster in `storage` from files, like `hb_cluster_init`. Its links are the media of `ha.cf` in their order,
/// its groups the lines of `haresources`.
///
/// Returns `HB_RESULT_BAD_FILES` if a file has errors (see `hb_files_problem`), and `HB_RESULT_TOO_MANY_...` if the
/// files are good but larger than the capacities of this library.
hb_result_t hb_cluster_init_from_files(void *storage,
                                       size_t len,
                                       const hb_files_t *files,
                                       uint64_t now_us,
                                       uint64_t unix_seconds,
                                       hb_cluster_t **cluster);
#endif

#if !defined(HB_SMALL)
/// Replaces the keys by those in the text of `authkeys`. Returns `HB_RESULT_BAD_FILES` if it has errors; the old keys
/// stay then.
hb_result_t hb_cluster_set_authkeys(hb_cluster_t *cluster, const char *authkeys, size_t len);
#endif

#if !defined(HB_SMALL)
/// Returns problem number `index` of the files, those of `ha.cf` first; `HB_RESULT_NOTHING` if there are fewer. `size`
/// is `sizeof *problem`.
hb_result_t hb_files_problem(const hb_files_t *files, size_t index, hb_problem_t *problem, size_t size);
#endif

#if !defined(HB_SMALL)
/// Returns medium number `index` of `ha.cf`, which is link number `index`; `HB_RESULT_NOTHING` if there are fewer.
/// `size` is `sizeof *medium`.
hb_result_t hb_files_medium(const hb_files_t *files, size_t index, hb_medium_t *medium, size_t size);
#endif

#if !defined(HB_SMALL)
/// Returns word number `index` of group number `group`: one resource, such as `10.0.0.1/24/eth0` or
/// `Filesystem::/dev/sdb1::/srv`. Resources are started in this order and stopped in the reverse one. Returns
/// `HB_RESULT_NOTHING` if the group has fewer, and `HB_RESULT_NOT_FOUND` if there are fewer groups. The text is a
/// piece of `haresources`.
hb_result_t hb_files_resource(const hb_files_t *files, size_t group, size_t index, hb_text_t *resource);
#endif

#if !defined(HB_SMALL)
/// Returns part number `index` of a resource word: 0 is the name of the script, the others are its arguments. A bare
/// IPv4 address is an argument of `IPaddr`. Returns `HB_RESULT_NOTHING` if there are fewer.
hb_result_t hb_resource_part(hb_text_t word, size_t index, hb_text_t *part);
#endif

#if !defined(HB_SMALL)
/// Reads a resource word that is an address. Returns `HB_RESULT_NOTHING` for another resource, and
/// `HB_RESULT_ADDRESS_...` for a wrong address. `size` is `sizeof *address`.
hb_result_t hb_resource_address(hb_text_t word, hb_address_t *address, size_t size);
#endif

#if !defined(HB_SMALL)
/// Reads the command line of an agent: `NAME [ARGUMENT].. start|stop|status|monitor`. Its arguments are `argv[1]` to
/// `argv[argc - 2]`. Returns `HB_RESULT_BAD_VALUE` if the last word is none of these.
hb_result_t hb_agent_action(int argc, const char *const *argv, uint32_t *action);
#endif

#if !defined(HB_SMALL)
/// The text that `status` prints: the daemon looks for the word `running`. `runs` is 0 or 1.
const char *hb_agent_status(uint32_t runs);
#endif

#if !defined(HB_SMALL)
/// Sends a message of these fields to the clients of the other nodes. The fields have the types string and binary. One
/// of them is `t`, the type of the message, such as `example_note`; types of the cluster itself are refused. With a
/// field `dest`, the node of that name takes the message alone. A daemon hands it to each of its clients, or with a
/// field `to_id` to the client of that name. Fields of the header (`src`, `seq`, ...) are left out of `fields`: the
/// library writes them.
///
/// The message is sent once, in order, and repeated to a node that has missed it. There is no answer that it arrived.
/// Poll the datagrams after each call. Nothing is sent if the result is `HB_RESULT_WRITE_CONGESTED` (the other nodes
/// have not acknowledged enough: try again after the next input), `HB_RESULT_WRITE_FULL` (longer than `HB_MESSAGE_MAX`),
/// `HB_RESULT_WRITE_RESERVED` or `HB_RESULT_WRITE_BAD_VALUE`.
hb_result_t hb_cluster_send(hb_cluster_t *cluster,
                            uint64_t now_us,
                            const hb_field_t *fields,
                            size_t field_count);
#endif

#if !defined(HB_SMALL)
/// Reads the fields of a message for which `hb_cluster_handle` or `hb_cluster_feed_message` returned
/// `HB_RECEIVED_FOR_CLIENTS`, with the keys of the cluster. `data` is the datagram or the message, whose pieces the
/// fields are. At most `room` fields are written; `field_count` gets the number of them in the message, and the result is
/// `HB_RESULT_TRUNCATED` if there are more than `room`. `fields` may be NULL if `room` is 0. The signature is checked
/// again.
///
/// `t` is the type and `src` the node that sent the message; `from_id` is the name of the client, if a daemon sent it
/// for one. In a message of a serial line, a newline within a text is byte 0x13, and binary values are base64.
hb_result_t hb_cluster_fields(const hb_cluster_t *cluster,
                              const void *data,
                              size_t len,
                              hb_field_t *fields,
                              size_t room,
                              size_t *field_count);
#endif

#if !defined(HB_SMALL)
/// Processes bytes that arrived on a serial link, like `hb_cluster_feed`, and stops after the first message in them.
/// `used` gets the number of bytes that were taken: call again with the others until the result is
/// `HB_RESULT_NOTHING`. For a message, `received` gets its kind (`hb_received_t`), and `message` its bytes for
/// `hb_cluster_fields`. They are in the storage of the cluster, until the next call of a function that changes it. If
/// a message was dropped, the result is the reason, as for `hb_cluster_handle`.
hb_result_t hb_cluster_feed_message(hb_cluster_t *cluster,
                                    uint64_t now_us,
                                    uint32_t link,
                                    const void *data,
                                    size_t len,
                                    size_t *used,
                                    uint32_t *received,
                                    hb_text_t *message);
#endif

#if !defined(HB_SMALL)
/// Makes a key table in `storage`, of `storage_len` bytes: use an `hb_keys_storage_t`. `authkeys` is the text of that
/// file. Returns `HB_RESULT_BAD_FILES` if it has errors; `hb_files_problem` with this text in an `hb_files_t` returns
/// them. The table lasts as long as its storage, which must not move. To erase the secrets, wipe the storage.
hb_result_t hb_keys_init(void *storage,
                         size_t storage_len,
                         const char *authkeys,
                         size_t authkeys_len,
                         const hb_keys_t **keys);
#endif

#if !defined(HB_SMALL)
/// Checks the signature of a packet and reads its header. If the packet is not authentic, nothing of it is read, and
/// the result is the reason. `size` is `sizeof *packet`.
hb_result_t hb_packet_open(const hb_keys_t *keys, const void *data, size_t len, hb_packet_t *packet, size_t size);
#endif

#if !defined(HB_SMALL)
/// Returns field number `index` of a packet, or `HB_RESULT_NOTHING` if there are fewer. Each call checks the signature
/// again, so it is slow.
hb_result_t hb_packet_field(const hb_keys_t *keys, const void *data, size_t len, size_t index, hb_field_t *field);
#endif

#if !defined(HB_SMALL)
/// Writes a message of these fields, signs it, and returns its length. `form` is an `hb_form_t`; the fields have the
/// types string and binary. The caller provides the fields that every message must have (`t`, `src`, `ts`; `seq` and
/// `hg` of numbered ones).
hb_result_t hb_packet_write(const hb_keys_t *keys,
                            uint32_t form,
                            const hb_field_t *fields,
                            size_t field_count,
                            void *buffer,
                            size_t size,
                            size_t *len);
#endif

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* HBCORE_H */
