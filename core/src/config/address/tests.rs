use super::*;

fn spec(text: &str) -> AddressSpec<'_> {
    AddressSpec::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

#[test]
fn every_form_of_the_reference_is_understood() {
    let plain = AddressSpec { addr: IpAddr::from([1, 2, 3, 4]), prefix: None, nic: None, label: None, broadcast: None };
    let masked = AddressSpec { prefix: Some(24), ..plain };
    let broadcast = Some(Ipv4Addr::new(1, 2, 3, 255));
    assert_eq!(spec("1.2.3.4"), plain);
    assert_eq!(spec("1.2.3.4/"), plain);
    assert_eq!(spec("1.2.3.4/24"), masked);
    assert_eq!(spec("1.2.3.4/255.255.255.0"), masked);
    assert_eq!(spec("1.2.3.4/24/eth1"), AddressSpec { nic: Some("eth1"), ..masked });
    assert_eq!(spec("1.2.3.4/24/eth1/"), AddressSpec { nic: Some("eth1"), ..masked });
    assert_eq!(spec("1.2.3.4/24/eth0:0"), AddressSpec { nic: Some("eth0"), label: Some("0"), ..masked });
    assert_eq!(spec("1.2.3.4/24/1.2.3.255"), AddressSpec { broadcast, ..masked });
    assert_eq!(spec("1.2.3.4/24/eth1/1.2.3.255"), AddressSpec { nic: Some("eth1"), broadcast, ..masked });
}

#[test]
fn ipv6_has_a_prefix_and_an_interface() {
    let six = spec("fec0:0:0:1::1/64/eth0");
    assert_eq!((six.prefix, six.nic), (Some(64), Some("eth0")));
    assert_eq!(AddressSpec::parse("fec0::1/64/eth0/1.2.3.4"), Err(AddressError::TooManyFields));
}

#[test]
fn each_bad_field_has_its_own_error() {
    let cases = [
        ("1.2.3", AddressError::BadAddress),
        ("", AddressError::BadAddress),
        ("1.2.3.256", AddressError::BadAddress),
        ("1.2.3.4/33", AddressError::BadMask),
        ("1.2.3.4/255.0.255.0", AddressError::BadMask),
        ("1.2.3.4/24//1.2.3.255", AddressError::BadInterface),
        ("1.2.3.4/24/eth0:", AddressError::BadInterface),
        ("1.2.3.4/24/an-interface-too-long", AddressError::BadInterface),
        ("1.2.3.4/24/eth0/x", AddressError::BadBroadcast),
        ("1.2.3.4/24/1.2.3.255/eth0", AddressError::TooManyFields),
        ("::1/129", AddressError::BadMask),
    ];
    for (text, error) in cases {
        assert_eq!(AddressSpec::parse(text), Err(error), "{text}");
    }
}

#[test]
fn bare_address_is_told_by_its_shape() {
    for word in ["1.2.3.4", "1.2.3.4/24/eth0", "1x.2y.3z.4w", "1.2.3.4.5"] {
        assert!(looks_like_ipv4(word), "{word}");
    }
    for word in ["httpd", "1.2.3", "1.2.3.x", "::1", ".1.2.3.4", ""] {
        assert!(!looks_like_ipv4(word), "{word}");
    }
}
