use super::*;

fn route(text: &str, index: u32, metric: u32, gateway: bool) -> Route {
    let (destination, prefix) = text.split_once('/').expect("a prefix");
    Route {
        destination: destination.parse().expect("an address"),
        prefix: prefix.parse().expect("a number"),
        index,
        metric,
        gateway,
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn most_specific_connected_subnet_wins() {
    let routes = [
        route("0.0.0.0/0", 9, 0, true),
        route("10.0.0.0/8", 2, 0, false),
        route("10.1.0.0/16", 4, 100, false),
        route("10.1.0.0/16", 3, 0, false),
        route("10.1.2.0/24", 5, 0, true),
    ];
    let place = |addr| find(&routes, ip(addr), None, None).ok();
    assert_eq!(place("10.9.9.9"), Some(Place { index: 2, prefix: 8 }));
    assert_eq!(place("10.1.9.9"), Some(Place { index: 3, prefix: 16 }), "the lower metric");
    assert_eq!(place("10.1.2.9"), Some(Place { index: 3, prefix: 16 }), "not the one behind a gateway");
    let on_4 = find(&routes, ip("10.1.2.9"), None, Some(4)).ok();
    assert_eq!(on_4, Some(Place { index: 4, prefix: 16 }), "as asked for");
}

#[test]
fn default_route_gives_the_interface_but_not_the_prefix() {
    let routes = [route("0.0.0.0/0", 9, 0, true)];
    assert!(matches!(find(&routes, ip("192.0.2.1"), None, None), Err(AddressError::NeedsPrefix)));
    assert_eq!(find(&routes, ip("192.0.2.1"), Some(28), None).ok(), Some(Place { index: 9, prefix: 28 }));
    assert!(matches!(find(&routes, ip("192.0.2.1"), None, Some(8)), Err(AddressError::NoRoute)));
    assert!(matches!(find(&[], ip("2001:db8::1"), None, None), Err(AddressError::NoRoute)));
}

#[test]
fn ipv6_routes_lead_to_ipv6_addresses() {
    let routes = [route("0.0.0.0/0", 9, 0, false), route("2001:db8:1::/48", 3, 256, false)];
    assert_eq!(find(&routes, ip("2001:db8:1::5"), None, None).ok(), Some(Place { index: 3, prefix: 48 }));
    assert!(find(&routes, ip("2001:db8:2::5"), None, None).is_err());
}

#[test]
fn broadcast_address_ends_in_ones() {
    let addr = Ipv4Addr::new(10, 1, 2, 3);
    assert_eq!(broadcast(addr, 24), Some(Ipv4Addr::new(10, 1, 2, 255)));
    assert_eq!(broadcast(addr, 0), Some(Ipv4Addr::BROADCAST));
    assert_eq!((broadcast(addr, 31), broadcast(addr, 32)), (None, None));
}

#[test]
fn alias_takes_the_lowest_free_number() {
    let used = ["eth0", "eth0:0", "eth0:2", "eth1:1"];
    assert_eq!(label(&Label::Alias, "eth0", &used), "eth0:1");
    assert_eq!(label(&Label::Plain, "eth0", &used), "eth0");
    assert_eq!(label(&Label::Named("vip".into()), "eth0", &used), "eth0:vip");
    assert_eq!(label(&Label::Alias, "a-long-name-123", &used), "a-long-name-123", "no room for a number");
}
