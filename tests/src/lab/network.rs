//! The cables and the switch of the test network.

use std::sync::Arc;

use super::namespace::Namespace;

/// The address that moves between the nodes.
pub const SERVICE: &str = "10.77.0.100";
/// The UDP port of the service at this address.
pub const SERVICE_PORT: u16 = 9999;
/// The UDP port of the heartbeats.
pub const HEARTBEAT_PORT: u16 = 694;
/// The nodes' own addresses on the switch.
pub const SWITCHED: [&str; 3] = ["10.77.0.1", "10.77.0.2", "10.77.0.4"];
/// The nodes' addresses on the cable between them.
pub const CABLE: [&str; 2] = ["10.78.0.1", "10.78.0.2"];

/// The IPv6 address that moves, in full: the `haresources` of 3.0.6 takes two colons in a row as a separator of
/// arguments.
pub const SERVICE6: &str = "fd77:0:0:0:0:0:0:100";
/// The nodes' own IPv6 addresses on the switch.
pub const SWITCHED6: [&str; 2] = ["fd77::1", "fd77::2"];
/// The nodes' IPv6 addresses on the cable between them.
pub const CABLE6: [&str; 2] = ["fd78::1", "fd78::2"];

/// The address of the client, which is not a node.
pub const CLIENT: &str = "10.77.0.3";
const CLIENT6: &str = "fd77::3";
const FAR_CLIENT: &str = "10.77.0.5";

/// The namespaces and the links between them.
pub(super) struct Network {
    nodes: Vec<Arc<Namespace>>,
    client: Namespace,
    far_client: Option<Namespace>,
    switch: Namespace,
}

impl Network {
    /// `nodes` are two, or three, of which the last one is only on the switch. With `divided`, bravo and another client
    /// are on a second switch, with a trunk to the first.
    pub(super) fn new(nodes: &[&str], divided: bool) -> Self {
        let network = Self {
            nodes: nodes.iter().map(|_| Arc::new(Namespace::new())).collect(),
            client: Namespace::new(),
            far_client: divided.then(Namespace::new),
            switch: Namespace::new(),
        };
        for switch in ["br0", "br1"] {
            network.switch.ip(&format!("link add {switch} type bridge mcast_snooping 0\nlink set {switch} up"));
        }
        network.switch.ip(
            "link add trunk0 type veth peer name trunk1\nlink set trunk0 master br0 up\nlink set trunk1 master br1 up",
        );
        for (name, host) in nodes.iter().zip(&network.nodes) {
            network.plug_in(name, host, if divided && *name == "bravo" { "br1" } else { "br0" });
        }
        network.plug_in("client", &network.client, "br0");
        if let Some(client) = &network.far_client {
            network.plug_in("far", client, "br1");
            client.ip(&format!("address add {FAR_CLIENT}/24 broadcast + dev eth0\nlink set eth0 up"));
        }
        let (a, b) = (network.nodes[0].pid(), network.nodes[1].pid());
        network.switch.ip(&format!("link add eth1 netns {a} type veth peer name eth1 netns {b}"));
        for (index, node) in network.nodes.iter().enumerate() {
            bring_up(node, index);
        }
        network.client.ip(&format!(
            "address add {CLIENT}/24 broadcast + dev eth0\naddress add {CLIENT6}/64 dev eth0 nodad\n\
             link set eth0 up"
        ));
        network
    }

    /// A cable from `eth0` of a host to a port of a switch, which has the host's name.
    fn plug_in(&self, name: &str, host: &Namespace, switch: &str) {
        let pid = host.pid();
        self.switch.ip(&format!(
            "link add {name} type veth peer name eth0 netns {pid}\n\
             link set {name} master {switch} up"
        ));
    }

    pub(super) fn node(&self, index: usize) -> Arc<Namespace> {
        Arc::clone(&self.nodes[index])
    }

    pub(super) fn switch(&self) -> &Namespace {
        &self.switch
    }

    pub(super) fn client(&self) -> &Namespace {
        &self.client
    }

    pub(super) fn far_client(&self) -> Option<&Namespace> {
        self.far_client.as_ref()
    }

    /// Sets the trunk between the switches up or down.
    pub(super) fn set_trunk(&self, is_there: bool) {
        self.switch.ip(&format!("link set trunk0 {}", if is_there { "up" } else { "down" }));
    }
}

/// Sets the links of a node as after a boot: up, with its own addresses and no others.
pub(super) fn bring_up(node: &Namespace, index: usize) {
    let switched = SWITCHED[index];
    node.ip(&format!("address flush dev eth0\naddress add {switched}/24 broadcast + dev eth0\nlink set eth0 up"));
    let (Some(cable), Some(switched6), Some(cable6)) = (CABLE.get(index), SWITCHED6.get(index), CABLE6.get(index))
    else {
        return;
    };
    node.ip(&format!(
        "address flush dev eth1\naddress add {cable}/24 broadcast + dev eth1\n\
         address add {switched6}/64 dev eth0 nodad\naddress add {cable6}/64 dev eth1 nodad\nlink set eth1 up"
    ));
}

/// Sets the links of a node without power.
pub(super) fn take_down(node: &Namespace, index: usize) {
    node.ip("link set eth0 down\naddress flush dev eth0");
    if index < CABLE.len() {
        node.ip("link set eth1 down\naddress flush dev eth1");
    }
}
